"""One score from what the words of a passage say and from what its meaning says."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from assistants.retrieval.index import Hit, together
from assistants.retrieval.kinds import Vectors, Words
from assistants.retrieval.meaning import Meaning

MEANING = 0.5
"""What likeness counts for in a score, words the rest. Measured: docs/retrieval.md, "Scores"."""


LEAST_DEPTH = 100
"""So many passages are looked at by words, and as many by meaning, however few are wanted."""


def search(
    words: Words,
    vectors: Vectors,
    stores: Sequence[str],
    queries: Sequence[str],
    limit: int,
    files: Collection[int] | None,
    meanings: Callable[[], Mapping[str, Meaning]],
) -> list[Hit]:
    """The best ``limit`` chunks by words, and by meaning for the queries whose meaning is known.

    Only chunks of ``files`` when these are given.

    :param meanings: waits for what queries mean, by query; called when words have been looked for
    """
    depth = max(2 * limit, LEAST_DEPTH)
    by_words = [words.search(stores, [query], depth, files) for query in queries]
    known = meanings()
    found = []
    for query, hits in zip(queries, by_words, strict=True):
        if meaning := known.get(query):
            chunks = [hit.chunk for hit in hits]
            near = vectors.search(stores, meaning.label, meaning.numbers, depth, files, chunks)
            likenesses = {
                (one.chunk, one.file): likeness(one.cosine, meaning.background) for one in near
            }
            found.append(fused(hits, likenesses))
        else:
            found.append(hits)
    return of_queries(found, limit)


def likeness(cosine: float, background: float) -> float:
    """From 0 to 1: 0 for a passage that is no nearer to the query than any text, 1 for the query
    itself.

    :param background: the query's cosine to texts that have nothing to do with it. It differs a lot
        between models, so cosines alone mean nothing.
    """
    return min(max((cosine - background) / max(1 - background, 1e-6), 0.0), 1.0)


def fused(
    words: Iterable[Hit], likenesses: Mapping[tuple[int, int], float], meaning: float = MEANING
) -> list[Hit]:
    """What one query has found by words and by meaning, in no order.

    A passage without a vector is one whose meaning is not known, so its words alone count. One with
    a vector that was not found by its words has none of them.

    :param likenesses: of passages, by chunk and file, to the query
    """
    found = {(hit.chunk, hit.file): hit.score for hit in words}
    scores = {place: score for place, score in found.items() if place not in likenesses}
    for place, likeness_ in likenesses.items():
        scores[place] = (1 - meaning) * found.get(place, 0.0) + meaning * likeness_
    return [Hit(chunk, file, score) for (chunk, file), score in scores.items()]


def of_queries(found: Sequence[Iterable[Hit]], limit: int) -> list[Hit]:
    """The best of what several queries have found, the best first."""
    scores: dict[tuple[int, int], list[float]] = {}
    for hits in found:
        for hit in hits:
            scores.setdefault((hit.chunk, hit.file), []).append(hit.score)
    best = [
        Hit(chunk, file, together(of_each, len(found))) for (chunk, file), of_each in scores.items()
    ]
    best.sort(key=lambda hit: (-hit.score, hit.chunk))
    return best[:limit]
