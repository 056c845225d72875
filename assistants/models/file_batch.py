"""Files that were added to a vector store together."""

from django.db import models

from assistants.errors import Wire
from assistants.models import clock
from assistants.models.base import HEX, ApiObject, ObjectQuerySet
from assistants.models.vector_store import VectorStore
from assistants.models.vector_store_file import FileStatus, counted


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
        if self.cancelled_at:  # what is in progress then was added again alone
            status = FileStatus.CANCELLED
        elif counts.in_progress:
            status = FileStatus.IN_PROGRESS
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
