"""``python -m assistants.retrieval.child``: reads one file after the other, with little to lose.

Hostile files are opened here and nowhere else: in a process that holds no settings, no keys and no
database, that may use only so much memory and time, and that writes no files and starts no
processes. It runs as the worker's user: code that took it over could read what that user may.
``Reader`` starts it and kills it.
"""

import math
import os
import resource
import sys
import traceback
from pathlib import Path
from typing import Any, BinaryIO

from assistants.retrieval import chunking, parsing
from assistants.retrieval.frames import HEAD, pack, unpack
from assistants.retrieval.unreadable import Unreadable

MAX_MEMORY = 1 << 30
"""Bytes of address space: the largest honest files need a third of it."""
MAX_OPEN_FILES = 64
MAX_RESIDENT = 300 << 20
"""Bytes; a child that holds more after a file answers and is replaced."""


def main() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between the answers
    _limit(resource.RLIMIT_AS, MAX_MEMORY)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_NOFILE, MAX_OPEN_FILES)
    while question := _receive(sys.stdin.buffer):
        _limit_time(question["deadline"])
        answer = _answer(question)
        answer["last"] = _resident() > MAX_RESIDENT
        answers.write(pack(answer))
        answers.flush()


def _receive(questions: BinaryIO) -> dict[str, Any] | None:
    head = questions.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    return unpack(questions.read(HEAD.unpack(head)[0]))


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    try:
        pages = parsing.parse(question["path"], question["filename"])
        cut = chunking.passages(
            pages,
            size=question["size"],
            overlap=question["overlap"],
            code=parsing.extension(question["filename"]) in parsing.CODE_EXTENSIONS,
        )
        return {"passages": [(one.text, one.start, one.end, one.page) for one in cut]}
    except Unreadable as error:
        return {"code": error.code, "message": error.message}
    except MemoryError:
        return {"code": "invalid_file", "message": "The file needs too much memory to be read."}
    except RecursionError:
        return {"code": "invalid_file", "message": "The file is nested too deeply to be read."}
    except FileNotFoundError:
        return {"code": "server_error", "message": "The file is not there any more.", "gone": True}
    except Exception:
        message = "The file could not be read."
        return {"code": "server_error", "message": message, "trace": traceback.format_exc()}


def _limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _limit_time(seconds: float) -> None:
    """Of the processor, for this file: a parent that has died kills nobody."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + seconds) + 1)


def _resident() -> int:
    """Bytes that this process holds."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except FileNotFoundError:  # macOS, which counts in bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Not ru_maxrss: Linux lets a process begin with the peak of the one that started it.
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
