"""Where a Markdown text that comes in pieces stands: in code or not, at the start of a line or
not.
"""

import re
from typing import Final

_PIECES: Final = re.compile(r"`+|\n|[^`\n]+")
_LINE_MARKS: Final = " \t>-*+.)0123456789"
"""What may stand before a line's own text: marks of quotes and lists."""


class CodeSpans:
    """Follows a text. However it is cut, the same is known."""

    def __init__(self) -> None:
        self._ticks = 0
        """How many backticks were the last to come."""
        self._opened = 0
        """By how many the code was opened that is not closed yet."""
        self._fenced = False
        """Whether that is a block; code in a line ends with the line."""
        self._blank = True
        """Whether the line has no text yet."""

    def feed(self, text: str) -> None:
        """Go on."""
        for piece in _PIECES.findall(text):
            if piece[0] == "`":
                self._ticks += len(piece)
                continue
            self._end_ticks()
            if piece != "\n":
                self._blank = self._blank and not piece.strip(_LINE_MARKS)
                continue
            self._blank = True
            if not self._fenced:
                self._opened = 0

    @property
    def in_code(self) -> bool:
        """Whether what comes next, unless it is a backtick, is code."""
        self._end_ticks()
        return bool(self._opened)

    @property
    def at_line_start(self) -> bool:
        """Whether what comes next, unless it is a backtick, begins a line or an item of a list."""
        self._end_ticks()
        return self._blank

    def _end_ticks(self) -> None:
        count, self._ticks = self._ticks, 0
        if not count:
            return
        begins_line, self._blank = self._blank, False
        if not self._opened:
            self._opened, self._fenced = count, begins_line and count > 2
        elif self._fenced:
            if begins_line and count >= self._opened:
                self._opened, self._fenced = 0, False
        elif count == self._opened:
            self._opened = 0
