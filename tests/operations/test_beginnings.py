"""Searches that ask for documents as a whole, on real indexes."""

from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from assistants.ingester import Ingester
from assistants.models import File, FileStatus, VectorStore
from assistants.operations import beginnings, vector_stores
from assistants.operations.beginnings import Beginnings
from assistants.operations.search import Found, search
from assistants.params import VectorStoreCreate, validate
from assistants.retrieval.index import Hit
from tests.factories import make_file, make_project
from tests.until import until

pytestmark = pytest.mark.django_db(transaction=True)

STATIC = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50}}
PAGES = " ".join(f"Pier {number} of the harbor is painted green." for number in range(120))
BREAD = "Bread is baked daily. This document was written by the miller."


def filled(ingester: Ingester, *files: tuple[str, str]) -> VectorStore:
    given = {
        "file_ids": [make_file(None, text, name).id for name, text in files],
        "chunking_strategy": STATIC,
    }
    store = vector_stores.create(make_project(), validate(VectorStoreCreate, given))
    until(
        lambda: not store.files.exclude(status=FileStatus.COMPLETED).exists(),
        "the files are not ingested",
    )
    return store


def asked(*stores: VectorStore, queries: list[str], **options: object) -> list[Found]:
    found: list[Found] = search(
        stores[0].project,
        [store.id for store in stores],
        queries,
        **options,  # type: ignore[arg-type]
    )
    return found


def test_a_document_is_told_from_its_beginning_on(ingester: Ingester) -> None:
    store = filled(ingester, ("harbor.txt", PAGES))
    found = asked(store, queries=["Summarise the attached document"], limit=5)
    assert found[0].start == 0
    assert [one.is_beginning for one in found] == [True] * 5
    assert [one.score for one in found] == [0.0] * 5
    for one, following in pairwise(found):
        assert one.start < following.start <= one.end + 1


def test_of_several_each_begins_before_one_goes_on_and_the_newest_is_first(
    ingester: Ingester,
) -> None:
    store = filled(ingester, ("harbor.txt", PAGES), ("bread.txt", BREAD), ("pier.md", PAGES))
    found = asked(store, queries=["summary", "main points"], limit=5)
    assert [one.filename for one in found[:3]] == ["pier.md", "bread.txt", "harbor.txt"]
    assert [one.start for one in found[:3]] == [0, 0, 0]
    assert {one.filename for one in found[3:]} == {"harbor.txt", "pier.md"}


def test_what_its_words_find_keeps_its_score_and_has_room(ingester: Ingester) -> None:
    store = filled(ingester, ("harbor.txt", PAGES + " " + BREAD))
    found = asked(store, queries=["What is this document about?"], limit=4)
    assert [one.is_beginning for one in found] == [True, True, True, False]
    assert "document" in found[3].text
    assert found[3].score > 0.5


def test_a_question_beside_it_comes_first(ingester: Ingester) -> None:
    store = filled(ingester, ("harbor.txt", PAGES), ("bread.txt", BREAD))
    found = asked(store, queries=["summary", "pier green harbor"], limit=8)
    assert [one.is_beginning for one in found] == [False] * 7 + [True]
    assert found[0].score > 0.5
    assert found[7].filename == "bread.txt"


def test_a_beginning_among_the_hits_that_make_room_is_not_lost() -> None:
    hits = [Hit(chunk, 1, 1 - chunk / 10) for chunk in range(8)]
    begun = Beginnings([Hit(7, 1, 0.0), Hit(8, 1, 0.0), Hit(9, 1, 0.0)], alone=False)
    found, mine = begun.among(hits, 8, 0.0)
    assert [hit.chunk for hit in found] == [0, 1, 2, 3, 4, 5, 7, 8]
    assert mine == [hits[7], Hit(8, 1, 0.0)]
    begun = Beginnings([Hit(0, 1, 0.0), Hit(8, 1, 0.0)], alone=False)
    found, mine = begun.among(hits, 8, 0.0)
    assert [hit.chunk for hit in found] == [0, 1, 2, 3, 4, 5, 6, 8]
    assert mine == [Hit(8, 1, 0.0)]


def test_a_threshold_leaves_out_what_was_not_found(ingester: Ingester) -> None:
    store = filled(ingester, ("harbor.txt", PAGES))
    with CaptureQueriesContext(connection) as queries:
        assert asked(store, queries=["summary"], limit=5, threshold=0.01) == []
    assert not any("filename" in query["sql"] for query in queries)


def test_names_are_looked_at_of_the_newest_files_only(
    ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginnings, "MOST_NAMES", 1)
    store = filled(ingester, ("harbor.txt", "Gulls live there."), ("bread.txt", BREAD))
    assert {one.filename for one in asked(store, queries=["summary"])} == {"bread.txt"}
    assert asked(store, queries=["harbor"]) == []
    store.files.filter(file__filename="harbor.txt").update(attributes={"kind": "bird"})
    bird = {"type": "eq", "key": "kind", "value": "bird"}
    (found,) = asked(store, queries=["harbor"], filters=bird)
    assert found.filename == "harbor.txt"


def test_what_a_thread_has_comes_before_what_its_assistant_has(ingester: Ingester) -> None:
    manuals = filled(ingester, ("manual.txt", BREAD), ("handbook.txt", BREAD))
    own = filled(ingester, ("harbor.txt", "Gulls live there."))
    found = asked(manuals, own, queries=["summarise the file"], limit=5)
    assert {one.filename for one in found} == {"harbor.txt"}
    found = asked(manuals, own, queries=["summarise the handbook"], limit=1)
    assert [one.filename for one in found] == ["handbook.txt"]


def test_files_that_filters_leave_out_are_not_told(ingester: Ingester) -> None:
    store = filled(ingester, ("harbor.txt", PAGES), ("bread.txt", BREAD))
    store.files.filter(file__filename="bread.txt").update(attributes={"kind": "food"})
    found = asked(
        store,
        queries=["summary"],
        filters={"type": "eq", "key": "kind", "value": "food"},
    )
    assert {one.filename for one in found} == {"bread.txt"}


def test_a_name_alone_finds_its_file_where_no_words_do(ingester: Ingester) -> None:
    store = filled(ingester, ("harbor.txt", "Gulls live there."), ("bread.txt", BREAD))
    (found,) = asked(store, queries=["harbor"])
    assert (found.filename, found.score) == ("harbor.txt", 0.0)
    (found,) = asked(store, queries=["bread"])
    assert found.score > 0.5
    assert not found.is_beginning
    assert asked(store, queries=["zebra"]) == []
    File.objects.get(filename="harbor.txt").delete()
    assert asked(store, queries=["harbor"]) == []
