"""The part of a passage that shows why it was found."""

from bisect import bisect_right
from typing import Final

from assistants.operations.highlights import highlights

LENGTH: Final = 480
"""So many characters of a passage are shown, about five lines of a wide page."""
BEFORE: Final = 80
"""So many of them may stand before the first word of the question."""

Piece = tuple[str, bool]
"""Text, and whether it is a word of the question."""


def excerpt(text: str, query: str, length: int = LENGTH) -> list[Piece]:
    """Where most of the question's words stand near each other, in pieces. What is left out before
    and behind is an ellipsis.
    """
    places = highlights(text, [query])
    begin, end = _window(text, places, length)
    pieces, at = [("…" if begin else "", False)], begin
    for start, stop in places:
        if begin <= start < end:
            pieces += [(text[at:start], False), (text[start : min(stop, end)], True)]
            at = min(stop, end)
    pieces.append((text[at:end] + ("…" if end < len(text) else ""), False))
    return [piece for piece in pieces if piece[0]]


def _window(text: str, places: list[tuple[int, int]], length: int) -> tuple[int, int]:
    if len(text) <= length:
        return 0, len(text)
    starts = [start for start, _ in places] or [0]
    reach = length - BEFORE
    first = max(
        range(len(starts)), key=lambda at: (bisect_right(starts, starts[at] + reach) - at, -at)
    )
    begin = max(0, min(starts[first] - BEFORE, len(text) - length))
    return _word_begin(text, begin, starts[first]), min(len(text), begin + length)


def _word_begin(text: str, begin: int, latest: int) -> int:
    """The first word's beginning from ``begin`` on, if it is near; text without spaces has none."""
    if begin == 0:
        return 0
    space = text.find(" ", begin - 1, min(latest, begin + BEFORE // 2))
    return begin if space < 0 else space + 1
