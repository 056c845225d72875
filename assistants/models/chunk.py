"""The text of files in vector stores, in the pieces that are found, and what is left of it.

The database is the truth. The keyword index (``assistants.retrieval``) is made from the chunks and
can be made anew at any time.
"""

from django.db import models

from assistants.models import clock
from assistants.models.vector_store_file import VectorStoreFile


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
