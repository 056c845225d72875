"""Word files of the versions 97 to 2003: the text of the main document.

By Microsoft's specifications [MS-CFB] (the container: a small file system) and [MS-DOC], section
2.4.1 (where the text is).
"""

import re
import struct
from pathlib import Path

from assistants.retrieval import office
from assistants.retrieval.chunking import Page
from assistants.retrieval.unreadable import Unreadable

MAX_BYTES = 256 << 20
LAST = 0xFFFFFFFA
"""Numbers of sectors end here; what is above says "free", "end of chain" and the like."""
ENTRY = 128
"""Bytes of an entry in the directory."""
FIELD_CODE = re.compile("\x13[^\x13\x14\x15]*\x14?|\x15")
"""What a field (a link, a page number) is made from; what it shows stays."""
SHOWN_AS = str.maketrans(
    {"\r": "\n", "\x0b": "\n", "\x0c": "\n", "\x07": "\t", "\x1e": "-", "\x1f": None}
    | dict.fromkeys(map(chr, range(1, 7)), None)
    | {"\x08": None}
)


def read(path: str) -> list[Page]:
    """The document as one page: it knows no pages."""
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        beginning = file.read(8)
        if beginning.startswith(b"PK"):
            return office.read_docx(path)
        if beginning != office.COMPOUND:
            raise Unreadable(
                "invalid_file", "The file is not a Word file, as its name says. Save it as .docx."
            )
        if size > MAX_BYTES:
            raise Unreadable("invalid_file", "The Word file is too large.")
        data = beginning + file.read()
    try:
        return [Page(_text(_Container(data)))]
    except (KeyError, IndexError, ValueError, struct.error) as error:
        raise Unreadable(
            "invalid_file", "The Word file is damaged, or too old. Save it as .docx."
        ) from error


class _Container:
    """The streams in a compound file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._size = 1 << _u16(data, 0x1E)
        if self._size not in (512, 4096):
            raise ValueError("sectors of an unknown size")
        self._next = self._chains()
        self._entries: dict[str, tuple[int, int]] = {}
        directory = self._follow(_u32(data, 0x30))
        for place in range(0, len(directory) - ENTRY + 1, ENTRY):
            entry = directory[place : place + ENTRY]
            name = entry[: max(_u16(entry, 0x40) - 2, 0)].decode("utf-16-le", "replace")
            self._entries.setdefault(name, (_u32(entry, 0x74), _u32(entry, 0x78)))
        self._smallest = _u32(data, 0x38)

    def stream(self, name: str) -> bytes:
        """The stream of that name; ``KeyError`` when there is none."""
        first, length = self._entries[name]
        if length >= self._smallest:
            return self._follow(first)[:length]
        return self._small(first)[:length]

    def _small(self, first: int) -> bytes:
        """A small stream: it is in sectors of 64 bytes inside the stream of the root."""
        table = self._follow(_u32(self._data, 0x3C))
        chain = struct.unpack(f"<{len(table) // 4}I", table)
        root = self._follow(self._entries["Root Entry"][0])
        parts: list[bytes] = []
        while first < LAST:
            if len(parts) > len(chain):
                raise ValueError("a chain without end")
            parts.append(root[first * 64 : first * 64 + 64])
            first = chain[first]
        return b"".join(parts)

    def _chains(self) -> list[int]:
        """For each sector, which comes after it."""
        lists = list(struct.unpack_from("<109I", self._data, 0x4C))
        more = _u32(self._data, 0x44)
        while more < LAST:
            if len(lists) * self._size > len(self._data):
                raise ValueError("more tables than the file has room for")
            *places, more = struct.unpack(f"<{self._size // 4}I", self._sector(more))
            lists += places
        following: list[int] = []
        for place in lists[: _u32(self._data, 0x2C)]:
            if place < LAST:
                following += struct.unpack(f"<{self._size // 4}I", self._sector(place))
        return following

    def _sector(self, number: int) -> bytes:
        begin = (number + 1) * self._size
        sector = self._data[begin : begin + self._size]
        return sector.ljust(self._size, b"\0")

    def _follow(self, first: int) -> bytes:
        parts: list[bytes] = []
        while first < LAST:
            if len(parts) > len(self._next):
                raise ValueError("a chain without end")
            parts.append(self._sector(first))
            first = self._next[first]
        return b"".join(parts)


def _text(container: _Container) -> str:
    document = container.stream("WordDocument")
    if _u16(document, 0) != 0xA5EC:
        raise ValueError("not of Word 97 or later")
    flags = _u16(document, 0x0A)
    if flags & 0x0100:
        raise Unreadable("invalid_file", "The Word file is protected by a password.")
    table = container.stream("1Table" if flags & 0x0200 else "0Table")
    characters, place, length = (_u32(document, at) for at in (0x4C, 0x1A2, 0x1A6))
    pieces = _pieces(table[place : place + length])
    text = "".join(_piece(document, *piece) for piece in pieces)[:characters]
    return FIELD_CODE.sub("", text).translate(SHOWN_AS)


def _pieces(clx: bytes) -> list[tuple[int, int]]:
    """Of each piece of text: how many characters it has, and where they are, as the file has it."""
    at = 0
    while clx[at] == 1:  # formats of pieces
        at += 3 + _u16(clx, at + 1)
    if clx[at] != 2:
        raise ValueError("no table of pieces")
    count = (_u32(clx, at + 1) - 4) // 12
    begin = at + 5
    places = struct.unpack_from(f"<{count + 1}I", clx, begin)
    begin += 4 * (count + 1)
    return [
        (places[number + 1] - places[number], _u32(clx, begin + 8 * number + 2))
        for number in range(count)
    ]


def _piece(document: bytes, length: int, where: int) -> str:
    begin = where & 0x3FFFFFFF
    if where & 0x40000000:  # one byte a character
        return document[begin // 2 : begin // 2 + length].decode("cp1252", "replace")
    return document[begin : begin + 2 * length].decode("utf-16-le", "replace")


def _u16(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<H", data, at)[0])


def _u32(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])
