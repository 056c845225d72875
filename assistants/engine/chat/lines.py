"""Lines out of what comes in pieces of any size."""

from typing import Final

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""No honest piece of an answer is longer."""


class LineTooLong(Exception):
    """A line has no end."""


class Lines:
    """Cuts at CR, LF and CRLF only: JSON may hold every other character that text is cut at."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that are whole now. A CRLF that comes in two pieces makes an empty line more.

        :raises LineTooLong: one of them is not whole yet, and should be
        """
        lines = (self._rest + piece).splitlines()
        is_whole = piece.endswith((b"\n", b"\r"))
        self._rest = b"" if is_whole or not lines else lines.pop()
        if len(self._rest) > MAX_LINE_BYTES:
            raise LineTooLong
        return lines

    def end(self) -> list[bytes]:
        """The last line, where nothing ends it."""
        return [self._rest] if self._rest else []
