"""The body that adds a message to a thread."""

from typing import Annotated, Literal

from annotated_types import MaxLen, MinLen
from pydantic import StringConstraints, Tag

from assistants.params.base import BY_TYPE, Metadata, Params, text_or
from assistants.params.tools import CodeInterpreterTool, FileSearchTypeOnly

MAX_TEXT = 256_000
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
Detail = Literal["auto", "low", "high"]


class TextPart(Params):
    type: Literal["text"]
    text: Text


class ImageFile(Params):
    file_id: str
    detail: Detail = "auto"


class ImageFilePart(Params):
    type: Literal["image_file"]
    image_file: ImageFile


class ImageUrl(Params):
    """Only what a chat model can fetch or read: an address on the web, or the image itself."""

    url: Annotated[
        str,
        StringConstraints(max_length=20_000_000, pattern=r"^(https?://|data:image/)"),
    ]
    detail: Detail = "auto"


class ImageUrlPart(Params):
    type: Literal["image_url"]
    image_url: ImageUrl


Part = Annotated[
    Annotated[TextPart, Tag("~text")]
    | Annotated[ImageFilePart, Tag("~image_file")]
    | Annotated[ImageUrlPart, Tag("~image_url")],
    BY_TYPE,
]
Content = Annotated[
    Annotated[Text, Tag("~text")]
    | Annotated[Annotated[list[Part], MinLen(1), MaxLen(100)], Tag("~parts")],
    text_or("~parts", list, "text_or_parts"),
]


AttachmentTool = Annotated[
    Annotated[CodeInterpreterTool, Tag("~code_interpreter")]
    | Annotated[FileSearchTypeOnly, Tag("~file_search")],
    BY_TYPE,
]


class Attachment(Params):
    file_id: str
    tools: list[AttachmentTool] = []


class MessageCreate(Params):
    role: Literal["user", "assistant"]
    content: Content
    attachments: list[Attachment] | None = None
    metadata: Metadata | None = None


class MetadataUpdate(Params):
    """All that can be changed of a message or a run."""

    metadata: Metadata | None = None
