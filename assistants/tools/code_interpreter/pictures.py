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
# Of JPEG (ITU T.81, table B.1): frames say the size; those without a length stand alone, and are
# passed over as the pixels are, which may hold thousands of them.
_FRAMES: Final = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_SEGMENT: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd9\xff]")
_MOST_SEGMENTS: Final = 1_000


def may_be_shown(mime: str, image: bytes) -> bool:
    """Whether `image` is of the type `mime` and not too large for whoever decodes it."""
    if mime not in _SIGNATURES or not image.startswith(_SIGNATURES[mime]):
        return False
    width, height = _png_size(image) if mime == "image/png" else _jpeg_size(image)
    return width * height <= _MOST_PIXELS


def _png_size(image: bytes) -> tuple[int, int]:
    """(width, height) in pixels; (0, 0) if it says none, and then nobody can decode it."""
    return struct.unpack(">II", image[16:24]) if len(image) >= 24 else (0, 0)


def _jpeg_size(image: bytes) -> tuple[int, int]:
    """As `_png_size`; of several frames, the largest numbers. Of more segments than any honest
    image has, more than may be shown.
    """
    width = height = 0
    at = 2
    for _ in range(_MOST_SEGMENTS):
        marker = _SEGMENT.search(image, at)
        if marker is None or (at := marker.start()) + 9 > len(image):
            return width, height
        if image[at + 1] in _FRAMES:
            found = struct.unpack(">HH", image[at + 5 : at + 9])
            height, width = max(height, found[0]), max(width, found[1])
        at += 2 + struct.unpack(">H", image[at + 2 : at + 4])[0]
    return _MOST_PIXELS + 1, 1
