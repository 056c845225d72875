"""Which images may be shown: PNG and JPEG by their first bytes, of a size that a page can bear.

Nothing is decoded here. A few hundred bytes may say that they are 60,000 pixels wide and as high,
and whoever decodes them then takes gigabytes: a browser, or the provider of a chat model.
"""

import re
import struct
from typing import Final

_SIGNATURES: Final = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
TYPES: Final = tuple(_SIGNATURES)
_MOST_PIXELS: Final = 50_000_000
# Of JPEG (ITU T.81, table B.1): frames say the size. What has no length stands alone and is passed
# over, as are the pixels themselves and runs of 0xFF, by the pattern: megabytes of them take
# milliseconds, where steps in Python would hold up everybody else for seconds.
_FRAMES: Final = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
_MOST_MARKERS: Final = 2000  # a photograph has a few dozen


def may_be_shown(mime: str, image: bytes) -> bool:
    """Whether `image` is of the type `mime` and not too large for whoever decodes it."""
    if mime not in _SIGNATURES or not image.startswith(_SIGNATURES[mime]):
        return False
    try:
        width, height = _png_size(image) if mime == "image/png" else _jpeg_size(image)
    except ValueError:
        return False
    return width * height <= _MOST_PIXELS


def _png_size(image: bytes) -> tuple[int, int]:
    """(width, height) in pixels; (0, 0) if it says none, and then nobody can decode it."""
    return struct.unpack(">II", image[16:24]) if len(image) >= 24 else (0, 0)


def _jpeg_size(image: bytes) -> tuple[int, int]:
    """As `_png_size`; of several frames, the largest numbers. Raises ValueError if there is too
    much in it to look at.
    """
    width = height = at = 0
    for _ in range(_MOST_MARKERS):
        marker = _MARKER.search(image, at)
        if marker is None or len(image) < marker.end() + 7:
            return width, height
        at = marker.end()
        if image[at - 1] in _FRAMES:
            found = struct.unpack(">HH", image[at + 3 : at + 7])
            height, width = max(height, found[0]), max(width, found[1])
        at += struct.unpack(">H", image[at : at + 2])[0]
    raise ValueError("too many markers")
