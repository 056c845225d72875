"""``manage.py sandbox check``: do the walls around the code interpreter hold on this machine?"""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from assistants.tools.code_interpreter.check import check, report


class Command(BaseCommand):
    """Prints a line per wall. The exit code is 0 if all of them hold, else 1."""

    help = "Tries the walls around the code interpreter. Exit code 0 if all of them hold."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["check"])
        parser.add_argument("--bubblewrap", help="the bwrap program; else looked for on PATH")

    def handle(self, *_args: object, **options: Any) -> None:
        health = check(settings.SANDBOX_PYTHON, options["bubblewrap"])
        self.stdout.write(report(health))
        if not health.ok:
            sys.exit(1)
