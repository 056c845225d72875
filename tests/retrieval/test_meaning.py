"""What both kinds of vectors do alike: in files on one host, in tables of a PostgreSQL."""

import pytest

from assistants.retrieval.kinds import Vectors
from assistants.retrieval.vectors import OtherLength, Vector
from tests.retrieval.test_vectors import MODEL, STORE, drawn


@pytest.fixture
def index(vectors: Vectors) -> Vectors:
    return vectors


def nearest(index: Vectors, query: list[float], depth: int = 3, **options: object) -> list[int]:
    found = index.search([STORE], MODEL, query, depth, **options)  # type: ignore[arg-type]
    return [near.chunk for near in sorted(found, key=lambda near: -near.cosine)]


def test_the_nearest_come_with_their_cosine_whatever_their_length(index: Vectors) -> None:
    index.add(STORE, MODEL, [Vector(1, 1, [3.0, 0.0]), Vector(2, 1, [1.0, 1.0])])
    index.add(STORE, MODEL, [Vector(3, 2, [-5.0, 0.0])])
    found = index.search([STORE, "vs_without"], MODEL, [10.0, 0.0], 2)
    assert sorted((near.chunk, near.file, round(near.cosine, 3)) for near in found) == [
        (1, 1, 1.0),
        (2, 1, 0.707),
    ]


def test_chunks_that_have_a_vector_already_are_passed_over(index: Vectors) -> None:
    index.add(STORE, MODEL, drawn(10))
    index.add(STORE, MODEL, drawn(20, seed=2))
    assert index.count(STORE, MODEL) == 20
    assert nearest(index, list(drawn(10)[4].numbers), 1) == [5]


def test_only_files_that_are_asked_for_are_found_and_others_beside_the_nearest(
    index: Vectors,
) -> None:
    made = drawn(40)
    index.add(STORE, MODEL, made)
    query = list(made[4].numbers)
    assert nearest(index, query, 1) == [5]
    assert set(nearest(index, query, 40, files={2, 3})) == set(range(11, 31))
    assert nearest(index, query, 1, also=[25, 999]) == [5, 25]
    assert nearest(index, query, 1, also=[25], files={1}) == [5]


def test_vectors_of_another_model_count_as_none_and_go_when_it_adds(index: Vectors) -> None:
    index.add(STORE, MODEL, drawn(10))
    assert index.search([STORE], "another", list(drawn(1)[0].numbers), 3) == []
    assert not index.holds(STORE, "another")
    assert index.holds(STORE, MODEL)
    index.add(STORE, "another", drawn(10, 32))
    assert not index.holds(STORE, MODEL)
    assert index.count(STORE, "another") == 10


def test_vectors_of_one_model_have_one_length(index: Vectors) -> None:
    index.add(STORE, MODEL, drawn(10))
    with pytest.raises(OtherLength):
        index.add(STORE, MODEL, drawn(2, 32, first=11))
    assert index.search([STORE], MODEL, [1.0, 2.0], 3) == []
    assert index.count(STORE, MODEL) == 10
