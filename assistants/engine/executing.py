"""A run while a worker executes it, whether here or on another server: it is called once and leaves
with one end.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

from assistants.engine.asking import Asking
from assistants.engine.publisher import Publisher
from assistants.engine.writer import Database
from assistants.errors import ApiError, OutOfQuota, Wire
from assistants.log_ids import speaking_of
from assistants.models import Run, RunStatus, clock
from assistants.operations import execution, runs
from assistants.operations.chat_failures import ChatError
from assistants.operations.endings import Partial
from assistants.operations.execution import LeaseLost
from assistants.tools.code_interpreter.client import Interpreter
from assistants.traces import tracer

logger = logging.getLogger(__name__)

Stop = Literal["cancel", "shutdown", "lost"]
"""Why a run's execution is interrupted: by a wish, because the worker stops, or because it has
lost the lease.
"""


@dataclass(frozen=True)
class Services:
    """What all runs of a worker share."""

    asking: Asking
    publisher: Publisher
    interpreter: Interpreter
    database: Database
    storage: Database
    """The same for what reads or keeps the content of files, which may take long: in threads of its
    own, so that leases are renewed and words written meanwhile.
    """


class Executing(ABC):
    """One run. Set ``stop`` and cancel the task to interrupt it."""

    def __init__(self, run: Run, services: Services) -> None:
        self.run = run
        self.stop: Stop | None = None
        self._services = services

    async def __call__(self) -> None:
        """Execute the run to its end."""
        speaking_of(thread=self.run.thread_id, run=self.run.id)
        about = {"run": self.run.id, "thread": self.run.thread_id, "model": self.run.model}
        with tracer.start_as_current_span("run", attributes=about):
            await self._execute()

    async def _execute(self) -> None:
        expires_at = self.run.expires_at or clock.now() + runs.EXPIRES_AFTER
        limit = asyncio.timeout((expires_at - clock.now()).total_seconds())
        try:
            async with limit:
                await self._work()
        except LeaseLost:
            self._say_lost()
        except asyncio.CancelledError:
            await self._interrupted()
        except ChatError as error:
            await self._fail(error.message, error.code)
        except OutOfQuota as error:
            await self._fail(error.message, "rate_limit_exceeded")
        except ApiError as error:
            await self._fail(error.message)
        except Exception:
            if limit.expired():
                await self._end(RunStatus.EXPIRED)
                return
            logger.exception("%s failed", self.run.id)
            await self._fail("The server had an error while executing this run. Try again.")

    async def _interrupted(self) -> None:
        if self.stop == "shutdown":
            await self._settle(execution.let_go)
        elif self.stop == "lost":
            self._say_lost()
        else:
            await self._cancelled()

    def _say_lost(self) -> None:
        logger.warning("%s is not ours any more", self.run.id)

    async def _cancelled(self) -> None:
        await self._end(RunStatus.CANCELLED)

    async def _fail(self, message: str, code: str = "server_error") -> None:
        logger.warning("%s failed (%s): %s", self.run.id, self._answering, message)
        await self._end(RunStatus.FAILED, {"code": code, "message": message})

    async def _settle(self, operation: Any, **arguments: Any) -> None:
        """Write what was under way, and the end. A second interruption does not keep it from
        being written.
        """
        try:
            self._before_end()
            partial = self._partial()
            await self._services.publisher.drain()
            await self._services.database(operation, self.run, partial=partial, **arguments)
        except LeaseLost:
            logger.warning("%s ended elsewhere", self.run.id)

    @property
    @abstractmethod
    def _answering(self) -> str:
        """Who answers, for the log."""

    @abstractmethod
    async def _work(self) -> None:
        """Do what the run is for."""

    @abstractmethod
    async def _end(self, status: RunStatus, error: Wire | None = None) -> None:
        """Write the end, with what was under way."""

    def _before_end(self) -> None:  # noqa: B027  # not every run has something to tell
        """Tell what has come and was not told yet, before what was under way is looked at."""

    @abstractmethod
    def _partial(self) -> Partial:
        """What was under way, as far as it has come."""
