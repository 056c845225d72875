"""The index of passages: what is added is found, by any process, until it is removed."""

import logging
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from assistants.retrieval.index import FORMAT, Damaged, Entry, KeywordIndex, _asking_tantivy

STORE = "vs_0123456789abcdef0123456789abcdef"
OTHER = "vs_fedcba9876543210fedcba9876543210"
TEXTS = (
    "The blue whale is the largest animal that ever lived.",
    "Sharks are fish; a whale is none.",
    "蓝鲸是最大的动物。",
    "def count_whales(ocean): return len(ocean.whales)",
    "Nothing about the sea.",
)


@pytest.fixture
def index(tmp_path: Path) -> KeywordIndex:
    index = KeywordIndex(tmp_path / "index")
    index.add(STORE, [Entry(number, number // 2, text) for number, text in enumerate(TEXTS)])
    return index


def found(index: KeywordIndex, *queries: str, store: str = STORE, limit: int = 10) -> list[int]:
    return [hit.chunk for hit in index.search([store], queries, limit)]


def test_the_best_chunk_comes_first(index: KeywordIndex) -> None:
    assert found(index, "largest whale")[0] == 0
    assert found(index, "最大的动物") == [2]
    assert found(index, "count_whales")[0] == 3
    assert found(index, "unheard") == []
    assert found(index, "") == []


def test_scores_are_between_0_and_1_and_fall(index: KeywordIndex) -> None:
    hits = index.search([STORE], ["the largest blue whale"], 10)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 for score in scores)
    assert scores[0] > 0.7
    assert scores[1] < 0.4


def test_a_chunk_that_has_every_word_scores_high_in_a_store_of_one(tmp_path: Path) -> None:
    index = KeywordIndex(tmp_path)
    index.add(STORE, [Entry(1, 1, TEXTS[0])])
    (whole,) = index.search([STORE], ["largest animal"], 5)
    (half,) = index.search([STORE], ["largest vegetable"], 5)
    assert whole.score > 0.7
    assert 0.3 < half.score < 0.65


def test_ids_may_be_as_large_as_keys(index: KeywordIndex) -> None:
    index.add(STORE, [Entry(2**63 - 1, 2**62, "leviathan")])
    (hit,) = index.search([STORE], ["leviathan"], 5, files=[2**62])
    assert (hit.chunk, hit.file) == (2**63 - 1, 2**62)


def test_only_the_files_that_are_named_are_searched(index: KeywordIndex) -> None:
    assert {hit.file for hit in index.search([STORE], ["whale"], 10)} == {0, 1}
    assert {hit.file for hit in index.search([STORE], ["whale"], 10, files=[1, 2, 99])} == {1}
    assert index.search([STORE], ["whale"], 10, files=[]) == []
    every = {hit.chunk: hit.score for hit in index.search([STORE], ["whale"], 10)}
    for hit in index.search([STORE], ["whale"], 10, files=[1]):
        assert math.isclose(hit.score, every[hit.chunk], rel_tol=1e-5)


def test_several_queries_are_fused(index: KeywordIndex) -> None:
    assert set(found(index, "sharks", "动物", "ocean")) == {1, 2, 3}
    both = index.search([STORE], ["blue whale", "largest animal"], 10)
    alone = index.search([STORE], ["blue whale"], 10)
    assert both[0].chunk == alone[0].chunk == 0
    assert alone[0].score < both[0].score < 1


def test_several_stores_are_searched_together(index: KeywordIndex) -> None:
    index.add(OTHER, [Entry(100, 100, "A whale song.")])
    hits = index.search([STORE, OTHER, "vs_nowhere", STORE], ["whale"], 10)
    assert sorted(hit.chunk for hit in hits) == [0, 1, 3, 100]


def test_adding_a_file_again_replaces_it(index: KeywordIndex) -> None:
    index.add(STORE, [Entry(50, 0, "Only otters now.")])
    assert found(index, "whale") == [3]
    assert found(index, "otter") == [50]
    assert index.count(STORE) == 4


def test_what_is_removed_is_not_found(index: KeywordIndex) -> None:
    index.remove(STORE, [0, 77])
    assert found(index, "whale") == [3]
    index.remove("vs_nowhere", [1])
    assert index.count("vs_nowhere") == 0


def test_a_dropped_store_leaves_nothing(index: KeywordIndex, tmp_path: Path) -> None:
    assert found(index, "whale")
    index.drop(STORE)
    index.drop(STORE)
    assert found(index, "whale") == []
    assert list((tmp_path / "index").iterdir()) == []
    index.add(STORE, [Entry(9, 9, "A new whale.")])
    assert found(index, "whale") == [9]


def test_a_limit_is_kept(index: KeywordIndex) -> None:
    assert len(found(index, "whale", limit=1)) == 1
    assert found(index, "whale", limit=0) == []
    assert len(found(index, "whale", "animal", limit=2)) == 2


@pytest.mark.parametrize("store", ["", "..", "../up", "a/b", "a.1", "vs_é", "x" * 101, "-a", "a\n"])
def test_an_id_that_is_no_name_of_a_directory_is_refused(tmp_path: Path, store: str) -> None:
    index = KeywordIndex(tmp_path / "index")
    for call in (
        lambda: index.add(store, [Entry(1, 1, "text")]),
        lambda: index.remove(store, [1]),
        lambda: index.drop(store),
        lambda: index.count(store),
        lambda: index.search([store], ["text"], 1),
    ):
        with pytest.raises(ValueError, match="not the id of a store"):
            call()
    assert list(tmp_path.iterdir()) == []


BEGIN = """
import os, sys
from pathlib import Path
from assistants.retrieval.index import Entry, KeywordIndex
index = KeywordIndex(Path(sys.argv[1]))
"""


def run(code: str, root: Path, *, check: bool = True) -> str:
    """Run code in another process, where ``index`` is an index on the same root."""
    command = [sys.executable, "-c", BEGIN + code, str(root)]
    return subprocess.run(command, check=check, capture_output=True, text=True).stdout.strip()


def test_another_process_finds_what_was_added_and_sees_changes(
    index: KeywordIndex, tmp_path: Path
) -> None:
    root = tmp_path / "index"
    search = f"print([hit.chunk for hit in index.search(['{STORE}'], ['sharks otter'], 9)])"
    assert run(search, root) == "[1]"
    assert found(index, "otter") == []
    run(f"index.add('{STORE}', [Entry(60, 60, 'An otter.')])", root)
    assert found(index, "otter") == [60]
    run(f"index.drop('{STORE}'); index.add('{STORE}', [Entry(61, 61, 'An otter.')])", root)
    assert found(index, "otter") == [61]


def test_a_writer_that_died_blocks_nobody(index: KeywordIndex, tmp_path: Path) -> None:
    die = (
        "def entries():\n"
        "    yield Entry(1, 1, 'A whale.')\n"
        "    os._exit(9)\n"
        f"index.rebuild('{STORE}', entries())"
    )
    run(die, tmp_path / "index", check=False)
    index.add(STORE, [Entry(70, 70, "An otter.")])
    assert found(index, "otter") == [70]
    assert found(index, "largest whale")[0] == 0
    assert len(list((tmp_path / "index").glob(".vs_*"))) == 1
    index.clean_up()
    assert list((tmp_path / "index").glob(".vs_*")) == []
    assert found(index, "otter") == [70]


def test_two_processes_that_write_wait_for_each_other(index: KeywordIndex, tmp_path: Path) -> None:
    write = f"for n in range(100, 110): index.add('{STORE}', [Entry(n, n, 'An otter.')])"
    thread = threading.Thread(target=run, args=(write, tmp_path / "index"))
    thread.start()
    for number in range(200, 210):
        index.add(STORE, [Entry(number, number, "An otter.")])
    thread.join()
    assert len(found(index, "otter", limit=50)) == 20


def test_threads_that_write_at_once_lose_nothing(index: KeywordIndex) -> None:
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


@pytest.mark.parametrize("name", ["meta.json", "*.idx", "*.term", "*.fast"])
@pytest.mark.parametrize("damage", ["emptied", "halved", "gone", "nonsense"])
def test_a_damaged_index_counts_as_absent_until_it_is_made_anew(
    index: KeywordIndex, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, damage: str
) -> None:
    directory = tmp_path / "index" / f"{STORE}.{FORMAT}"
    for path in directory.glob(name):
        data = path.read_bytes()
        path.unlink()
        if damage != "gone":
            half = len(data) // 2
            path.write_bytes(
                {"emptied": b"", "halved": data[:half], "nonsense": os.urandom(len(data))}[damage]
            )
    reopened = KeywordIndex(tmp_path / "index")
    with caplog.at_level(logging.ERROR):
        assert found(reopened, "whale") == []
        assert reopened.count(STORE) == 0
    if not (name == "meta.json" and damage == "gone"):
        assert "is damaged" in caplog.text
    with pytest.raises(Damaged):
        reopened.add(STORE, [Entry(80, 80, "An otter.")])
    with pytest.raises(Damaged):
        reopened.remove(STORE, [80])
    assert reopened.rebuild(STORE, [Entry(80, 80, "An otter.")]) == 1
    assert found(reopened, "otter") == [80]
    assert reopened.count(STORE) == 1


def test_a_want_of_open_files_destroys_no_index(index: KeywordIndex, tmp_path: Path) -> None:
    starved = f"""
import resource
most = resource.getrlimit(resource.RLIMIT_NOFILE)
for call in (
    lambda: KeywordIndex(Path(sys.argv[1])).search(['{STORE}'], ['whale'], 9),
    lambda: index.remove('{STORE}', [77]),
    lambda: index.add('{STORE}', [Entry(80, 80, 'An otter.')]),
):
    failures = 0
    while True:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3 + failures, most[1]))
        try:
            call()
            break
        except OSError:
            failures += 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, most)
    print(failures > 0)
"""
    assert run(starved, tmp_path / "index").split() == ["True"] * 3
    assert found(index, "otter") == [80]
    assert index.count(STORE) == len(TEXTS) + 1


def test_a_panic_of_tantivy_is_an_error_that_a_thread_survives() -> None:
    class PanicException(BaseException):
        """What tantivy raises, which Python code cannot name."""

    with pytest.raises(Damaged, match="a Rust thread"), _asking_tantivy():
        raise PanicException("a Rust thread")


def test_a_store_is_found_in_while_another_process_makes_its_index_anew(
    index: KeywordIndex, tmp_path: Path
) -> None:
    rebuild = f"""
def entries():
    for number in range(100, 103):
        print(number, flush=True)
        sys.stdin.readline()
        yield Entry(number, 9, 'An otter.')
index.rebuild('{STORE}', entries())
"""
    command = [sys.executable, "-c", BEGIN + rebuild, str(tmp_path / "index")]
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


def test_a_process_that_drops_a_store_damages_nothing_that_another_writes(
    index: KeywordIndex, tmp_path: Path
) -> None:
    drop = f"for _ in range(30): index.drop('{STORE}')"
    thread = threading.Thread(target=run, args=(drop, tmp_path / "index"))
    thread.start()
    number = 100
    while thread.is_alive():
        index.add(STORE, [Entry(number, number, "An otter.")])
        number += 1
    thread.join()
    index.add(STORE, [Entry(99, 99, "An otter.")])
    assert 99 in found(index, "otter", limit=1000)
    assert list((tmp_path / "index").glob(".vs_*")) == []
