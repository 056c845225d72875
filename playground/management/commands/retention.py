"""``manage.py retention``: delete what nobody has used for long, or tell how much that would be."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from assistants.operations import retention


class Command(BaseCommand):
    """What a worker does every six hours."""

    help = (
        "Deletes the threads, files and audit entries that THREAD_DAYS, FILE_DAYS and AUDIT_DAYS "
        "give up, as a worker does every six hours. With --dry-run it only tells how many they are."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="delete nothing")

    def handle(self, *_args: object, **options: Any) -> None:
        found = retention.due() if options["dry_run"] else retention.apply()
        said = "would be deleted" if options["dry_run"] else "were deleted"
        for name, days, counted in (
            ("THREAD_DAYS", settings.THREAD_DAYS, f"{found.threads:,} threads"),
            ("FILE_DAYS", settings.FILE_DAYS, f"{found.files:,} files ({found.bytes:,} bytes)"),
            ("AUDIT_DAYS", settings.AUDIT_DAYS, f"{found.entries:,} audit entries"),
        ):
            self.stdout.write(
                f"{name}={days}: {counted} {said}." if days else f"{name}=0: kept for ever."
            )
        self.stdout.write(
            f"EVENT_DAYS={settings.EVENT_DAYS}: Redis lets the event log of a silent thread go."
        )
