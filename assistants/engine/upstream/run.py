"""One run while a worker follows it on another Assistants server.

It has the face of ``assistants.engine.execute.Execution``: called once, it leaves with one end.
But a worker that dies in the middle ends nothing: the next one takes the same run up again.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any, Final

from assistants.engine.execute import Services, Stop
from assistants.engine.upstream.client import Upstream
from assistants.engine.upstream.copying import usage_of
from assistants.engine.upstream.following import Follower
from assistants.engine.upstream.sending import Sender
from assistants.errors import ApiError, Wire
from assistants.log_ids import speaking_of
from assistants.models import Run, RunStatus, clock
from assistants.operations import endings, execution, runs, upstream_mirrors
from assistants.operations import upstream_shapes as shapes
from assistants.operations.chat_failures import ChatError
from assistants.operations.endings import Partial
from assistants.operations.execution import LeaseLost
from assistants.operations.upstream_failures import UpstreamError
from assistants.traces import tracer

logger = logging.getLogger(__name__)

CANCEL_SECONDS: Final = 5.0
"""How long a run that is cancelled is followed to its end there."""
CODES: Final = ("server_error", "rate_limit_exceeded", "invalid_prompt")
"""What a run's error may be called."""


class MirroredRun:
    """Follows one run. Set ``stop`` and cancel the task to interrupt it."""

    def __init__(self, run: Run, services: Services) -> None:
        self.run = run
        self.stop: Stop | None = None
        self._services = services
        self._follower: Follower | None = None

    async def __call__(self) -> None:
        speaking_of(thread=self.run.thread_id, run=self.run.id)
        about = {"run": self.run.id, "thread": self.run.thread_id, "model": self.run.model}
        with tracer.start_as_current_span("run", attributes=about):
            await self._execute()

    async def _execute(self) -> None:
        expires_at = self.run.expires_at or clock.now() + runs.EXPIRES_AFTER
        limit = asyncio.timeout((expires_at - clock.now()).total_seconds())
        try:
            async with limit:
                await self._follow()
        except LeaseLost:
            logger.warning("%s is not ours any more", self.run.id)
        except asyncio.CancelledError:
            await self._interrupted()
        except ChatError as error:
            await self._fail(error.code, error.message)
        except ApiError as error:
            await self._fail("server_error", error.message)
        except Exception:
            if limit.expired():
                await self._end(RunStatus.EXPIRED)
                return
            logger.exception("%s failed", self.run.id)
            message = "The server had an error while executing this run. Try again."
            await self._fail("server_error", message)

    async def _interrupted(self) -> None:
        if self.stop == "lost":
            return
        if self.stop == "shutdown":
            await self._settle(execution.let_go, partial=self._partial())
            return
        last: shapes.Run | None = None
        with suppress(TimeoutError, UpstreamError, LeaseLost):
            async with asyncio.timeout(CANCEL_SECONDS):
                last = await self._cancel_there()
        await self._end(RunStatus.CANCELLED, last)

    async def _cancel_there(self) -> shapes.Run | None:
        """Pass the wish on, and follow the run to its end; None where that is not heard of."""
        return await self._follower.cancel() if self._follower else None

    async def _follow(self) -> None:
        database, row = self._services.database, self.run.upstream
        provider = await database(upstream_mirrors.provider_of, row)
        if provider is None:
            message = f"{row.label} was disconnected, so the run cannot go on. Connect it again."
            raise ChatError("server_error", message)
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
        await self._end(RunStatus(found.status), found)

    async def _fail(self, code: str, message: str) -> None:
        logger.warning("%s failed (%s): %s", self.run.id, self.run.upstream.label, message)
        await self._end(RunStatus.FAILED, error={"code": code, "message": message})

    async def _end(
        self, status: RunStatus, found: shapes.Run | None = None, error: Wire | None = None
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
            partial=self._partial(),
            error=error,
            incomplete=incomplete,
            unrecorded=unrecorded,
        )

    async def _settle(self, operation: Any, **arguments: Any) -> None:
        try:
            await self._services.publisher.drain()
            await self._services.database(operation, self.run, **arguments)
        except LeaseLost:
            logger.warning("%s ended elsewhere", self.run.id)

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
