"""A deadline that moves with every piece of an answer."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

T = TypeVar("T")

LOOK_SECONDS: Final = 1.0
"""A deadline that has moved nearer is noticed so much later, at most."""


class Deadline:
    """Breaks off what is waited for when it takes too long. What is done between two waits is not
    timed: a break there would look like a wish to cancel the run.

    It has one timer that looks now and then, where asyncio.timeout sets one for each wait, which
    for the words of an answer took a fifth of a busy worker's time. For one task.

    :param at: by the loop's clock; may be moved at any time
    """

    def __init__(self, at: float) -> None:
        self.at = at
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._is_waiting = self._has_passed = False
        self._look()

    def close(self) -> None:
        """No more is waited for."""
        self._timer.cancel()

    async def wait(self, coming: Awaitable[T]) -> T:
        """
        :raises TimeoutError: it did not come before the deadline
        """
        self._is_waiting = True
        try:
            return await coming
        except asyncio.CancelledError:
            if self._has_passed and self._is_only_ours():
                raise TimeoutError from None
            raise
        finally:
            self._is_waiting = False

    def _is_only_ours(self) -> bool:
        """Take our break back. False when somebody else wishes to cancel the task too."""
        self._has_passed = False
        return self._task is None or self._task.uncancel() == 0

    def _look(self) -> None:
        now = self._loop.time()
        if self._is_waiting and now >= self.at and self._task is not None:
            self._has_passed = True
            self._task.cancel()
            return
        # Between two waits the deadline may have passed without harm.
        next_look = min(self.at, now + LOOK_SECONDS) if self.at > now else now + LOOK_SECONDS
        self._timer = self._loop.call_at(next_look, self._look)
