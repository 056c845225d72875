"""What files that left a vector store leave behind, and its cleaning away.

A file is taken out by deleting its row: from then on none of its chunks is found. The chunks
themselves, of which a store may have a million, and the entries of the index go later, in pieces.
"""

import time
from collections.abc import Callable

from assistants import doorbell
from assistants.doorbell import UNHEARD
from assistants.models import Chunk, Leftover, VectorStore, clock
from assistants.models.vector_store_file import VectorStoreFileQuerySet
from assistants.operations import indexing

FILES_AT_ONCE = 200
CHUNKS_AT_ONCE = 1000
PIECE_SECONDS = 0.5
"""Files that wait to be ingested have their turn after so long."""


def leave(files: VectorStoreFileQuerySet) -> None:
    """Take these files out of their stores, within the caller's transaction."""
    if leave_chunks_of(files):
        files.delete()


def leave_chunks_of(files: VectorStoreFileQuerySet) -> int:
    """Have what was made of these files cleaned away, within the caller's transaction. How many
    there are.
    """
    left = [
        Leftover(vector_store_id=store_id, store_file=number)
        for store_id, number in files.values_list("vector_store_id", "pk")
    ]
    if left:
        Leftover.objects.bulk_create(left)
        doorbell.ring(doorbell.INGEST)
    return len(left)


def leave_all_of(store: VectorStore) -> None:
    """Take all files out of a store that is to be deleted, within the caller's transaction."""
    Leftover.objects.create(vector_store_id=store.pk)
    doorbell.ring(doorbell.INGEST)
    leave(store.files.all())


def clean(stopping: Callable[[], bool]) -> bool:
    """Clean some of it away, of one store, in short transactions; whether there was any.

    Doing it twice does no harm.
    """
    until = time.monotonic() + PIECE_SECONDS
    first = Leftover.objects.order_by("pk").first()
    if first is None:
        return False
    store_id = first.vector_store_id
    if first.store_file is None:
        indexing.drop(store_id)
        first.delete()
        return True
    left = Leftover.objects.filter(vector_store_id=store_id, store_file__isnull=False)
    numbers = list(left.order_by("pk").values_list("store_file", flat=True)[:FILES_AT_ONCE])
    indexing.remove(store_id, [number for number in numbers if number is not None])
    while chunks := list(
        Chunk.objects.filter(store_file__in=numbers).values_list("pk", flat=True)[:CHUNKS_AT_ONCE]
    ):
        Chunk.objects.filter(pk__in=chunks).delete()
        if stopping() or time.monotonic() > until:
            return True
    left.filter(store_file__in=numbers).delete()
    return True


def ring_again() -> int:
    """Ring for what has been left for a while; how much of it there is."""
    waiting = Leftover.objects.filter(created_at__lt=clock.now() - UNHEARD).count()
    if waiting:
        doorbell.ring(doorbell.INGEST)
    return waiting
