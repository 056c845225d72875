"""How documents begin, for queries that ask for them as a whole: no words lead to that."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from assistants.models import Chunk, FileStatus, VectorStoreFile
from assistants.retrieval import whole
from assistants.retrieval.index import Hit

MOST_NAMES = 300
"""Of a store's files, the newest: a query is compared with each name."""


@dataclass(frozen=True, slots=True)
class Beginnings:
    """Passages from the beginnings of documents, in the order in which they are to be told.

    ``alone`` says whether nothing else was asked for.
    """

    passages: list[Hit]
    alone: bool

    def among(
        self, hits: Sequence[Hit], limit: int, threshold: float
    ) -> tuple[list[Hit], list[Hit]]:
        """These and what was found by the queries' words or meaning, ``limit`` of both; and which
        of them are these.

        What is in both keeps the score that it was found with; of the others the score is 0, so a
        threshold leaves them out.
        """
        scores = {hit.chunk: hit for hit in hits}
        scored = (scores.get(one.chunk, one) for one in self.passages)
        mine = [one for one in scored if one.score >= threshold]
        room = limit - len(hits)
        if self.alone:
            mine = mine[: max(limit * 3 // 4, 1, room)]
            others = [hit for hit in hits if hit not in mine]
            return [*mine, *others][:limit], mine
        # Chosen before places are made for it: those that lose theirs may be beginnings themselves.
        quarter = mine[: limit // 4]
        staying = hits[: limit - len(quarter)]
        late = [one for one in quarter if one not in staying]
        others = [hit for hit in hits if hit not in late][: limit - len(late)]
        added = [one for one in mine if one not in others][: limit - len(others)]
        return [*others, *added], added


def asked_for(
    store_ids: Sequence[str], queries: Sequence[str], limit: int, files: Collection[int] | None
) -> Beginnings | None:
    """Of the files that any of the queries asks for as a whole; None when none does.

    Those of the last store that has any are meant: what a person has attached to a thread comes
    before what its assistant always has.

    :param store_ids: the nearest last
    :param files: only of these, by the keys of their places in stores
    """
    if not any(map(whole.may_ask, queries)):
        return None
    return _of(store_ids, queries, limit, files, whole.meant)


def named(
    store_ids: Sequence[str], queries: Sequence[str], limit: int, files: Collection[int] | None
) -> Beginnings | None:
    """Of the files whose names, without extension, are all that a query says."""
    return _of(store_ids, queries, limit, files, whole.named)


def _of(
    store_ids: Sequence[str],
    queries: Sequence[str],
    limit: int,
    files: Collection[int] | None,
    meant: Callable[[str, Collection[str]], set[str]],
) -> Beginnings | None:
    for store_id in reversed(store_ids):
        names = _files(store_id, files)
        by_query = [meant(query, names) for query in queries]
        wanted = set[str]().union(*by_query)
        if numbers := [number for name in names if name in wanted for number in names[name]]:
            return Beginnings(_passages(sorted(numbers, reverse=True), limit), all(by_query))
    return None


def _files(store_id: str, files: Collection[int] | None) -> dict[str, list[int]]:
    """The newest files that can be searched: their keys by name."""
    found: dict[str, list[int]] = defaultdict(list)
    rows = VectorStoreFile.objects.filter(vector_store=store_id, status=FileStatus.COMPLETED)
    newest = rows.order_by("-created_at", "-pk").values_list("pk", "file__filename")
    if files is None:
        newest = newest[:MOST_NAMES]
    among = ((pk, name) for pk, name in newest if files is None or pk in files)
    for pk, name in islice(among, MOST_NAMES):
        found[name].append(pk)
    return found


def _passages(files: Sequence[int], limit: int) -> list[Hit]:
    """The first passage of each file, then the second of each, and so on.

    :param files: the newest first
    """
    chunks: dict[int, list[Hit]] = defaultdict(list)
    few = files[:limit]
    rows = Chunk.objects.filter(store_file__in=few, number__lt=limit).order_by("number")
    for pk, file in rows.values_list("pk", "store_file_id"):
        chunks[file].append(Hit(pk, file, 0.0))
    turns = zip_longest(*(chunks[file] for file in few))
    return [hit for hit in chain.from_iterable(turns) if hit is not None][:limit]
