"""Creates a run on another Assistants server exactly once, whatever dies in between.

That the server is about to be asked is written down first, the run's id as soon as it is heard.
Who finds the first without the second looks for the run there, by an entry of its metadata that
carries our id, and only asks again where there is none.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Final

from django.conf import settings

from assistants.engine.upstream.client import BROKEN, LONGEST_WAIT, Heard, Upstream, read
from assistants.engine.upstream.sending import with_key
from assistants.engine.writer import Database
from assistants.errors import Wire
from assistants.models import Run, clock
from assistants.operations import upstream_mirrors
from assistants.operations import upstream_shapes as shapes
from assistants.operations.upstream_failures import UpstreamError, failure, late

OUR_RUN: Final = "playground_run"
SETTLING_SECONDS: Final = 3.0
"""How long after it was asked a server may still be about to create a run of which nothing is seen
yet.
"""
SILENCE_SECONDS: Final = 20.0
"""A stream that is silent for longer is left: the run is asked after instead."""
FIRST_SECONDS: Final = 60.0
"""How long the server may take to answer that it has created a run."""

Hear = Callable[[AsyncIterator[Heard]], Awaitable[None]]
"""Follows a stream to its end."""


class Beginner:
    def __init__(self, run: Run, upstream: Upstream, database: Database) -> None:
        self._run, self._upstream, self._database = run, upstream, database
        self._streams = True

    async def find(self, thread_id: str) -> shapes.Run | None:
        """The run, if it was created there already."""
        for one in await self._newest(thread_id):
            if (one.metadata or {}).get(OUR_RUN) == self._run.id:
                return one
        return None

    async def take_up(self, thread_id: str) -> shapes.Run | None:
        """The run that an earlier request may have created, which is waited for a moment: it may be
        on its way.
        """
        asked_at = self._run.upstream.asked_at
        while True:
            if found := await self.find(thread_id):
                await self._keep(found.id)
                return found
            if asked_at is None or (clock.now() - asked_at).total_seconds() > SETTLING_SECONDS:
                return None
            await asyncio.sleep(0.5)

    async def create(self, thread_id: str, hear: Hear) -> None:
        """Create the run, and follow its stream where the server streams.

        :raises UpstreamError: the server refused, or does not answer
        """
        until, wait = time.monotonic() + settings.CHAT_RETRY_SECONDS, 0.5
        provider = self._upstream.provider
        while True:
            await self._database(upstream_mirrors.note_asked, self._run, provider, thread_id)
            try:
                await self._create(thread_id, hear)
                return
            except UpstreamError as error:
                # Once it is created, what is wrong with its stream is no matter.
                if self._is_created():
                    return
                may_pass = error.may_pass
                if error.was_done is None:
                    looked = time.monotonic()
                    if await self.take_up(thread_id):
                        return
                    until += time.monotonic() - looked
                elif self._learns_from(error):
                    continue
                elif error.status == 400:
                    may_pass = await self._clear(thread_id)
                    if self._is_created():
                        return
                pause = error.retry_after or wait
                if not may_pass or time.monotonic() + pause > until:
                    raise
            await asyncio.sleep(pause)
            wait = min(wait * 2, LONGEST_WAIT)

    def _is_created(self) -> bool:
        return bool(self._run.upstream.upstream_id)

    def _learns_from(self, error: UpstreamError) -> bool:
        """Whether it refused since it knows no streams, which is known from now on."""
        is_so = self._streams and error.status == 400 and "stream" in error.reason.lower()
        self._streams = self._streams and not is_so
        return is_so

    async def _create(self, thread_id: str, hear: Hear) -> None:
        create: Any = self._upstream.runs.create
        body = {
            "assistant_id": self._run.upstream.assistant_upstream_id,
            **self._run.overrides,
            "metadata": with_key(self._run.metadata, OUR_RUN, self._run.id),
        }
        # A server that knows the header does it once as well.
        headers = {"Idempotency-Key": self._run.id}
        asking = partial(create, thread_id, **body, stream=self._streams, extra_headers=headers)
        await self.follow(asking, hear)

    async def submit(self, thread_id: str, outputs: list[Wire], hear: Hear) -> None:
        """Hand in the outputs of functions, and follow the stream of what comes then.

        :raises UpstreamError: the server refused, or does not answer
        """
        submit: Any = self._upstream.runs.submit_tool_outputs
        asking = partial(
            submit,
            self._run.upstream.upstream_id,
            thread_id=thread_id,
            tool_outputs=outputs,
        )
        try:
            await self.follow(partial(asking, stream=self._streams), hear)
        except UpstreamError as error:
            if not self._learns_from(error):
                raise
            await self.follow(partial(asking, stream=False), hear)

    async def follow(self, asking: Any, hear: Hear) -> None:
        """Make a request that may be answered by a stream, and follow that to its end."""
        upstream = self._upstream
        try:
            async with asyncio.timeout(FIRST_SECONDS) as first, asking() as response:
                kind = response.headers.get("content-type", "")
                if kind.startswith("text/event-stream"):
                    first.reschedule(None)
                    stream = upstream.stream(response, SILENCE_SECONDS)
                    await hear(self._with_id(stream))
                    return
                body = await read(response, upstream.label)
        except TimeoutError as error:
            raise late(upstream.label, FIRST_SECONDS) from error
        except BROKEN as error:
            raise failure(upstream.label, error, upstream.provider.api_key) from error
        await self._keep(upstream.checked(shapes.Run, body).id)

    async def _with_id(self, stream: AsyncIterator[Heard]) -> AsyncIterator[Heard]:
        """The stream, where the run's id is written down before anything of it is passed on."""
        async for heard in stream:
            is_run = heard.name.startswith("thread.run.") and not heard.name.startswith(
                "thread.run.step."
            )
            if is_run and not self._run.upstream.upstream_id:
                await self._keep(self._upstream.checked(shapes.Run, heard.data).id)
            yield heard

    async def _keep(self, upstream_id: str) -> None:
        if not self._run.upstream.upstream_id:
            await self._database(upstream_mirrors.note_created, self._run, upstream_id)

    async def _newest(self, thread_id: str) -> list[shapes.Run]:
        asking = partial(self._upstream.runs.list, thread_id, limit=20, order="desc")
        return (await self._upstream.call(shapes.Page[shapes.Run], asking)).value.data

    async def _clear(self, thread_id: str) -> bool:
        """The server refused the run. Whether that was because another one holds the thread, which
        will let go of it: this one, since an earlier request has come through, or one that has
        ended here and is cancelled there now.
        """
        for one in await self._newest(thread_id):
            ours = str((one.metadata or {}).get(OUR_RUN, ""))
            if ours == self._run.id:
                await self._keep(one.id)
                return True
            if one.is_over or not ours:
                continue
            mirrored = self._run.upstream
            if await self._database(upstream_mirrors.is_ours_and_over, mirrored, ours):
                await cancel(self._upstream, thread_id, one.id)
                return True
        return False


async def cancel(upstream: Upstream, thread_id: str, run_id: str) -> None:
    """Ask the server to cancel a run; one that has ended already, or is being cancelled, stays as
    it is.

    :raises UpstreamError: the server does not answer
    """
    asking = partial(upstream.runs.cancel, run_id, thread_id=thread_id)
    try:
        await upstream.call(shapes.Run, asking)
    except UpstreamError as error:
        if error.status not in (400, 404):
            raise
