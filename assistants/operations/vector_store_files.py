"""Adding files to vector stores, changing what is said of them, and taking them out again."""

from collections.abc import Iterable, Sequence

from django.db import transaction

from assistants import doorbell, refusals
from assistants.errors import Wire
from assistants.models import (
    File,
    FileBatch,
    FileStatus,
    Project,
    VectorStore,
    VectorStoreFile,
    clock,
)
from assistants.operations import audit, files, leftovers
from assistants.params import VectorStoreFileCreate, VectorStoreFileUpdate
from assistants.params.vector_store import AutoStrategy
from assistants.retrieval.parsing import suffix_of
from assistants.retrieval.reader import EXTENSIONS


def is_searchable(filename: str) -> bool:
    """Whether a file of this name is of a type that is searched."""
    return suffix_of(filename) in EXTENSIONS


def check_supported(filenames: Iterable[str]) -> None:
    """
    :raises Invalid: files of these names are not searched, in the service's words
    """
    found = {suffix_of(name) for name in filenames if not is_searchable(name)}
    if found:
        extensions = ", ".join(sorted(extension or "none" for extension in found))
        raise refusals.NOT_SEARCHED(extensions=extensions)


def searchable(project: Project, file_ids: Iterable[str]) -> set[str]:
    """Those of the project's files that are of a type that is searched."""
    found = File.objects.in_project(project).filter(pk__in=list(file_ids))
    names = found.values_list("pk", "filename")
    return {pk for pk, name in names if is_searchable(name)}


def create(store: VectorStore, params: VectorStoreFileCreate) -> VectorStoreFile:
    """Add a file; a worker ingests it.

    :raises NotFound: there is no such file
    :raises Invalid: the store has expired
    """
    return add(store, [params])[0]


@transaction.atomic
def add(
    store: VectorStore,
    additions: Sequence[VectorStoreFileCreate],
    batch: FileBatch | None = None,
) -> list[VectorStoreFile]:
    """Add files; workers ingest them. One that the store has already, cut in the same way, only
    gets the new attributes; else it is ingested anew. One that is added again alone still counts in
    the batch that it came with, and goes on when that is cancelled.

    :raises NotFound: one of the files is not there
    :raises Invalid: the store has expired
    """
    asked = {addition.file_id: addition for addition in additions}
    store = VectorStore.objects.select_for_update().fetch(store.pk)
    store.check_not_expired()
    store.last_active_at = clock.now()
    store.save(update_fields=["last_active_at"])
    files.hold(store.project, asked)
    present = {row.file_id: row for row in store.files.filter(file__in=asked)}
    rows: list[VectorStoreFile] = []
    new: list[VectorStoreFile] = []
    for file_id, addition in asked.items():
        row = _row(store, addition, batch)
        before = present.get(file_id)
        if before is not None and batch is None:
            row.batch_id = before.batch_id
        if before is not None and _stands(before, row):
            before.batch_id = row.batch_id
            if addition.attributes is not None:
                before.attributes = row.attributes
            store.files.filter(pk=before.pk).update(
                batch=row.batch_id,
                added_alone=row.added_alone,
                attributes=before.attributes,
            )
            row = before
        else:
            new.append(row)
        rows.append(row)
    leftovers.leave(store.files.filter(file__in=[row.file_id for row in new]))
    VectorStoreFile.objects.bulk_create(new)
    doorbell.ring(doorbell.INGEST)
    if asked:
        audit.note("vector_store.files_added", store.project_id, store, files=list(asked))
    return rows


def _row(
    store: VectorStore, addition: VectorStoreFileCreate, batch: FileBatch | None
) -> VectorStoreFile:
    chunking = (addition.chunking_strategy or AutoStrategy(type="auto")).chunking
    return VectorStoreFile(
        vector_store=store,
        file_id=addition.file_id,
        batch=batch,
        added_alone=batch is None,
        attributes=addition.attributes or {},
        max_chunk_size_tokens=chunking.max_chunk_size_tokens,
        chunk_overlap_tokens=chunking.chunk_overlap_tokens,
    )


def _stands(before: VectorStoreFile, wanted: VectorStoreFile) -> bool:
    """Whether what is there, or on its way, is what is wanted."""
    return (
        before.status in (FileStatus.IN_PROGRESS, FileStatus.COMPLETED)
        and before.max_chunk_size_tokens == wanted.max_chunk_size_tokens
        and before.chunk_overlap_tokens == wanted.chunk_overlap_tokens
    )


@transaction.atomic
def update(row: VectorStoreFile, params: VectorStoreFileUpdate) -> VectorStoreFile:
    """The given attributes replace the old ones.

    :raises NotFound: the file was taken out meanwhile
    """
    row.attributes = params.attributes or {}
    if not VectorStoreFile.objects.filter(pk=row.pk).update(attributes=row.attributes):
        raise refusals.not_found(row.noun, row.file_id)
    store = row.vector_store
    audit.note("vector_store.files_changed", store.project_id, store, files=[row.file_id])
    return row


@transaction.atomic
def delete(row: VectorStoreFile) -> None:
    """Take the file out of the store, at once. The file itself stays."""
    leftovers.leave(VectorStoreFile.objects.filter(pk=row.pk))
    store = row.vector_store
    audit.note("vector_store.files_removed", store.project_id, store, files=[row.file_id])


def deleted(row: VectorStoreFile) -> Wire:
    return {"id": row.file_id, "object": "vector_store.file.deleted", "deleted": True}


def text(row: VectorStoreFile) -> str:
    """The text that was read from the file, in which its chunks' ``start`` and ``end`` count.
    White space that is in no chunk comes back as line ends.
    """
    pieces: list[str] = []
    end = 0
    for chunk in row.chunks.order_by("number").iterator():
        if chunk.start > end:
            pieces.append("\n" * (chunk.start - end))
            end = chunk.start
        pieces.append(chunk.text[end - chunk.start :])
        end = max(end, chunk.end)
    return "".join(pieces)
