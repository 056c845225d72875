"""The index of passages: what is added is found, by any process, until it is removed."""

import logging
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


def test_a_dropped_store_leaves_nothing(index: KeywordIndex, tmp_path: Path) -> None:
    assert found(index, "whale")
    index.drop(STORE)
    index.drop(STORE)
    assert found(index, "whale") == []
    assert list((tmp_path / "index").iterdir()) == []
    index.add(STORE, [Entry(9, 9, "A new whale.")])
    assert found(index, "whale") == [9]


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
