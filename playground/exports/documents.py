"""A thread with all that belongs to it as the objects of the API, in an archive that another
instance takes in under the same ids (``reading``).

One object a line, so that neither side has to hold all of them. What the studio keeps of an object
and the API does not show stands in its ``playground`` (``assistants.params.imported``). A run that
is active comes as it is at this moment.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet

from assistants.errors import Wire
from assistants.events.log import line
from assistants.models import (
    Assistant,
    File,
    Message,
    Run,
    RunStep,
    Thread,
    VectorStore,
    VectorStoreFile,
    clock,
)
from playground.exports.archive import Entry
from playground.exports.history import Wanted
from playground.exports.markdown import content

FORMAT: Final = "assistants-playground.thread"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
CONTENTS: Final = "contents/"
AT_ONCE: Final = 200


def entries(thread: Thread, wanted: Wanted) -> Iterator[Entry]:
    """The archive's entries. The manifest comes last: it says what has come before it."""
    export = _Export(thread, wanted)
    yield "thread.jsonl", export.lines("thread", [export.thread()])
    yield "messages.jsonl", export.lines("messages", export.messages())
    if wanted.steps:
        yield "runs.jsonl", export.lines("runs", export.runs())
        yield "steps.jsonl", export.lines("steps", export.steps())
    yield "assistants.jsonl", export.lines("assistants", export.assistants())
    yield "vector_stores.jsonl", export.lines("vector_stores", export.vector_stores())
    yield "vector_store_files.jsonl", export.lines("vector_store_files", export.store_files())
    yield "files.jsonl", export.lines("files", export.files())
    if wanted.files:
        yield from export.contents()
    yield MANIFEST, [export.manifest()]


class _Export:
    """``counts`` is how many of each kind were written, ``missing`` the ids of files that are named
    and whose content is not there any more.
    """

    def __init__(self, thread: Thread, wanted: Wanted) -> None:
        self._thread = thread
        self._project = thread.project
        self._wanted = wanted
        self._until = clock.now()
        self._assistant_ids = {thread.assistant_id}
        self._store_ids = set(thread.vector_store_ids)
        self._file_ids: set[str] = set(thread.code_interpreter_file_ids)
        self._with_content: list[str] = []
        self.counts: dict[str, int] = {}
        self.missing: list[str] = []

    def lines(self, kind: str, wires: Iterable[Wire]) -> Iterator[bytes]:
        self.counts[kind] = 0
        for wire in wires:
            self.counts[kind] += 1
            yield (line(wire) + "\n").encode()

    def thread(self) -> Wire:
        beside = {"active_at": _exactly(self._thread.active_at)}
        return _with(self._thread.to_dict(), self._thread.created_at, beside)

    def messages(self) -> Iterator[Wire]:
        for message in _in_order(self._thread.messages.filter(created_at__lte=self._until)):
            self._note(message.content)
            self._note(message.attachments)
            self._assistant_ids.add(message.assistant_id or "")
            beside = {"author": message.author.get("name", "")} if message.role == "user" else None
            yield _with(message.to_dict(), message.created_at, beside)

    def runs(self) -> Iterator[Wire]:
        for run in _in_order(self._thread.runs.standing().filter(created_at__lte=self._until)):
            self._assistant_ids.add(run.assistant_id)
            self._store_ids.update(run.vector_store_ids)
            self._note(run.tool_resources)
            beside = {
                "queued_at": _exactly(run.queued_at),
                "started_at": _exactly(run.started_at),
                "ended_at": _exactly(run.ended_at),
                "answered_by": run.answered_by,
                "overrides": run.overrides,
                "vector_store_ids": run.vector_store_ids,
            }
            yield _with(run.to_dict(), run.created_at, beside)

    def steps(self) -> Iterator[Wire]:
        runs = self._thread.runs.standing().filter(created_at__lte=self._until)
        steps = RunStep.objects.filter(run__in=runs)
        for step in _in_order(steps.select_related("run")):
            self._note(step.step_details)
            self._file_ids.update(step.saved_files.values())
            beside = {
                "ended_at": _exactly(step.ended_at),
                "saved_files": step.saved_files,
                "searches": step.searches,
            }
            yield _with(step.to_dict(), step.created_at, beside)

    def assistants(self) -> Iterator[Wire]:
        found = Assistant.objects.in_project(self._project)
        for assistant in _named(found, self._assistant_ids):
            self._store_ids.update(assistant.vector_store_ids)
            self._note(assistant.tool_resources)
            yield _with(assistant.to_dict(), assistant.created_at)

    def vector_stores(self) -> Iterator[Wire]:
        for store in _named(VectorStore.objects.in_project(self._project), self._store_ids):
            yield _with(store.to_dict(), store.created_at)

    def store_files(self) -> Iterator[Wire]:
        found = VectorStoreFile.objects.filter(vector_store__project=self._project)
        for store_id in sorted(self._store_ids):
            for row in _in_order(found.filter(vector_store=store_id)):
                self._file_ids.add(row.file_id)
                yield _with(row.to_dict(), row.created_at)

    def files(self) -> Iterator[Wire]:
        for file in _named(File.objects.in_project(self._project), self._file_ids):
            self._with_content.append(file.id)
            yield _with(file.to_dict(), file.created_at, {"folder": file.folder})

    def contents(self) -> Iterator[Entry]:
        for file_id in self._with_content:
            file = File.objects.in_project(self._project).filter(pk=file_id).first()
            if file is not None and default_storage.exists(file.key):
                yield CONTENTS + file_id, content(file)
            else:
                self.missing.append(file_id)

    def manifest(self) -> bytes:
        said = {
            "format": FORMAT,
            "version": VERSION,
            "thread_id": self._thread.id,
            "exported_at": clock.unix(self._until),
            "steps": self._wanted.steps,
            "files": self._wanted.files,
            "counts": self.counts,
            "missing": self.missing,
        }
        return json.dumps(said, indent=2, ensure_ascii=False).encode()

    def _note(self, value: Any) -> None:
        """Remember the files that a part of an object names, however deep."""
        if isinstance(value, list):
            for inner in value:
                self._note(inner)
        elif isinstance(value, dict):
            for name, inner in value.items():
                if name == "file_id" and isinstance(inner, str):
                    self._file_ids.add(inner)
                elif name == "file_ids" and isinstance(inner, list):
                    self._file_ids.update(inner)
                else:
                    self._note(inner)


def _with(wire: Wire, created_at: datetime, beside: Wire | None = None) -> Wire:
    return {**wire, "playground": {"created_at": _exactly(created_at), **(beside or {})}}


def _exactly(moment: datetime | None) -> int | None:
    """Whole microseconds since 1970."""
    if moment is None:
        return None
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def _in_order(rows: "QuerySet[Any]") -> Iterator[Any]:
    """The rows, the oldest first, some with each query."""
    last: Message | Run | RunStep | VectorStoreFile | None = None
    while True:
        rest = rows.order_by("created_at", "pk")
        if last is not None:
            later = Q(created_at__gt=last.created_at)
            rest = rest.filter(later | Q(created_at=last.created_at, pk__gt=last.pk))
        found = list(rest[:AT_ONCE])
        yield from found
        if len(found) < AT_ONCE:
            return
        last = found[-1]


def _named(rows: "QuerySet[Any]", ids: set[str]) -> Iterator[Any]:
    """Those of the rows that have one of the ids."""
    asked = sorted(ids - {""})
    for start in range(0, len(asked), AT_ONCE):
        yield from rows.filter(pk__in=asked[start : start + AT_ONCE]).order_by("pk")
