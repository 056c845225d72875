"""The event log of a thread as HTML, for the page that shows the thread.

A frame holds elements with ids; the page puts each in the place of its earlier state or, if it is
new, where it belongs. Each connection begins with the present state of all that can have changed
since the reader last heard of the thread, and goes on with what the log says, for as long as the
page is open: others may write too.
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import lru_cache, partial
from typing import Final

import redis
from django.contrib.auth.models import User
from django.http import HttpRequest

from assistants.events import log
from assistants.events.sse import EventStream, frame, hand_over
from assistants.models import Thread
from playground import access, fragments, presence, transcript
from playground.live import RETRY_SECONDS, TICK_SECONDS, live, look_at
from playground.presence import Person
from playground.readers import Reader
from playground.thread_view import Gone, Lost, ThreadView, work

logger = logging.getLogger(__name__)

ACCESS_SECONDS: Final = 60.0

Allowed = Callable[[], bool]


class ThreadStream:
    """One reader of one thread.

    :param after: the place in the log that the page shows already
    :param reader: their language and clock
    :param allowed: whether the reader may still see the thread; asked whenever that may have
        changed, and every minute
    :param person: the reader, of whom others are told; None for one who came by a link
    """

    def __init__(
        self,
        thread_id: str,
        after: str,
        reader: Reader,
        allowed: Allowed,
        person: Person | None = None,
    ) -> None:
        self._thread_id = thread_id
        self._last = after
        self._reader = reader
        self._allowed = allowed
        self._person = person
        self._me = person.id if person else ""
        self._asked = time.monotonic()
        self._changes = -1

    @classmethod
    def of(
        cls, request: HttpRequest, thread: Thread, after: str, reader: Reader, allowed: Allowed
    ) -> EventStream:
        """The response that streams the thread to a reader whose access has been checked.

        :param after: an entry id; anything else stands for the present
        """
        person = None if reader.scope else _person(request)
        place = (
            after if re.fullmatch(r"\d{1,16}-\d{1,16}", after) else transcript.place_of(log.START)
        )
        return hand_over(request, cls(thread.id, place, reader, allowed, person).frames)

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """The frames. Should it end, the last one is called "close": nothing more will come."""
        try:
            await self._come()
            while True:
                try:
                    view = ThreadView(self._thread_id, self._last)
                    html = await work(view.begin, self._reader)
                    self._last = view.last
                    yield frame("message", fragments.mine(html, self._me), entry_id=self._last)
                    followed = live(self._thread_id, view, self._reader)
                    told = followed.since(self._last)
                    # A reader waits for hours; what it began with takes as much as all else of it.
                    del view, html
                    async with aclosing(told) as frames:
                        async for data in frames:
                            await self._check_access(followed.access_changes)
                            yield self._mine(data)
                except Lost:
                    await asyncio.sleep(TICK_SECONDS)
                except redis.RedisError as error:
                    logger.warning("the event log does not answer (%s); trying again", error)
                    await asyncio.sleep(RETRY_SECONDS)
        except Gone:
            yield frame("gone", "")
        finally:
            await self._go()
        yield frame("close", "")

    async def _come(self) -> None:
        """Tell the others that somebody has come."""
        if self._person and presence.come(self._thread_id, self._person):
            await self._renew()
            look_at(self._thread_id)

    async def _go(self) -> None:
        if self._person and presence.go(self._thread_id, self._person):
            erase = partial(presence.erase, self._thread_id, self._person)
            await asyncio.shield(asyncio.ensure_future(work(erase, self._reader)))
            look_at(self._thread_id)

    async def _renew(self) -> None:
        if self._person and presence.is_due(self._thread_id, self._person):
            await work(partial(presence.write, self._thread_id, self._person), self._reader)

    def _mine(self, data: bytes) -> bytes:
        """The frame that all are told, as this reader sees it."""
        if not self._me or self._me.encode() not in data:
            return data
        return _as_seen_by(self._me, data)

    async def _check_access(self, changes: int) -> None:
        await self._renew()
        if changes != self._changes or time.monotonic() - self._asked > ACCESS_SECONDS:
            self._changes, self._asked = changes, time.monotonic()
            if not await work(self._allowed, self._reader):
                raise Gone


@lru_cache(maxsize=64)
def _as_seen_by(me: str, data: bytes) -> bytes:
    """Kept for a moment: a person may have the page open many times over."""
    return fragments.mine(data.decode(), me).encode()


def _person(request: HttpRequest) -> Person | None:
    user = request.user
    return Person(access.actor(user).name, access.me(request)) if isinstance(user, User) else None
