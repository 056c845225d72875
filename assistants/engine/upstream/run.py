"""One run while a worker follows it on another Assistants server.

A worker that dies in the middle ends nothing: the next one takes the same run up again.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from typing_extensions import override

from assistants.engine.executing import Executing, Services
from assistants.engine.upstream.client import Upstream
from assistants.engine.upstream.copying import usage_of
from assistants.engine.upstream.following import Follower
from assistants.engine.upstream.sending import Sender
from assistants.errors import Wire
from assistants.models import Run, RunStatus
from assistants.operations import endings, execution, upstream_mirrors
from assistants.operations import upstream_shapes as shapes
from assistants.operations.endings import Partial
from assistants.operations.execution import LeaseLost
from assistants.operations.upstream_failures import UpstreamError

logger = logging.getLogger(__name__)

CANCEL_SECONDS: Final = 5.0
"""How long a run that is cancelled is followed to its end there."""
CODES: Final = ("server_error", "rate_limit_exceeded", "invalid_prompt")
"""What a run's error may be called."""


class MirroredRun(Executing):
    """Follows one run."""

    def __init__(self, run: Run, services: Services) -> None:
        super().__init__(run, services)
        self._follower: Follower | None = None

    @property
    @override
    def _answering(self) -> str:
        return self.run.upstream.label

    @override
    async def _cancelled(self) -> None:
        last: shapes.Run | None = None
        with suppress(TimeoutError, UpstreamError, LeaseLost):
            async with asyncio.timeout(CANCEL_SECONDS):
                last = await self._cancel_there()
        await self._end(RunStatus.CANCELLED, found=last)

    async def _cancel_there(self) -> shapes.Run | None:
        """Pass the wish on, and follow the run to its end; None where that is not heard of."""
        return await self._follower.cancel() if self._follower else None

    @override
    async def _work(self) -> None:
        database, row = self._services.database, self.run.upstream
        provider = await database(upstream_mirrors.provider_of, row)
        upstream = Upstream(provider, self._services.asking.clients.of(provider))
        mirror = None
        if row.asked_at is not None:
            mirror = await database(upstream_mirrors.mirror_of, self.run.thread, provider)
        if mirror is None:
            mirror = await Sender(self.run, upstream, database).thread()
        self._follower = Follower(self.run, upstream, mirror, self._services)
        if (found := await self._follower()) is not None:
            await self._ended(found)

    # --- the end
    # ---------------------------------------------------------------------------------

    async def _ended(self, found: shapes.Run) -> None:
        if found.status == "completed":
            unrecorded = await self._services.database(_uncounted, self.run, found)
            await self._services.publisher.drain()
            await self._services.database(upstream_mirrors.note_over, self.run.upstream)
            await self._services.database(execution.complete, self.run, unrecorded=unrecorded)
            return
        await self._end(RunStatus(found.status), found=found)

    @override
    async def _end(
        self, status: RunStatus, error: Wire | None = None, *, found: shapes.Run | None = None
    ) -> None:
        incomplete, unrecorded = None, None
        if found is not None:
            await self._services.database(upstream_mirrors.note_over, self.run.upstream)
            unrecorded = await self._services.database(_uncounted, self.run, found)
            if status == RunStatus.FAILED:
                error = _error(found)
            if status == RunStatus.INCOMPLETE:
                told = found.incomplete_details
                incomplete = (told and told.reason) or "max_completion_tokens"
        await self._settle(
            execution.end_early,
            status=status,
            error=error,
            incomplete=incomplete,
            unrecorded=unrecorded,
        )

    @override
    def _partial(self) -> Partial:
        return self._follower.copier.partial if self._follower else Partial()


def _error(found: shapes.Run) -> Wire:
    """Why it failed, in the words of the server."""
    told = found.last_error
    if told is None or not told.message:
        return {"code": "server_error", "message": "The server did not say why the run failed."}
    code = told.code if told.code in CODES else "server_error"
    return {"code": code, "message": told.message[:4000]}


def _uncounted(run: Run, found: shapes.Run) -> Wire | None:
    """What the run has used there beyond what its steps here say."""
    used = usage_of(found.usage)
    if used is None:
        return None
    counted = endings.total_usage(run.steps.values_list("usage", flat=True))
    return {name: max(0, count - counted[name]) for name, count in used.items()}
