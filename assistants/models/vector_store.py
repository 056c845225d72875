"""Vector stores: what file search looks through."""

from datetime import datetime, timedelta
from typing import Literal

from django.db import models
from typing_extensions import override

from assistants import refusals
from assistants.errors import Wire
from assistants.models import clock
from assistants.models.base import HEX, ApiObject, ObjectQuerySet
from assistants.models.ordered_json import OrderedJSON
from assistants.models.project import Project
from assistants.models.vector_store_file import Counts, counted


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
    metadata = OrderedJSON(default=dict)
    expires_after_days = models.PositiveIntegerField(null=True)
    last_active_at = models.DateTimeField(default=clock.now)
    embedding_error = models.TextField(default="", blank=True)
    """Why the embedding model gives no vectors for its files, as long as it does not."""

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
