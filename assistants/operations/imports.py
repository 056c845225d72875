"""Taking in objects of the API that come from elsewhere, under the ids that they have there: from
an export (``manage.py import_thread``, the studio), or from another server.

    with imports.opened(project) as door:
        door.store(file, content)           # bytes, before anything is locked
        with transaction.atomic():          # all of it or nothing
            door.file(file)
            door.vector_store(store, files)
            door.assistant(assistant)
            door.thread(thread, runs, steps, messages)

What comes is taken for history. Nobody is rung for it but who ingests files, no event tells of it,
and no run goes on: one that had not ended has failed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, BinaryIO, Final, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Model

from assistants import doorbell, refusals
from assistants.errors import Wire
from assistants.models import (
    Assistant,
    File,
    FileStatus,
    Message,
    Project,
    Run,
    RunStatus,
    RunStep,
    StepStatus,
    Thread,
    VectorStore,
    VectorStoreFile,
    clock,
)
from assistants.models.base import ApiObject
from assistants.models.run import ACTIVE
from assistants.operations import audit, files, openings
from assistants.operations.assistants import DEFAULTS, check_function_names
from assistants.operations.runs import OVERRIDES
from assistants.params import RunCreate, validate
from assistants.params.imported import (
    NOUNS,
    Beside,
    ImportedAssistant,
    ImportedFile,
    ImportedMessage,
    ImportedObject,
    ImportedRun,
    ImportedStep,
    ImportedStoreFile,
    ImportedThread,
    ImportedVectorStore,
    Resources,
    RunBeside,
    StepBeside,
)
from assistants.params.vector_store import AutoStrategy, StaticStrategy
from assistants.text import storable

I = TypeVar("I", bound=ImportedObject)  # noqa: E741
O = TypeVar("O", bound=ApiObject)  # noqa: E741
T = TypeVar("T")

AT_ONCE: Final = 500
"""Rows that are written with one query."""
MAX_DEPTH: Final = 64
"""Objects within objects; a function's parameters are the deepest that there are."""
MAX_ID: Final = 64

NOT_ENDED: Final[Wire] = {
    "code": "server_error",
    "message": "The run had not ended when its thread was copied from another server.",
}
"""The error of a run, and of a step, that went on where it comes from."""

_RUNS_BEGIN: Final = timedelta(milliseconds=400)
_ANSWERS_BEGIN: Final = timedelta(milliseconds=500)
"""Where only seconds are known, what was said comes before the run that answers it, and the answer
after that.
"""

_OF_PROJECT: Final[dict[type[ApiObject], str]] = {
    Message: "thread__project",
    Run: "thread__project",
    RunStep: "run__thread__project",
}
"""Where the project of a noun stands, if not in its own row."""


def read(kind: type[I], wire: Any) -> I:
    """An object as it was told, checked. Characters that cannot be kept are taken out.

    :raises Invalid: it is none of this kind, or its id has not the form of one
    """
    found = validate(kind, _storable(wire, MAX_DEPTH))
    if kind in NOUNS:
        check_form(NOUNS[kind], found.id)
    return found


def check_form(noun: type[ApiObject], object_id: str) -> None:
    """
    :raises Invalid: no id of this noun has such a form
    """
    rest = object_id.removeprefix(noun.prefix)
    plain = rest.isascii() and rest.replace("_", "").replace("-", "").isalnum()
    if rest == object_id or not plain or len(object_id) > MAX_ID:
        raise refusals.ID_NOT_USABLE(given=object_id)


def here(project: Project, noun: type[ApiObject], ids: Iterable[str]) -> set[str]:
    """Those of the ids that are objects of the project."""
    path = _OF_PROJECT.get(noun, "project")
    found: set[str] = set()
    for asked in _batched(ids):
        rows = noun._default_manager.filter(pk__in=asked, **{path: project})
        found.update(rows.values_list("pk", flat=True))
    return found


def taken(noun: type[ApiObject], ids: Iterable[str]) -> set[str]:
    """Those of the ids under which anybody has anything. Not to be told as such."""
    found: set[str] = set()
    for asked in _batched(ids):
        found.update(noun._default_manager.filter(pk__in=asked).values_list("pk", flat=True))
    return found


def unusable(project: Project, noun: type[ApiObject], ids: Iterable[str]) -> set[str]:
    """Those of the ids under which nothing can be inserted. Messages, runs and steps come once; of
    other nouns what the project has stays as it is. Whose they are is not to be told.
    """
    asked = list(ids)
    wrong = taken(noun, asked)
    return wrong if noun in _OF_PROJECT else wrong - here(project, noun, asked)


@contextmanager
def opened(project: Project) -> Iterator["Door"]:
    """The door of a project. To be opened outside of transactions: when it closes, bytes that no
    committed row names are deleted.
    """
    door = Door(project)
    try:
        yield door
    finally:
        door.close()


@dataclass
class Door:
    """Inserts objects into a project. What the methods raise may be caught only outside of the
    transaction that they are called in.

    An assistant, a file or a vector store that the project has already stays as it is; a thread is
    refused then.

    :ivar brought: how many objects of each noun were inserted
    :ivar kept: ids of objects that were here already and stay as they are
    :ivar not_ended: ids of runs that had not ended, and so have failed now
    :ivar missing: ids of files and vector stores that tools might open and that are not here: tools
        are not given them
    """

    project: Project
    brought: Counter[str] = field(default_factory=Counter)
    kept: list[str] = field(default_factory=list)
    not_ended: list[str] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    _stored: dict[str, tuple[str, int]] = field(default_factory=dict)

    def store(self, file: ImportedFile, content: BinaryIO) -> None:
        """Store the content of a file that is to come; nothing, if the file is here already.

        :raises Invalid: its id cannot be used
        :raises TooLarge: more than 512 MB
        """
        if file.id in self._stored:
            raise refusals.ID_NOT_USABLE(given=file.id)
        if not self._is_here(File, file.id):
            self._stored[file.id] = files.store(self.project, file.id, content)

    def close(self) -> None:
        """Delete the bytes that no row has come to name."""
        files.discard_unused(key for key, _size in self._stored.values())

    def file(self, file: ImportedFile) -> None:
        """A file whose content was stored.

        :raises Invalid: its id cannot be used, or its content is missing
        """
        if self._is_here(File, file.id, note=True):
            return
        if file.id not in self._stored:
            raise refusals.CONTENT_MISSING(given=file.id)
        key, size = self._stored[file.id]
        row = File(
            id=file.id,
            project=self.project,
            created_at=_moment(file),
            filename=files.clean_name(file.filename),
            folder=files.clean_folder(file.playground.folder if file.playground else ""),
            purpose=file.purpose,
            bytes=size,
            key=key,
            expires_at=_at(file.expires_at),
        )
        self._bring(row)

    def vector_store(
        self, store: ImportedVectorStore, files: Iterable[ImportedStoreFile] = ()
    ) -> None:
        """A store with its files, which workers ingest. Those that are not here are left out.

        :raises Invalid: its id cannot be used
        """
        if self._is_here(VectorStore, store.id, note=True):
            return
        created_at = _moment(store)
        row = VectorStore(
            id=store.id,
            project=self.project,
            created_at=created_at,
            name=store.name,
            description=store.description,
            metadata=store.metadata or {},
            expires_after_days=store.expires_after.days if store.expires_after else None,
            last_active_at=_at(store.last_active_at) or created_at,
        )
        self._bring(row)
        for some in _batched(files):
            self._put_in(row, some)
        doorbell.ring(doorbell.INGEST)

    def _put_in(self, store: VectorStore, some: Sequence[ImportedStoreFile]) -> None:
        there = here(self.project, File, {file.id for file in some})
        files.hold(self.project, there)
        self.missing.update(file.id for file in some if file.id not in there)
        rows = [_store_file(store, file) for file in some if file.id in there]
        twice = Counter(row.file_id for row in rows)
        twice.update(store.files.filter(file__in=there).values_list("file_id", flat=True))
        for file_id, times in twice.items():
            if times > 1:
                raise refusals.ID_NOT_USABLE(given=file_id)
        VectorStoreFile.objects.bulk_create(rows)
        self.brought["vector store file"] += len(rows)

    def assistant(self, assistant: ImportedAssistant) -> None:
        """An assistant, whether its model is known here or not.

        :raises Invalid: its id cannot be used, or two functions share a name
        """
        if self._is_here(Assistant, assistant.id, note=True):
            return
        given = _dumped(assistant)
        check_function_names(given["tools"])
        fields = {name: DEFAULTS[name] if given[name] is None else given[name] for name in DEFAULTS}
        row = Assistant(
            id=assistant.id,
            project=self.project,
            created_at=_moment(assistant),
            name=assistant.name,
            description=assistant.description,
            model=assistant.model,
            instructions=assistant.instructions,
            tool_resources=self._to_open(assistant.tool_resources),
            reasoning_effort=assistant.reasoning_effort,
            **fields,
        )
        self._bring(row)

    def thread(
        self,
        thread: ImportedThread,
        runs: Iterable[ImportedRun] = (),
        steps: Iterable[ImportedStep] = (),
        messages: Iterable[ImportedMessage] = (),
    ) -> Thread:
        """A thread with all that happened in it, each kind in its order, the oldest first.

        Steps of runs that are not among these are left out; messages are kept and lose the run.

        :raises Invalid: the project has the thread already, or an id cannot be used
        """
        if self._is_here(Thread, thread.id):
            raise refusals.ALREADY_HERE(noun="thread", given=thread.id)
        row = Thread(
            id=thread.id,
            project=self.project,
            created_at=_moment(thread),
            metadata=thread.metadata or {},
            tool_resources=self._to_open(thread.tool_resources),
        )
        row.active_at = row.created_at
        self._bring(row)
        history = _History(self, row)
        history.add_runs(runs)
        history.add_steps(steps)
        history.add_messages(messages)
        history.end_runs()
        beside = thread.playground
        row.active_at = _exactly(beside.active_at if beside else None) or row.active_at
        row.save(update_fields=["active_at", "opening", "assistant_id"])
        return row

    def _bring(self, row: Assistant | File | Thread | VectorStore) -> None:
        """Insert what has a name of its own for people, and write down that it came so."""
        self._insert([row])
        name = row.filename if isinstance(row, File) else None
        noun = row.noun.replace(" ", "_")
        audit.note(f"{noun}.imported", self.project, row, name)

    def _to_open(self, resources: Resources | None) -> Wire:
        """Of what tools may open, that which the project has."""
        found = _dumped(resources) if resources else {}
        nouns: tuple[tuple[str, type[ApiObject], str], ...] = (
            ("code_interpreter", File, "file_ids"),
            ("file_search", VectorStore, "vector_store_ids"),
        )
        for tool, noun, key in nouns:
            if tool in found:
                there = here(self.project, noun, found[tool][key])
                self.missing.update(set(found[tool][key]) - there)
                found[tool][key] = [one for one in dict.fromkeys(found[tool][key]) if one in there]
        return found

    def _is_here(self, noun: type[ApiObject], object_id: str, *, note: bool = False) -> bool:
        """Whether the project has the object.

        :param note: it is asked when the object is to be inserted
        :raises Invalid: the id cannot be used
        """
        check_form(noun, object_id)
        found = bool(here(self.project, noun, [object_id]))
        if not found and taken(noun, [object_id]):
            raise refusals.ID_NOT_USABLE(given=object_id)
        if found and note:
            self.kept.append(object_id)
        return found

    def _insert(self, rows: Sequence[O]) -> None:
        """
        :raises Invalid: an id of them cannot be used
        """
        if not rows:
            return
        noun = type(rows[0])
        ids = Counter(row.id for row in rows)
        if wrong := taken(noun, ids) | {one for one, times in ids.items() if times > 1}:
            raise refusals.ID_NOT_USABLE(given=min(wrong))
        try:
            with transaction.atomic():
                noun._default_manager.bulk_create(rows)
        except IntegrityError as error:
            # Somebody has taken one since.
            raise refusals.ID_NOT_USABLE(given=next(iter(taken(noun, ids)), "")) from error
        self.brought[noun.noun] += len(rows)


class _History:
    """What happened in a thread that is being inserted."""

    def __init__(self, door: Door, thread: Thread) -> None:
        self._door = door
        self._thread = thread
        self._runs: set[str] = set()
        self._last: dict[type[Model], datetime] = {}
        self._over: dict[str, datetime] = {}
        """When runs whose end is not known exactly had written the last that there is of them."""

    def add_runs(self, runs: Iterable[ImportedRun]) -> None:
        for some in _batched(runs):
            rows = [self._run(run) for run in some]
            self._door._insert(rows)
            self._runs.update(row.id for row in rows)
            if rows:
                self._thread.assistant_id = rows[-1].assistant_id

    def _run(self, run: ImportedRun) -> Run:
        check_form(Run, run.id)
        given, beside = _dumped(run), run.playground or RunBeside()
        row = Run(
            id=run.id,
            thread=self._thread,
            assistant_id=run.assistant_id,
            created_at=self._next(Run, run, _RUNS_BEGIN),
            status=run.status,
            last_error=given["last_error"],
            incomplete_details=given["incomplete_details"],
            model=run.model,
            answered_by=beside.answered_by,
            instructions=run.instructions,
            tools=given["tools"],
            tool_resources=self._to_open(run, beside),
            metadata=run.metadata or {},
            usage=given["usage"],
            temperature=run.temperature,
            top_p=run.top_p,
            reasoning_effort=run.reasoning_effort,
            max_prompt_tokens=run.max_prompt_tokens,
            max_completion_tokens=run.max_completion_tokens,
            truncation_strategy=given["truncation_strategy"]
            or {"type": "auto", "last_messages": None},
            response_format=given["response_format"] or "auto",
            tool_choice=given["tool_choice"] or "auto",
            parallel_tool_calls=run.parallel_tool_calls is not False,
            overrides=_overrides(beside),
            expires_at=_at(run.expires_at),
            started_at=_exactly(beside.started_at) or _at(run.started_at),
            cancelled_at=_at(run.cancelled_at),
            failed_at=_at(run.failed_at),
            completed_at=_at(run.completed_at),
            ended_at=_exactly(beside.ended_at),
        )
        row.queued_at = _exactly(beside.queued_at) or row.created_at
        if row.status in ACTIVE:
            row.status, row.last_error, row.expires_at = RunStatus.FAILED, NOT_ENDED, None
            row.failed_at = row.ended_at = clock.now()
            self._door.not_ended.append(row.id)
        if row.ended_at is None:
            ends = (row.cancelled_at, row.failed_at, row.completed_at, row.created_at)
            self._over[row.id] = max(filter(None, ends))
        return row

    def _to_open(self, run: ImportedRun, beside: RunBeside) -> Wire:
        """The interpreter's files, which the API shows, and the stores, which it does not."""
        shown = run.tool_resources or Resources()
        found = self._door._to_open(shown)
        if beside.vector_store_ids:
            stores = {"file_search": {"vector_store_ids": beside.vector_store_ids}}
            found |= self._door._to_open(validate(Resources, stores))
        return found

    def add_steps(self, steps: Iterable[ImportedStep]) -> None:
        for some in _batched(steps):
            self._door._insert([self._step(step) for step in some if step.run_id in self._runs])

    def _step(self, step: ImportedStep) -> RunStep:
        check_form(RunStep, step.id)
        given, beside = _dumped(step), step.playground or StepBeside()
        row = RunStep(
            id=step.id,
            run_id=step.run_id,
            created_at=self._next(RunStep, step, _RUNS_BEGIN),
            type=step.step_details.type,
            status=step.status,
            step_details=given["step_details"],
            last_error=given["last_error"],
            metadata=step.metadata or {},
            usage=given["usage"],
            saved_files=beside.saved_files,
            searches=_dumped(beside)["searches"],
            expires_at=_at(step.expires_at),
            expired_at=_at(step.expired_at),
            cancelled_at=_at(step.cancelled_at),
            failed_at=_at(step.failed_at),
            completed_at=_at(step.completed_at),
            ended_at=_exactly(beside.ended_at),
        )
        if row.status == StepStatus.IN_PROGRESS:
            row.status, row.last_error = StepStatus.FAILED, NOT_ENDED
            row.failed_at = row.ended_at = clock.now()
        if row.ended_at is None:
            ends = (row.cancelled_at, row.failed_at, row.completed_at, row.expired_at)
            row.ended_at = max([row.created_at, *filter(None, ends)])
        self._wrote(row.run_id, row.ended_at)
        return row

    def add_messages(self, messages: Iterable[ImportedMessage]) -> None:
        for some in _batched(messages):
            rows = [self._message(message) for message in some]
            self._door._insert(rows)
            self._thread.active_at = max(
                [self._thread.active_at, *(row.created_at for row in rows)]
            )

    def _message(self, message: ImportedMessage) -> Message:
        check_form(Message, message.id)
        given = _dumped(message)
        of_run = message.run_id in self._runs
        row = Message(
            id=message.id,
            thread=self._thread,
            created_at=self._next(Message, message, _ANSWERS_BEGIN if of_run else timedelta()),
            role=message.role,
            status=message.status,
            content=given["content"],
            attachments=given["attachments"] or [],
            metadata=message.metadata or {},
            assistant_id=message.assistant_id,
            # A run that is not of this thread may be somebody else's.
            run_id=message.run_id if of_run else None,
            incomplete_reason=message.incomplete_details.reason
            if message.incomplete_details
            else "",
            incomplete_at=_at(message.incomplete_at),
            completed_at=_at(message.completed_at),
            author=_author(message),
        )
        if row.status == Message.Status.IN_PROGRESS:
            row.status, row.incomplete_reason = Message.Status.INCOMPLETE, "run_failed"
            row.incomplete_at = clock.now()
        # Links to a moment show what was over by then, so it has to be known of each.
        elif row.status == Message.Status.INCOMPLETE:
            row.incomplete_at = row.incomplete_at or row.created_at
        else:
            row.completed_at = row.completed_at or row.created_at
        if row.run_id:
            self._wrote(row.run_id, row.created_at)
        self._thread.opening = self._thread.opening or openings.of(row.text)
        return row

    def end_runs(self) -> None:
        """Write down when those runs ended of which it was not told exactly: after all that they
        have written.
        """
        for some in _batched(self._over.items()):
            after = timedelta(microseconds=1)
            rows = [Run(id=run_id, ended_at=at + after) for run_id, at in some]
            Run.objects.bulk_update(rows, ["ended_at"])

    def _wrote(self, run_id: str, moment: datetime) -> None:
        if run_id in self._over:
            self._over[run_id] = max(self._over[run_id], moment)

    def _next(self, noun: type[Model], given: ImportedObject, begin: timedelta) -> datetime:
        """When the object was made; where only the second is known, after the one before it."""
        moment, last = _moment(given), self._last.get(noun)
        if given.playground is None or given.playground.created_at is None:
            moment += begin
            if last is not None:
                moment = max(moment, last + timedelta(microseconds=1))
        self._last[noun] = moment
        return moment


def _batched(given: Iterable[T]) -> Iterator[list[T]]:
    """As many as are looked up and written with one query."""
    rest = iter(given)
    while some := list(islice(rest, AT_ONCE)):
        yield some


def _store_file(store: VectorStore, file: ImportedStoreFile) -> VectorStoreFile:
    strategy = file.chunking_strategy
    if not isinstance(strategy, StaticStrategy):
        strategy = StaticStrategy(type="static", static=AutoStrategy(type="auto").chunking)
    cancelled = file.status == "cancelled"
    return VectorStoreFile(
        vector_store=store,
        file_id=file.id,
        created_at=_moment(file),
        status=FileStatus.CANCELLED if cancelled else FileStatus.IN_PROGRESS,
        attributes=file.attributes or {},
        max_chunk_size_tokens=strategy.static.max_chunk_size_tokens,
        chunk_overlap_tokens=strategy.static.chunk_overlap_tokens,
    )


def _overrides(beside: RunBeside) -> Wire:
    """
    :raises Invalid: a value is none that a run can be started with
    """
    given = {name: value for name, value in beside.overrides.items() if name in OVERRIDES}
    params = validate(RunCreate, {"assistant_id": "asst_", **given})
    return {name: value for name, value in _dumped(params).items() if name in given}


def _dumped(params: Any) -> Wire:
    wire: Wire = params.model_dump(mode="json", by_alias=True)
    return wire


def _author(message: ImportedMessage) -> dict[str, str]:
    """Whoever wrote it elsewhere is nobody here but a name."""
    if message.role != "user":
        return {}
    name = message.playground.author if message.playground else ""
    return {"kind": "guest", "id": "", "name": storable(name)}


def _moment(given: ImportedObject) -> datetime:
    """When the object was made, as exactly as it is known. Nothing was made later than now: it
    would stand below all that is still to come.
    """
    beside: Beside = given.playground or Beside()
    moment = _exactly(beside.created_at) or datetime.fromtimestamp(given.created_at, UTC)
    # The service's own clock gives each moment once, so that the order stays.
    return moment if moment <= (now := clock.now()) else now


def _exactly(microseconds: int | None) -> datetime | None:
    if microseconds is None:
        return None
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=rest)


def _at(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _storable(wire: Any, depth: int) -> Any:
    """The same JSON with texts that can be kept.

    :raises Invalid: it is too deep
    """
    if isinstance(wire, str):
        return storable(wire)
    if not isinstance(wire, dict | list):
        return wire
    if not depth:
        raise refusals.MALFORMED()
    if isinstance(wire, list):
        return [_storable(value, depth - 1) for value in wire]
    return {storable(str(name)): _storable(value, depth - 1) for name, value in wire.items()}
