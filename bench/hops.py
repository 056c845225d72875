"""Where the time to a run's first token went, hop by hop, from what every hop leaves behind.

Nothing is instrumented. Rows keep microseconds, the event log keeps milliseconds, the chat server
writes the time into its first word, and the client looks at its clock: it is the same clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, median

from assistants.events import log
from assistants.models import Message, Run

HOPS = (
    ("request, key check, validation", "web"),
    ("insert, commit, event log", "web"),
    ("queue, pick-up, claim", "Redis, worker"),
    ("conversation built, chat server asked, its first word", "worker, chat server"),
    ("first chunk read", "worker"),
    ("message and step opened, first delta in the event log", "worker, Redis"),
    ("event log followed, event streamed", "web"),
)


@dataclass(frozen=True)
class Heard:
    """One run's first token as its client saw it: unix times in nanoseconds."""

    thread_id: str
    asked: int
    written: int
    """When the chat server wrote it."""
    heard: int

    @property
    def took(self) -> int:
        return self.heard - self.asked


def rows(runs: Iterable[Heard]) -> list[tuple[str, ...]]:
    """A table: the median and mean milliseconds of each hop."""
    hops = list(zip(*map(_hops, runs), strict=True))
    table: list[tuple[str, ...]] = [("hop", "in", "median ms", "mean ms")]
    for (what, where), times in zip(HOPS, hops, strict=True):
        table.append((what, where, f"{median(times):.1f}", f"{mean(times):.1f}"))
    return table


def _hops(heard: Heard) -> list[float]:
    """How long each hop of one run took, in milliseconds."""
    run = Run.objects.get(thread=heard.thread_id)
    message = Message.objects.get(run_id=run.id)
    assert run.started_at
    logged: dict[str, int] = {}
    for entry in log.read(heard.thread_id):
        logged.setdefault(entry.name, entry.ms)
    moments = [
        heard.asked / 1e6,
        run.created_at.timestamp() * 1e3,
        # Half of the millisecond that the log's clock cuts off, on average.
        logged["thread.run.queued"] + 0.5,
        run.started_at.timestamp() * 1e3,
        heard.written / 1e6,
        message.created_at.timestamp() * 1e3,
        logged["thread.message.delta"] + 0.5,
        heard.heard / 1e6,
    ]
    return [later - earlier for earlier, later in pairwise(moments)]
