"""Text that comes in small pieces."""

from typing_extensions import override


class Growing:
    """A text to which pieces are appended. ``text += piece`` on an attribute copies all that is
    there for each piece, which a long answer in short pieces makes seconds of; here the pieces are
    joined when somebody asks for the text.
    """

    __slots__ = ("_length", "_pieces")

    def __init__(self, text: str = "") -> None:
        self._pieces = [text]
        self._length = len(text)

    def append(self, piece: str) -> None:
        self._pieces.append(piece)
        self._length += len(piece)

    def __len__(self) -> int:
        return self._length

    @override
    def __str__(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0]
