"""Writes the deltas of all runs of a worker to the event log, in one command after the other.

The first delta goes out at once. What arrives while a flush is under way, and for as long again
after it, is folded: consecutive deltas of the same object become one. So a worker that has much to
send spends no more than half of its time on sending, and a model that stalls swallows no text.
"""

import asyncio
import logging
import time
from dataclasses import dataclass

import redis
import redis.asyncio

from assistants.errors import Wire
from assistants.events.log import MAX_ENTRIES, key, line
from assistants.models import Message, Run, RunStep

logger = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
DRAIN_SECONDS = 5.0
MAX_PAUSE_SECONDS = 0.02
"""Between two flushes, at most: nobody sees the difference."""

MAX_FOLDED = 16_384
"""Characters of a delta beyond which the next one stands for itself: folding copies both."""

MAX_AT_ONCE = 500
"""Deltas in one command, for which everybody else's commands wait some milliseconds."""

MAX_WAITING = 16_000_000
"""Characters of deltas that wait for Redis. While it is away for longer than that lasts, runs tell
nothing more of what is being said; the end of each message tells the whole.
"""

APPEND = f"""
for i, log in ipairs(KEYS) do
    redis.call("XADD", log, "MAXLEN", "~", {MAX_ENTRIES}, "*",
        "event", ARGV[3 * i - 2], "run", ARGV[3 * i - 1], "data", ARGV[3 * i])
end
"""
"""Appends an event to each of the logs. As a script, since a command for each delta took a third of
the worker's time: to write it, and to read its answer.
"""


@dataclass(slots=True)
class _Pending:
    thread_id: str
    name: str
    run: str
    data: Wire
    size: int


class Publisher:
    """One per event loop."""

    def __init__(self, redis_url: str) -> None:
        self._redis = redis.asyncio.Redis.from_url(redis_url, decode_responses=True)
        self._append = self._redis.register_script(APPEND)
        self._pending: list[_Pending] = []
        self._last: dict[str, _Pending] = {}
        self._waiting = 0
        """Characters that no flush has taken yet."""
        self._silent: set[str] = set()
        """Runs of which a delta was dropped, so that those after it would make no sense."""
        self._posted = 0
        self._flushed = 0
        self._wake = asyncio.Event()
        self._progress = asyncio.Condition()
        self._task = asyncio.create_task(self._run(), name="publisher")

    def post(
        self,
        thread_id: str,
        run_id: str,
        name: str,
        data: Wire,
        *,
        size: int = 0,
        alone: bool = False,
    ) -> None:
        """Send a delta; ``data`` belongs to the publisher from now on.

        :param size: about how many characters it has
        :param alone: it is folded with no other
        """
        if not self._has_room(run_id, size):
            return
        self._waiting += size
        last = None if alone else self._last.get(thread_id)
        if (
            last is not None
            and last.name == name
            and last.data["id"] == data["id"]
            and last.size < MAX_FOLDED
        ):
            _fold(last.data["delta"], data["delta"])
            last.size += size
        else:
            pending = _Pending(thread_id, name, run_id, data, size)
            self._pending.append(pending)
            self._last[thread_id] = pending
        if alone:
            del self._last[thread_id]
        self._posted += 1
        self._wake.set()

    def post_part(self, run: Run, message: Message, part: Wire, *, size: int = 0) -> None:
        """Send more of a message's content: a part, or a piece of one, with its index."""
        data = {
            "id": message.id,
            "object": "thread.message.delta",
            "delta": {"content": [part]},
        }
        self.post(run.thread_id, run.id, "thread.message.delta", data, size=size)

    def post_call(
        self, run: Run, step: RunStep, call: Wire, *, size: int = 0, alone: bool = False
    ) -> None:
        """Send more of a step: a tool call, or a piece of one, with its index."""
        data = {
            "id": step.id,
            "object": "thread.run.step.delta",
            "delta": {"step_details": {"type": "tool_calls", "tool_calls": [call]}},
        }
        self.post(run.thread_id, run.id, "thread.run.step.delta", data, size=size, alone=alone)

    def _has_room(self, run_id: str, size: int) -> bool:
        if run_id in self._silent:
            return False
        if self._waiting + size <= MAX_WAITING:
            return True
        self._silent.add(run_id)
        logger.warning("%s is not followed any further: too much waits for Redis", run_id)
        return False

    async def drain(self) -> None:
        """Wait until all that was posted before is in the log, so that what an operation
        publishes next comes after it.

        Gives up after a few seconds without Redis: the database has the objects, and followers
        catch up from there.
        """
        target = self._posted
        try:
            async with asyncio.timeout(DRAIN_SECONDS), self._progress:
                await self._progress.wait_for(lambda: self._flushed >= target)
        except TimeoutError:
            logger.error("the event log took no deltas for %s s", DRAIN_SECONDS)

    async def aclose(self) -> None:
        await self.drain()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._redis.aclose()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._pending, self._last = self._pending, [], {}
            self._waiting = 0
            posted = self._posted
            begun = time.monotonic()
            for first in range(0, len(batch), MAX_AT_ONCE):
                await self._flush(batch[first : first + MAX_AT_ONCE])
            async with self._progress:
                self._flushed = posted
                self._progress.notify_all()
            if len(batch) > 1:
                await asyncio.sleep(min(time.monotonic() - begun, MAX_PAUSE_SECONDS))

    async def _flush(self, batch: list[_Pending]) -> None:
        logs = [key(item.thread_id) for item in batch]
        events = [text for item in batch for text in (item.name, item.run, line(item.data))]
        failed = False
        while True:
            try:
                await self._append(logs, events)
            except redis.RedisError as error:
                if not failed:
                    logger.warning("the event log does not answer (%s); trying on", error)
                failed = True
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if failed:
                logger.warning("the event log answers again")
            return


def _fold(known: Wire, delta: Wire) -> None:
    """Make one delta of two, under the rules of accumulators: text is appended, list items meet
    by their index.
    """
    for name, value in delta.items():
        old = known.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            _fold(old, value)
        elif isinstance(value, list) and isinstance(old, list):
            _fold_items(old, value)
        elif isinstance(value, str) and isinstance(old, str) and name not in ("type", "id"):
            known[name] = old + value
        else:
            known[name] = value


def _fold_items(known: list[Wire], items: list[Wire]) -> None:
    places: dict[int, Wire] = {item["index"]: item for item in known}
    for item in items:
        if item["index"] in places:
            _fold(places[item["index"]], item)
        else:
            known.append(item)
