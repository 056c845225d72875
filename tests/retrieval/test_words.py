"""What both kinds of index do alike: files on one host, tables of a PostgreSQL for several."""

import math
import subprocess
import threading

import pytest

from assistants.retrieval.index import Entry
from assistants.retrieval.kinds import Words
from tests.retrieval.conftest import OTHER, STORE, TEXTS, Kind


@pytest.fixture
def index(words: Words) -> Words:
    return words


def found(index: Words, *queries: str, store: str = STORE, limit: int = 10) -> list[int]:
    return [hit.chunk for hit in index.search([store], queries, limit)]


def test_the_best_chunk_comes_first(index: Words) -> None:
    assert found(index, "largest whale")[0] == 0
    assert found(index, "最大的动物") == [2]
    assert found(index, "count_whales")[0] == 3
    assert found(index, "unheard") == []
    assert found(index, "") == []


def test_scores_are_between_0_and_1_and_fall(index: Words) -> None:
    hits = index.search([STORE], ["the largest blue whale"], 10)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 for score in scores)
    assert scores[0] > 0.7
    assert scores[1] < 0.4


def test_a_chunk_that_has_every_word_scores_high_in_a_store_of_one(index: Words) -> None:
    index.drop(STORE)
    index.add(STORE, [Entry(1, 1, TEXTS[0])])
    (whole,) = index.search([STORE], ["largest animal"], 5)
    (half,) = index.search([STORE], ["largest vegetable"], 5)
    assert whole.score > 0.7
    assert 0.3 < half.score < 0.65


@pytest.mark.parametrize("query", ["what is the", "the", "这是什么", "這是什麼"])
def test_what_stop_words_find_scores_low(index: Words, query: str) -> None:
    index.add(STORE, [Entry(9, 9, "What is the blue whale? 这是什么？")])
    hits = index.search([STORE], [query], 10)
    assert hits
    assert all(0 < hit.score < 0.1 for hit in hits)


def test_ids_may_be_as_large_as_keys(index: Words) -> None:
    index.add(STORE, [Entry(2**63 - 1, 2**62, "leviathan")])
    (hit,) = index.search([STORE], ["leviathan"], 5, files=[2**62])
    assert (hit.chunk, hit.file) == (2**63 - 1, 2**62)


def test_only_the_files_that_are_named_are_searched(index: Words) -> None:
    assert {hit.file for hit in index.search([STORE], ["whale"], 10)} == {0, 1}
    assert {hit.file for hit in index.search([STORE], ["whale"], 10, files=[1, 2, 99])} == {1}
    assert index.search([STORE], ["whale"], 10, files=[]) == []
    every = {hit.chunk: hit.score for hit in index.search([STORE], ["whale"], 10)}
    for hit in index.search([STORE], ["whale"], 10, files=[1]):
        assert math.isclose(hit.score, every[hit.chunk], rel_tol=1e-5)


def test_several_queries_are_fused(index: Words) -> None:
    assert set(found(index, "sharks", "动物", "ocean")) == {1, 2, 3}
    both = index.search([STORE], ["blue whale", "largest animal"], 10)
    alone = index.search([STORE], ["blue whale"], 10)
    assert both[0].chunk == alone[0].chunk == 0
    assert alone[0].score < both[0].score < 1


def test_several_stores_are_searched_together(index: Words) -> None:
    index.add(OTHER, [Entry(100, 100, "A whale song.")])
    hits = index.search([STORE, OTHER, "vs_nowhere", STORE], ["whale"], 10)
    assert sorted(hit.chunk for hit in hits) == [0, 1, 3, 100]


def test_adding_a_file_again_replaces_it(index: Words) -> None:
    index.add(STORE, [Entry(50, 0, "Only otters now.")])
    assert found(index, "whale") == [3]
    assert found(index, "otter") == [50]
    assert index.count(STORE) == 4


def test_what_is_removed_is_not_found(index: Words) -> None:
    index.remove(STORE, [0, 77])
    assert found(index, "whale") == [3]
    index.remove("vs_nowhere", [1])
    assert index.count("vs_nowhere") == 0


def test_a_limit_is_kept(index: Words) -> None:
    assert len(found(index, "whale", limit=1)) == 1
    assert found(index, "whale", limit=0) == []
    assert len(found(index, "whale", "animal", limit=2)) == 2


def test_another_process_finds_what_was_added_and_sees_changes(index: Words, kind: Kind) -> None:
    search = f"print([hit.chunk for hit in index.search(['{STORE}'], ['sharks otter'], 9)])"
    assert kind.run(search) == "[1]"
    assert found(index, "otter") == []
    kind.run(f"index.add('{STORE}', [Entry(60, 60, 'An otter.')])")
    assert found(index, "otter") == [60]
    kind.run(f"index.drop('{STORE}'); index.add('{STORE}', [Entry(61, 61, 'An otter.')])")
    assert found(index, "otter") == [61]


def test_two_processes_that_write_wait_for_each_other(index: Words, kind: Kind) -> None:
    write = f"for n in range(100, 110): index.add('{STORE}', [Entry(n, n, 'An otter.')])"
    thread = threading.Thread(target=kind.run, args=(write,))
    thread.start()
    for number in range(200, 210):
        index.add(STORE, [Entry(number, number, "An otter.")])
    thread.join()
    assert len(found(index, "otter", limit=50)) == 20


def test_threads_that_write_at_once_lose_nothing(index: Words) -> None:
    def add(first: int) -> None:
        for number in range(first, first + 5):
            index.add(STORE, [Entry(number, number, f"otter number {number}")])

    threads = [threading.Thread(target=add, args=(first,)) for first in range(100, 140, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found(index, "otter", limit=100)) == list(range(100, 140))
    assert index.count(STORE) == 45


def test_a_store_is_found_in_while_another_process_makes_its_index_anew(
    index: Words, kind: Kind
) -> None:
    rebuild = f"""
def entries():
    for number in range(100, 103):
        print(number, flush=True)
        sys.stdin.readline()
        yield Entry(number, 9, 'An otter.')
index.rebuild('{STORE}', entries())
"""
    command = kind.command(rebuild)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"100\n"
        writer = threading.Thread(
            target=index.add, args=(STORE, [Entry(200, 200, "A late otter.")])
        )
        writer.start()
        assert found(index, "otter") == []
        assert found(index, "largest whale")[0] == 0
        process.stdin.write(b"\n\n\n")
        process.stdin.close()
        writer.join(20)
    assert sorted(found(index, "otter")) == [100, 101, 102, 200]
    assert found(index, "whale") == []
