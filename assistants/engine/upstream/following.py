"""Follows a run on another Assistants server to its end, or to where it waits for functions: by the
stream where there is one, else by asking again and again, with growing pauses.

A stream is only the quicker way of hearing the same. Whatever it told or left out, what the server
answers when it is asked has the last word.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from assistants.engine.executing import Services
from assistants.engine.upstream.beginning import Beginner, cancel
from assistants.engine.upstream.client import Answer, Heard, Upstream
from assistants.engine.upstream.copying import Copier
from assistants.errors import Wire
from assistants.models import Run, UpstreamThread
from assistants.operations import execution, upstream_mirrors
from assistants.operations import upstream_shapes as shapes
from assistants.operations.upstream_failures import UpstreamError

logger = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.3
LONGEST_PAUSE: Final = 5.0
GROWTH: Final = 1.5
SHORTEST_ASKED: Final = 0.05
LONGEST_ASKED: Final = 30.0
"""Seconds between two looks at a run: the first pause and the longest, and the bounds of what the
server may ask for.
"""
CANCEL_PAUSE: Final = 0.05
"""The first of the pauses while a run is being cancelled: somebody waits for it."""
MAX_REFUSED: Final = 5


class Follower:
    """One run on its server, while a worker holds it."""

    def __init__(
        self, run: Run, upstream: Upstream, mirror: UpstreamThread, services: Services
    ) -> None:
        self._run, self._upstream, self._mirror = run, upstream, mirror
        self._publisher, self._database = services.publisher, services.database
        self._refused = 0
        """How often outputs of functions were handed in without an answer."""
        self._beginner = Beginner(run, upstream, services.database)
        self.copier = Copier(run, upstream, mirror, services)

    async def __call__(self) -> shapes.Run | None:
        """Create the run, or take it up, and follow it. The run as it ended; None when it waits for
        functions now.

        :raises UpstreamError: the server is gone, slow, or answers nonsense
        :raises LeaseLost: the run is not this worker's any more
        """
        row, thread_id = self._run.upstream, self._mirror.upstream_id
        await self.copier.resume()
        if row.asked_at is not None and not row.upstream_id:
            await self._beginner.take_up(thread_id)
        if not row.upstream_id:
            await self._beginner.create(thread_id, self._hear)
        pause = FIRST_PAUSE
        while True:
            answer = await self._look()
            found = answer.value
            if found.status != "queued" and await self.copier.steps():
                pause = FIRST_PAUSE
            if found.is_over:
                return found
            if found.status == "requires_action":
                outputs = await self._outputs(found)
                if outputs is None:
                    await self._wait_for_outputs(found)
                    return None
                if await self._submit(outputs):
                    pause = FIRST_PAUSE
                    continue
            asked = answer.poll_after
            if asked is not None:
                asked = min(max(asked, SHORTEST_ASKED), LONGEST_ASKED)
            await asyncio.sleep(pause if asked is None else asked)
            pause = min(pause * GROWTH, LONGEST_PAUSE)

    async def cancel(self) -> shapes.Run | None:
        """Pass on that the run is to be cancelled, and follow it to its end; None where it was not
        created there.
        """
        if not self._run.upstream.upstream_id:
            return None
        await cancel(self._upstream, self._mirror.upstream_id, self._run.upstream.upstream_id)
        pause = CANCEL_PAUSE
        while not (found := (await self._look()).value).is_over:
            await asyncio.sleep(pause)
            pause = min(pause * GROWTH, FIRST_PAUSE)
        await self.copier.steps()
        return found

    async def _look(self) -> Answer[shapes.Run]:
        there, thread_id = self._run.upstream.upstream_id, self._mirror.upstream_id
        asking = partial(self._upstream.runs.retrieve, there, thread_id=thread_id)
        return await self._upstream.call(shapes.Run, asking)

    async def _hear(self, stream: AsyncIterator[Heard]) -> None:
        """Copy what a stream tells as it comes. Where it breaks off, the run is asked after."""
        try:
            async for heard in stream:
                if heard.name == "done":
                    return
                await self.copier.hear(heard)
        except UpstreamError as error:
            if not self._run.upstream.upstream_id:
                raise
            logger.info("the stream of %s was left: %s", self._run.id, error.message)

    # --- functions
    # -------------------------------------------------------------------------------

    async def _outputs(self, found: shapes.Run) -> list[Wire] | None:
        return await self._database(upstream_mirrors.outputs, self._run, _calls(found))

    async def _wait_for_outputs(self, found: shapes.Run) -> None:
        step = self.copier.waiting_for(_calls(found))
        await self._publisher.drain()
        await self._database(
            execution.require_action, self._run, step.step, step.calls, None, {}, {}
        )

    async def _submit(self, outputs: list[Wire]) -> bool:
        """Hand in the outputs. False where it may not have come through, so that it is to be looked
        at again.

        :raises UpstreamError: the server does not want them
        """
        try:
            await self._beginner.submit(self._mirror.upstream_id, outputs, self._hear)
        except UpstreamError as error:
            self._refused += 1
            if error.may_pass and self._refused < MAX_REFUSED:
                return False
            # They may have come through before: then it waits no more.
            if error.status != 400 or (await self._look()).value.status == "requires_action":
                raise
        return True


def _calls(found: shapes.Run) -> set[str]:
    """The ids of the calls that the run waits for."""
    if found.required_action is None:
        return set()
    return {call.id for call in found.required_action.submit_tool_outputs.tool_calls}
