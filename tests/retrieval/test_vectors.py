"""Vectors of vector stores: what is near, what is kept, and what damage does."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from assistants.retrieval import vectors as module
from assistants.retrieval.vectors import Vector, VectorIndex

STORE, MODEL = "vs_1", "played"


@pytest.fixture
def index(tmp_path: Path) -> VectorIndex:
    return VectorIndex(tmp_path)


def drawn(count: int, width: int = 64, seed: int = 1, first: int = 1) -> list[Vector]:
    """Vectors that point anywhere: chunks 1, 2, ..., ten in each file 1, 2, ..."""
    numbers = np.random.default_rng(seed).standard_normal((count, width))
    return [
        Vector(first + row, (first + row - 1) // 10 + 1, numbers[row].tolist())
        for row in range(count)
    ]


def nearest(index: VectorIndex, query: list[float], depth: int = 3, **options: object) -> list[int]:
    found = index.search([STORE], MODEL, query, depth, **options)  # type: ignore[arg-type]
    return [near.chunk for near in sorted(found, key=lambda near: -near.cosine)]


@pytest.mark.parametrize("width", [64, 100])
def test_among_many_the_signs_choose_and_hardly_miss_any(
    index: VectorIndex, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    made = drawn(3000, width)
    index.add(STORE, MODEL, made)
    index.remove(STORE, {7})
    queries = [np.add(one.numbers, drawn(1, width, 9)[0].numbers).tolist() for one in made[:30]]
    exact = [nearest(index, query, 10) for query in queries]
    some = [nearest(index, query, 10, files=set(range(1, 251))) for query in queries]
    monkeypatch.setattr(module, "EXACT", 100)
    monkeypatch.setattr(module, "CHOSEN", 600)
    monkeypatch.setattr(module, "BLOCK", 256)
    chosen = [nearest(index, query, 10) for query in queries]
    met = [len(set(one) & set(other)) for one, other in zip(exact, chosen, strict=True)]
    assert sum(met) >= 0.9 * 10 * len(queries)
    assert not {chunk for found in chosen for chunk in found} & set(range(61, 71))
    chosen = [nearest(index, query, 10, files=set(range(1, 251))) for query in queries]
    met = [len(set(one) & set(other)) for one, other in zip(some, chosen, strict=True)]
    assert sum(met) >= 0.9 * 10 * len(queries)


def test_those_that_are_nearer_are_not_lost_among_many_that_are_alike(index: VectorIndex) -> None:
    near, other = np.ones(64, np.float32), np.ones(64, np.float32)
    other[:8] = -1
    alike = [Vector(number, number, other) for number in range(1, 6_001)]
    index.add(STORE, MODEL, [*alike, *(Vector(n, n, near) for n in range(6_001, 6_004))])
    assert set(nearest(index, near.tolist(), 3)) == {6_001, 6_002, 6_003}


def test_what_is_removed_is_gone_and_its_room_is_used_again(
    index: VectorIndex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "COMPACTED_FROM", 20)
    made = drawn(60)
    index.add(STORE, MODEL, made)
    index.remove(STORE, {1})
    assert index.count(STORE, MODEL) == 50
    assert index.files(STORE, MODEL) == {2, 3, 4, 5, 6}
    assert nearest(index, list(made[4].numbers), 1) != [5]
    size = (tmp_path / STORE / "vectors").stat().st_size
    index.remove(STORE, {2, 3, 4})
    assert (tmp_path / STORE / "vectors").stat().st_size == size // 3
    assert index.chunks(STORE, MODEL, {4, 5}) == set(range(41, 51))
    assert nearest(index, list(made[44].numbers), 1) == [45]
    index.add(STORE, MODEL, drawn(10))
    assert nearest(index, list(made[4].numbers), 1, also=[45]) == [5, 45]
    index.drop(STORE)
    assert list(tmp_path.iterdir()) == []
    index.remove(STORE, {1})


@pytest.mark.parametrize("damage", ["head", "format", "short", "gone"])
def test_damaged_files_count_as_none_and_are_written_anew(
    index: VectorIndex, tmp_path: Path, damage: str
) -> None:
    index.add(STORE, MODEL, drawn(10))
    directory = tmp_path / STORE
    head = json.loads((directory / "meta.json").read_text())
    match damage:
        case "head":
            (directory / "meta.json").write_text("{")
        case "format":
            (directory / "meta.json").write_text(json.dumps(head | {"format": 99}))
        case "short":
            (directory / "bits").write_bytes(b"1")
            (directory / "meta.json").write_text(json.dumps(head))
        case "gone":
            (directory / "chunks").unlink()
            (directory / "meta.json").write_text(json.dumps(head) + " ")
    assert nearest(index, list(drawn(1)[0].numbers)) == []
    index.remove(STORE, {1})
    index.add(STORE, MODEL, drawn(10))
    assert nearest(index, list(drawn(1)[0].numbers), 1) == [1]


def test_what_was_not_written_to_its_end_is_written_over(
    index: VectorIndex, tmp_path: Path
) -> None:
    index.add(STORE, MODEL, drawn(10))
    for name in ("chunks", "files", "bits", "vectors"):
        with (tmp_path / STORE / name).open("ab") as file:
            file.write(b"torn")
    index.add(STORE, MODEL, drawn(10, first=11))
    query = list(drawn(10, first=11)[3].numbers)
    assert set(nearest(index, query, 20)) == set(range(1, 21))


def test_writers_and_readers_at_once_lose_nothing(tmp_path: Path) -> None:
    indexes = [VectorIndex(tmp_path) for _ in range(4)]

    def write(number: int) -> None:
        for part in range(5):
            first = 1 + number * 50 + part * 10
            indexes[number].add(STORE, MODEL, drawn(10, first=first, seed=first))
            indexes[number].search([STORE], MODEL, list(drawn(1)[0].numbers), 5)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert indexes[0].chunks(STORE, MODEL, set(range(1, 21))) == set(range(1, 201))


def test_what_a_process_that_died_has_left_is_cleaned_away(
    index: VectorIndex, tmp_path: Path
) -> None:
    index.add(STORE, MODEL, drawn(10))
    (tmp_path / f".{STORE}.123").mkdir()
    (tmp_path / f".{STORE}.123" / "vectors").write_bytes(b"left")
    index.clean_up()
    assert not (tmp_path / f".{STORE}.123").exists()
    assert index.count(STORE, MODEL) == 10


def test_only_ids_of_stores_become_directories(index: VectorIndex) -> None:
    with pytest.raises(ValueError, match="not the id of a store"):
        index.add("../x", MODEL, drawn(1))


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="tells what is mapped")
def test_what_another_process_has_dropped_does_not_stay_mapped(
    index: VectorIndex, tmp_path: Path
) -> None:
    other = VectorIndex(tmp_path)
    for one in (index, other):
        one.add(STORE, MODEL, drawn(20))
        assert nearest(one, [1.0] * 64)

    def mapped() -> bool:
        return f"{tmp_path}/" in Path("/proc/self/maps").read_text()

    assert mapped()
    other.drop(STORE)
    index.add("vs_2", MODEL, [])
    index.add("vs_2", MODEL, drawn(20))
    index.search(["vs_2"], MODEL, [1.0] * 64, 1)
    index.drop("vs_2")
    assert not mapped()
