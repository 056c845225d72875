"""``manage.py sandbox check``: do the walls around the code interpreter hold?

They are tried on this machine; with INTERPRETER_URL, the interpreter there tells how it found its
own when it started.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from assistants.tools.code_interpreter.address import address
from assistants.tools.code_interpreter.check import check, report
from assistants.tools.code_interpreter.client import Interpreter
from assistants.tools.code_interpreter.outputs import Health


class Command(BaseCommand):
    """Prints a line per wall. The exit code is 0 if all of them hold, else 1."""

    help = "Tries the walls around the code interpreter. Exit code 0 if all of them hold."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["check"])
        parser.add_argument("--bubblewrap", help="the bwrap program; else looked for on PATH")
        parser.add_argument(
            "--cgroup", type=Path, help="as the interpreter's option: where to make a cgroup"
        )

    def handle(self, *_args: object, **options: Any) -> None:
        if settings.INTERPRETER_URL:
            health = asyncio.run(ask())
            self.stdout.write(f"What {settings.INTERPRETER_URL} says of itself:")
        else:
            health = check(settings.SANDBOX_PYTHON, options["bubblewrap"], options["cgroup"])
        self.stdout.write(report(health))
        if not health.ok:
            if not health.walls:
                self.stdout.write(str(health.reason))
            sys.exit(1)


async def ask() -> Health:
    """What the interpreter that the settings name says."""
    async with Interpreter(address()) as interpreter:
        return await interpreter.health()
