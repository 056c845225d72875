"""The product while it is measured: all its processes, over a chat model that runs beside them.

Django is set up in this process too, on the same database and files, so that a benchmark can lay
out a thread, and ask what the processes have written.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django
import psutil

from bench import chat_process
from tests.stack import Stack

QUIET_SECONDS = 1.0
QUIET_SHARE = 0.05
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Service:
    """``stack`` runs; ``chat_url`` is the chat server that it has as its provider."""

    stack: Stack
    chat_url: str
    model = "played"

    def settle(self) -> None:
        """Wait until its processes have nothing to do."""
        settle(self.stack.processes())


@contextmanager
def running() -> Iterator[Service]:
    """Everything started, and Django set up on its data. Once per process."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        chat_process.running() as chat_url,
        Stack(Path(folder), OPENAI_BASE_URL=chat_url) as stack,
    ):
        os.environ |= {"DATA_DIR": str(stack.data_dir), "OPENAI_BASE_URL": chat_url}
        os.environ["DJANGO_SETTINGS_MODULE"] = "playground.settings"
        django.setup()
        service = Service(stack, chat_url)
        service.settle()
        yield service


def settle(processes: list[psutil.Process]) -> None:
    """Wait until these use next to no processor time any more."""
    until = time.monotonic() + PATIENCE_SECONDS
    before = _seconds(processes)
    while time.monotonic() < until:
        time.sleep(QUIET_SECONDS)
        now = _seconds(processes)
        if now - before < QUIET_SECONDS * QUIET_SHARE:
            return
        before = now


def _seconds(processes: list[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
