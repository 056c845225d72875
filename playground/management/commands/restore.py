"""``manage.py restore``: an empty installation becomes what a backup has."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

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
            places.make_folders()
            with places.hold_folders("manage.py restore"), backups.stopped_in_order():
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
