"""The index in tables: the same scores as in files, and no more room than it needs."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest

from assistants.retrieval.index import Entry, KeywordIndex
from assistants.retrieval.postgres import vectors as meaning
from assistants.retrieval.postgres import words as module
from assistants.retrieval.postgres.vectors import VectorTables
from assistants.retrieval.postgres.words import KeywordTables
from bench.retrieval import Draw
from tests import postgres
from tests.retrieval.conftest import STORE, TEXTS
from tests.retrieval.test_vectors import drawn


@pytest.fixture
def index(tables_url: str) -> KeywordTables:
    return KeywordTables(postgres.connecting(tables_url))


def one(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row
    return int(row[0])


def found(index: KeywordTables, query: str, limit: int = 1000) -> list[int]:
    return sorted(hit.chunk for hit in index.search([STORE], [query], limit))


def test_scores_are_those_of_the_index_in_files(index: KeywordTables, tmp_path: Path) -> None:
    draw = Draw()
    texts = [*TEXTS, *(draw.text(length) for length in range(5, 300))]
    files = KeywordIndex(tmp_path)
    for kind in (files, index):
        for first in range(0, 300, 50):
            entries = enumerate(texts[first : first + 50], first)
            kind.add(STORE, [Entry(number, number, text) for number, text in entries])
    queries = [
        *(draw.text(4) for _ in range(30)),
        "largest whale",
        "动物",
        "the",
        "最",
        "whale whale",
    ]
    compared = 0
    for query in queries:
        expected = {hit.chunk: hit.score for hit in files.search([STORE], [query], 300)}
        scores = {hit.chunk: hit.score for hit in index.search([STORE], [query], 300)}
        assert scores.keys() == expected.keys()
        for chunk, score in scores.items():
            # tantivy keeps the length of a text in one byte, so not exactly.
            assert score == pytest.approx(expected[chunk], abs=0.02)
        compared += len(scores)
    assert compared > 1000


def test_many_additions_make_few_parts(index: KeywordTables, tables_url: str) -> None:
    for number in range(70):
        index.add(STORE, [Entry(number, number, f"otter number {number}")])
    assert one(tables_url, "SELECT count(*) FROM search_parts") < 2 * module.MERGED
    assert one(tables_url, "SELECT sum(places) FROM search_parts") == 70
    assert found(index, "otter") == list(range(70))
    assert found(index, "number 33") == list(range(70))
    assert index.search([STORE], ["33"], 5)[0].chunk == 33


def test_what_is_removed_gives_its_room_back_when_it_is_much(
    index: KeywordTables, tables_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COMPACTED_FROM", 10)
    size = "SELECT sum(octet_length(postings)) FROM search_postings"
    for file in range(4):
        index.add(STORE, [Entry(10 * file + n, file, f"otter {file} {n}") for n in range(10)])
    before = one(tables_url, size)
    index.remove(STORE, [0])
    assert one(tables_url, size) == before
    index.remove(STORE, [1, 2])
    assert one(tables_url, size) == before // 4
    assert found(index, "otter") == list(range(30, 40))
    index.add(STORE, [Entry(50, 9, "otter again")])
    assert found(index, "otter") == [*range(30, 40), 50]
    assert index.count(STORE) == 11
    index.remove(STORE, [3, 9])
    index.add(STORE, [Entry(50, 9, "otter again")])
    assert found(index, "otter") == [50]
    index.drop(STORE)
    for table in ("search_stores", "search_parts", "search_postings", "search_chunks"):
        assert one(tables_url, f"SELECT count(*) FROM {table}") == 0


def test_removed_passages_take_no_place_among_the_best(index: KeywordTables) -> None:
    index.add(STORE, [Entry(n, n // 50, "otter " * (1 + n % 2)) for n in range(100)])
    index.remove(STORE, [0])
    assert len(index.search([STORE], ["otter"], 10)) == 10
    assert found(index, "otter") == list(range(50, 100))
    assert len(index.search([STORE], ["otter"], 10, files=[1])) == 10
    assert index.search([STORE], ["otter"], 10, files=[0]) == []


def test_among_many_vectors_the_signs_choose_and_hardly_miss_any(
    tables_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = VectorTables(postgres.connecting(tables_url))
    made = drawn(1500)
    tables.add(STORE, "played", made)
    tables.remove(STORE, [7])
    queries = [np.add(one.numbers, drawn(1, seed=9)[0].numbers).tolist() for one in made[:20]]

    def nearest(query: list[float], files: set[int] | None = None) -> set[int]:
        return {near.chunk for near in tables.search([STORE], "played", query, 10, files)}

    for files in (None, set(range(1, 100))):
        exact = [nearest(query, files) for query in queries]
        with monkeypatch.context() as patch:
            patch.setattr(meaning, "EXACT", 100)
            patch.setattr(meaning, "CHOSEN", 400)
            chosen = [nearest(query, files) for query in queries]
        met = [len(one & other) for one, other in zip(exact, chosen, strict=True)]
        assert 0.9 * 200 <= sum(met) <= 200
        assert not {chunk for found in chosen for chunk in found} & set(range(61, 71))
    tables.drop(STORE)
    assert one(tables_url, "SELECT count(*) FROM search_vectors") == 0
    assert one(tables_url, "SELECT count(*) FROM search_signs") == 0


def test_what_fails_half_way_changes_nothing(index: KeywordTables) -> None:
    index.add(STORE, [Entry(1, 1, "An otter.")])

    def entries() -> Iterator[Entry]:
        yield Entry(2, 2, "A whale.")
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        index.rebuild(STORE, entries())
    assert (found(index, "otter"), found(index, "whale"), index.count(STORE)) == ([1], [], 1)
    assert index.rebuild(STORE, []) == 0
    assert found(index, "otter") == []


def test_large_parts_are_written_before_memory_is_full(
    index: KeywordTables, tables_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART_POSTINGS", 10)
    entries = [Entry(n, n, f"otter number {n}") for n in range(20)]
    assert index.rebuild(STORE, entries) == 20
    assert one(tables_url, "SELECT count(*) FROM search_parts") == 5
    assert found(index, "otter") == list(range(20))


def test_texts_that_postgresql_refuses_are_looked_for_all_the_same(index: KeywordTables) -> None:
    index.add(STORE, [Entry(1, 1, "An otter\0 swims.")])
    assert found(index, "otter\0") == [1]
