"""Bringing assistants, vector stores with their files, and threads from another Assistants server,
to be kept here under their ids.

What is to be brought is written down as items first. A worker takes some, lets go, and has somebody
go on: so a worker that dies or stops costs the few seconds in which it had the import, and what was
brought is brought once. In the end what is there is counted and compared with what is here.
"""

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.db import OperationalError, models, transaction

from assistants import doorbell, refusals
from assistants.errors import ApiError, Invalid, Wire
from assistants.models import (
    Assistant,
    File,
    ImportItem,
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
from assistants.operations import audit, imports, providers, upstream_calls, upstream_reading
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

    items: list[tuple[str, str]] = field(default_factory=list)

    def add(self, noun: str, ids: Iterable[object]) -> None:
        self.items += [(noun, str(one)[:200]) for one in ids]


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


def ring_again() -> int:
    """Ring for imports that nobody is at. Returns how many."""
    left = UpstreamImport.objects.going_on().filter(lease_until__lt=clock.now() - doorbell.UNHEARD)
    ids = list(left.values_list("pk", flat=True)[:100])
    for import_id in ids:
        doorbell.ring(doorbell.IMPORT, import_id)
    return len(ids)


# A worker at it


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


def _end(job: UpstreamImport, status: ImportStatus, error: str = "") -> None:
    UpstreamImport.objects.going_on().filter(pk=job.pk, lease=job.lease).update(
        status=status,
        error=error,
        wanted={**job.wanted, "tries": 0},
        ended_at=clock.now(),
        lease="",
        lease_until=clock.now(),
    )


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
    """List what is not listed yet, else bring the next item. False when nothing is left.

    :raises UpstreamError: the server is gone, slow, or answers nonsense
    """
    for what, look in _LISTINGS.items():
        if job.wanted.get(what) and what not in job.listed:
            found = _Found()
            look(job, reader, found)
            _note_listed(job, what, found)
            return True
    item = job.items.filter(status=Status.WAITING).order_by("rank", "pk").first()
    if item is None:
        return False
    try:
        brought = _BRINGING[item.noun](job, row, reader, item)
        item.status = Status.BROUGHT if brought else Status.KEPT
    except UpstreamError as error:
        if error.may_pass or (error.status in (401, 403) and item.noun != "file"):
            raise
        item.status, item.error = Status.FAILED, error.message
    except ApiError as error:
        item.status, item.error = Status.FAILED, error.message
    except (OSError, OperationalError, _Lost):
        raise  # the disk or the database, which others need as well
    except Exception:
        logger.exception("%s of %s cannot be kept", item, job.id)
        item.status, item.error = Status.FAILED, "It cannot be kept here. The log says why."
    item.save()
    return True


# Listing


def _note_listed(job: UpstreamImport, what: str, found: _Found) -> None:
    rows = [
        ImportItem(job=job, noun=noun, rank=RANKS[noun], upstream_id=upstream_id)
        for noun, upstream_id in dict.fromkeys(found.items)
    ]
    with transaction.atomic():
        ImportItem.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
        _renew(job, listed=[*job.listed, what])
    job.listed = [*job.listed, what]


def _list_assistants(job: UpstreamImport, reader: Reader, found: _Found) -> None:
    for told in reader.assistants():
        found.add("assistant", [told.get("id")])
        found.add("file", upstream_reading.file_ids(told.get("tool_resources")))
        _list_stores_of(told, reader, found)


def _list_vector_stores(job: UpstreamImport, reader: Reader, found: _Found) -> None:
    for told in reader.vector_stores():
        _list_store(str(told.get("id")), reader, found)


def _list_threads(job: UpstreamImport, reader: Reader, found: _Found) -> None:
    for thread_id in job.wanted["thread_ids"]:
        found.add("thread", [thread_id])
        try:
            told = _read_thread(reader, thread_id)
        except UpstreamError as error:
            if error.status == 404:
                continue  # bringing it says so
            raise
        except Invalid:
            continue
        found.add("file", upstream_reading.file_ids([told.thread, told.messages, told.steps]))
        _list_stores_of(told.thread, reader, found)


def _list_stores_of(told: Wire, reader: Reader, found: _Found) -> None:
    for store_id in upstream_reading.store_ids(told):
        if ("vector_store", store_id) not in found.items:
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


@dataclass(frozen=True)
class _ThreadTold:
    thread: Wire
    runs: list[Wire]
    steps: list[Wire]
    messages: list[Wire]


def _read_thread(reader: Reader, thread_id: str) -> _ThreadTold:
    imports.check_form(Thread, thread_id)
    label = reader.provider.label
    runs = reader.runs(thread_id)
    ids = [upstream_calls.checked_id(label, run.get("id")) for run in runs]
    steps = [step for run_id in ids for step in reader.steps(thread_id, run_id)]
    return _ThreadTold(reader.thread(thread_id), runs, steps, reader.messages(thread_id))


def _file(job: UpstreamImport, row: ModelProvider, reader: Reader, item: ImportItem) -> bool:
    imports.check_form(File, item.upstream_id)
    if imports.here(job.project, File, [item.upstream_id]):
        return False
    told = imports.read(ImportedFile, reader.file(item.upstream_id))
    _is(told.id, item)
    with imports.opened(job.project) as door, reader.content(told.id) as content:
        door.store(told, content)
        with transaction.atomic():
            door.file(told)
            UpstreamFile.objects.get_or_create(
                provider=row, upstream_id=told.id, defaults={"file_id": told.id}
            )
    return True


def _vector_store(
    job: UpstreamImport, row: ModelProvider, reader: Reader, item: ImportItem
) -> bool:
    imports.check_form(VectorStore, item.upstream_id)
    told = imports.read(ImportedVectorStore, reader.vector_store(item.upstream_id))
    _is(told.id, item)
    inside = [imports.read(ImportedStoreFile, one) for one in reader.store_files(told.id)]
    with imports.opened(job.project) as door, transaction.atomic():
        door.vector_store(told, inside)
    here = VectorStoreFile.objects.filter(vector_store=told.id)
    item.counts = {"vector store file": {"there": len(inside), "here": here.count()}}
    return not door.kept


def _assistant(job: UpstreamImport, row: ModelProvider, reader: Reader, item: ImportItem) -> bool:
    imports.check_form(Assistant, item.upstream_id)
    told = imports.read(ImportedAssistant, reader.assistant(item.upstream_id))
    _is(told.id, item)
    with imports.opened(job.project) as door, transaction.atomic():
        door.assistant(told)
    return not door.kept


def _thread(job: UpstreamImport, row: ModelProvider, reader: Reader, item: ImportItem) -> bool:
    told = _read_thread(reader, item.upstream_id)
    thread = imports.read(ImportedThread, told.thread)
    _is(thread.id, item)
    is_new = not imports.here(job.project, Thread, [thread.id])
    if is_new:
        runs = [imports.read(ImportedRun, one) for one in told.runs]
        steps = [imports.read(ImportedStep, one) for one in told.steps]
        said = [imports.read(ImportedMessage, one) for one in told.messages]
        with imports.opened(job.project) as door, transaction.atomic():
            door.thread(thread, runs, steps, said)
    here = {
        "message": Message.objects.filter(thread=thread.id).count(),
        "run": Run.objects.filter(thread=thread.id).count(),
        "run step": RunStep.objects.filter(run__thread=thread.id).count(),
    }
    there = {"message": told.messages, "run": told.runs, "run step": told.steps}
    item.counts = {noun: {"there": len(there[noun]), "here": count} for noun, count in here.items()}
    return is_new


def _is(told: str, item: ImportItem) -> None:
    """
    :raises Invalid: the server has answered with another object than was asked for
    """
    if told != item.upstream_id:
        raise refusals.ID_NOT_USABLE(given=told)


Look = Callable[[UpstreamImport, Reader, _Found], None]
Bring = Callable[[UpstreamImport, ModelProvider, Reader, ImportItem], bool]

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
