"""Creating, changing and deleting vector stores."""

from collections.abc import Sequence

from django.db import transaction

from assistants.errors import Wire
from assistants.models import File, Project, VectorStore, clock
from assistants.operations import audit, leftovers, vector_store_files
from assistants.params import VectorStoreCreate, VectorStoreFileCreate, VectorStoreUpdate
from assistants.params.vector_store import ChunkingStrategy, InlineVectorStore

HELPER_DAYS = 7
"""So long a store that a message's attachment has brought about is kept after its last use."""


@transaction.atomic
def create(project: Project, params: VectorStoreCreate) -> VectorStore:
    """A store, with its first files if any are given.

    :raises NotFound: one of the files is not there
    :raises Invalid: one of them is of a type that is not searched
    """
    store = VectorStore.objects.create(
        project=project,
        name=params.name,
        description=params.description,
        metadata=params.metadata or {},
        expires_after_days=params.expires_after.days if params.expires_after else None,
    )
    audit.note("vector_store.created", project, store)
    _fill(store, params.file_ids or [], params.chunking_strategy)
    return store


@transaction.atomic
def create_inline(project: Project, params: InlineVectorStore) -> VectorStore:
    """The store of an assistant or a thread that is created in the same request.

    :raises NotFound: one of the files is not there
    :raises Invalid: one of them is of a type that is not searched
    """
    store = VectorStore.objects.create(project=project, metadata=params.metadata or {})
    audit.note("vector_store.created", project, store)
    _fill(store, params.file_ids or [], params.chunking_strategy)
    return store


def create_for_thread(project: Project) -> VectorStore:
    """The store for the attachments of a thread that has none."""
    store = VectorStore.objects.create(project=project, expires_after_days=HELPER_DAYS)
    audit.note("vector_store.created", project, store)
    return store


def _fill(
    store: VectorStore, file_ids: Sequence[str], chunking_strategy: ChunkingStrategy | None
) -> None:
    files = File.objects.in_project(store.project).filter(pk__in=file_ids)
    vector_store_files.check_supported(files.values_list("filename", flat=True))
    vector_store_files.add(
        store,
        [
            VectorStoreFileCreate(file_id=file_id, chunking_strategy=chunking_strategy)
            for file_id in file_ids
        ],
    )


@transaction.atomic
def update(store: VectorStore, params: VectorStoreUpdate) -> VectorStore:
    """Change what the caller named; null clears, and a given metadata map replaces the old one.

    A new expiry counts from now, and so brings back a store that has expired.

    :raises NotFound: the store was deleted meanwhile
    """
    row = VectorStore.objects.select_for_update().fetch(store.pk)
    given = params.given()
    if "name" in given:
        row.name = given["name"]
    if "metadata" in given:
        row.metadata = given["metadata"] or {}
    if "expires_after" in given:
        row.expires_after_days = params.expires_after.days if params.expires_after else None
        row.last_active_at = clock.now()
    row.save(update_fields=["name", "metadata", "expires_after_days", "last_active_at"])
    audit.note("vector_store.changed", row.project_id, row, fields=sorted(given))
    return row


@transaction.atomic
def delete(store: VectorStore) -> None:
    """The store at once; the chunks of its files and its index in the background. The files
    themselves stay.
    """
    # Whoever adds files at this moment is waited for, and those go too.
    VectorStore.objects.select_for_update().filter(pk=store.pk).first()
    leftovers.leave_all_of(store)
    audit.note("vector_store.deleted", store.project_id, store)
    store.delete()


def deleted(store: VectorStore) -> Wire:
    return {"id": store.id, "object": "vector_store.deleted", "deleted": True}
