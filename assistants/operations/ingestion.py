"""Making the files of vector stores searchable: what the worker that holds some of them does.

A worker grabs a few files of one store at a time by compare-and-set. What it writes carries the
claim's token, so a worker that has lost its claim can write nothing that counts; a claim that is
not renewed runs out, and the sweep gives its files to the next worker. Everything here may be done
twice.
"""

import logging
import secrets
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, F, OuterRef, Q

from assistants import doorbell
from assistants.doorbell import UNHEARD
from assistants.errors import StorageAway
from assistants.models import Chunk, FileStatus, VectorStore, VectorStoreFile, clock
from assistants.models.vector_store_file import VectorStoreFileQuerySet
from assistants.operations import files, indexing, leftovers
from assistants.retrieval.passages import Passage
from assistants.retrieval.reader import Closed, Reader, Unreadable

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
"""How long a worker may be silent before its files are taken from it; heartbeats come three times
as often.
"""
MAX_ATTEMPTS = 3
"""A file that so many workers were lost over is given up."""
GRAB_FILES = 32
GRAB_BYTES = 4_000_000
"""So much is grabbed at once, so that small files share transactions and commits of the index while
none waits long for another.
"""
WINDOW = 256
"""Of so many files that wait the smallest are taken, by who takes the small ones first."""
LARGE = 500_000
"""Bytes of a file that may take long: what was read before is written first."""
KEPT_EVERY = 0.5
"""After so many seconds what has been read is written, however little."""
CHUNKS_AT_ONCE = 500
"""So many a transaction: others write in between."""
VECTOR_BYTES = 1024
"""What a chunk counted for besides its text, as recordings show: a vector of 256 numbers."""


CONTENT_GONE = "The content of this file is not in the file storage any more."

PASSING = (OSError, OperationalError, InterfaceError)
"""Errors that are no single file's, and may pass: the claim runs out, and files are tried again."""

Read = tuple[VectorStoreFile, list[Passage]]
"""A file and what was read from it."""


@dataclass
class Grab:
    """Files of one store that a worker holds."""

    store_id: str
    files: list[VectorStoreFile]
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    def held(self) -> VectorStoreFileQuerySet:
        """The rows that the worker has not lost."""
        return VectorStoreFile.objects.filter(claim=self.token, status=FileStatus.IN_PROGRESS)


def grab(after: str = "", *, small_first: bool = False) -> Grab | None:
    """Take a few files that wait, of the store that comes after the one with this id, so that a
    large batch of one keeps no other waiting. None when nothing waits.

    Those that have waited longest, or with ``small_first`` the smallest: where each half of the
    workers does one of these, no small file waits for large ones, and no large one for ever.
    """
    waiting = VectorStoreFile.objects.queued()
    ids = waiting.order_by("vector_store_id").values_list("vector_store_id", flat=True)
    store_id = ids.filter(vector_store_id__gt=after).first() or ids.first()
    if store_id is None:
        return None
    chosen: list[int] = []
    size = 0
    rows = waiting.filter(vector_store=store_id).order_by("attempts", "pk")
    found = list(rows.values_list("pk", "file__bytes", "attempts")[:WINDOW])
    if small_first:
        found.sort(key=lambda row: (row[2], row[1]))
    for number, length, attempts in found[:GRAB_FILES]:
        size += length
        # What has failed before goes alone: it may be what made others fail.
        if chosen and (size > GRAB_BYTES or attempts):
            break
        chosen.append(number)
        if attempts:
            break
    taken = Grab(store_id, [])
    VectorStoreFile.objects.queued().filter(pk__in=chosen).update(
        claim=taken.token, claimed_until=clock.now() + LEASE, attempts=F("attempts") + 1
    )
    taken.files = list(taken.held().select_related("file").order_by("file__bytes", "pk"))
    return taken


def renew(tokens: Collection[str]) -> None:
    """The heartbeat: keep the claims for a while longer."""
    VectorStoreFile.objects.filter(claim__in=tokens, status=FileStatus.IN_PROGRESS).update(
        claimed_until=clock.now() + LEASE
    )


def let_go(grabbed: Grab) -> None:
    """The worker stops: what it has not done goes back to the queue, as if it had not tried."""
    grabbed.held().update(claim="", claimed_until=None, attempts=F("attempts") - 1)


def ingest(grabbed: Grab, reader: Reader, stopping: Callable[[], bool]) -> None:
    """Read these files and make their passages searchable, until the worker stops."""
    read: list[Read] = []
    begun = time.monotonic()
    for row in grabbed.files:
        if stopping():
            break
        if row.file.bytes > LARGE:
            _keep_or_fail(grabbed, read)
            read = []
        try:
            with files.on_disk(row.file) as path:
                passages = reader.read(
                    path,
                    row.file.filename,
                    size=row.max_chunk_size_tokens,
                    overlap=row.chunk_overlap_tokens,
                )
        except Unreadable as unreadable:
            _fail(grabbed.held().filter(pk=row.pk), unreadable.code, unreadable.message)
            continue
        except Closed:
            break
        except StorageAway:
            # No worker was lost over it: what is not read goes on waiting, for as long as it takes.
            _keep_or_fail(grabbed, read)
            let_go(grabbed)
            raise
        except FileNotFoundError:
            _fail(grabbed.held().filter(pk=row.pk), "server_error", CONTENT_GONE)
            continue
        except PASSING:
            raise
        except Exception:
            logger.exception("%s could not be read", row.file_id)
            _fail(grabbed.held().filter(pk=row.pk), "server_error", "The file could not be read.")
            continue
        read.append((row, passages))
        if time.monotonic() - begun > KEPT_EVERY:
            _keep_or_fail(grabbed, read)
            read, begun = [], time.monotonic()
    _keep_or_fail(grabbed, read)


def _fail(rows: VectorStoreFileQuerySet, code: str, message: str) -> int:
    """End these files, and have what was written of them cleaned away; how many there are."""
    with transaction.atomic():
        failed = VectorStoreFile.objects.filter(
            pk__in=list(rows.select_for_update().values_list("pk", flat=True))
        )
        written = Exists(Chunk.objects.filter(store_file=OuterRef("pk")))
        leftovers.leave_chunks_of(failed.filter(Q(attempts__gt=1) | written))
        return failed.update(
            status=FileStatus.FAILED,
            last_error={"code": code, "message": message},
            claim="",
            claimed_until=None,
        )


def _keep_or_fail(grabbed: Grab, read: list[Read]) -> None:
    """Keep what was read. A file that cannot be kept fails, and takes no other with it."""
    try:
        _keep(grabbed, read)
    except PASSING:
        raise
    except Exception:
        if len(read) > 1:
            for one in read:
                _keep_or_fail(grabbed, [one])
            return
        ((row, _),) = read
        logger.exception("%s could not be made searchable", row.file_id)
        message = "The file could not be made searchable."
        _fail(grabbed.held().filter(pk=row.pk), "server_error", message)


def _keep(grabbed: Grab, read: list[Read]) -> None:
    """Chunks first, then the index, then the word that the files are done."""
    if not read:
        return
    _delete_earlier(grabbed, [row.pk for row, _ in read])
    chunks = [
        Chunk(
            store_file_id=row.pk,
            number=number,
            text=passage.text,
            start=passage.start,
            end=passage.end,
            page=passage.page,
        )
        for row, passages in read
        for number, passage in enumerate(passages)
    ]
    kept: list[Chunk] = []
    for place in range(0, len(chunks), CHUNKS_AT_ONCE):
        piece = chunks[place : place + CHUNKS_AT_ONCE]
        with transaction.atomic():
            numbers = {chunk.store_file_id for chunk in piece}
            held = grabbed.held().select_for_update().filter(pk__in=numbers)
            mine = set(held.values_list("pk", flat=True))
            kept += Chunk.objects.bulk_create(
                [chunk for chunk in piece if chunk.store_file_id in mine]
            )
    indexing.add(grabbed.store_id, kept)
    lost = []
    with transaction.atomic():
        for row, passages in read:
            done = grabbed.held().filter(pk=row.pk)
            size = sum(len(passage.text.encode()) + VECTOR_BYTES for passage in passages)
            if not done.update(
                status=FileStatus.COMPLETED, usage_bytes=size, claim="", claimed_until=None
            ):
                lost.append(row.pk)
    if lost:
        _put_right(grabbed.store_id, lost)


def _put_right(store_id: str, numbers: list[int]) -> None:
    """Bring the index in line with the rows of files that were taken away while they were added:
    they are gone or cancelled, or another worker has done them.
    """
    rows = dict(VectorStoreFile.objects.filter(pk__in=numbers).values_list("pk", "status"))
    gone = [number for number in numbers if rows.get(number) not in indexing.FOUND]
    _delete_chunks(gone)
    if VectorStore.objects.filter(pk=store_id).exists():
        indexing.remove(store_id, gone)
        done = [number for number in numbers if rows.get(number) == FileStatus.COMPLETED]
        indexing.add(store_id, Chunk.objects.filter(store_file__in=done))
    else:
        indexing.drop(store_id)


def _delete_earlier(grabbed: Grab, numbers: list[int]) -> None:
    """Delete the chunks that a worker has written before it was lost, or stopped."""
    while Chunk.objects.filter(store_file__in=numbers).exists():
        with transaction.atomic():
            held = grabbed.held().select_for_update().filter(pk__in=numbers)
            numbers = list(held.values_list("pk", flat=True))
            earlier = Chunk.objects.filter(store_file__in=numbers).values_list("pk", flat=True)
            Chunk.objects.filter(pk__in=list(earlier[:CHUNKS_AT_ONCE])).delete()


def _delete_chunks(numbers: Iterable[int]) -> None:
    of_these = Chunk.objects.filter(store_file__in=numbers)
    while chunks := list(of_these.values_list("pk", flat=True)[:CHUNKS_AT_ONCE]):
        Chunk.objects.filter(pk__in=chunks).delete()


def take_back() -> int:
    """Give the files of workers that fell silent to the next one, or give them up after too many
    attempts. Returns how many.
    """
    lost = VectorStoreFile.objects.filter(
        status=FileStatus.IN_PROGRESS, claimed_until__lt=clock.now()
    ).exclude(claim="")
    message = f"The server was interrupted {MAX_ATTEMPTS} times while it read the file."
    given_up = _fail(lost.filter(attempts__gte=MAX_ATTEMPTS), "server_error", message)
    return given_up + lost.update(claim="", claimed_until=None)


def ring_again() -> int:
    """Ring for files that nobody picked up: a lost message loses nothing. Returns how many."""
    waiting = VectorStoreFile.objects.queued().filter(created_at__lt=clock.now() - UNHEARD).count()
    if waiting:
        doorbell.ring(doorbell.INGEST)
    return waiting
