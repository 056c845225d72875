"""Lines out of pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from assistants.engine.chat import lines as module
from assistants.engine.chat.lines import Lines, LineTooLong

CHARACTERS = "ab\n\r\u2028\x85\x0b\x1e 你"


def cut(text: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(place, len(text)) for place in places} | {len(text)})
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@given(some.text(CHARACTERS), some.lists(some.integers(0, 40)))
def test_however_a_text_is_cut_its_lines_are_the_same(text: str, places: list[int]) -> None:
    lines, found = Lines(), []
    for piece in cut(text.encode(), places):
        found += lines.feed(piece)
    found += lines.end()
    wanted = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert [line.decode() for line in found if line] == [line for line in wanted if line]


def test_a_line_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINE_BYTES", 100)
    lines = Lines()
    lines.feed(b"x" * 60)
    with pytest.raises(LineTooLong):
        lines.feed(b"x" * 60)
