"""Follows the logs of many threads for many readers of one process: one connection, one task,
bounded queues.

A reader resumes from an entry id. It first gets what the log holds after that id, then what comes
in. When the log no longer holds that place, or the reader is too slow for its queue, it gets
``RESET`` once and the end: it must begin again from a snapshot of the database.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncGenerator, Iterator
from itertools import chain
from typing import Any, Final

import redis.asyncio
from django.conf import settings

from assistants.deadline import Deadline
from assistants.events.log import START, Entry, entries, key, position

logger = logging.getLogger(__name__)

QUEUE_SIZE = 2_000
IDLE_SECONDS: Final = 15.0
BLOCK_MS: Final = 30_000
CONNECTIONS: Final = 8
PAUSE_SECONDS: Final = 50e-6
MAX_PAUSE_SECONDS: Final = 0.02
"""Between two looks, for each log that is followed, and at most. A look names all of them, so it
costs the more the more there are: with 300, one look for each word would take all of a processor.
"""


class Reset:
    """The reader's place in the log is gone."""


class Idle:
    """Nothing was heard for ``IDLE_SECONDS``, or Redis was away and answers again, so that some of
    what was told meanwhile may be lost: time for a ping, and for a look at the database.
    """


RESET: Final = Reset()
IDLE: Final = Idle()

Queue = asyncio.Queue[Entry | Reset | Idle]


class Hub:
    """One per event loop. Its task lives while somebody follows anything."""

    def __init__(self, redis_url: str) -> None:
        # Short commands of all readers share a few connections and wait for one.
        self._redis = redis.asyncio.Redis.from_pool(
            redis.asyncio.BlockingConnectionPool.from_url(
                redis_url, decode_responses=True, max_connections=CONNECTIONS, timeout=30
            )
        )
        # A blocking read lasts longer than redis-py's default socket timeout of 5 s, which would
        # break it off.
        self._reader = redis.asyncio.Redis.from_url(
            redis_url, decode_responses=True, socket_timeout=None
        )
        self._queues: dict[str, set[Queue]] = {}
        self._cursors: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None
        # A stream of our own among those that are read: an entry in it ends a blocking read, so
        # that the next one includes a newly followed log. CLIENT UNBLOCK would do the same but is
        # lost between two reads.
        self._bell = f"hub:{secrets.token_hex(8)}"
        self._bell_cursor = START

    async def follow(
        self, thread_id: str, after: str = START
    ) -> AsyncGenerator[Entry | Reset | Idle, None]:
        """Entries of the thread's log after ``after``, as they come, without end.

        Yields ``IDLE`` whenever nothing came for 15 s, and ``RESET`` as the last item when the
        place is lost.
        """
        with contextlib.ExitStack() as stack:
            queue = stack.enter_context(self._listening(thread_id))
            await self._watch(thread_id)
            if await self._lost(thread_id, after):
                yield RESET
                return
            last = position(after)
            for entry in await self._backlog(thread_id, after):
                last = position(entry.id)
                yield entry
            time = asyncio.get_running_loop().time
            silence = Deadline(time())
            stack.callback(silence.close)
            while True:
                silence.at = time() + IDLE_SECONDS
                try:
                    item = await silence.wait(queue.get())
                except TimeoutError:
                    yield IDLE
                    continue
                if isinstance(item, Reset):
                    yield RESET
                    return
                if isinstance(item, Idle):
                    yield IDLE
                    continue
                if position(item.id) > last:
                    last = position(item.id)
                    yield item

    @property
    def followers(self) -> int:
        """How many readers there are at the moment."""
        return sum(len(queues) for queues in self._queues.values())

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._redis.aclose()
        await self._reader.aclose()

    @contextlib.contextmanager
    def _listening(self, thread_id: str) -> Iterator[Queue]:
        queue: Queue = asyncio.Queue(QUEUE_SIZE)
        self._queues.setdefault(thread_id, set()).add(queue)
        try:
            yield queue
        finally:
            listeners = self._queues[thread_id]
            listeners.discard(queue)
            if not listeners:
                del self._queues[thread_id]
                self._cursors.pop(thread_id, None)

    async def _watch(self, thread_id: str) -> None:
        """Have the task read this log from its present end; the backlog covers what came before."""
        if thread_id not in self._cursors:
            newest = await self._redis.xrevrange(key(thread_id), count=1)
            self._cursors.setdefault(thread_id, str(newest[0][0]) if newest else START)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._read(), name="event hub")
        else:
            await self._redis.xadd(self._bell, {"new": thread_id}, maxlen=1)
            await self._redis.expire(self._bell, 3600)

    async def _lost(self, thread_id: str, after: str) -> bool:
        """Whether the log no longer holds the entry that the reader saw last."""
        if position(after) == (0, 0):
            return False
        return not await self._redis.xrange(key(thread_id), min=after, max=after, count=1)

    async def _backlog(self, thread_id: str, after: str) -> list[Entry]:
        rows = await self._redis.xrange(key(thread_id), min=f"({after}")
        return entries(rows)

    async def _read(self) -> None:
        """Read all followed logs until nobody follows any."""
        was_away = False
        while self._cursors:
            streams = {key(name): cursor for name, cursor in self._cursors.items()}
            streams[self._bell] = self._bell_cursor
            try:
                block = 1 if was_away else BLOCK_MS
                found: Any = await self._reader.xread(streams, block=block, count=500)  # type: ignore[arg-type]
            except redis.RedisError as error:
                logger.warning("the event log does not answer (%s); trying again", error)
                was_away = True
                await asyncio.sleep(0.5)
                continue
            for name, rows in found or []:
                if name == self._bell:
                    self._bell_cursor = rows[-1][0]
                else:
                    self._hand_out(name.removeprefix("log:"), rows)
            if was_away:
                was_away = False
                self._have_all_look()
            await asyncio.sleep(min(len(streams) * PAUSE_SECONDS, MAX_PAUSE_SECONDS))

    def _have_all_look(self) -> None:
        for queue in chain.from_iterable(self._queues.values()):
            if not queue.full():  # who is so far behind is told by what overflows next
                queue.put_nowait(IDLE)

    def _hand_out(self, thread_id: str, rows: list[tuple[str, dict[str, str]]]) -> None:
        if thread_id not in self._cursors:
            return
        self._cursors[thread_id] = rows[-1][0]
        new = entries(rows)
        for queue in self._queues.get(thread_id, ()):
            for entry in new:
                if queue.full():
                    _overflow(queue)
                    break
                queue.put_nowait(entry)


def _overflow(queue: Queue) -> None:
    """Nothing that a slow reader has missed helps it any more: it starts again from a snapshot."""
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(RESET)


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def followers() -> int:
    """How many readers this process has at the moment."""
    return sum(found.followers for found in list(_hubs.values()))


def hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub(settings.REDIS_URL)
    return _hubs[loop]
