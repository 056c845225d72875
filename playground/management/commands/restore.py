"""``manage.py restore``: an empty installation becomes what a backup has."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
            before = _own()
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


def _own() -> set[Path]:
    """What this command itself makes, of which it is there."""
    named = (*(name for name in places.FOLDERS if name != "."), places.LOCK, backups.SECRET)
    may_be = {settings.RUNTIME_DIR, *(settings.DATA_DIR / name for name in named)}
    may_be.update(settings.DATA_DIR.glob("database.sqlite3*"))
    return {path for path in (settings.DATA_DIR, *may_be) if path.exists()}


def _has_files(path: Path) -> bool:
    if path.is_dir():
        return any(_has_files(each) for each in path.iterdir())
    return path.name != places.LOCK


@contextmanager
def _taken_back(before: set[Path]) -> Iterator[None]:
    """Should nothing be restored, leave nothing of it that was not there before: the next try may
    be a first start, or another backup. What others have made until the lock was had, or under
    names of theirs, is left.

    :param before: what there was before the folders were made that the lock is in
    """
    theirs = {path for path in _own() if _has_files(path)}
    try:
        yield
    except backups.Unfinished:
        raise
    except BaseException:
        connection.close()
        for path in sorted(_own() - before - theirs, reverse=True):
            if path == settings.DATA_DIR:
                with suppress(OSError):  # something of theirs is in it
                    path.rmdir()
            elif path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        raise
