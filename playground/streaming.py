"""The event log of a thread as HTML, for the page that shows the thread.

A frame holds elements with ids; the page puts each in the place of its earlier state or, if it is
new, where it belongs. Each connection begins with the present state of all that can have changed
since the reader last heard of the thread, and goes on with what the log says. It ends when no run
is active any more.
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from typing import Final

import redis
from django.http import HttpRequest

from assistants.events import log
from assistants.events.sse import EventStream, frame, hand_over
from assistants.models import Thread
from playground import access, transcript
from playground.live import RETRY_SECONDS, TICK_SECONDS, live
from playground.readers import Reader
from playground.thread_view import Gone, Lost, ThreadView, work

logger = logging.getLogger(__name__)

ACCESS_SECONDS: Final = 60.0

Allowed = Callable[[], bool]


class ThreadStream:
    """One reader of one thread.

    :param after: the place in the log that the page shows already
    :param reader: their language and clock
    :param allowed: whether the reader may still see the thread; asked every minute
    """

    def __init__(self, thread_id: str, after: str, reader: Reader, allowed: Allowed) -> None:
        self._thread_id = thread_id
        self._last = after
        self._reader = reader
        self._allowed = allowed
        self._asked = time.monotonic()

    @classmethod
    def of(cls, request: HttpRequest, thread: Thread, after: str, reader: Reader) -> EventStream:
        """The response that streams the thread to a reader whose access has been checked.

        :param after: an entry id; anything else stands for the present
        """
        # No more of the request than this: a reader may stay for hours.
        allowed = partial(
            access.may_still_read,
            type(request.session),
            request.session.session_key or "",
            request.user.pk or 0,
            thread.project_id,
        )
        place = (
            after if re.fullmatch(r"\d{1,16}-\d{1,16}", after) else transcript.place_of(log.START)
        )
        return hand_over(request, cls(thread.id, place, reader, allowed).frames)

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """The frames, up to and including one called "close" after which nothing more will come."""
        try:
            while True:
                try:
                    view = ThreadView(self._thread_id, self._last)
                    html, active = await work(view.begin, self._reader)
                    self._last = view.last
                    yield frame("message", html, entry_id=self._last)
                    if not active:
                        break
                    told = live(self._thread_id, view, self._reader).since(self._last)
                    # A reader waits for hours; what it began with takes as much as all else of it.
                    del view, html
                    async with aclosing(told) as frames:
                        async for data in frames:
                            await self._check_access()
                            yield data
                    break
                except Lost:
                    await asyncio.sleep(TICK_SECONDS)
                except redis.RedisError as error:
                    logger.warning("the event log does not answer (%s); trying again", error)
                    await asyncio.sleep(RETRY_SECONDS)
        except Gone:
            yield frame("gone", "")
        yield frame("close", "")

    async def _check_access(self) -> None:
        if time.monotonic() - self._asked > ACCESS_SECONDS:
            self._asked = time.monotonic()
            if not await work(self._allowed, self._reader):
                raise Gone
