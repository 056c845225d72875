"""What operators watch: numbers that every process keeps, and that ``GET /metrics`` adds up.

Each process writes its own to a file in METRICS_DIR, so that the web server can tell of the worker.
"""

import os
import socket
from typing import Final

from prometheus_client import Counter, Histogram, values

if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
    # Containers that share the folder have processes of the same number.
    values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]
        lambda: f"{socket.gethostname().replace('_', '-')}-{os.getpid()}"
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
