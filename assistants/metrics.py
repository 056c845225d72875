"""What operators watch: numbers that every process keeps, and that ``GET /metrics`` adds up.

Each process writes its own to files in METRICS_DIR, so that the web server can tell of the worker.
Whoever comes removes those of processes that are gone.
"""

import functools
import os
import secrets
import socket
from pathlib import Path
from typing import Final

from prometheus_client import Counter, Histogram, values

from assistants import living

FOLDER: Final = "living"
"""In METRICS_DIR: the processes that have files there."""


@functools.cache
def _own_name(folder: Path, pid: int) -> str:
    """That of this process, which no other one ever has: containers that share the folder have
    processes of the same number.
    """
    name = f"{socket.gethostname().replace('_', '-')}-{pid}-{secrets.token_hex(4)}"
    living.note(folder / FOLDER, name)
    _forget_dead(folder)
    return name


def _forget_dead(folder: Path) -> None:
    """Their numbers would count for ever."""
    # First the files: who begins now has its name there before any of them.
    files = list(folder.glob("*_*.db"))
    names = living.living(folder / FOLDER)
    for path in files:
        if path.stem.rpartition("_")[2] not in names:
            path.unlink(missing_ok=True)


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
