"""Words and meaning in one score."""

from assistants.retrieval.fusion import fused, likeness, of_queries
from assistants.retrieval.index import Hit


def test_likeness_is_nothing_for_what_is_as_near_as_anything_and_all_for_the_same() -> None:
    assert likeness(0.7, 0.7) == likeness(0.1, 0.7) == likeness(-1, -0.1) == 0
    assert likeness(1.0, 0.7) == likeness(1.0, -0.1) == 1
    assert 0.49 < likeness(0.85, 0.7) < 0.51


def test_what_has_no_vector_keeps_the_score_of_its_words() -> None:
    words = [Hit(1, 1, 0.8), Hit(2, 1, 0.4)]
    hits = fused(words, {(2, 1): 0.6, (3, 2): 0.5}, meaning=0.5)
    assert {hit.chunk: hit.score for hit in hits} == {1: 0.8, 2: 0.5, 3: 0.25}


def test_of_several_queries_the_best_counts_and_others_add_a_little() -> None:
    found = [[Hit(1, 1, 0.6), Hit(2, 1, 0.6)], [Hit(2, 1, 0.4)]]
    hits = of_queries(found, 5)
    assert [hit.chunk for hit in hits] == [2, 1]
    assert hits[1].score == 0.6
    assert of_queries(found, 1) == hits[:1]
