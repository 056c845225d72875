"""``manage.py backup``: everything that is kept, in one file."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from assistants.errors import StorageAway
from playground import backups


class Command(BaseCommand):
    """The server may go on meanwhile."""

    help = (
        "Writes database, files and secret key to one file, with checksums, as they are at one "
        "moment. The server may go on running. Keep it as safe as the server: it opens everything."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="of the new file, such as /backups/monday.tar")

    def handle(self, *_args: object, **options: Any) -> None:
        try:
            with backups.stopped_in_order():
                told = backups.make(options["path"].absolute(), self.stdout.write)
        except KeyboardInterrupt as error:
            raise CommandError("There is no backup: it was told to stop.") from error
        except (backups.Broken, StorageAway) as error:
            raise CommandError(f"There is no backup. {error}") from error
        except (DatabaseError, OSError) as error:
            raise CommandError(
                f"There is no backup: {error} (DATA_DIR is {settings.DATA_DIR})"
            ) from error
        self.stdout.write(
            f"{told.rows:,} rows and {told.files:,} files ({told.bytes:,} bytes) are in "
            f"{options['path']}."
        )
        for key in told.missing:
            self.stderr.write(f"The file storage has no {key} any more: it is not in the backup.")
