"""``manage.py move_database``: from SQLite in DATA_DIR to a PostgreSQL."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

import dj_database_url
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.management.color import no_style
from django.db import DatabaseError, connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from playground.rows import MADE_BY_DJANGO, ROWS, Table, checksum, mend, rows, tables, times_kept
from playground.runner import places

TARGET: Final = "target"


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
        found = tables()
        with times_kept(found), transaction.atomic(using=TARGET):
            for table in reversed(found):
                if table._meta.db_table in MADE_BY_DJANGO:
                    table._base_manager.using(TARGET).all().delete()
            sums = {table: self._copy_table(table) for table in found}
            for table, copied in sums.items():
                if (there := checksum(rows(table, TARGET))) != copied:
                    raise CommandError(
                        f"{table._meta.db_table}: the copy is not the same ({copied[0]} rows were "
                        f"read, {there[0]} are there). Nothing was copied."
                    )
            with connections[TARGET].cursor() as cursor:
                for sql in connections[TARGET].ops.sequence_reset_sql(no_style(), found):
                    cursor.execute(sql)
        with connections[TARGET].cursor() as cursor:
            cursor.execute("ANALYZE")

    def _copy_table(self, table: Table) -> tuple[int, int]:
        """Number and checksum of the rows, which are all copied."""
        begun = time.monotonic()
        number = total = mended = 0
        source = rows(table)
        while some := list(islice(source, ROWS)):
            mended += sum(mend(row) for row in some)
            counted, added = checksum(some)
            number, total = number + counted, (total + added) % 2**128
            try:
                table._base_manager.using(TARGET).bulk_create(some)
            except DatabaseError as error:
                raise CommandError(
                    f"Nothing was copied. {table._meta.db_table}: PostgreSQL does not take one of "
                    f"the rows {some[0].pk} to {some[-1].pk}: {error}"
                ) from error
        line = f"{table._meta.db_table}: {number:,} rows, {time.monotonic() - begun:.1f} s"
        if mended:
            line += f", {mended} without characters that PostgreSQL does not hold"
        self.stdout.write(line)
        return number, total


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
    for table in tables():
        name = table._meta.db_table
        if name in there - MADE_BY_DJANGO and table._base_manager.using(TARGET).exists():
            raise CommandError(f"The target is not empty: {name} has rows. Make a new database.")
