"""What the runner says to the person who started it, and what it shows of its processes.

A terminal that was closed, or ``head`` at the other end of a pipe, must not keep it from stopping
everything properly: when nobody listens any more, it goes on without a word.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from honcho.printer import Message, Printer


def say(text: str = "") -> None:
    """One line on standard output, at once."""
    with _while_somebody_listens():
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


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
