"""What the runner says to the person who started it, and what it shows of its processes.

A terminal that was closed, or ``head`` at the other end of a pipe, must not keep it from stopping
everything properly: when nobody listens any more, it goes on without a word.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Literal

from honcho.printer import Message, Printer


def say(text: str = "", level: Literal["info", "warning", "error"] = "info") -> None:
    """Lines on standard output, at once; where LOG_FORMAT is json, an object for each."""
    lines = text.splitlines() or [""]
    if os.environ.get("LOG_FORMAT", "").strip().lower() == "json":
        lines = [_object(line.strip(), level) for line in lines if line.strip()]
    with _while_somebody_listens():
        sys.stdout.writelines(f"{line}\n" for line in lines)
        sys.stdout.flush()


def _object(line: str, level: str) -> str:
    """As playground/logs.py has it, which this process does not load. A process that it has
    started, and whose last words these are, may have written such an object itself.
    """
    with suppress(ValueError):
        if isinstance(json.loads(line), dict):
            return line
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    told = {"time": now, "level": level, "logger": "playground.runner", "message": line}
    return json.dumps(told, ensure_ascii=False)


def show(printer: Printer, message: Message) -> None:
    """A line of a process, with its name."""
    with _while_somebody_listens():
        printer.write(message)


@contextmanager
def _while_somebody_listens() -> Iterator[None]:
    try:
        yield
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
