"""What an installation keeps, in one file: a tar archive of rows, files and the secret key.

    manifest.json       what is here: versions, checksums
    tables/<name>.jsonl.gz   the rows of a table, one a line
    files/<key>         the bytes of a stored file
    secret_key          what the providers' keys are encrypted with, unless SECRET_KEY is set

It is written and read as a stream. The manifest is its last entry, when everything else is known.
The rows are those of one moment, whatever goes on meanwhile. Derived data is left out: a worker
makes the indexes of file search anew when it starts.
"""

import gzip
import hashlib
import io
import json
import logging
import os
import signal
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, cast

from django.apps.registry import Apps
from django.conf import settings
from django.core.files.base import File as DjangoFile
from django.core.files.storage import default_storage
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from typing_extensions import override

from assistants.errors import StorageAway
from assistants.models import File
from assistants.operations import files
from playground import env
from playground.rows import (
    MADE_BY_DJANGO,
    ROWS,
    Table,
    checksum,
    from_json,
    mend,
    rows,
    tables,
    times_kept,
    to_json,
)

logger = logging.getLogger(__name__)

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
SECRET: Final = "secret_key"  # noqa: S105 - a name
TABLES: Final = "tables/"
FILES: Final = "files/"
PIECE: Final = 1024 * 1024
LONGEST: Final = 256 * 1024 * 1024
"""Bytes of a manifest, at most. It is held in memory, and has some 130 bytes for each file: enough
for two million of them.
"""
TRIES: Final = 3
"""A storage that is away so often is asked to delete nothing more."""


class Broken(Exception):
    """It cannot be done, or not with this archive. The message says why, in one line."""


class Unfinished(Exception):
    """All is restored, but the database is not brought up to date. The message says why."""


@dataclass
class Told:
    """What a backup or a restore has carried."""

    rows: int = 0
    files: int = 0
    bytes: int = 0
    missing: list[str] = field(default_factory=list)
    """Files whose bytes were gone: deleted at that moment, or lost before."""


class _Counted(io.RawIOBase):
    """Reads another file once, from beginning to end, and knows its checksum."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    @override
    def readable(self) -> bool:
        return True

    @override
    def read(self, size: int = -1, /) -> bytes:
        piece = self._source.read(size)
        self.digest.update(piece)
        return piece


@contextmanager
def stopped_in_order() -> Iterator[None]:
    """SIGTERM is an exception here, as Ctrl+C is, so that what was begun is taken back.

    :raises KeyboardInterrupt: it was told to stop
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# --- Making one -----------------------------------------------------------------------------------


def make(place: Path, say: Callable[[str], None]) -> Told:
    """Write an archive to ``place``, where none is there before it is whole.

    :raises Broken: there is something, the database is not of this version, or has too many files,
        or nothing was ever kept here
    :raises StorageAway: the file storage fails
    """
    if not _is_begun():
        raise Broken(
            f"Nothing is here yet (DATA_DIR is {settings.DATA_DIR}): name the DATA_DIR, or the "
            "DATABASE_URL, of the installation."
        )
    if place.exists():
        raise Broken(f"{place} is there already.")
    if not place.parent.is_dir():
        raise Broken(f"There is no folder {place.parent}.")
    partial = place.with_name(f"{place.name}.part")
    partial.unlink(missing_ok=True)
    try:
        # It has the secret key in it, and what everybody wrote: its owner's only.
        with _private(partial) as target:
            with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as archive:
                told = _Writer(archive, say).write()
            target.flush()
            os.fsync(target.fileno())
        partial.rename(place)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return told


def _is_begun() -> bool:
    """Whether there are tables. A database of SQLite that is asked would be there then."""
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        if not name.startswith("file:") and not Path(name).is_file():
            return False
    return File._meta.db_table in connection.introspection.table_names()


class _Writer:
    def __init__(self, archive: tarfile.TarFile, say: Callable[[str], None]) -> None:
        self._archive = archive
        self._say = say
        self._sums: dict[str, str] = {}
        self._told = Told()
        self._manifest_bytes = PIECE  # what is not about files is far less

    def write(self) -> Told:
        # Most files first, without holding the database. Those that have come since are few, and
        # what has gone since is in no row of the moment that counts.
        for key in _keys():
            self._file(key)
        sums: dict[str, list[str]] = {}
        with _one_moment():
            migrations = _applied()
            for table in tables():
                sums[table._meta.db_table] = self._table(table)
            for key in _keys():
                if f"{FILES}{key}" not in self._sums and not self._file(key):
                    self._told.missing.append(key)
                    self._count(key)
        kept = settings.DATA_DIR / SECRET
        if kept.is_file() and kept.read_text(encoding="ascii").strip() == settings.SECRET_KEY:
            self._bytes(SECRET, settings.SECRET_KEY.encode())
        manifest = {
            "format": FORMAT,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "migrations": migrations,
            "tables": sums,
            "missing": self._told.missing,
            "secret": _fingerprint(settings.SECRET_KEY),
            "sha256": self._sums,
        }
        self._bytes(MANIFEST, json.dumps(manifest).encode())
        return self._told

    def _file(self, key: str) -> bool:
        """Whether its bytes are there. They are read once, to their end."""
        try:
            size = default_storage.size(key)
            content = files.open_content(File(key=key))
        except FileNotFoundError:
            return False
        with content:
            self._add(f"{FILES}{key}", content, size)
        self._told.files += 1
        self._told.bytes += size
        return True

    def _table(self, table: Table) -> list[str]:
        """Number and checksum of the rows, as text: JSON's numbers are not that large."""
        number = total = 0
        source = rows(table)
        with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as beside:
            with gzip.open(beside, "wt", compresslevel=3, encoding="utf-8") as lines:
                while some := list(islice(source, ROWS)):
                    counted, added = checksum(some)
                    number, total = number + counted, (total + added) % 2**128
                    for row in some:
                        lines.write(json.dumps(to_json(row), ensure_ascii=False) + "\n")
            size = beside.tell()
            beside.seek(0)
            self._add(f"{TABLES}{table._meta.db_table}.jsonl.gz", cast("BinaryIO", beside), size)
        self._told.rows += number
        if number:
            self._say(f"{table._meta.db_table}: {number:,} rows")
        return [str(number), str(total)]

    def _bytes(self, name: str, content: bytes) -> None:
        self._add(name, io.BytesIO(content), len(content))

    def _add(self, name: str, content: BinaryIO, size: int) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o600
        counted = _Counted(content)
        self._archive.addfile(entry, cast("IO[bytes]", counted))
        self._sums[name] = counted.digest.hexdigest()
        self._count(name)

    def _count(self, name: str) -> None:
        """
        :raises Broken: the manifest would be longer than one that is read again
        """
        self._manifest_bytes += len(json.dumps(name)) + 70
        if self._manifest_bytes > LONGEST:
            raise Broken(
                f"There are more files than an archive can list ({len(self._sums):,}): copy "
                "database and file storage with their own tools."
            )


def _keys() -> Iterator[str]:
    """Of all files. No query stays open between them: reading what they hold may take hours."""
    known = File.objects.order_by("pk").values_list("pk", "key")
    last = ""
    while some := list(known.filter(pk__gt=last)[:ROWS]):
        last = some[-1][0]
        yield from (key for _pk, key in some)


@contextmanager
def _one_moment() -> Iterator[None]:
    """All that is read within is as it is now. On neither database does a writer wait for it."""
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    # Not ``atomic``, which takes the write lock on SQLite.
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _applied() -> list[list[str]]:
    """
    :raises Broken: the database is not of this version
    """
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise Broken("Bring the database up to date first: manage.py migrate")
    return [list(leaf) for leaf in sorted(executor.loader.graph.leaf_nodes())]


# --- Taking one in --------------------------------------------------------------------------------


def restore(place: Path, say: Callable[[str], None]) -> Told:
    """Fill an empty installation with what an archive has. It is read twice: nothing is written
    before all of it has been found whole.

    :raises Broken: the archive is damaged or of a newer version, or something is here already, as a
        secret key that is another one
    :raises StorageAway: the file storage fails
    :raises Unfinished: all is here, but a migration to this version fails
    """
    manifest, secret = verified(place)
    executor = MigrationExecutor(connection)
    wanted = [(app, name) for app, name in manifest["migrations"]]
    if any(leaf not in executor.loader.graph.nodes for leaf in wanted):
        raise Broken("It was made by a newer version: restore it with that one, or a later one.")
    _check_empty()
    _check_no_files()
    _check_secret(manifest, secret)
    executor.migrate(wanted)
    # The tables as they were when it was made, which may be some versions ago.
    executor = MigrationExecutor(connection)
    apps = executor.loader.project_state(wanted).apps
    told = Told(missing=manifest["missing"])
    stored: list[str] = []
    try:
        with transaction.atomic():
            _fill(place, manifest, apps, told, stored, say)
    except BaseException:
        _take_back(stored)
        raise
    try:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    except (Exception, KeyboardInterrupt) as error:
        raise Unfinished(str(error) or "it was told to stop") from error
    return told


def _take_back(keys: list[str]) -> None:
    """Delete what was stored before something failed, which is the error to be told."""
    away = 0
    for done, key in enumerate(keys):
        try:
            default_storage.delete(key)
        except Exception as error:
            logger.warning("%s stays in the file storage, though nothing names it: %s", key, error)
            away = away + 1 if isinstance(error, StorageAway) else 0
            if away == TRIES:
                logger.warning("so do the %d after it: empty the storage", len(keys) - done - 1)
                return
        else:
            away = 0


def verified(place: Path) -> tuple[dict[str, Any], bytes]:
    """The manifest of an archive all of whose parts are as they were written, and the secret key in
    it, if there is one.

    :raises Broken: it is none, or not whole
    """
    sums: dict[str, str] = {}
    secret = b""
    manifest: dict[str, Any] = {}
    try:
        with place.open("rb") as file, tarfile.open(fileobj=file, mode="r|") as archive:
            for entry in archive:
                content = archive.extractfile(entry)
                if content is None:
                    raise Broken(f"{place} is no backup: {entry.name} is no file.")
                if entry.name == MANIFEST:
                    manifest = json.loads(content.read(LONGEST))
                    continue
                counted = _Counted(cast("BinaryIO", content))
                while piece := counted.read(PIECE):
                    if entry.name == SECRET:
                        secret += piece
                sums[entry.name] = counted.digest.hexdigest()
    except (OSError, tarfile.TarError, ValueError) as error:
        raise Broken(f"{place} cannot be read: {error}") from error
    if manifest.get("format") != FORMAT:
        raise Broken(f"{place} is no backup of this version, or not whole: it has no manifest.")
    if sums != manifest["sha256"]:
        wrong = sorted(name for name, _sum in sums.items() ^ manifest["sha256"].items())
        raise Broken(f"{place} is damaged: {wrong[0]} is not as it was written.")
    return manifest, secret


def _check_empty() -> None:
    """
    :raises Broken: there is something
    """
    there = set(connection.introspection.table_names())
    for table in tables():
        name = table._meta.db_table
        if name in there - MADE_BY_DJANGO and table._base_manager.exists():
            raise Broken(
                f"The database is not empty: {name} has rows. A backup is restored to a new "
                "DATA_DIR, or a new database, before the first start."
            )


def _check_no_files() -> None:
    """What other installations have there would be taken for leftovers of this one.

    :raises Broken: there is a file
    :raises StorageAway: the file storage fails
    """
    first = getattr(default_storage, "first_name", None)
    if (key := first() if first else _any_file("")) is not None:
        cure = "another bucket or S3_PREFIX" if settings.S3_BUCKET else "a new DATA_DIR"
        raise Broken(f"The file storage is not empty: {key} is there. Name {cure}.")


def _any_file(folder: str) -> str | None:
    try:
        folders, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return None
    for name in names:
        return f"{folder}{name}"
    found = (_any_file(f"{folder}{name}/") for name in folders if name)
    return next(filter(None, found), None)


def _fingerprint(secret_key: str) -> str:
    """What tells a secret key from others."""
    return hashlib.sha256(b"fingerprint:" + secret_key.encode()).hexdigest()[:16]


def _check_secret(manifest: dict[str, Any], secret: bytes) -> None:
    """
    :raises Broken: what the archive's key has encrypted could not be read here
    """
    kept_elsewhere = not secret and "secret" in manifest
    if kept_elsewhere and manifest["secret"] != _fingerprint(settings.SECRET_KEY):
        raise Broken(
            "It was made with a SECRET_KEY that is not in it, and without which its provider keys "
            "cannot be read: set SECRET_KEY to the same here."
        )
    has_one = env.text("SECRET_KEY") or (settings.DATA_DIR / SECRET).exists()
    if secret and has_one and secret.decode() != settings.SECRET_KEY:
        raise Broken(
            "The secret key here is another than the backup's, whose provider keys could not be "
            f"read with it: unset SECRET_KEY, and have no {SECRET} in DATA_DIR."
        )


def _fill(
    place: Path,
    manifest: dict[str, Any],
    apps: Apps,
    told: Told,
    stored: list[str],
    say: Callable[[str], None],
) -> None:
    """
    :raises Broken: a table is not the same afterwards
    """
    found = {table._meta.db_table: table for table in tables(apps)}
    for table in reversed(found.values()):
        if table._meta.db_table in MADE_BY_DJANGO:
            table._base_manager.all().delete()
    secret = b""
    with (
        times_kept(found.values()),
        place.open("rb") as file,
        tarfile.open(fileobj=file, mode="r|") as archive,
    ):
        for entry in archive:
            content = cast("BinaryIO", archive.extractfile(entry))
            if entry.name.startswith(FILES):
                key = entry.name.removeprefix(FILES)
                if default_storage.exists(key):
                    raise Broken(f"The file storage is not empty: {key} is there.")
                once = cast("IO[bytes]", _Counted(content))
                stored.append(default_storage.save(key, DjangoFile(once)))
                told.files += 1
                told.bytes += entry.size
            elif entry.name.startswith(TABLES):
                name = entry.name.removeprefix(TABLES).removesuffix(".jsonl.gz")
                if name not in found:
                    raise Broken(f"It has a table that no version knew: {name}.")
                told.rows += _fill_table(found[name], content, manifest["tables"][name], say)
            elif entry.name == SECRET:
                secret = content.read()
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), list(found.values())):
            cursor.execute(sql)
    known = set(found["assistants_file"]._base_manager.values_list("key", flat=True))
    # What was deleted between being copied and the moment that counts.
    for key in [key for key in stored if key not in known]:
        default_storage.delete(key)
        stored.remove(key)
        told.files -= 1
    if secret:
        _keep_secret(secret)


def _fill_table(
    table: Table, content: BinaryIO, sums: list[str], say: Callable[[str], None]
) -> int:
    name = table._meta.db_table
    mended = number = total = 0
    with gzip.open(content, "rt", encoding="utf-8") as lines:
        while some := [from_json(table, json.loads(line)) for line in islice(lines, ROWS)]:
            if connection.vendor == "postgresql":
                mended += sum(mend(row) for row in some)
            counted, added = checksum(some)
            number, total = number + counted, (total + added) % 2**128
            table._base_manager.bulk_create(some)
    there = checksum(rows(table))
    if there != (number, total) or (not mended and [str(number), str(total)] != sums):
        raise Broken(f"{name} is not the same as in the backup. Nothing was restored.")
    if number:
        lost = f", {mended} without characters that PostgreSQL does not hold" if mended else ""
        say(f"{name}: {number:,} rows{lost}")
    return number


def _keep_secret(secret: bytes) -> None:
    """The secret key where ``make run`` keeps it, unless there is one."""
    kept = settings.DATA_DIR / SECRET
    if not kept.exists():
        with _private(kept) as file:
            file.write(secret)


def _private(place: Path) -> BinaryIO:
    """A new file that its owner alone may read."""
    return os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
