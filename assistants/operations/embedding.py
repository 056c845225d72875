"""Giving the chunks of files vectors, so that they are found by their meaning too.

A file is completed, and found by its words, before that, and stays so whatever the embedding model
does: files without vectors are the queue, and wait for as long as it takes. A worker holds a few of
one store at a time; one that dies loses them when its time is over. What was made until then is
kept, and everything here may be done twice.
"""

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db.models import Q

from assistants import doorbell
from assistants.models import Chunk, FileStatus, VectorStore, VectorStoreFile, clock
from assistants.models.vector_store_file import VectorStoreFileQuerySet
from assistants.operations import embedding_model
from assistants.operations.embedding_model import EmbeddingModel, Numbers, Unavailable
from assistants.operations.indexes import has_vectors, vector_index
from assistants.tokens import estimate

logger = logging.getLogger(__name__)

GRAB_FILES = 64
GRAB_BYTES = 4_000_000
"""So much of one store is held at once: small files share requests, and none waits long for others
to be done too.
"""
REQUEST_TOKENS = 100_000
"""So much text goes with one request, as far as it can be told; OpenAI takes 300,000 tokens."""


_PROCESS = secrets.token_hex(8)
"""What the tokens of this process begin with."""


@dataclass
class Grab:
    """Files of one store that a worker makes vectors for."""

    store_id: str
    numbers: list[int]
    token: str = field(default_factory=lambda: _PROCESS + secrets.token_hex(8))

    def held(self) -> VectorStoreFileQuerySet:
        """The rows that the worker has not lost."""
        return VectorStoreFile.objects.filter(claim=self.token, status=FileStatus.COMPLETED)

    def hold(self) -> bool:
        """Keep them while the next request lasts; whether any is left."""
        return bool(self.held().update(claimed_until=clock.now() + _lease()))


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of a store's searchable files have vectors, and why others have none yet, if it is
    known.
    """

    model: str
    embedded: int
    total: int
    error: str

    @property
    def goes_on(self) -> bool:
        """Whether files get vectors at this moment, as far as is known."""
        return self.embedded < self.total and not self.error


def progress(store: VectorStore) -> Progress | None:
    """None without an embedding model."""
    model = embedding_model.configured()
    if model is None:
        return None
    completed = store.files.filter(status=FileStatus.COMPLETED)
    total, left = completed.count(), store.files.without_vectors(model.label).count()
    return Progress(model.name, total - left, total, store.embedding_error if left else "")


def work_off(stopping: Callable[[], bool]) -> None:
    """Make vectors until no file waits, or the worker stops.

    :raises Unavailable: the model gives none; the stores whose files wait say so
    """
    model = embedding_model.configured()
    # Begin anywhere, so that a store that fails each time keeps no other from its turn.
    after = f"{VectorStore.prefix}{secrets.token_hex(2)}"
    while model is not None and not stopping():
        grabbed = _grab(model, after)
        if grabbed is None:
            return
        after = grabbed.store_id
        try:
            _embed(grabbed, model, stopping)
        except Unavailable as unavailable:
            waiting = VectorStoreFile.objects.without_vectors(model.label)
            stores = VectorStore.objects.filter(pk__in=waiting.values("vector_store"))
            stores.update(embedding_error=str(unavailable))
            raise
        finally:
            if grabbed.held().update(claim="", claimed_until=None) < len(grabbed.numbers):
                _put_right(grabbed)


def let_go() -> None:
    """The process ends: what it holds goes back to the queue, even if it waits for an answer."""
    held = VectorStoreFile.objects.filter(status=FileStatus.COMPLETED, claim__startswith=_PROCESS)
    held.update(claim="", claimed_until=None)


def _grab(model: EmbeddingModel, after: str) -> Grab | None:
    """Take files that wait, of the store that comes after the one with this id, so that stores take
    turns. None when nothing waits.
    """
    free = Q(claimed_until=None) | Q(claimed_until__lt=clock.now())
    waiting = VectorStoreFile.objects.without_vectors(model.label).filter(free)
    ids = waiting.order_by("vector_store_id").values_list("vector_store_id", flat=True)
    store_id = ids.filter(vector_store_id__gt=after).first() or ids.first()
    if store_id is None:
        return None
    rows = waiting.filter(vector_store=store_id).order_by("pk")
    chosen: list[int] = []
    size = 0
    for number, length in rows.values_list("pk", "usage_bytes")[:GRAB_FILES]:
        size += length
        if chosen and size > GRAB_BYTES:
            break
        chosen.append(number)
    taken = Grab(store_id, [])
    waiting.filter(pk__in=chosen).update(claim=taken.token, claimed_until=clock.now() + _lease())
    taken.numbers = list(taken.held().order_by("pk").values_list("pk", flat=True))
    return taken


def _embed(grabbed: Grab, model: EmbeddingModel, stopping: Callable[[], bool]) -> None:
    for batch in _batches(_without_vectors(grabbed, model)):
        if stopping() or not grabbed.hold():
            return
        found = embedding_model.ask_patiently(model, [chunk.text for chunk in batch])
        _add(grabbed.store_id, model, batch, found)
    grabbed.held().update(embedded_by=model.label)
    VectorStore.objects.filter(pk=grabbed.store_id).exclude(embedding_error="").update(
        embedding_error=""
    )


def _without_vectors(grabbed: Grab, model: EmbeddingModel) -> Iterator[Chunk]:
    """The chunks that have none yet, and are in a language that the model knows."""
    done = vector_index().chunks(grabbed.store_id, model.label, grabbed.numbers)
    for number in grabbed.numbers:
        for chunk in Chunk.objects.filter(store_file=number).order_by("pk").iterator():
            if chunk.pk not in done and model.knows(chunk.text):
                yield chunk


def _batches(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    """As many as go with one request."""
    batch: list[Chunk] = []
    tokens = 0
    for chunk in chunks:
        size = estimate(chunk.text)
        full = len(batch) >= settings.EMBEDDING_BATCH or tokens + size > REQUEST_TOKENS
        if batch and full:
            yield batch
            batch, tokens = [], 0
        batch.append(chunk)
        tokens += size
    if batch:
        yield batch


def _add(
    store_id: str,
    model: EmbeddingModel,
    chunks: list[Chunk],
    found: list[Numbers | None],
) -> None:
    """
    :raises Unavailable: they cannot stand beside those that are there, which have gone for that
    """
    from assistants.retrieval.vectors import OtherLength, Vector

    vectors = [
        Vector(chunk.pk, chunk.store_file_id, numbers)
        for chunk, numbers in zip(chunks, found, strict=True)
        if numbers is not None
    ]
    try:
        vector_index().add(store_id, model.label, vectors)
    except OtherLength as other:
        # What answers to the name is another model than before.
        make_anew(store_id)
        raise Unavailable(f"All vectors of this store are made anew: {other}.") from other


def _put_right(grabbed: Grab) -> None:
    """Remove the vectors of files that were taken out while these were made."""
    there = VectorStoreFile.objects.filter(pk__in=grabbed.numbers, status=FileStatus.COMPLETED)
    gone = set(grabbed.numbers) - set(there.values_list("pk", flat=True))
    if VectorStore.objects.filter(pk=grabbed.store_id).exists():
        vector_index().remove(grabbed.store_id, gone)
    else:
        vector_index().drop(grabbed.store_id)


def make_anew(store_id: str) -> int:
    """Have all vectors of a store made anew; until then its files are found by their words. How
    many files there are.
    """
    # A worker that makes some of these vectors has lost them, so that it does not call complete
    # what it had half done before.
    rows = VectorStoreFile.objects.filter(vector_store=store_id, status=FileStatus.COMPLETED)
    files = rows.exclude(embedded_by="").count()
    rows.update(embedded_by="", claim="", claimed_until=None)
    if has_vectors():
        vector_index().drop(store_id)
    if files:
        doorbell.ring(doorbell.INGEST)
    return files


def mend(stopping: Callable[[], bool]) -> int:
    """Have those vectors made anew that were lost, and remove those of files that are gone. How
    many files there are of the former.
    """
    model = embedding_model.configured()
    if model is None:
        return 0
    vector_index().clean_up()
    lost = 0
    embedded = VectorStoreFile.objects.filter(embedded_by=model.label)
    for store_id in embedded.values_list("vector_store_id", flat=True).distinct().order_by():
        if stopping():
            break
        there = vector_index().files(store_id, model.label)
        rows = VectorStoreFile.objects.filter(vector_store=store_id)
        vector_index().remove(store_id, there - set(rows.values_list("pk", flat=True)))
        # Files in languages that the model does not know are among them: they cost nothing.
        missing = set(rows.filter(embedded_by=model.label).values_list("pk", flat=True)) - there
        for number in missing:
            lost += embedded.filter(pk=number).update(embedded_by="")
    return lost


def ring_again() -> int:
    """Ring for files that wait for vectors; how many there are."""
    model = embedding_model.configured()
    if model is None:
        return 0
    waiting = VectorStoreFile.objects.without_vectors(model.label).count()
    if waiting:
        doorbell.ring(doorbell.INGEST)
    return waiting


def _lease() -> timedelta:
    """How long a worker may be silent: as long as a request with all its repetitions."""
    return timedelta(seconds=settings.EMBEDDING_SECONDS * (embedding_model.RETRIES + 2))
