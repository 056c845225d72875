"""Storing and deleting files."""

import asyncio
import logging
import shutil
import tempfile
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.core.files.base import File as DjangoFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import transaction
from django.db.models import Q, QuerySet

from assistants import refusals
from assistants.errors import StorageAway, Wire
from assistants.models import (
    Assistant,
    File,
    LeftContent,
    Message,
    Project,
    RunStep,
    Thread,
    VectorStore,
    VectorStoreFile,
    clock,
)
from assistants.operations import audit, leftovers

logger = logging.getLogger(__name__)

PURPOSES = ("fine-tune", "assistants", "batch", "user_data", "vision", "evals")
"""What an upload may be for, in the order in which the service lists them."""

MADE_BY_ASSISTANT = "assistants_output"
MAX_BYTES = 512 * 1024 * 1024
MAX_NAME = 512
MAX_FOLDER = 1024
PIECE = 1024 * 1024
LEFT_FOR = timedelta(minutes=1)
"""Content that has no row any more is deleted with the row, else after so long."""
AT_ONCE = 100


NAMES_A_FILE = '"file-'
"""What JSON that names a file contains."""


@dataclass
class Uses:
    """Who would miss a file."""

    assistants: list[Assistant] = field(default_factory=list)
    thread_ids: list[str] = field(default_factory=list)
    vector_stores: list[VectorStore] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.assistants or self.thread_ids or self.vector_stores)


def check_purpose(purpose: str) -> None:
    """
    :raises BadPurpose: no such purpose, in the words that a recording of the service shows
    """
    if purpose not in PURPOSES:
        raise refusals.PURPOSE(purpose=purpose, purposes=list(PURPOSES))


def check_known(project: Project, file_ids: Iterable[str]) -> None:
    """
    :raises NotFound: the first id that is no file of this project
    """
    _check_among(File.objects.in_project(project), file_ids)


def hold(project: Project, file_ids: Iterable[str]) -> None:
    """Keep these files from being deleted until the caller's transaction ends.

    :raises NotFound: the first id that is no file of this project
    """
    # Always in the same order, so that two who hold the same files never wait for each other.
    _check_among(File.objects.in_project(project).select_for_update().order_by("pk"), file_ids)


def _check_among(files: "QuerySet[File]", file_ids: Iterable[str]) -> None:
    asked = list(dict.fromkeys(file_ids))
    if not asked:
        return
    known = set(files.filter(pk__in=asked).values_list("pk", flat=True))
    for file_id in asked:
        if file_id not in known:
            raise refusals.not_found("file", file_id)


def create(
    project: Project,
    content: "BinaryIO | DjangoFile[Any]",
    *,
    filename: str,
    purpose: str,
    expires_after: timedelta | None = None,
    folder: str = "",
) -> File:
    """Store the bytes, read to their end in pieces, and the row that names them. Nothing stays
    behind on failure.

    :param folder: where it lay in the folder that it comes with
    :raises TooLarge: more than 512 MB
    """
    file = stored(project, content, filename, purpose, folder)
    if expires_after is not None:
        file.expires_at = file.created_at + expires_after
    try:
        insert(file)
    except BaseException:
        _drop(file.key)
        raise
    return file


def stored(
    project: Project,
    content: "BinaryIO | DjangoFile[Any]",
    filename: str,
    purpose: str,
    folder: str = "",
) -> File:
    """A file whose bytes are stored, and whose row is still to be inserted.

    :raises TooLarge: more than 512 MB
    """
    file = File(project=project, filename=clean_name(filename), purpose=purpose)
    file.folder = clean_folder(folder)
    file.key, file.bytes = store(project, file.id, content)
    return file


@transaction.atomic
def insert(file: File) -> None:
    """The row of a file whose bytes are stored."""
    file.save(force_insert=True)
    # What code has saved is part of its run.
    if file.purpose != MADE_BY_ASSISTANT:
        audit.note("file.created", file.project, file, file.filename, bytes=file.bytes)


def store(project: Project, file_id: str, content: "BinaryIO | DjangoFile[Any]") -> tuple[str, int]:
    """Store bytes for a row that is still to be made: their key in the storage, and how many they
    are. Nothing stays behind on failure.

    :raises TooLarge: more than 512 MB
    """
    # An upload that lies on the disk already is a Django file of its own kind, which is moved.
    stored = content if isinstance(content, DjangoFile) else DjangoFile(content)
    key = default_storage.save(f"{project.id}/{file_id}", stored)
    if isinstance(stored, TemporaryUploadedFile):
        # It was moved away. Left to be collected, it would complain that it is not there.
        stored.close()
    try:
        size = default_storage.size(key)
        if size > MAX_BYTES:
            raise refusals.FILE_TOO_LARGE(limit=MAX_BYTES)
    except BaseException:
        _drop(key)
        raise
    return key, size


def discard_unused(keys: Iterable[str]) -> None:
    """Delete the stored bytes that no row has come to name."""
    asked = set(keys)
    for key in asked - set(File.objects.filter(key__in=asked).values_list("key", flat=True)):
        _drop(key)


def _drop(key: str) -> bool:
    """Delete stored bytes that no row names; whether that was possible."""
    return _drop_or_say(key) is None


def _drop_or_say(key: str) -> OSError | None:
    """The same; why it was not."""
    try:
        default_storage.delete(key)
    except OSError as error:
        logger.warning("%s stays in the file storage, though nothing names it: %s", key, error)
        return error
    return None


def _is_elsewhere() -> bool:
    """Whether the storage is on no disk of this machine."""
    return hasattr(default_storage, "stream")


class _Movable(DjangoFile):  # type: ignore[type-arg]  # it takes none when it runs
    """A file that the storage moves to its place instead of reading it, as it does uploads."""

    def temporary_file_path(self) -> str:
        return str(self.name)


def move_in(project: Project, path: Path, *, filename: str, purpose: str) -> File:
    """As ``create``, of a file on the disk that is the caller's to give: it is moved, or copied
    where the storage is elsewhere.

    :raises TooLarge: more than 512 MB
    """
    if _is_elsewhere():
        with path.open("rb") as content:
            return create(project, content, filename=filename, purpose=purpose)
    # The database first: one that is busy refuses before anything is moved, and can be asked again.
    with transaction.atomic(), path.open("rb") as content:
        return create(project, _Movable(content, str(path)), filename=filename, purpose=purpose)


def open_content(file: File) -> BinaryIO:
    """The stored bytes, to be read once from beginning to end; the caller closes it.

    :raises StorageAway: the storage fails, now or while they are read
    """
    opened: Any = getattr(default_storage, "stream", default_storage.open)(file.key)
    return cast("BinaryIO", opened)


@contextmanager
def on_disk(file: File) -> Iterator[str]:
    """The path of the stored bytes, for a program that opens them: a copy where the storage is
    elsewhere, which goes with the block.

    :raises StorageAway: the storage fails
    """
    if not _is_elsewhere():
        yield default_storage.path(file.key)
        return
    # One that a killed process leaves is cleared away like an upload.
    if beside := settings.FILE_UPLOAD_TEMP_DIR:
        # Missing, it would look as if the content were.
        Path(beside).mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=beside, suffix=".upload") as copy:
        with open_content(file) as content:
            shutil.copyfileobj(content, copy, PIECE)
        copy.flush()
        yield copy.name


def pieces(file: File) -> AsyncGenerator[bytes, None]:
    """The stored bytes in pieces of a megabyte, for a response of an asynchronous server: Django
    would read a plain file object whole into memory there. They are opened now, so that what cannot
    be opened is an answer, and not one that breaks off.

    :raises StorageAway: the storage fails
    """
    return _in_pieces(open_content(file))


async def _in_pieces(opened: BinaryIO) -> AsyncGenerator[bytes, None]:
    with opened as content:
        while piece := await asyncio.to_thread(content.read, PIECE):
            yield piece


def delete(file: File) -> None:
    """The row at once, and its place in vector stores; the bytes after the commit, so that a
    failure leaves no row without bytes. Until they are gone it is noted that they are left.
    """
    with transaction.atomic():
        key = file.key
        # Who adds it to a store at this moment is waited for.
        File.objects.select_for_update().filter(pk=file.pk).first()
        leftovers.leave(VectorStoreFile.objects.filter(file=file))
        audit.note("file.deleted", file.project_id, file, file.filename)
        file.delete()
        LeftContent.objects.create(key=key)
        transaction.on_commit(lambda: _drop_left(key))


def _drop_left(key: str) -> OSError | None:
    """Delete it, unless a file has come to lie there since: an import keeps the ids of files."""
    if File.objects.filter(key=key).exists() or not (error := _drop_or_say(key)):
        LeftContent.objects.filter(key=key).delete()
        return None
    return error


def drop_left() -> int:
    """Delete the content of deleted files that could not be deleted with them; how many it was.
    What cannot be deleted keeps nothing else from it, unless the whole storage is away.
    """
    left = LeftContent.objects.filter(created_at__lt=clock.now() - LEFT_FOR).order_by("pk")
    dropped = last = 0
    while dropped < AT_ONCE and (some := list(left.filter(pk__gt=last)[:AT_ONCE])):
        for row in some:
            last = row.pk
            error = _drop_left(row.key)
            if isinstance(error, StorageAway):
                return dropped
            dropped += error is None
    return dropped


def discard(file: File) -> bool:
    """Delete an upload that nothing uses; whether it was. Looking may take a while, so that it is
    done before anything is locked.
    """
    if file.purpose == MADE_BY_ASSISTANT or uses(file.project, [file])[file.id]:
        return False
    delete(file)
    return True


def uses(project: Project, asked: Sequence[File]) -> dict[str, Uses]:
    """Where each of the files is used, in five queries however many they are.

    A message is younger than the files that it names, so that of a long history only what came
    after the oldest of the files is read. A run's step is not: what its code made is younger. They
    are read for files alone that code has made, since they name no others.
    """
    found = {file.id: Uses() for file in asked}
    if not found:
        return found
    # For one file the database can tell by itself; of many it tells only what names any.
    name = f'"{asked[0].id}"' if len(asked) == 1 else NAMES_A_FILE
    naming = {"project": project, "tool_resources__icontains": name}
    for assistant in Assistant.objects.filter(**naming).only("name", "tool_resources"):
        for file_id in found.keys() & assistant.code_interpreter_file_ids:
            found[file_id].assistants.append(assistant)
    pairs = {
        (file_id, thread.id): None
        for thread in Thread.objects.filter(**naming).only("tool_resources")
        for file_id in thread.code_interpreter_file_ids
        if file_id in found
    }
    since = min(file.created_at for file in asked)
    messages = Message.objects.filter(
        Q(content__icontains=name) | Q(attachments__icontains=name),
        thread__project=project,
        created_at__gte=since,
    )
    read = messages.values_list("thread_id", "content", "attachments")
    for thread_id, *parts in read.iterator():
        pairs |= {(file_id, thread_id): None for file_id in _named(parts) if file_id in found}
    if any(file.purpose == MADE_BY_ASSISTANT for file in asked):
        pairs |= {pair: None for pair in _made_in(project, name) if pair[0] in found}
    for file_id, thread_id in pairs:
        found[file_id].thread_ids.append(thread_id)
    for searched in VectorStoreFile.objects.filter(file__in=asked).select_related("vector_store"):
        found[searched.file_id].vector_stores.append(searched.vector_store)
    return found


def _made_in(project: Project, name: str) -> Iterator[tuple[str, str]]:
    """The files that code has made, each with the thread that its step belongs to. What a file
    search has found is not kept by that.
    """
    steps = RunStep.objects.filter(
        Q(saved_files__icontains=name) | Q(step_details__icontains=name),
        run__thread__project=project,
        type="tool_calls",
    )
    read = steps.values_list("run__thread_id", "saved_files", "step_details")
    for thread_id, saved, details in read.iterator():
        for file_id in saved.values():
            yield file_id, thread_id
        for call in details.get("tool_calls", ()):
            if call["type"] == "code_interpreter":
                for file_id in _named(call["code_interpreter"]):
                    yield file_id, thread_id


def _named(value: Wire | list[Any]) -> Iterator[str]:
    """Every ``file_id`` in a part of a message, however deep."""
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if name == "file_id":
            yield inner
        elif isinstance(inner, dict | list):
            yield from _named(inner)


def delete_expired() -> int:
    """Delete what has passed its expires_at; how many there were."""
    expired = list(File.objects.filter(expires_at__lte=clock.now())[:500])
    for file in expired:
        delete(file)
    return len(expired)


def name_in_form(sent: str) -> str:
    """A file's name as its sender knows it: browsers and SDKs send quotes and line ends in the form
    "%22" (https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data).
    """
    for escaped, plain in (("%22", '"'), ("%0D", " "), ("%0A", " ")):
        sent = sent.replace(escaped, plain)
    return sent


def clean_folder(folder: str) -> str:
    """The names of the folders, without control characters; of very many the innermost. Only ever
    shown.
    """
    names = [
        "".join(char for char in name if char.isprintable()).strip()
        for name in folder.replace("\\", "/").split("/")
    ]
    return "/".join(name for name in names if name.strip("."))[-MAX_FOLDER:].lstrip("/")


def clean_name(filename: str) -> str:
    """The last part of the path that the uploader sent, without control characters. Only ever
    shown, never opened.
    """
    name = filename.replace("\\", "/").rpartition("/")[2]
    name = "".join(char for char in name if char.isprintable()).strip()
    if len(name) > MAX_NAME:
        stem, dot, ending = name.rpartition(".")
        name = stem[: MAX_NAME - len(ending) - 1] + dot + ending if dot else name[:MAX_NAME]
    return name or "file"
