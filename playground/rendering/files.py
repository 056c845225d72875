"""Addresses inside this server that rendered text may point to: stored files, and the icons."""

import mimetypes
import re
from functools import lru_cache
from typing import IO, Any, Final

from django.core.files import File as DjangoFile
from django.core.files.uploadedfile import UploadedFile
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from playground import scopes

IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What a browser may take for an image. SVG is not among them: it can carry a script."""
SIGNATURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
"""How such images begin; WebP says it after its length."""

_FILE_ID = r"[A-Za-z0-9_-]{1,64}"


def address(file_id: str) -> str:
    """Where the pages fetch a stored file's bytes."""
    if scope := scopes.current():
        return reverse("shared-file", args=[scope.token, file_id])
    return reverse("file-content", args=[file_id])


def large_address(file_id: str) -> str:
    """Where an image is shown with all the room there is."""
    if scope := scopes.current():
        return reverse("shared-large", args=[scope.token, file_id])
    return reverse("file-large", args=[file_id])


def download_address(file_id: str) -> str:
    """Where a reader can download the file; empty for one who may not."""
    return address(file_id) if scopes.shows_files() else ""


def text_address(file_id: str, start: int | None = None, end: int | None = None) -> str:
    """Where the pages show the text that was read from a file, at a passage if one is given. A
    shared page leads to passages alone, and to none where files are not shared. Of a file that was
    deleted, and in a copy of a shared thread, there is no id.
    """
    if not file_id:
        return ""
    if scope := scopes.current():
        if start is None or end is None or not scope.files:
            return ""
        place = reverse("shared-passage", args=[scope.token, file_id])
        return f"{place}?start={start}&end={end}#passage"
    base = reverse("file-text", args=[file_id])
    return base if start is None or end is None else f"{base}?start={start}&end={end}#passage"


def is_address(url: str) -> bool:
    """Whether the url is that of a stored file on this server, and nothing more."""
    before, after = address("-").rsplit("-", 1)
    return re.fullmatch(re.escape(before) + _FILE_ID + re.escape(after), url) is not None


def icon_address(name: str) -> str:
    return f"{static('icons.svg')}#{name}"


@lru_cache(maxsize=512)
def icon(name: str, kind: str = "") -> SafeString:
    """An icon of the sprite; ``kind`` is a further class. It is decoration: a word stands beside
    it. Kept: a page has a hundred of them.
    """
    return format_html(
        '<svg class="icon{}" aria-hidden="true"><use href="{}"/></svg>',
        f" {kind}" if kind else "",
        icon_address(name),
    )


def image_type(filename: str) -> str | None:
    """The media type of an image that may be shown, going by its name; None for anything else."""
    guessed = mimetypes.guess_type(filename)[0]
    return guessed if guessed in IMAGES else None


def is_unshowable(upload: "UploadedFile[Any]") -> bool:
    """Whether the name says that it is an image, and the content is none that may be shown."""
    return bool(image_type(upload.name or "")) and not is_image(upload)


def is_image(content: "IO[bytes] | DjangoFile[Any]") -> bool:
    """Whether the content begins as that of an image that may be shown. It is read from its start,
    and left there.
    """
    content.seek(0)
    head = content.read(12)
    content.seek(0)
    return head.startswith(SIGNATURES) or (head.startswith(b"RIFF") and head.endswith(b"WEBP"))
