"""Ends a process that lives but does nothing any more, so that it is started again.

One that has died is seen by who keeps it. One that hangs is missed by those it serves only: runs
that it holds stay as they are, and nobody else sweeps up after the only worker.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from playground.runner.kept import Kept
from playground.runner.news import say

LOOK_SECONDS: Final = 10.0
LOOKS: Final = 4
"""In a row, in all of which it did nothing: a machine that is busy or was asleep takes a while."""

Health = dict[str, Any]


async def watch(
    processes: Mapping[str, Kept],
    ask: Callable[[], Awaitable[Health | None]],
    seconds: float = LOOK_SECONDS,
) -> None:
    """Look for such processes, without end.

    :param ask: what GET /healthz says; None without an answer
    :param seconds: between two looks
    """
    missed: Counter[str] = Counter()
    while True:
        await asyncio.sleep(seconds)
        running = {name for name, process in processes.items() if process.is_running}
        silent = silent_in(await ask()) & running
        missed = Counter({name: missed[name] + 1 for name in silent})
        for name in silent:
            if missed[name] >= LOOKS:
                missed[name] = 0
                told = f"{name} has done nothing for {LOOKS * seconds:.0f} s, so it is ended."
                say(told, "warning")
                processes[name].kill()


def silent_in(health: Health | None) -> set[str]:
    """Which processes do not do what they should, as far as that is known: without Redis nobody
    knows of a worker.
    """
    if health is None:
        return {"web"}
    parts = health["parts"]
    return {"worker"} if parts["redis"]["ok"] and not parts["worker"]["ok"] else set()
