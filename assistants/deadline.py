"""A deadline that moves with everything that comes."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Deadline:
    """Breaks off what is waited for when it takes too long. What is done between two waits is not
    timed: a break there would look like a wish to cancel.

    It has one timer, which is set anew when it runs off, where asyncio.timeout sets one for each
    wait; for the words of many answers that took a fifth of a busy worker's time. Waits come one
    after the other.

    :param at: by the loop's clock
    """

    def __init__(self, at: float) -> None:
        self._at = at
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        """How many wishes to cancel the task there were before it began to wait."""
        self._is_waiting = self._has_passed = False
        self._timer: asyncio.TimerHandle | None = None
        self._runs_off = 0.0

    @property
    def at(self) -> float:
        """May be moved at any time."""
        return self._at

    @at.setter
    def at(self, at: float) -> None:
        self._at = at
        if self._timer is not None and at < self._runs_off:
            self._timer.cancel()
            self._set()

    def close(self) -> None:
        """No more is waited for."""
        if self._timer is not None:
            self._timer.cancel()

    async def wait(self, coming: Awaitable[T]) -> T:
        """
        :raises TimeoutError: it did not come before the deadline
        """
        if self._timer is None:
            self._set()
        self._task, self._is_waiting = asyncio.current_task(), True
        self._cancelling = self._task.cancelling() if self._task else 0
        try:
            found = await coming
        except asyncio.CancelledError:
            if self._has_passed and self._is_only_ours():
                raise TimeoutError from None
            raise
        finally:
            self._is_waiting = False
        if self._has_passed:  # and what was waited for came all the same
            self._is_only_ours()
        return found

    def _is_only_ours(self) -> bool:
        """Take our break back. False when somebody else wishes to cancel the task too."""
        self._has_passed = False
        return self._task is None or self._task.uncancel() <= self._cancelling

    def _set(self) -> None:
        self._runs_off = self._at
        self._timer = self._loop.call_at(self._at, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._at > self._loop.time():
            self._set()
        elif self._is_waiting and self._task is not None:
            self._has_passed = True
            self._task.cancel()
