"""Where words are, packed: a few bytes for each place that has a word, and the scores they give.

A place is a chunk, by the number that it has in the index of its store.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from assistants.retrieval.segments import Segmented, Way

POSTING = np.dtype([("place", "<u4"), ("times", "<u2"), ("length", "<u2")])
"""How often a word is at a place, and how many words are there in all."""
MOST = 65_535

K1, B = 1.2, 0.75
"""BM25's, as tantivy has them."""

Array = np.ndarray[Any, np.dtype[Any]]


def key(way: Way) -> str:
    """How the table knows a word in a field. Text in PostgreSQL has no null characters."""
    return f"{way.field[0]}{way.word}".replace("\0", "\ufffd")


class Part:
    """The words of some places, collected until they are written together."""

    def __init__(self) -> None:
        self._found: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
        self.size = 0
        """How many postings it has."""

    def add(self, place: int, segmented: Segmented) -> None:
        for field, words in (("words", segmented.words), ("rest", segmented.rest)):
            length = min(len(words), MOST)
            counted = Counter(words)
            self.size += len(counted)
            for word, times in counted.items():
                self._found[key(Way(field, word))].append((place, min(times, MOST), length))

    def rows(self) -> Iterable[tuple[str, bytes]]:
        """Each word with its postings."""
        for word, found in self._found.items():
            yield word, np.array(found, POSTING).tobytes()


def among(postings: bytes, alive: Array) -> bytes:
    """The postings whose place is one of those that are true."""
    found = np.frombuffer(postings, POSTING)
    kept: Array = found[alive[found["place"]]]
    return kept.tobytes()


def places_of(lists: Iterable[bytes]) -> int:
    """How many places these postings are of."""
    found = [np.unique(np.frombuffer(postings, POSTING)["place"]) for postings in lists if postings]
    return len(np.unique(np.concatenate(found))) if found else 0


def scores(
    terms: Iterable[Mapping[Way, float]],
    postings: Mapping[str, bytes],
    places: int,
    usual: Mapping[str, float],
) -> Array:
    """BM25 of each place.

    :param terms: words, each in every way in which places may have it, of which the best counts;
        and what a place of usual length gets that has it once in that way
    :param places: how many there are
    :param usual: how many words a place has as a rule, by field
    """
    total = np.zeros(places, np.float32)
    for ways in terms:
        found = [
            _of_way(_below(places, postings[word]), usual[way.field], weight)
            for way, weight in ways.items()
            if (word := key(way)) in postings
        ]
        if len(found) == 1:
            at, score = found[0]
            total[at] += score
        elif found:
            best = np.zeros(places, np.float32)
            for at, score in found:
                best[at] = np.maximum(best[at], score)
            total += best
    return total


def _below(places: int, postings: bytes) -> Array:
    """Without places that were added since these were counted."""
    found = np.frombuffer(postings, POSTING)
    return (
        found if not len(found) or found["place"].max() < places else found[found["place"] < places]
    )


def _of_way(found: Array, usual: float, weight: float) -> tuple[Array, Array]:
    """The places that have a word, none of them twice, and what each gets for it."""
    times = found["times"].astype(np.float32)
    norm = K1 * (1 - B + B * found["length"].astype(np.float32) / np.float32(max(usual, 1e-6)))
    return found["place"], times * np.float32(weight * (1 + K1)) / (times + norm)
