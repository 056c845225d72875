"""A thread that is followed for all who have its page open: read, rendered and told once.

What a frame shows is the same for everyone who has the same language and clock. So whoever comes
first begins to follow the thread, and all others hear the same frames; a thousand readers cost one
rendering.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import redis

from assistants.events import log, signals
from assistants.events.hub import Idle, Reset, hub
from assistants.events.log import Entry
from assistants.events.sse import PING, frame
from assistants.models import clock
from playground.readers import Reader
from playground.scopes import Scope
from playground.thread_view import Gone, Lost, Signal, ThreadView, work

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.09
"""The least time between two frames: about eleven a second, which no eye can tell from more."""
WORK_SHARE: Final = 4
"""After a frame the next waits this many times as long as it took to make, so that one long answer
never takes more than a fifth of a processor.
"""
MAX_TICK_SECONDS: Final = 0.5
RETRY_SECONDS: Final = 1.0
DAY_SECONDS: Final = 86_400.0
QUEUE_SIZE: Final = 500
"""More waits at the hub, which sends a follower back to the beginning who is too far behind."""
KEPT_FRAMES: Final = 64
"""For a reader who comes while the thread is followed, what was told since its own beginning; and
for one who is slow, who begins again when so many wait.
"""

Heard = asyncio.Queue[Entry | Idle | Reset | Signal | Exception]
Told = tuple[str, bytes]
"""A frame, after the place in the log up to which it shows the thread."""


class Live:
    """One thread, followed from where ``view`` has begun, for as long as somebody listens."""

    def __init__(self, thread_id: str, view: ThreadView, reader: Reader) -> None:
        self._thread_id, self._view, self._reader = thread_id, view, reader
        self._kept: deque[Told] = deque(maxlen=KEPT_FRAMES)
        self._kept_from = view.last
        self._told = 0
        self._entries: Heard = asyncio.Queue(QUEUE_SIZE)
        self._news = asyncio.Event()
        self._readers = 0
        self.access_changes = 0
        """How often it was told that who may read has changed: each reader is asked again then."""
        self.is_over = False
        self._gone = False
        self._task = asyncio.create_task(self._run(), name=f"page of {thread_id}")

    async def since(self, place: str) -> AsyncGenerator[bytes, None]:
        """All frames that may show more than the log had up to ``place``, to the last.

        :raises Lost: what came right after that place is not kept any more, or the reader is slow
        :raises Gone: the thread was deleted
        """
        if log.position(place) < log.position(self._kept_from):
            raise Lost
        number = self._oldest
        self._readers += 1
        try:
            while not (self.is_over and number == self._told):
                if number == self._told:
                    await self._news.wait()
                    continue
                if number < self._oldest:
                    raise Lost
                up_to, data = self._kept[number - self._oldest]
                number += 1
                if log.position(up_to) >= log.position(place):
                    yield data
            if self._gone:
                raise Gone
            if self._task.done():
                self._task.result()  # raises what went wrong: the reader's connection breaks off
        finally:
            self._readers -= 1
            if not self._readers:
                await self._leave()

    def look(self) -> None:
        """Somebody has come or gone: tell who is here."""
        if not self._entries.full():
            self._entries.put_nowait(Signal())

    @property
    def _oldest(self) -> int:
        """The number of the oldest frame that is kept."""
        return self._told - len(self._kept)

    async def _leave(self) -> None:
        """Nobody listens any more; whoever comes now begins anew."""
        self.is_over = True
        await stopped(self._task)

    async def _run(self) -> None:
        try:
            while True:
                await self._follow_until_lost()
                html = await work(self._view.begin, self._reader)
                self._tell(frame("message", html, entry_id=self._view.last))
        except Gone:
            self._gone = True
        finally:
            self.is_over = True
            self._wake()

    async def _follow_until_lost(self) -> None:
        """Follow until the log has lost the place: what there is has to be told anew then."""
        try:
            await self._follow()
        except Lost:
            await asyncio.sleep(TICK_SECONDS)
        except redis.RedisError as error:
            logger.warning("the event log does not answer (%s); trying again", error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self) -> None:
        """Tell what happens from now on.

        :raises Lost: the log does not have this place any more
        :raises Gone: the thread was deleted
        """
        view = self._view
        entries = self._entries = asyncio.Queue(QUEUE_SIZE)
        members = signals.members_of(view.project_id)
        listening = [
            asyncio.create_task(self._listen(entries)),
            asyncio.create_task(self._listen_to(members, entries)),
        ]
        if scope := self._reader.scope:
            listening.append(asyncio.create_task(self._listen_to(scope.share_id, entries)))
            listening.append(asyncio.create_task(_wait_for_expiry(scope, entries)))
        try:
            while True:
                self._take(await entries.get())
                while not entries.empty():
                    self._take(entries.get_nowait())
                html, took = await work(view.render, self._reader)
                self._tell(frame("message", html, entry_id=view.last) if html else PING)
                await asyncio.sleep(min(max(TICK_SECONDS, WORK_SHARE * took), MAX_TICK_SECONDS))
        finally:
            for task in listening:
                await stopped(task)

    async def _listen_to(self, name: str, entries: Heard) -> None:
        """Hear of changes to the members of the project, or to the link that the readers came by:
        of the last one too, which may have come after the readers were let in.
        """
        try:
            async with aclosing(hub().follow(name)) as items:
                async for item in items:
                    if isinstance(item, Entry):
                        self.access_changes += 1
                        await entries.put(Signal())
        except redis.RedisError as error:
            await entries.put(error)

    async def _listen(self, entries: Heard) -> None:
        try:
            async with aclosing(hub().follow(self._thread_id, self._view.cursor)) as items:
                async for item in items:
                    await entries.put(item)
        except redis.RedisError as error:
            await entries.put(error)

    def _take(self, item: Entry | Idle | Reset | Signal | Exception) -> None:
        if isinstance(item, Exception):
            raise item
        self._view.take(item)

    def _tell(self, data: bytes) -> None:
        if len(self._kept) == KEPT_FRAMES:
            self._kept_from = self._kept[0][0]
        self._kept.append((self._view.last, data))
        self._told += 1
        self._wake()

    def _wake(self) -> None:
        """Have all readers look what is new. Each waits for the event that it found."""
        news, self._news = self._news, asyncio.Event()
        news.set()


async def _wait_for_expiry(scope: Scope, entries: Heard) -> None:
    """Have it looked whether the link is usable when it should not be any more. Those that last for
    longer than a day are looked at often enough without.
    """
    if scope.expires_at is None:
        return
    left = (scope.expires_at - clock.now()).total_seconds()
    if left < DAY_SECONDS:
        await asyncio.sleep(max(0.0, left) + TICK_SECONDS)
        await entries.put(Signal())


async def stopped(task: "asyncio.Task[None]") -> None:
    """Cancel the task and wait for its end.

    More than once if need be: before Python 3.12, asyncio.wait_for, with which the Redis client
    sends, loses a cancellation that comes just as the command has been sent.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=TICK_SECONDS)


LINK_LIVES: Final = 8
"""So many renderings of a thread one link has at most, whatever languages and clocks its readers
ask for: nobody knows who they are, and all of them take from what members see.
"""

_lives: dict[tuple[asyncio.AbstractEventLoop, str, Reader], Live] = {}


def look_at(thread_id: str) -> None:
    """Have all who follow the thread here look who else does."""
    for (loop, followed, _reader), known in list(_lives.items()):
        if followed == thread_id and loop is asyncio.get_running_loop() and not known.is_over:
            known.look()


def live(thread_id: str, view: ThreadView, reader: Reader) -> Live:
    """The thread as it is followed for such readers; from ``view`` on, whose owner it
    is then, if nobody does yet.
    """
    for over in [place for place, known in _lives.items() if known.is_over]:
        del _lives[over]
    place = (asyncio.get_running_loop(), thread_id, reader)
    if place not in _lives:
        of_link = [
            known
            for (loop, followed, other), known in _lives.items()
            if reader.scope and (loop, followed, other.scope) == (*place[:2], reader.scope)
        ]
        if len(of_link) >= LINK_LIVES:
            # What is new looks as the first readers have it, until the page is opened again.
            return of_link[0]
        _lives[place] = Live(thread_id, view, reader)
    return _lives[place]
