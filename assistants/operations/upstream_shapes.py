"""What a server that speaks the Assistants API may answer, checked before anything of it is used.

Only what is used here is looked at; what is unknown is left out, what is wrong makes the answer
nonsense. Texts are made storable, ids are held to the letters of ids: they become parts of
addresses.
"""

from typing import Annotated, Any, Generic, Literal, TypeVar

from annotated_types import Ge, Le, MaxLen
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

from assistants.text import storable, without_markers

MAX_TEXT = 4_000_000
"""Characters of one text; a message has 256,000 at most, what code prints may be more."""

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT), AfterValidator(storable)]
Count = Annotated[int, Ge(0), Le(10**12)]

T = TypeVar("T")


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


def _known(*kinds: str) -> BeforeValidator:
    """Leaves out of a list what is of a kind that is not known here."""

    def keep(items: Any) -> Any:
        if not isinstance(items, list):
            return items
        return [item for item in items if isinstance(item, dict) and item.get("type") in kinds]

    return BeforeValidator(keep)


class Named(Shape):
    """Whatever has an id."""

    id: Id


class File(Shape):
    id: Id
    filename: Annotated[str, StringConstraints(max_length=512), AfterValidator(storable)] = "file"
    bytes: Count | None = None


class Page(Shape, Generic[T]):
    data: Annotated[list[T], MaxLen(1000)]
    has_more: bool = False


class Thread(Shape):
    id: Id


class FileCounts(Shape):
    in_progress: Count = 0


class VectorStore(Shape):
    id: Id
    status: str = "completed"
    file_counts: FileCounts = FileCounts()


class FileIds(Shape):
    file_ids: Annotated[list[Id], MaxLen(1000)] = []


class StoreIds(Shape):
    vector_store_ids: Annotated[list[Id], MaxLen(1000)] = []


class ToolResources(Shape):
    code_interpreter: FileIds = FileIds()
    file_search: StoreIds = StoreIds()


class WithResources(Shape):
    """An assistant, as far as what it may open."""

    id: Id
    tool_resources: ToolResources = ToolResources()

    @field_validator("tool_resources", mode="before")
    @classmethod
    def _may_be_null(cls, told: Any) -> Any:
        return told or {}


class Usage(Shape):
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    total_tokens: Count = 0


class LastError(Shape):
    code: str = "server_error"
    message: Annotated[str, AfterValidator(storable)] = ""


class FunctionCall(Shape):
    id: Id


class SubmitToolOutputs(Shape):
    tool_calls: Annotated[list[FunctionCall], MaxLen(512)]


class RequiredAction(Shape):
    submit_tool_outputs: SubmitToolOutputs


class IncompleteDetails(Shape):
    reason: Annotated[str, StringConstraints(max_length=64)] | None = None


RunStatus = Literal[
    "queued",
    "in_progress",
    "requires_action",
    "cancelling",
    "cancelled",
    "failed",
    "completed",
    "incomplete",
    "expired",
]


class Run(Shape):
    id: Id
    thread_id: Id
    status: RunStatus
    metadata: dict[str, Any] | None = None
    required_action: RequiredAction | None = None
    last_error: LastError | None = None
    incomplete_details: IncompleteDetails | None = None
    usage: Usage | None = None

    @property
    def is_over(self) -> bool:
        return self.status in ("cancelled", "failed", "completed", "incomplete", "expired")


# Messages


class Cited(Shape):
    file_id: Id
    quote: Annotated[Text, AfterValidator(without_markers)] | None = None
    page: Count | None = None
    start: Count | None = None
    end: Count | None = None


class Path(Shape):
    file_id: Id


class Annotation(Shape):
    type: Literal["file_citation", "file_path"]
    text: Text = ""
    start_index: Count | None = None
    end_index: Count | None = None
    file_citation: Cited | None = None
    file_path: Path | None = None

    @property
    def file_id(self) -> str | None:
        """The file that it names, as it is called there."""
        named = self.file_citation if self.type == "file_citation" else self.file_path
        return named.file_id if named else None


Annotations = Annotated[
    list[Annotation],
    MaxLen(5000),
    _known("file_citation", "file_path"),
    Field(default_factory=list),
]


class SaidText(Shape):
    value: Text = ""
    annotations: Annotations


class ImageFile(Shape):
    file_id: Id
    detail: Literal["auto", "low", "high"] | None = "auto"


class Part(Shape):
    """A part of a message, and a piece of one in a delta, where it carries its place."""

    index: Annotated[int, Ge(0), Le(1000)] = 0
    type: Literal["text", "image_file", "refusal"]
    text: SaidText | None = None
    image_file: ImageFile | None = None
    refusal: Text | None = None


Parts = Annotated[list[Part], MaxLen(1000), _known("text", "image_file", "refusal")]


class Message(Shape):
    id: Id
    status: Literal["in_progress", "incomplete", "completed"] | None = "completed"
    content: Parts = []
    metadata: dict[str, Any] | None = None
    incomplete_details: IncompleteDetails | None = None


class MessageContent(Shape):
    content: Parts = []


class MessageDelta(Shape):
    id: Id
    delta: MessageContent


# Steps


class Output(Shape):
    """What code gave: what it printed, or a figure."""

    index: Annotated[int, Ge(0), Le(10_000)] = 0
    type: Literal["logs", "image"]
    logs: Text | None = None
    image: Path | None = None


class Code(Shape):
    input: Text | None = None
    outputs: Annotated[list[Output], MaxLen(10_000), _known("logs", "image")] = []


class Function(Shape):
    name: Annotated[str, StringConstraints(max_length=256), AfterValidator(storable)] | None = None
    arguments: Text | None = None
    output: Text | None = None


class RankingOptions(Shape):
    ranker: Annotated[str, StringConstraints(max_length=64)] = "default_2024_08_21"
    score_threshold: float = 0.0


class FoundText(Shape):
    type: Literal["text"] = "text"
    text: Text = ""


class Found(Shape):
    file_id: Id
    file_name: Annotated[str, StringConstraints(max_length=512), AfterValidator(storable)] = ""
    score: float = 0.0
    content: Annotated[list[FoundText], MaxLen(1000), _known("text")] | None = None


class Search(Shape):
    ranking_options: RankingOptions | None = None
    results: Annotated[list[Found], MaxLen(1000)] | None = None


class Call(Shape):
    """A call of a tool, and a piece of one in a delta."""

    index: Annotated[int, Ge(0), Le(512)] = 0
    id: Id | None = None
    type: Literal["code_interpreter", "file_search", "function"]
    code_interpreter: Code | None = None
    function: Function | None = None
    file_search: Search | None = None


class MessageCreation(Shape):
    message_id: Id


class Details(Shape):
    type: Literal["message_creation", "tool_calls"]
    message_creation: MessageCreation | None = None
    tool_calls: Annotated[
        list[Call], MaxLen(512), _known("code_interpreter", "file_search", "function")
    ] = []


class Step(Shape):
    id: Id
    status: Literal["in_progress", "cancelled", "failed", "completed", "expired"]
    step_details: Details
    usage: Usage | None = None

    @property
    def message_id(self) -> str | None:
        """The message that it creates; None for a step of tool calls."""
        created = self.step_details.message_creation
        is_message = self.step_details.type == "message_creation"
        return created.message_id if is_message and created else None


class StepContent(Shape):
    step_details: Details | None = None


class StepDelta(Shape):
    id: Id
    delta: StepContent
