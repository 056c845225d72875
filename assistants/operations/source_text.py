"""The text that was read from a file, for people who follow a citation to it.

It is put together from the chunks of a vector store that has the file: they overlap, and each knows
where it stands.
"""

from dataclasses import dataclass, field
from typing import Final

from assistants.models import Chunk, File, FileStatus, VectorStoreFile

BEFORE: Final = 6_000
"""Characters that are shown before a passage, if there are so many."""
SHOWN: Final = 20_000
"""Characters that are shown at once."""


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    marked: bool
    """Whether it is the passage that was asked for, or a part of it."""


@dataclass(slots=True)
class PageText:
    """What is shown of one page or slide; ``number`` is None where a file has none."""

    number: int | None
    pieces: list[Piece] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SourceText:
    """A part of a file's text. ``earlier`` and ``later`` are where the parts before and after it
    begin, None where there are none.
    """

    pages: list[PageText]
    earlier: int | None
    later: int | None

    @property
    def is_marked(self) -> bool:
        return any(piece.marked for page in self.pages for piece in page.pieces)


def read(
    file: File,
    start: int | None = None,
    end: int | None = None,
    at: int | None = None,
    *,
    before: int = BEFORE,
    shown: int = SHOWN,
) -> SourceText | None:
    """The text around a passage, or from ``at``; None when no vector store has the file ready.

    All places count code points of the whole text.

    :param start: where the passage to mark begins
    :param end: where it ends, itself excluded
    :param before: characters that are shown before the passage
    :param shown: and in all
    """
    ready = VectorStoreFile.objects.filter(file=file, status=FileStatus.COMPLETED)
    row = ready.order_by("-pk").first()
    if row is None:
        return None
    low = at if at is not None else max(0, (start or 0) - before)
    high = low + shown
    near = Chunk.objects.filter(store_file=row, end__gt=low, start__lt=high).order_by("start")
    marked = range(start or 0, end or 0)
    pages: list[PageText] = []
    place = low
    for chunk in near.iterator():
        begin = max(chunk.start, place)
        text = chunk.text[begin - chunk.start : high - chunk.start]
        if not text:
            continue
        if not pages or pages[-1].number != chunk.page:
            pages.append(PageText(chunk.page))
        elif begin > place:
            # Chunks leave out the empty lines between them.
            pages[-1].pieces.append(Piece("\n\n", marked=False))
        pages[-1].pieces += _pieces(text, begin, marked)
        place = begin + len(text)
    more = Chunk.objects.filter(store_file=row, end__gt=high).exists()
    return SourceText(pages, max(0, low - shown) if low else None, high if more else None)


def _pieces(text: str, begin: int, marked: range) -> list[Piece]:
    """The text in up to three pieces, the passage apart from what stands around it."""
    size = len(text)
    first, last = (min(max(at - begin, 0), size) for at in (marked.start, marked.stop))
    cut = [(text[:first], False), (text[first:last], True), (text[last:], False)]
    return [Piece(part, is_marked) for part, is_marked in cut if part]
