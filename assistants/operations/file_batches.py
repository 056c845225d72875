"""Adding many files to a vector store at once."""

from django.db import transaction

from assistants.models import FileBatch, FileStatus, VectorStore, VectorStoreFile, clock
from assistants.operations import audit, leftovers, vector_store_files
from assistants.params import FileBatchCreate


@transaction.atomic
def create(store: VectorStore, params: FileBatchCreate) -> FileBatch:
    """Add all files or none; workers ingest them.

    :raises Invalid: the body names no files, or names them twice over; or the store has expired
    :raises NotFound: one of the files is not there
    """
    additions = params.each()
    batch = FileBatch.objects.create(vector_store=store)
    vector_store_files.add(store, additions, batch)
    return batch


@transaction.atomic
def cancel(batch: FileBatch) -> FileBatch:
    """Ingest no more of its files. Those that are done stay, and those that were added again alone
    go on; of a batch that is done or cancelled nothing changes.

    :raises NotFound: the batch was deleted meanwhile, with its store
    """
    row = FileBatch.objects.select_for_update().fetch(batch.pk)
    if row.cancelled_at:
        return row
    open_files = VectorStoreFile.objects.select_for_update().filter(
        batch=row, added_alone=False, status=FileStatus.IN_PROGRESS
    )
    begun = open_files.exclude(claim="")
    leftovers.leave_chunks_of(begun)
    if open_files.update(status=FileStatus.CANCELLED, claim="", claimed_until=None):
        row.cancelled_at = clock.now()
        row.save(update_fields=["cancelled_at"])
        store = row.vector_store
        audit.note("vector_store.batch_cancelled", store.project_id, store, batch=row.id)
    return row
