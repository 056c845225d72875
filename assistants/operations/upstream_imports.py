"""Bringing assistants, vector stores with their files, and threads from another Assistants server,
to be kept here under their ids.

What is to be brought is written down as items first. A worker takes some, lets go, and has somebody
go on: so a worker that dies or stops costs the few seconds in which it had the import, of a long
thread one page, and what was brought is brought once. In the end what is there is counted, and what
was told is compared with what is here.
"""

import logging
import pickle
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from typing import IO, Any, Final, Protocol

from django.conf import settings
from django.db import OperationalError, models, transaction
from django.db.models import QuerySet

from assistants import doorbell, refusals
from assistants.errors import ApiError, Invalid, Wire
from assistants.models import (
    Assistant,
    File,
    ImportItem,
    ImportPage,
    ImportStatus,
    Message,
    ModelProvider,
    Run,
    RunStep,
    Thread,
    UpstreamFile,
    UpstreamImport,
    VectorStore,
    VectorStoreFile,
    clock,
)
from assistants.models.base import ApiObject
from assistants.operations import (
    audit,
    imports,
    providers,
    upstream_calls,
    upstream_differences,
    upstream_reading,
    upstream_threads,
)
from assistants.operations.imports import I
from assistants.operations.upstream_failures import UpstreamError
from assistants.operations.upstream_reading import Reader
from assistants.params.imported import (
    ImportedAssistant,
    ImportedFile,
    ImportedMessage,
    ImportedRun,
    ImportedStep,
    ImportedStoreFile,
    ImportedThread,
    ImportedVectorStore,
)

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=5)
"""How long a worker may be silent: what it has read is checked and written meanwhile."""
BEAT_SECONDS: Final = 10.0
"""So often a worker says that it is at it still, while it reads."""
SLICE_SECONDS: Final = 4.0
"""So long a worker is at it before it lets go; one that is told to stop waits for no more."""
MAX_THREADS: Final = 1000
MAX_DIFFERS: Final = 50
"""So many objects of one item are named of which something is not here as it is there."""
TRIES: Final = 5
"""So often in a row a server may fail before the import does."""
PAUSE: Final = timedelta(seconds=5)

RANKS: Final = {"file": 0, "vector_store": 1, "assistant": 2, "thread": 3}
"""In which order they are brought: what is named comes before what names it."""
NOUNS: Final[dict[str, type[ApiObject]]] = {
    "file": File,
    "vector_store": VectorStore,
    "assistant": Assistant,
    "thread": Thread,
}
Status = ImportItem.Status


@dataclass(frozen=True)
class Compared:
    """Of one noun: how many there are on the server, and how many of them are here."""

    noun: str
    there: int
    here: int
    failed: int = 0

    @property
    def fits(self) -> bool:
        return self.there == self.here


@dataclass
class _Found:
    """What listing has found."""

    items: dict[tuple[str, str], None] = field(default_factory=dict)

    def add(self, noun: str, ids: Iterable[object]) -> None:
        self.items |= dict.fromkeys((noun, str(one)[:200]) for one in ids)

    def keep(self, job: UpstreamImport) -> None:
        """Write down what is to be brought. What is known already stays as it is."""
        rows = [
            ImportItem(
                job=job,
                noun=noun,
                rank=RANKS[noun],
                upstream_id=upstream_id,
                is_listed=noun != "thread",
            )
            for noun, upstream_id in self.items
        ]
        ImportItem.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


# From outside


@transaction.atomic
def begin(
    row: ModelProvider, *, assistants: bool, vector_stores: bool, thread_ids: list[str]
) -> UpstreamImport:
    """Have objects brought from a server.

    :raises Invalid: nothing is to be brought, or too many threads
    """
    ids = list(dict.fromkeys(thread_ids))
    if not (assistants or vector_stores or ids):
        raise refusals.NOTHING_TO_IMPORT()
    if len(ids) > MAX_THREADS:
        raise refusals.ARRAY_TOO_LONG(path="thread_ids", limit=MAX_THREADS, got=len(ids))
    wanted = {"assistants": assistants, "vector_stores": vector_stores, "thread_ids": ids}
    job = UpstreamImport.objects.create(
        project=row.project, provider=row, label=row.label, wanted=wanted
    )
    told = {"assistants": assistants, "vector_stores": vector_stores, "threads": len(ids)}
    audit.note("import.begun", row.project_id, job, row.label, **told)
    doorbell.ring(doorbell.IMPORT, job.id)
    return job


@transaction.atomic
def resume(job: UpstreamImport) -> None:
    """Go on with one that has failed or was stopped: with what was not brought."""
    row = UpstreamImport.objects.select_for_update().get(pk=job.pk)
    if row.goes_on:
        return
    row.items.filter(status=Status.FAILED).update(status=Status.WAITING, error="")
    row.status, row.error, row.ended_at = ImportStatus.QUEUED, "", None
    row.lease, row.lease_until = "", clock.now()
    row.save()
    audit.note("import.resumed", row.project_id, row, row.label)
    doorbell.ring(doorbell.IMPORT, row.id)


@transaction.atomic
def stop(job: UpstreamImport) -> None:
    """Bring no more; what was brought stays."""
    stopped = UpstreamImport.objects.going_on().filter(pk=job.pk)
    if stopped.update(status=ImportStatus.CANCELLED, ended_at=clock.now(), lease=""):
        _forget_read(job)
        audit.note("import.stopped", job.project_id, job, job.label)


def compared(job: UpstreamImport) -> list[Compared]:
    """What is there and what is here of it, as far as it is known by now."""
    found: list[Compared] = []
    rows = job.items.values_list("noun", "status").annotate(n=models.Count("pk"))
    counts: dict[str, Counter[str]] = {noun: Counter() for noun in RANKS}
    for noun, status, number in rows:
        counts[noun][status] += number
    for noun, counted in counts.items():
        there, failed = counted.total(), counted[Status.FAILED]
        here = counted[Status.BROUGHT] + counted[Status.KEPT]
        if there:
            found.append(Compared(noun, there, here, failed))
    inside: dict[str, Counter[str]] = {}
    for told in job.items.exclude(counts={}).values_list("counts", flat=True):
        for noun, pair in told.items():
            inside.setdefault(noun, Counter()).update(pair)
    found += [Compared(noun, pair["there"], pair["here"]) for noun, pair in inside.items()]
    return found


def differing(job: UpstreamImport, most: int) -> list[Wire]:
    """Objects of which something is not here as it is there: ``{"noun", "id", "fields"}``."""
    found: list[Wire] = []
    for some in (
        job.items.exclude(differs=[]).order_by("rank", "pk").values_list("differs", flat=True)
    ):
        found += some
        if len(found) >= most:
            break
    return found[:most]


def ring_again() -> int:
    """Ring for imports that nobody is at. Returns how many."""
    left = UpstreamImport.objects.going_on().filter(lease_until__lt=clock.now() - doorbell.UNHEARD)
    ids = list(left.values_list("pk", flat=True)[:100])
    for import_id in ids:
        doorbell.ring(doorbell.IMPORT, import_id)
    return len(ids)


# A worker at it


class _Told(Protocol):
    """A row of whatever noun."""

    def to_dict(self) -> Wire: ...


class _Lost(Exception):
    """The import was stopped, or is somebody else's by now."""


class _Beat:
    """Renews the lease while something is read.

    :raises _Lost: there is none any more
    """

    def __init__(self, job: UpstreamImport) -> None:
        self._job, self._next = job, time.monotonic() + BEAT_SECONDS

    def __call__(self) -> None:
        if time.monotonic() >= self._next:
            _renew(self._job)
            self._next = time.monotonic() + BEAT_SECONDS


def go_on(import_id: str) -> None:
    """Bring some of what is left, and have somebody go on with the rest."""
    job = _claim(import_id)
    if job is None:
        return
    provider = job.provider
    if provider is None:
        _end(job, ImportStatus.FAILED, f"{job.label} was disconnected. Connect it again.")
        return
    reader = Reader(providers.of_row(provider), _Beat(job))
    until = time.monotonic() + SLICE_SECONDS
    try:
        while time.monotonic() < until:
            if not _bring_next(job, provider, reader):
                _end(job, ImportStatus.COMPLETED)
                return
            _succeeded(job)
    except _Lost:
        return
    except UpstreamError as error:
        _pause(job, error.message, may_pass=error.may_pass)
        return
    except Exception:
        logger.exception("%s cannot go on", job.id)
        _pause(job, "The import had an error. The log says more.", may_pass=True)
        return
    UpstreamImport.objects.filter(pk=job.pk, lease=job.lease).update(
        lease="", lease_until=clock.now(), error=""
    )
    doorbell.ring(doorbell.IMPORT, job.id)


def _claim(import_id: str) -> UpstreamImport | None:
    lease, now = secrets.token_hex(16), clock.now()
    claimed = (
        UpstreamImport.objects.going_on()
        .filter(pk=import_id, lease_until__lte=now)
        .update(status=ImportStatus.IN_PROGRESS, lease=lease, lease_until=now + LEASE)
    )
    if not claimed:
        return None
    return UpstreamImport.objects.select_related("provider", "project").get(pk=import_id)


def _renew(job: UpstreamImport, **fields: object) -> None:
    """
    :raises _Lost: the import was stopped, or is somebody else's by now
    """
    mine = UpstreamImport.objects.going_on().filter(pk=job.pk, lease=job.lease)
    if not mine.update(lease_until=clock.now() + LEASE, **fields):
        raise _Lost


def _succeeded(job: UpstreamImport) -> None:
    """What failed before this is not in a row with what fails after it."""
    if job.wanted.get("tries"):
        job.wanted = {**job.wanted, "tries": 0}
        _renew(job, wanted=job.wanted)
    else:
        _renew(job)


@transaction.atomic
def _end(job: UpstreamImport, status: ImportStatus, error: str = "") -> None:
    mine = UpstreamImport.objects.going_on().filter(pk=job.pk, lease=job.lease)
    ended = mine.update(
        status=status,
        error=error,
        wanted={**job.wanted, "tries": 0},
        ended_at=clock.now(),
        lease="",
        lease_until=clock.now(),
    )
    if ended:
        _forget_read(job)


def _forget_read(job: UpstreamImport) -> None:
    """Nobody may ever go on, so nothing stays of threads that were read in part. Who goes on reads
    them anew.
    """
    ImportPage.objects.filter(item__job=job).delete()
    job.items.exclude(reading={}).update(reading={})


def _pause(job: UpstreamImport, message: str, *, may_pass: bool) -> None:
    """The server, or this one, has failed: it is tried again a little later, a few times."""
    tries = job.wanted.get("tries", 0) + 1
    if not may_pass or tries >= TRIES:
        _end(job, ImportStatus.FAILED, message)
        return
    UpstreamImport.objects.filter(pk=job.pk, lease=job.lease).update(
        wanted={**job.wanted, "tries": tries},
        error=message,
        lease="",
        # The sweep rings for it then.
        lease_until=clock.now() + PAUSE - doorbell.UNHEARD,
    )


def _bring_next(job: UpstreamImport, row: ModelProvider, reader: Reader) -> bool:
    """List what is not listed yet, else bring the next item, or read a page of it. False when
    nothing is left.

    :raises UpstreamError: the server is gone, slow, or answers nonsense
    """
    for what, look in _LISTINGS.items():
        if job.wanted.get(what) and what not in job.listed:
            found = _Found()
            look(job, reader, found)
            _note_listed(job, what, found)
            return True
    # What was not looked through yet comes first.
    item = job.items.filter(status=Status.WAITING).order_by("is_listed", "rank", "pk").first()
    if item is None:
        return False
    if not item.is_listed:
        _look_through(job, reader, item)
        return True
    try:
        item.status = _BRINGING[item.noun](job, row, reader, item)
        if item.status == Status.WAITING:
            return True
    except UpstreamError as error:
        if _is_of_all(error, item.noun):
            raise
        item.status, item.error = Status.FAILED, error.message
    except ApiError as error:
        item.status, item.error = Status.FAILED, error.message
    except (OSError, OperationalError, _Lost):
        raise  # the disk or the database, which others need as well
    except Exception:
        logger.exception("%s of %s cannot be kept", item, job.id)
        item.status, item.error = Status.FAILED, "It cannot be kept here. The log says why."
    with transaction.atomic():
        _renew(job)
        if item.reading:
            item.reading = {}
            item.pages.all().delete()
        item.save()
    return True


def _is_of_all(error: UpstreamError, noun: str) -> bool:
    """Whether what the server said of one object holds for all that is still to be brought."""
    return error.may_pass or (error.status in (401, 403) and noun != "file")


# Listing


def _note_listed(job: UpstreamImport, what: str, found: _Found) -> None:
    with transaction.atomic():
        found.keep(job)
        _renew(job, listed=[*job.listed, what])
    job.listed = [*job.listed, what]


def _list_assistants(job: UpstreamImport, reader: Reader, found: _Found) -> None:
    for told in reader.assistants():
        found.add("assistant", [told.get("id")])
        found.add("file", upstream_reading.file_ids(told.get("tool_resources")))
        _list_stores_of(job, told, reader, found)


def _list_vector_stores(job: UpstreamImport, reader: Reader, found: _Found) -> None:
    for told in reader.vector_stores():
        _list_store(str(told.get("id")), reader, found)


def _list_threads(job: UpstreamImport, reader: Reader, found: _Found) -> None:
    """Their own lists are long, and are read in pieces: see ``_look_through``."""
    found.add("thread", job.wanted["thread_ids"])


def _look_through(job: UpstreamImport, reader: Reader, item: ImportItem) -> None:
    """Read the next page of a thread for the files and stores that it names. What cannot be read is
    said when the thread is brought.

    :raises UpstreamError: the server is gone, slow, or answers nonsense
    """
    found = _Found()
    item.is_listed = True
    try:
        page = _next_page(reader, item)
        found.add("file", upstream_reading.file_ids(page.told))
        for told in page.told if page.noun == "thread" else ():
            _list_stores_of(job, told, reader, found)
        item.is_listed = upstream_threads.is_over(page.reading)
        item.reading = {} if item.is_listed else page.reading
    except UpstreamError as error:
        if _is_of_all(error, item.noun):
            raise
        item.reading = {}
    except Invalid:
        item.reading = {}
    with transaction.atomic():
        _renew(job)
        found.keep(job)
        item.save(update_fields=["is_listed", "reading"])


def _next_page(reader: Reader, item: ImportItem) -> upstream_threads.Page:
    """
    :raises UpstreamError: the server refused, is gone, slow, or answers nonsense
    :raises Invalid: no thread has such an id
    """
    imports.check_form(Thread, item.upstream_id)
    return upstream_threads.next_page(reader, item.upstream_id, item.reading)


def _list_stores_of(job: UpstreamImport, told: Wire, reader: Reader, found: _Found) -> None:
    for store_id in upstream_reading.store_ids(told):
        is_known = job.items.filter(noun="vector_store", upstream_id=store_id).exists()
        if not is_known and ("vector_store", store_id) not in found.items:
            _list_store(store_id, reader, found)


def _list_store(store_id: str, reader: Reader, found: _Found) -> None:
    upstream_calls.checked_id(reader.provider.label, store_id)
    found.add("vector_store", [store_id])
    try:
        found.add("file", [one.get("id") for one in reader.store_files(store_id)])
    except UpstreamError as error:
        if error.status != 404:  # a store that was deleted is named still
            raise


# Bringing


def _file(job: UpstreamImport, row: ModelProvider, reader: Reader, item: ImportItem) -> Status:
    imports.check_form(File, item.upstream_id)
    if imports.here(job.project, File, [item.upstream_id]):
        return Status.KEPT
    wire = reader.file(item.upstream_id)
    told = imports.read(ImportedFile, wire)
    _is(told.id, item)
    with imports.opened(job.project) as door, reader.content(told.id) as content:
        door.store(told, content)
        with transaction.atomic():
            door.file(told)
            UpstreamFile.objects.get_or_create(
                provider=row, upstream_id=told.id, defaults={"file_id": told.id}
            )
    _compare(item, "file", {told.id: wire}, File.objects.in_bulk([told.id]))
    return Status.BROUGHT


def _vector_store(
    job: UpstreamImport, row: ModelProvider, reader: Reader, item: ImportItem
) -> Status:
    imports.check_form(VectorStore, item.upstream_id)
    wire = reader.vector_store(item.upstream_id)
    told = imports.read(ImportedVectorStore, wire)
    _is(told.id, item)
    listed = reader.store_files(told.id)
    inside = [imports.read(ImportedStoreFile, one) for one in listed]
    with imports.opened(job.project) as door, transaction.atomic():
        door.vector_store(told, inside)
    rows = VectorStoreFile.objects.filter(vector_store=told.id).select_related("vector_store")
    here = {one.file_id: one for one in rows}
    item.counts = {"vector store file": {"there": len(inside), "here": len(here)}}
    item.differs = []
    _compare(item, "vector_store", {told.id: wire}, VectorStore.objects.in_bulk([told.id]))
    _compare(item, "vector store file", {one["id"]: one for one in listed}, here)
    return Status.KEPT if door.kept else Status.BROUGHT


def _assistant(job: UpstreamImport, row: ModelProvider, reader: Reader, item: ImportItem) -> Status:
    imports.check_form(Assistant, item.upstream_id)
    wire = reader.assistant(item.upstream_id)
    told = imports.read(ImportedAssistant, wire)
    _is(told.id, item)
    with imports.opened(job.project) as door, transaction.atomic():
        door.assistant(told)
    item.differs = []
    _compare(item, "assistant", {told.id: wire}, Assistant.objects.in_bulk([told.id]))
    return Status.KEPT if door.kept else Status.BROUGHT


def _thread(job: UpstreamImport, row: ModelProvider, reader: Reader, item: ImportItem) -> Status:
    """Read the next page, or bring what was read once that is all: a thread is here as a whole."""
    if not upstream_threads.is_over(item.reading):
        page = _next_page(reader, item)
        with transaction.atomic():
            _renew(job)
            if page.told:
                item.pages.create(noun=page.noun, objects_told=page.told)
            item.reading = page.reading
            item.save(update_fields=["reading"])
        return Status.WAITING
    (told,) = _told(item, "thread")
    thread = imports.read(ImportedThread, told)
    _is(thread.id, item)
    is_new = not imports.here(job.project, Thread, [thread.id])
    if is_new:
        with (
            _checked(ImportedRun, item, "run", reader) as runs,
            _checked(ImportedStep, item, "run step", reader) as steps,
            _checked(ImportedMessage, item, "message", reader) as said,
            imports.opened(job.project) as door,
        ):
            _renew(job)
            with transaction.atomic():
                door.thread(thread, runs, steps, said)
                # Whoever has it by now brings the thread.
                _renew(job)
    item.counts, item.differs = {}, []
    _compare(item, "thread", {thread.id: told}, Thread.objects.in_bulk([thread.id]))
    here: dict[str, QuerySet[Any]] = {
        "message": Message.objects.filter(thread=thread.id),
        "run": Run.objects.filter(thread=thread.id),
        "run step": RunStep.objects.filter(run__thread=thread.id).select_related("run"),
    }
    for noun, rows in here.items():
        there = 0
        for some in _pages(item, noun):
            reader.beat()
            there += len(some)
            wires = {str(one.get("id")): one for one in some}
            _compare(item, noun, wires, rows.in_bulk(list(wires)))
        item.counts[noun] = {"there": there, "here": rows.count()}
    return Status.BROUGHT if is_new else Status.KEPT


def _pages(item: ImportItem, noun: str) -> Iterator[list[Wire]]:
    """What was read, of which one page is held at a time."""
    for key in list(item.pages.filter(noun=noun).order_by("pk").values_list("pk", flat=True)):
        yield item.pages.get(pk=key).objects_told


def _told(item: ImportItem, noun: str) -> Iterator[Wire]:
    return chain.from_iterable(_pages(item, noun))


@contextmanager
def _checked(kind: type[I], item: ImportItem, noun: str, reader: Reader) -> Iterator[Iterator[I]]:
    """What was read of one noun, checked before anything is locked. It may be more than fits in
    memory, so it waits on the disk, and of it one page is held at a time.

    :raises Invalid: something is none of the kind
    """
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as disk:
        for some in _pages(item, noun):
            reader.beat()
            pickle.dump([imports.read(kind, one) for one in some], disk)
        end = disk.tell()
        disk.seek(0)
        yield chain.from_iterable(_loaded(disk, end))


def _loaded(disk: IO[bytes], end: int) -> Iterator[list[Any]]:
    while disk.tell() < end:
        # Nobody else can have written the file: it has no name.
        yield pickle.load(disk)  # noqa: S301


def _compare(
    item: ImportItem, noun: str, told: Mapping[str, Wire], here: Mapping[str, _Told]
) -> None:
    """Write down in what the objects that are here are others than was told."""
    found: list[Wire] = []
    for object_id, wire in told.items():
        row = here.get(object_id)
        if row is not None and (fields := upstream_differences.of(noun, wire, row.to_dict())):
            found.append({"noun": noun, "id": object_id, "fields": fields})
    item.differs = [*item.differs, *found][:MAX_DIFFERS]


def _is(told: str, item: ImportItem) -> None:
    """
    :raises Invalid: the server has answered with another object than was asked for
    """
    if told != item.upstream_id:
        raise refusals.ID_NOT_USABLE(given=told)


Look = Callable[[UpstreamImport, Reader, _Found], None]
Bring = Callable[[UpstreamImport, ModelProvider, Reader, ImportItem], Status]
"""Brings an item, or a piece of it: then it waits still."""

_LISTINGS: Final[dict[str, Look]] = {
    "assistants": _list_assistants,
    "vector_stores": _list_vector_stores,
    "thread_ids": _list_threads,
}
_BRINGING: Final[dict[str, Bring]] = {
    "file": _file,
    "vector_store": _vector_store,
    "assistant": _assistant,
    "thread": _thread,
}
