"""Lines out of what comes in pieces of any size."""

from typing import Final

MAX_LINE_BYTES: Final = 16 * 1024 * 1024
"""No honest piece of an answer is longer."""


class LineTooLong(Exception):
    """A line has no end."""


class Lines:
    """Cuts at CR, LF and CRLF only: JSON may hold every other character that text is cut at."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that are whole now. A CRLF that comes in two pieces makes an empty line more.

        :raises LineTooLong: one of them is not whole yet, and should be
        """
        self._rest.append(piece)
        self._size += len(piece)
        lines: list[bytes] = []
        # Joined only where a line ends: a long one is not copied for each of its pieces.
        if b"\n" in piece or b"\r" in piece:
            lines = b"".join(self._rest).splitlines()
            rest = b"" if piece.endswith((b"\n", b"\r")) else lines.pop()
            self._rest, self._size = [rest], len(rest)
        if self._size > MAX_LINE_BYTES:
            raise LineTooLong
        return lines

    def end(self) -> list[bytes]:
        """The last line, where nothing ends it."""
        return [b"".join(self._rest)] if self._size else []
