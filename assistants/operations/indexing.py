"""Keeping the keyword indexes in line with the database: what one has lost comes back from the
chunks. What leaves them leaves the vectors too, which ``embedding`` makes.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator

from assistants.models import Chunk, FileStatus, VectorStore, VectorStoreFile
from assistants.operations.indexes import has_vectors, keyword_index, vector_index
from assistants.retrieval.index import Damaged, Entry

logger = logging.getLogger(__name__)

FOUND = (FileStatus.IN_PROGRESS, FileStatus.COMPLETED)
"""Whose chunks are in the index. Those of a file are there before it is completed."""

_mending = threading.Lock()
"""One rebuild at a time: who comes later finds that it is done."""


def add(store_id: str, chunks: Iterable[Chunk]) -> None:
    """Make chunks that are in the database findable. An index that is lost or damaged is first made
    anew, so that it never looks whole with only these in it.
    """
    _mend(store_id, _is_lost)
    try:
        keyword_index().add(store_id, map(_entry, chunks))
    except Damaged:
        logger.exception("the index of %s is damaged", store_id)
        rebuild(store_id)


def remove(store_id: str, numbers: Collection[int]) -> None:
    """Remove what the indexes have of files whose rows are gone, cancelled or failed."""
    if has_vectors():
        vector_index().remove(store_id, numbers)
    try:
        keyword_index().remove(store_id, numbers)
    except Damaged:
        logger.exception("the index of %s is damaged", store_id)
        rebuild(store_id)


def drop(store_id: str) -> None:
    """Remove all that the indexes have of a store."""
    if has_vectors():
        vector_index().drop(store_id)
    keyword_index().drop(store_id)


def rebuild(store_id: str) -> int:
    """Make the store's index anew from its chunks; how many it has. Searches find what they found
    until it is done.
    """
    return keyword_index().rebuild(store_id, _entries(store_id))


def rebuild_missing(stopping: Callable[[], bool] = lambda: False) -> int:
    """Make the indexes anew that have less than the database; how many."""
    rebuilt = 0
    completed = VectorStore.objects.filter(files__status=FileStatus.COMPLETED)
    for store_id in completed.distinct().values_list("pk", flat=True):
        if stopping():
            break
        # One that fails must not keep the others from being found.
        try:
            rebuilt += _mend(store_id, _has_too_little)
        except Exception:
            logger.exception("the index of %s could not be made anew", store_id)
    return rebuilt


def _mend(store_id: str, is_needed: Callable[[str], bool]) -> bool:
    if not is_needed(store_id):
        return False
    with _mending:
        if not is_needed(store_id):
            return False
        logger.warning("the index of %s is made anew", store_id)
        rebuild(store_id)
        return True


def _is_lost(store_id: str) -> bool:
    completed = VectorStoreFile.objects.filter(vector_store=store_id, status=FileStatus.COMPLETED)
    return not keyword_index().count(store_id) and completed.exists()


def _has_too_little(store_id: str) -> bool:
    chunks = Chunk.objects.filter(
        store_file__vector_store=store_id, store_file__status=FileStatus.COMPLETED
    ).count()
    return keyword_index().count(store_id) < chunks


def _entries(store_id: str) -> Iterator[Entry]:
    # Files on their way count too: they may have reached the index that is replaced already.
    rows = VectorStoreFile.objects.filter(vector_store=store_id, status__in=FOUND)
    for number in list(rows.order_by("pk").values_list("pk", flat=True)):
        yield from map(_entry, Chunk.objects.filter(store_file=number).iterator())


def _entry(chunk: Chunk) -> Entry:
    return Entry(chunk.pk, chunk.store_file_id, chunk.text)
