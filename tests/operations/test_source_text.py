"""The text of a file put together from its chunks, and where a query's words stand in a text."""

import pytest

from assistants.models import Chunk, File, FileStatus, VectorStoreFile
from assistants.operations import source_text
from assistants.operations.highlights import highlights
from tests.factories import make_vector_store

pytestmark = pytest.mark.django_db


def cut(text: str, size: int, step: int, *, pages: dict[int, int] | None = None) -> File:
    """A ready file whose text is in chunks of ``size`` that begin every ``step`` characters."""
    row: VectorStoreFile = make_vector_store(None, text).files.get()
    row.status = FileStatus.COMPLETED
    row.save()
    for number, start in enumerate(range(0, len(text), step)):
        part = text[start : start + size]
        Chunk.objects.create(
            store_file=row,
            number=number,
            text=part,
            start=start,
            end=start + len(part),
            page=(pages or {}).get(start),
        )
    return row.file


def test_overlapping_chunks_give_the_text_once_with_the_passage_apart() -> None:
    text = "".join(chr(0x4E00 + place) for place in range(100))
    source = source_text.read(cut(text, 40, 20), 35, 62)
    assert source is not None
    (page,) = source.pages
    assert "".join(piece.text for piece in page.pieces) == text
    assert "".join(piece.text for piece in page.pieces if piece.marked) == text[35:62]
    assert (source.earlier, source.later) == (None, None)


def test_a_page_is_told_apart_from_the_next() -> None:
    source = source_text.read(cut("first.second", 6, 6, pages={0: 1, 6: 2}), 6, 12)
    assert source is not None
    assert [page.number for page in source.pages] == [1, 2]
    assert [piece.marked for page in source.pages for piece in page.pieces] == [False, True]


def test_of_a_long_text_the_part_around_the_passage_is_shown() -> None:
    text = "x" * 60_000
    source = source_text.read(cut(text, 1000, 1000), 30_000, 30_010)
    assert source is not None
    assert source.is_marked
    assert source.earlier == 30_000 - source_text.BEFORE - source_text.SHOWN
    assert source.later == 30_000 - source_text.BEFORE + source_text.SHOWN
    last = source_text.read(File.objects.get(), 30_000, 30_010, at=source.later)
    assert last is not None
    assert (last.is_marked, last.later) == (False, None)


def test_simplified_words_are_marked_in_traditional_text() -> None:
    text = "台灣的圖書館很安靜"
    assert [text[start:end] for start, end in highlights(text, ["图书馆"])] == ["圖書館"]


def test_a_file_that_no_store_has_ready_has_no_text() -> None:
    file = make_vector_store(None, "text").files.get().file
    assert source_text.read(file) is None


@pytest.mark.parametrize(
    "text, query, marked",
    [
        ("Lighthouses were BUILT.", "when was the lighthouse built", ["Lighthouses", "BUILT"]),
        ("燈塔建於一八二二年。", "燈塔何時建", ["燈塔"]),
        ("The cat.", "dog", []),
        ("crème brûlée", "creme", ["crème"]),
    ],
)
def test_the_words_of_a_query_are_found_in_their_forms(
    text: str, query: str, marked: list[str]
) -> None:
    assert [text[start:end] for start, end in highlights(text, [query])] == marked
