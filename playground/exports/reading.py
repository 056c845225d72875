"""Taking in an export of a thread (``documents``) from another instance, under the ids that its
objects have there.

An archive may come from anybody, so that nothing in it is believed: what it holds is named here and
counted before it is read, each object is checked as a request would be, and all of it is inserted
or nothing.
"""

import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, Final, TypeVar, cast

from django.db import transaction
from django.utils.translation import gettext as _

from assistants.errors import ApiError
from assistants.models import Assistant, File, Project, Thread, VectorStore, VectorStoreFile
from assistants.models.base import ApiObject
from assistants.models.run import ACTIVE
from assistants.operations import files, imports, openings
from assistants.operations.imports import Door
from assistants.params.imported import (
    NOUNS,
    ImportedAssistant,
    ImportedFile,
    ImportedMessage,
    ImportedObject,
    ImportedRun,
    ImportedStep,
    ImportedStoreFile,
    ImportedThread,
    ImportedVectorStore,
    TextContent,
)
from playground.exports.documents import CONTENTS, FORMAT, MANIFEST, VERSION
from playground.service_words import refusal

K = TypeVar("K", bound=ImportedObject)

MAX_ENTRIES: Final = 20_000
MAX_TOTAL: Final = 8 * 1024**3
"""Bytes that all entries have together, unpacked."""
MAX_HISTORY_BYTES: Final = 256 * 1024**2
"""Bytes that all messages have together, or runs, or steps: they are read within a transaction, for
which others may wait.
"""
MAX_OTHER_BYTES: Final = 32 * 1024**2
"""Bytes that all objects of another kind have together; of some all are held."""
HISTORY: Final = {"messages.jsonl", "runs.jsonl", "steps.jsonl"}
MAX_LINE: Final = 32 * 1024**2
"""Bytes of one object."""
MAX_RATIO: Final = 1000
"""Deflate packs text of one character 1030 times."""
MAX_TOLD: Final = 20
"""So many ids that cannot be used are named."""
SMALL: Final = 1024**2
"""What unpacks to less is not asked how well it was packed."""

_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
KINDS: Final[dict[str, type[ImportedObject]]] = {
    "thread.jsonl": ImportedThread,
    "messages.jsonl": ImportedMessage,
    "runs.jsonl": ImportedRun,
    "steps.jsonl": ImportedStep,
    "assistants.jsonl": ImportedAssistant,
    "vector_stores.jsonl": ImportedVectorStore,
    "vector_store_files.jsonl": ImportedStoreFile,
    "files.jsonl": ImportedFile,
}
_SHARED: Final[tuple[tuple[str, type[ApiObject]], ...]] = (
    ("assistants.jsonl", Assistant),
    ("vector_stores.jsonl", VectorStore),
    ("files.jsonl", File),
)
"""What other threads use too, and so may be here already."""


class Unreadable(Exception):
    """Why an archive cannot be taken in, in a sentence for whoever has sent it."""


class _PlacedStoreFile(ImportedStoreFile):
    vector_store_id: str


@dataclass
class Preview:
    """What would come: how many of each kind, and what is here already and stays as it is.

    :ivar unusable: some of the ids that cannot be used here, if there are any: nothing comes then
    :ivar without_content: how many files come without their content, and so do not come
    """

    thread: ImportedThread
    counts: dict[str, int] = field(default_factory=dict)
    here: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    thread_is_here: bool = False
    not_ended: int = 0
    without_content: int = 0
    opening: str = ""

    @property
    def title(self) -> str:
        return (self.thread.metadata or {}).get("title") or self.opening


@dataclass
class Outcome:
    """What has come. See ``Door``."""

    thread: Thread
    door: Door


class Archive:
    """An export that was opened and found to be one by its names and sizes."""

    def __init__(self, opened: zipfile.ZipFile) -> None:
        self._opened = opened
        self._entries = {entry.filename: entry for entry in opened.infolist()}
        self._check_entries()
        self._check_manifest()

    def preview(self, project: Project) -> Preview:
        """Read all of it, and change nothing.

        :raises Unreadable: something in it is not right
        """
        found = Preview(self._thread())
        with _explained(_("the thread")):
            found.thread_is_here = bool(imports.here(project, Thread, [found.thread.id]))
        for name, kind in KINDS.items():
            noun = NOUNS[kind].noun if kind in NOUNS else VectorStoreFile.noun
            found.counts[noun] = 0
            for wire in self._objects(name, kind):
                found.counts[noun] += 1
                if isinstance(wire, ImportedRun):
                    found.not_ended += wire.status in ACTIVE
                elif isinstance(wire, ImportedMessage):
                    found.opening = found.opening or _opening(wire)
                elif isinstance(wire, ImportedFile):
                    found.without_content += CONTENTS + wire.id not in self._entries
        for name, shared in _SHARED:
            ids = [wire.id for wire in self._objects(name, KINDS[name])]
            found.here += sorted(imports.here(project, shared, ids))
        if not found.thread_is_here:
            found.unusable = self._unusable(project)
        return found

    def _unusable(self, project: Project) -> list[str]:
        """Some of the ids for which all of it would be refused."""
        found: list[str] = []
        for name, kind in KINDS.items():
            if noun := NOUNS.get(kind):
                ids = (wire.id for wire in self._objects(name, kind))
                if noun is File:
                    ids = (one for one in ids if CONTENTS + one in self._entries)
                found += sorted(imports.unusable(project, noun, ids))
        return found[:MAX_TOLD]

    def take_in(self, project: Project) -> Outcome:
        """Insert all of it, or nothing.

        :raises Unreadable: something in it is not right, or cannot be inserted here
        """
        with _explained(""), imports.opened(project) as door:
            with_content = list(self._store(door))
            with transaction.atomic():
                for file in with_content:
                    door.file(file)
                self._insert_stores(door)
                for assistant in self._objects("assistants.jsonl", ImportedAssistant):
                    door.assistant(assistant)
                thread = door.thread(
                    self._thread(),
                    self._objects("runs.jsonl", ImportedRun),
                    self._objects("steps.jsonl", ImportedStep),
                    self._objects("messages.jsonl", ImportedMessage),
                )
        return Outcome(thread, door)

    def _store(self, door: Door) -> Iterator[ImportedFile]:
        """The files whose content is there, or that the project has already."""
        for file in self._objects("files.jsonl", ImportedFile):
            entry = self._entries.get(CONTENTS + file.id)
            if entry is not None:
                with self._opened.open(entry) as content:
                    door.store(file, cast("BinaryIO", content))
                yield file
            elif imports.here(door.project, File, [file.id]):
                yield file

    def _insert_stores(self, door: Door) -> None:
        # A store's files stand together, so that one list at a time is held.
        inside: dict[str, list[ImportedStoreFile]] = {}
        for file in self._objects("vector_store_files.jsonl", _PlacedStoreFile):
            inside.setdefault(file.vector_store_id, []).append(file)
        for store in self._objects("vector_stores.jsonl", ImportedVectorStore):
            door.vector_store(store, inside.get(store.id, ()))

    def _thread(self) -> ImportedThread:
        threads = list(self._objects("thread.jsonl", ImportedThread))
        if len(threads) != 1:
            raise Unreadable(_("The archive has no thread, or more than one."))
        return threads[0]

    def _objects(self, name: str, kind: type[K]) -> Iterator[K]:
        """
        :raises Unreadable: a line is no such object
        """
        entry = self._entries.get(name)
        if entry is None:
            return
        with self._opened.open(entry) as opened:
            for number, line in enumerate(_lines(opened, name), 1):
                with _explained(_("{file}, line {number}").format(file=name, number=number)):
                    yield imports.read(kind, _parsed(line))

    def _check_entries(self) -> None:
        """
        :raises Unreadable: it holds something that no export does, or too much of it
        """
        entries = self._opened.infolist()
        if len(entries) > MAX_ENTRIES or len(entries) != len(self._entries):
            raise Unreadable(_("The archive has too many files, or two under one name."))
        for entry in entries:
            self._check_entry(entry)
        if sum(entry.file_size for entry in entries) > MAX_TOTAL:
            raise Unreadable(_("The archive is too large when it is unpacked."))

    def _check_entry(self, entry: zipfile.ZipInfo) -> None:
        name = entry.filename
        file_id = name.removeprefix(CONTENTS)
        if name != MANIFEST and name not in KINDS:
            try:
                imports.check_form(File, file_id if name.startswith(CONTENTS) else "")
            except ApiError as error:
                told = _("The archive has “{name}”, which no export of a thread has.")
                raise Unreadable(told.format(name=name[:100])) from error
        limit = MAX_HISTORY_BYTES if name in HISTORY else MAX_OTHER_BYTES
        if name.startswith(CONTENTS):
            limit = files.MAX_BYTES
        is_link = stat.S_ISLNK(entry.external_attr >> 16)
        if is_link or entry.flag_bits & 1 or entry.compress_type not in _METHODS:
            told = _("“{name}” in the archive is encrypted, a link, or packed in an uncommon way.")
            raise Unreadable(told.format(name=name[:100]))
        packed_too_well = entry.file_size > SMALL + entry.compress_size * MAX_RATIO
        if entry.file_size > limit or packed_too_well:
            raise Unreadable(_("The archive is too large when it is unpacked."))

    def _check_manifest(self) -> None:
        """
        :raises Unreadable: it is no export, or one of a version that is not known here
        """
        entry = self._entries.get(MANIFEST)
        if entry is None or entry.file_size > SMALL * 8:
            raise Unreadable(_("The file is no export of a thread: it has no manifest."))
        with self._opened.open(entry) as opened:
            manifest = _parsed(opened.read())
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise Unreadable(_("The file is no export of a thread: it has no manifest."))
        if manifest.get("version") != VERSION:
            told = _("The export has version {version}, and this server reads version {known}.")
            version = str(manifest.get("version"))[:20]
            raise Unreadable(told.format(version=version, known=VERSION))


@contextmanager
def opened(file: IO[bytes]) -> Iterator[Archive]:
    """
    :raises Unreadable: it is no export of a thread, or what is done with it finds something wrong
    """
    try:
        with zipfile.ZipFile(file) as archive:
            yield Archive(archive)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError) as error:
        raise Unreadable(_("The file is no zip archive, or it is damaged.")) from error


def _lines(opened: IO[bytes], name: str) -> Iterator[bytes]:
    while line := opened.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise Unreadable(_("{file} has an object that is too large.").format(file=name))
        if line.strip():
            yield line


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Unreadable(_("The archive holds a line that is not JSON.")) from error


def _opening(message: ImportedMessage) -> str:
    parts = (part.text.value for part in message.content if isinstance(part, TextContent))
    return openings.of("\n".join(parts))


def _refuse(name: str) -> Any:
    raise ValueError(name)


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """What the service refuses, with the place in the archive.

    :raises Unreadable: in the words of the refusal
    """
    try:
        yield
    except ApiError as error:
        said = refusal(error)
        raise Unreadable(f"{where}: {said}" if where else said) from error
