"""Vector stores: the files in them, the batches in which those came, and the chunks that are found.

The database is the truth. The keyword index (``assistants.retrieval``) is made from the chunks and
can be made anew at any time.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from django.db import models
from typing_extensions import override

from assistants import refusals
from assistants.errors import Wire
from assistants.models import clock
from assistants.models.base import HEX, ApiObject, Listed, ObjectQuerySet
from assistants.models.file import File
from assistants.models.project import Project


class FileStatus(models.TextChoices):
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass
class Counts:
    """How many files of a store or a batch are in which status, and what they take up."""

    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    usage_bytes: int = 0

    @property
    def total(self) -> int:
        return self.in_progress + self.completed + self.failed + self.cancelled

    def to_dict(self) -> Wire:
        """``file_counts`` of the API."""
        counts = asdict(self) | {"total": self.total}
        del counts["usage_bytes"]
        return counts


def counted(owner: Literal["vector_store", "batch"], ids: Iterable[str]) -> dict[str, Counts]:
    """The counts of these stores or batches, in one query."""
    found: dict[str, Counts] = defaultdict(Counts)
    rows = (
        VectorStoreFile.objects.filter(**{f"{owner}__in": list(ids)})
        .values_list(f"{owner}_id", "status")
        .annotate(number=models.Count("pk"), size=models.Sum("usage_bytes"))
    )
    for owner_id, status, number, size in rows.order_by():
        setattr(found[owner_id], status, number)
        found[owner_id].usage_bytes += size
    return found


class VectorStoreQuerySet(ObjectQuerySet["VectorStore"]):
    def in_project(self, project: Project) -> "VectorStoreQuerySet":
        return self.filter(project=project)

    @override
    def page(
        self,
        *,
        limit: int = 20,
        order: Literal["asc", "desc"] = "desc",
        after: str | None = None,
        before: str | None = None,
    ) -> "tuple[list[VectorStore], bool]":
        """As everywhere, with the counts of all stores of the page at hand."""
        rows, more = super().page(limit=limit, order=order, after=after, before=before)
        counts = counted("vector_store", [row.pk for row in rows])
        for row in rows:
            row.known_counts = counts[row.pk]
        return rows, more


class VectorStore(ApiObject):
    noun = "vector store"
    prefix = "vs_"
    id_length = 32
    id_alphabet = HEX

    project = models.ForeignKey(Project, models.CASCADE, related_name="vector_stores")
    name = models.CharField(max_length=256, null=True)
    description = models.CharField(max_length=512, null=True)
    metadata = models.JSONField(default=dict)
    expires_after_days = models.PositiveIntegerField(null=True)
    last_active_at = models.DateTimeField(default=clock.now)

    objects = models.Manager.from_queryset(VectorStoreQuerySet)()

    known_counts: Counts | None = None
    """Set where many stores were counted at once."""

    class Meta:
        indexes = [models.Index(fields=["project", "created_at"])]

    @property
    def expires_at(self) -> datetime | None:
        if self.expires_after_days is None:
            return None
        return self.last_active_at + timedelta(days=self.expires_after_days)

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= clock.now()

    @property
    def counts(self) -> Counts:
        return self.known_counts or counted("vector_store", [self.pk])[self.pk]

    def check_not_expired(self) -> None:
        """:raises Invalid: its time is over"""
        if self.is_expired:
            raise refusals.STORE_EXPIRED(vector_store_id=self.id)

    def to_dict(self) -> Wire:
        """The vector store object of the API."""
        counts, days = self.counts, self.expires_after_days
        status = "in_progress" if counts.in_progress else "completed"
        return {
            "id": self.id,
            "object": "vector_store",
            "created_at": clock.unix(self.created_at),
            "name": self.name,
            "description": self.description,
            "usage_bytes": counts.usage_bytes,
            "file_counts": counts.to_dict(),
            "status": "expired" if self.is_expired else status,
            "expires_after": None if days is None else {"anchor": "last_active_at", "days": days},
            "expires_at": clock.unix(self.expires_at),
            "last_active_at": clock.unix(self.last_active_at),
            "metadata": self.metadata,
        }


class FileBatchQuerySet(ObjectQuerySet["FileBatch"]):
    pass


class FileBatch(ApiObject):
    """Files that were added to a store together."""

    noun = "vector store file batch"
    prefix = "vsfb_"
    id_length = 32
    id_alphabet = HEX

    vector_store = models.ForeignKey(VectorStore, models.CASCADE, related_name="file_batches")
    cancelled_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(FileBatchQuerySet)()

    def to_dict(self) -> Wire:
        """The file batch object of the API. Its type is the specification's, which the SDKs hold
        to; recordings have ``vector_store.file_batch``.
        """
        counts = counted("batch", [self.pk])[self.pk]
        if counts.in_progress:
            status = FileStatus.IN_PROGRESS
        elif self.cancelled_at:
            status = FileStatus.CANCELLED
        elif counts.total and counts.failed == counts.total:
            status = FileStatus.FAILED
        else:
            status = FileStatus.COMPLETED
        return {
            "id": self.id,
            "object": "vector_store.files_batch",
            "created_at": clock.unix(self.created_at),
            "vector_store_id": self.vector_store_id,
            "status": status,
            "file_counts": counts.to_dict(),
        }


class VectorStoreFileQuerySet(ObjectQuerySet["VectorStoreFile"]):
    def queued(self) -> Self:
        """Those that are to be ingested and that no worker has."""
        return self.filter(status=FileStatus.IN_PROGRESS, claim="")


class VectorStoreFile(Listed):
    """A file in a store. On the wire its id is the file's.

    ``pk`` is what chunks and the index know it by. A file that is to be ingested anew gets a new
    row: what belongs to an old number can be cleaned away at any time.
    """

    noun = "vector store file"
    prefix = "file-"
    known_by = "file_id"

    vector_store = models.ForeignKey(
        VectorStore, models.CASCADE, related_name="files", db_index=False
    )
    file = models.ForeignKey(File, models.CASCADE, related_name="in_vector_stores")
    batch = models.ForeignKey(
        FileBatch, models.SET_NULL, related_name="files", null=True, db_index=False
    )
    status = models.CharField(max_length=16, choices=FileStatus, default=FileStatus.IN_PROGRESS)
    last_error: "models.JSONField[Any, Any]" = models.JSONField(null=True)
    usage_bytes = models.BigIntegerField(default=0)
    max_chunk_size_tokens = models.PositiveIntegerField(default=800)
    chunk_overlap_tokens = models.PositiveIntegerField(default=400)
    attributes = models.JSONField(default=dict)

    claim = models.CharField(max_length=32, default="", blank=True)
    """The token of the worker that ingests the file. Only its holder may write what comes of it."""
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    objects = models.Manager.from_queryset(VectorStoreFileQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["vector_store", "file"], name="a_file_once_in_a_store")
        ]
        indexes = [
            models.Index(fields=["vector_store", "created_at", "id"]),
            # Counts are read from the index alone.
            models.Index(fields=["vector_store", "status", "usage_bytes"]),
            models.Index(fields=["batch", "status", "usage_bytes"]),
            models.Index(fields=["status", "claim", "vector_store"]),
        ]

    @classmethod
    @override
    def check_id(cls, object_id: str, path: str = "") -> None:
        """Ids of files have had several forms, so a strange one is unknown, not invalid."""

    def to_dict(self) -> Wire:
        """The vector store file object of the API."""
        return {
            "id": self.file_id,
            "object": "vector_store.file",
            "usage_bytes": self.usage_bytes,
            "created_at": clock.unix(self.created_at),
            "vector_store_id": self.vector_store_id,
            "status": self.status,
            "last_error": self.last_error,
            "chunking_strategy": {
                "type": "static",
                "static": {
                    "max_chunk_size_tokens": self.max_chunk_size_tokens,
                    "chunk_overlap_tokens": self.chunk_overlap_tokens,
                },
            },
            "attributes": self.attributes,
        }


class Chunk(models.Model):
    """A piece of a file's text, as it is searched and found.

    ``start`` and ``end`` count code points of the text that was read from the file, half open;
    ``page`` is the page or slide, from 1. No constraint ties a chunk to its file, so that a file
    can go at once and its chunks later (see ``Leftover``).
    """

    store_file = models.ForeignKey(
        VectorStoreFile,
        models.DO_NOTHING,
        related_name="chunks",
        db_constraint=False,
        db_index=False,
    )
    number = models.PositiveIntegerField()
    text = models.TextField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    page = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store_file", "number"], name="chunks_are_numbered")
        ]

    def __str__(self) -> str:
        return f"chunk {self.number} of {self.store_file_id}"


class Leftover(models.Model):
    """What a file that was taken out of a store has left behind: chunks, and entries of the index.
    Without a ``store_file``: the index of a whole store that was deleted.
    """

    vector_store_id = models.CharField(max_length=64)
    store_file = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [models.Index(fields=["vector_store_id", "store_file"])]

    def __str__(self) -> str:
        return f"{self.store_file or 'everything'} in {self.vector_store_id}"
