"""A zip archive that is sent while it is made."""

import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final

from django.utils.timezone import localtime

PIECE: Final = 256 * 1024
Entry = tuple[str, Iterable[bytes]]
"""A path within the archive, and the content in pieces."""


class _Sink:
    """What a ZipFile writes to when nobody can go back in it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        self.size += len(piece)
        return len(piece)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        piece = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return piece


def zipped(entries: Iterable[Entry]) -> Generator[bytes, None, None]:
    """The archive in pieces of about ``PIECE`` bytes. An entry is read when its turn has come."""
    sink = _Sink()
    made = localtime().timetuple()[:6]
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for path, content in entries:
            entry = zipfile.ZipInfo(path, made)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w") as opened:
                for piece in content:
                    opened.write(piece)
                    if sink.size >= PIECE:
                        yield sink.taken()
    yield sink.taken()


def in_pieces(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """A file's content, read to its end."""
    while piece := read(PIECE):
        yield piece
