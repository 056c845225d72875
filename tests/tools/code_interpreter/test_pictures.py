"""Which images may be shown, by bytes that nobody decodes."""

import struct
import time

import pytest

from assistants.tools.code_interpreter.pictures import may_be_shown

START = b"\xff\xd8"
COMMENT = b"\xff\xfe\x00\x04ab"
SCAN = b"\xff\xda\x00\x03x"
MANY = 3_000_000


def frame(width: int, height: int, kind: int = 0xC0) -> bytes:
    return b"\xff" + bytes([kind]) + struct.pack(">HBHHB", 8, 8, height, width, 0)


@pytest.mark.parametrize(
    "image, shown",
    [
        (START + COMMENT + frame(800, 600) + SCAN + b"pixels\xff\x00more" + b"\xff\xd9", True),
        (START + COMMENT + frame(60_000, 60_000) + SCAN, False),
        (START + COMMENT + frame(60_000, 60_000, 0xC2) + SCAN, False),
        (START + frame(8, 8) + SCAN + b"pixels" + frame(60_000, 60_000) + SCAN, False),
        (START + b"\xff" * 50 + frame(60_000, 60_000)[1:] + SCAN, False),
        (START + COMMENT + b"\xff\xd0\xff\x01" + frame(60_000, 60_000) + SCAN, False),
        # A size in a comment is none.
        (START + b"\xff\xfe\x00\x10" + frame(60_000, 60_000)[:14] + bytes(20), True),
    ],
)
def test_a_jpeg_is_shown_if_no_frame_is_too_large(image: bytes, shown: bool) -> None:
    assert may_be_shown("image/jpeg", image) == shown


@pytest.mark.parametrize(
    "filling",
    [b"\xff" * 2 * MANY, b"\xff\x00" * MANY, b"\xff\xd0" * MANY, b"\xff\xfe\x00\x02" * MANY],
    ids=["a run", "pixels", "restarts", "comments"],
)
def test_one_that_is_full_of_markers_is_looked_at_in_no_time(filling: bytes) -> None:
    image = START + b"\xff" + filling
    began = time.thread_time()
    may_be_shown("image/jpeg", image)
    assert time.thread_time() - began < 0.5


def test_one_with_more_markers_than_are_looked_at_is_not_shown() -> None:
    assert may_be_shown("image/jpeg", START + COMMENT * 1000 + frame(8, 8) + SCAN)
    assert not may_be_shown("image/jpeg", START + COMMENT * 3000 + frame(8, 8) + SCAN)
