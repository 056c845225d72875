"""How many kernels there may be at once, and the wait for one."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class NoPlace(Exception):
    """All kernels that there may be are in use. The message is for the caller."""


class Places:
    """How many kernels sessions may have, and how many of those are taken.

    A place is taken before its kernel starts and given back after it has ended, so that calls
    which begin at the same moment cannot have more kernels than places.
    """

    def __init__(self, count: int, make_room: Callable[[], Awaitable[bool]], wait: float) -> None:
        """`make_room` ends the kernel of an idle session and tells whether there was one."""
        self._count = count
        self._make_room = make_room
        self._wait = wait
        self._taken = 0

    async def take(self, is_stopped: Callable[[], bool]) -> None:
        """Take a place, after a wait if need be. Raises NoPlace, at once if the call is stopped."""
        until = time.monotonic() + self._wait
        while self._taken >= self._count:
            if is_stopped() or time.monotonic() > until:
                raise NoPlace(
                    f"All {self._count} Python sessions are in use and none became free within "
                    f"{spoken(self._wait)}. Nothing was run; try again later."
                )
            if not await self._make_room():
                await asyncio.sleep(0.1)
        self._taken += 1  # nothing else has run since the check

    def give_back(self) -> None:
        """The kernel has ended, or never came."""
        self._taken -= 1


def spoken(seconds: float) -> str:
    """A time as a sentence has it."""
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} seconds"
