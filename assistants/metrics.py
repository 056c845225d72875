"""What operators watch: numbers that every process keeps, and that ``GET /metrics`` adds up.

Each process writes its own to files in METRICS_DIR, so that any of them can tell of all.
Whoever comes adds those of processes that are gone to one sum: a counter that fell would be taken
for one that began anew.
"""

import fcntl
import functools
import hmac
import os
import secrets
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    values,
)
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from assistants import living

FOLDER: Final = "living"
"""In METRICS_DIR: the processes that have files there."""
GONE: Final = "gone"
"""Whose the sum of those is that are gone."""

FORMAT: Final = CONTENT_TYPE_LATEST
"""The media type of what ``told`` gives."""


def is_open_to(authorization: str, token: str) -> bool:
    """Whether a request with this header may see them; nobody's does without a token."""
    sent = authorization.removeprefix("Bearer ").encode(errors="surrogateescape")
    return bool(token) and hmac.compare_digest(sent, token.encode())


def told(folder: Path, *present: Collector) -> bytes:
    """All numbers, as Prometheus reads them.

    :param folder: METRICS_DIR; it need not be there
    :param present: what is so at this moment
    """
    registry = CollectorRegistry()
    for each in present:
        registry.register(each)
    with ExitStack() as reading:
        if folder.is_dir():
            MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
            reading.enter_context(undisturbed(folder))
        return generate_latest(registry)


@contextmanager
def undisturbed(folder: Path) -> Iterator[None]:
    """No files are added to the sum meanwhile: who reads them all finds each number once."""
    with (folder / "sum.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@functools.cache
def _own_name(folder: Path, pid: int) -> str:
    """That of this process, which no other one ever has: containers that share the folder have
    processes of the same number.
    """
    name = f"{socket.gethostname().replace('_', '-')}-{pid}-{secrets.token_hex(4)}"
    living.note(folder / FOLDER, name)
    _sum_up_dead(folder)
    return name


def _sum_up_dead(folder: Path) -> None:
    with undisturbed(folder):
        # First the files: who begins now has its name there before any of them.
        files = list(folder.glob("*_*.db"))
        names = {GONE, *living.living(folder / FOLDER)}
        for path in files:
            kind, _, owner = path.stem.rpartition("_")
            if owner not in names:
                # What was torn as its process was killed is left out.
                with suppress(RuntimeError, struct.error, ValueError):
                    _add(path, folder / f"{kind}_{GONE}.db")
                path.unlink(missing_ok=True)


def _add(path: Path, to: Path) -> None:
    found = list(MmapedDict.read_all_values_from_file(path))  # type: ignore[no-untyped-call]
    total = MmapedDict(str(to))  # type: ignore[no-untyped-call]
    for key, value, _at, _position in found:
        before, _ = total.read_value(key)  # type: ignore[no-untyped-call]
        total.write_value(key, before + value, 0.0)  # type: ignore[no-untyped-call]
    total.close()  # type: ignore[no-untyped-call]


if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
    _folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]
        lambda: _own_name(_folder, os.getpid())
    )

SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600)

runs_ended: Final = Counter("playground_runs_ended", "Runs that reached their end.", ["status"])
queue_seconds: Final = Histogram(
    "playground_run_queue_seconds", "From when a run is queued to its claim.", buckets=SECONDS
)
first_token_seconds: Final = Histogram(
    "playground_run_first_token_seconds",
    "From a run's claim to the first piece of its answer, or the first tool call.",
    buckets=SECONDS,
)
tool_seconds: Final = Histogram(
    "playground_tool_seconds",
    "How long calls of the built-in tools took.",
    ["tool"],
    buckets=SECONDS,
)
tokens: Final = Counter("playground_tokens", "Tokens of ended runs.", ["kind"])
chat_failures: Final = Counter(
    "playground_chat_failures", "Answers that a provider did not give.", ["code", "asked_again"]
)
requests: Final = Counter("playground_api_requests", "Answers of the API.", ["method", "status"])
request_seconds: Final = Histogram(
    "playground_api_request_seconds",
    "How long the API took to answer, streams up to their first byte.",
    buckets=SECONDS,
)
