"""``manage.py move_database``: from SQLite in DATA_DIR to a PostgreSQL."""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import dj_database_url
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.management.color import no_style
from django.db import DatabaseError, connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Model

from assistants.text import storable, storable_json
from playground.runner import places

TARGET: Final = "target"
ROWS: Final = 200
"""So many are written at once."""
MADE_BY_DJANGO: Final = {"django_content_type", "auth_permission"}
"""Tables that are filled as soon as they are made."""

Table = type[Model]


class Command(BaseCommand):
    """Copies every row in one transaction, and looks at the copy before it counts. The search
    indexes are derived data: the next start of the worker makes them from the copied chunks.
    """

    help = (
        "Copies the database in DATA_DIR to an empty PostgreSQL. The server has to be stopped; "
        "what is in DATA_DIR stays as it is."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "url",
            help="as DATABASE_URL will have it: postgresql://user:password@host/name. A password "
            "may be in ~/.pgpass instead, which libpq reads",
        )

    def handle(self, *_args: object, **options: Any) -> None:
        if connection.vendor != "sqlite":
            raise CommandError("DATABASE_URL is set: unset it, this copies from SQLite.")
        if not Path(source := connection.settings_dict["NAME"]).is_file():
            raise CommandError(f"There is no database to copy: {source}")
        _reach(options["url"])
        try:
            with _nobody_writes():
                _check_migrated()
                _check_empty()
                self._copy()
        except DatabaseError as error:
            raise CommandError(f"Nothing was copied. The database says: {error}") from error
        finally:
            connections[TARGET].close()
        self.stdout.write(
            "Counts and checksums of all tables agree. From now on start with this DATABASE_URL; "
            "the worker makes the search indexes first, and has the embedding model, if there is "
            f"one, asked anew. Uploaded files stay in {settings.DATA_DIR}, and the old database "
            "until you delete it."
        )

    def _copy(self) -> None:
        call_command("migrate", database=TARGET, interactive=False, verbosity=0)
        tables = _tables()
        with _times_kept(tables), transaction.atomic(using=TARGET):
            for table in reversed(tables):
                if table._meta.db_table in MADE_BY_DJANGO:
                    table._base_manager.using(TARGET).all().delete()
            sums = {table: self._copy_table(table) for table in tables}
            for table, copied in sums.items():
                if (found := _sum(_rows(table, TARGET))) != copied:
                    raise CommandError(
                        f"{table._meta.db_table}: the copy is not the same ({copied[0]} rows were "
                        f"read, {found[0]} are there). Nothing was copied."
                    )
            with connections[TARGET].cursor() as cursor:
                for sql in connections[TARGET].ops.sequence_reset_sql(no_style(), tables):
                    cursor.execute(sql)
        with connections[TARGET].cursor() as cursor:
            cursor.execute("ANALYZE")

    def _copy_table(self, table: Table) -> tuple[int, int]:
        """Number and checksum of the rows, which are all copied."""
        begun = time.monotonic()
        number = total = mended = 0
        source = _rows(table, "default")
        while rows := list(islice(source, ROWS)):
            mended += sum(_mend(row) for row in rows)
            counted, added = _sum(rows)
            number, total = number + counted, (total + added) % 2**128
            try:
                table._base_manager.using(TARGET).bulk_create(rows)
            except DatabaseError as error:
                raise CommandError(
                    f"Nothing was copied. {table._meta.db_table}: PostgreSQL does not take one of "
                    f"the rows {rows[0].pk} to {rows[-1].pk}: {error}"
                ) from error
        line = f"{table._meta.db_table}: {number:,} rows, {time.monotonic() - begun:.1f} s"
        if mended:
            line += f", {mended} without characters that PostgreSQL does not hold"
        self.stdout.write(line)
        return number, total


@contextmanager
def _times_kept(tables: Iterable[Table]) -> Iterator[None]:
    """Have no column filled with the present time because its row is written."""
    stamped = [
        (field, name)
        for table in tables
        for field in table._meta.concrete_fields
        for name in ("auto_now", "auto_now_add")
        if getattr(field, name, False)
    ]
    for field, name in stamped:
        setattr(field, name, False)
    try:
        yield
    finally:
        for field, name in stamped:
            setattr(field, name, True)


def _reach(url: str) -> None:
    """Have the target as a second database.

    :raises CommandError: it is no PostgreSQL, or does not answer
    """
    try:
        target: dict[str, Any] = {**dj_database_url.parse(url)}
    except ValueError as error:
        raise CommandError("This address cannot be read.") from error
    if not target["ENGINE"].endswith("postgresql"):
        raise CommandError("The target is a PostgreSQL: postgresql://user:password@host/name")
    both = connections.configure_settings({"default": {}, TARGET: target})
    connections.settings[TARGET] = both[TARGET]
    try:
        with connections[TARGET].cursor() as cursor:
            cursor.execute("SHOW server_encoding")
            (encoding,) = cursor.fetchone()
    except DatabaseError as error:
        raise CommandError(f"The target cannot be used: {error}") from error
    if encoding != "UTF8":
        raise CommandError(f"The target's encoding is {encoding}. It has to be UTF8.")


@contextmanager
def _nobody_writes() -> Iterator[None]:
    """Keep the server from starting, and every other program from the database.

    :raises CommandError: it runs, or something else has the database open
    """
    stop = "Stop the server first, so that nothing is written while the database is copied"
    with ExitStack() as held:
        held.callback(connection.close)
        try:
            held.enter_context(places.hold_folders("manage.py move_database"))
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA busy_timeout = 1000")
                cursor.execute("PRAGMA locking_mode = EXCLUSIVE")
            held.enter_context(transaction.atomic())
        except places.CannotStart as error:
            raise CommandError(f"{stop}. {error}") from error
        except DatabaseError as error:
            raise CommandError(f"{stop}: something has it open ({error}).") from error
        yield


def _check_migrated() -> None:
    """
    :raises CommandError: the source is not of this version
    """
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("Bring the database up to date first: manage.py migrate")


def _check_empty() -> None:
    """
    :raises CommandError: the target has something in it
    """
    there = set(connections[TARGET].introspection.table_names())
    for table in _tables():
        name = table._meta.db_table
        if name in there - MADE_BY_DJANGO and table._base_manager.using(TARGET).exists():
            raise CommandError(f"The target is not empty: {name} has rows. Make a new database.")


def _tables() -> list[Table]:
    """Everything that is kept, what others name before those."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    ]


def _rows(table: Table, database: str) -> Iterator[Model]:
    return table._base_manager.using(database).order_by("pk").iterator(chunk_size=ROWS)


def _sum(rows: Iterable[Model]) -> tuple[int, int]:
    """Number and checksum of rows. It does not depend on their order: text is sorted in another way
    there.
    """
    number = total = 0
    for row in rows:
        values = [_plain(getattr(row, field.attname)) for field in row._meta.concrete_fields]
        digest = hashlib.blake2b(repr(values).encode(), digest_size=16).digest()
        number, total = number + 1, (total + int.from_bytes(digest)) % 2**128
    return number, total


def _plain(value: Any) -> Any:
    """The value as both databases give it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return bytes(value) if isinstance(value, memoryview) else value


def _mend(row: Model) -> bool:
    """Leave out the characters that PostgreSQL does not hold; whether there were any."""
    mended = False
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        kept = value
        if isinstance(value, str):
            kept = storable(value)
        if isinstance(value, dict | list):
            written = json.dumps(value, ensure_ascii=False)
            clean = storable_json(written)
            kept = value if clean == written else json.loads(clean)
        if kept != value:
            setattr(row, field.attname, kept)
            mended = True
    return mended
