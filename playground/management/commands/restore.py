"""``manage.py restore``: an empty installation becomes what a backup has."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

from assistants.errors import StorageAway
from playground import backups
from playground.runner import places


class Command(BaseCommand):
    """Both databases and both kinds of file storage take a backup of either."""

    help = (
        "Fills a new DATA_DIR, a new database and an empty file storage with what a backup has. "
        "The server has to be stopped, and not to have been started on them yet."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="of a file that manage.py backup has written")

    def handle(self, *_args: object, **options: Any) -> None:
        try:
            before = _entries()
            places.make_folders()
            with (
                places.hold_folders("manage.py restore"),
                _taken_back(before),
                backups.stopped_in_order(),
            ):
                told = backups.restore(options["path"].absolute(), self.stdout.write)
        except KeyboardInterrupt as error:
            raise CommandError("Nothing was restored: it was told to stop.") from error
        except backups.Unfinished as error:
            raise CommandError(
                "All rows and files were restored, but the database could not be brought up to "
                f"date: {error}. Do so with manage.py migrate before the first start."
            ) from error
        except (backups.Broken, StorageAway, places.CannotStart) as error:
            raise CommandError(f"Nothing was restored. {error}") from error
        except (DatabaseError, OSError) as error:
            raise CommandError(f"Nothing was restored: {error}") from error
        self.stdout.write(
            f"{told.rows:,} rows and {told.files:,} files ({told.bytes:,} bytes) were restored, "
            "the same as in the backup. The worker makes the search indexes when it starts."
        )
        for key in told.missing:
            self.stderr.write(f"{key} was not in the file storage when the backup was made.")


def _entries() -> set[Path]:
    """What DATA_DIR has, and the folders of our own where they are."""
    there = {path for path in (settings.DATA_DIR, settings.RUNTIME_DIR) if path.exists()}
    return there | set(settings.DATA_DIR.iterdir() if settings.DATA_DIR in there else ())


@contextmanager
def _taken_back(before: set[Path]) -> Iterator[None]:
    """Should nothing be restored, leave nothing that was not there before: the next try may be a
    first start, or another backup.
    """
    try:
        yield
    except backups.Unfinished:
        raise
    except BaseException:
        connection.close()
        for path in sorted(_entries() - before, reverse=True):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        raise
