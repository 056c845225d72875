"""Files in vector stores, and how many of them are in which status."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal, Self

from django.db import models
from typing_extensions import override

from assistants.errors import Wire
from assistants.models import clock
from assistants.models.base import Listed, ObjectQuerySet
from assistants.models.file import File
from assistants.models.ordered_json import OrderedJSON


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


class VectorStoreFileQuerySet(ObjectQuerySet["VectorStoreFile"]):
    def queued(self) -> Self:
        """Those that are to be ingested and that no worker has."""
        return self.filter(status=FileStatus.IN_PROGRESS, claim="")

    def without_vectors(self, label: str) -> Self:
        """Those that can be found by their words, and not yet by their meaning as the embedding
        model of this label has it.
        """
        return self.filter(status=FileStatus.COMPLETED).exclude(embedded_by=label)


class VectorStoreFile(Listed):
    """A file in a store. On the wire its id is the file's.

    ``pk`` is what chunks and the index know it by. A file that is to be ingested anew gets a new
    row: what belongs to an old number can be cleaned away at any time.
    """

    noun = "vector store file"
    prefix = "file-"
    known_by = "file_id"

    vector_store = models.ForeignKey(
        "assistants.VectorStore", models.CASCADE, related_name="files", db_index=False
    )
    file = models.ForeignKey(File, models.CASCADE, related_name="in_vector_stores")
    batch = models.ForeignKey(
        "assistants.FileBatch", models.SET_NULL, related_name="files", null=True, db_index=False
    )
    added_alone = models.BooleanField(default=False)
    """Whether it was last added without a batch: it still counts in the one that it came with, but
    does not end with it.
    """
    status = models.CharField(max_length=16, choices=FileStatus, default=FileStatus.IN_PROGRESS)
    last_error = OrderedJSON(null=True)
    usage_bytes = models.BigIntegerField(default=0)
    max_chunk_size_tokens = models.PositiveIntegerField(default=800)
    chunk_overlap_tokens = models.PositiveIntegerField(default=400)
    attributes = OrderedJSON(default=dict)

    claim = models.CharField(max_length=32, default="", blank=True)
    """The token of the worker that ingests the file. Only its holder may write what comes of it."""
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    embedded_by = models.CharField(max_length=500, default="", blank=True)
    """The embedding model that all chunks have vectors of, by its label. A worker that makes them
    for a completed file holds ``claim`` until ``claimed_until``.
    """

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
            models.Index(fields=["status", "embedded_by", "vector_store"]),
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
