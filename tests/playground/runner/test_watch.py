"""A process that lives but does nothing any more is ended, and so started again."""

import asyncio
from typing import Any

from playground.runner.kept import Kept
from playground.runner.watch import LOOKS, watch

ANSWERING = {"parts": {"redis": {"ok": True}, "worker": {"ok": True}}}
SILENT = {"parts": {"redis": {"ok": True}, "worker": {"ok": False}}}
UNKNOWN = {"parts": {"redis": {"ok": False}, "worker": {"ok": False}}}


class Ended(Kept):
    def __init__(self) -> None:
        self.times = 0
        self.running = True

    @property
    def is_running(self) -> bool:
        return self.running

    def kill(self) -> None:
        self.times += 1


async def watched(*looks: Any, running: bool = True) -> tuple[int, int]:
    """How often web and worker are ended while these are the answers, one after the other."""
    answers = iter(looks)
    over = asyncio.Event()
    web, worker = Ended(), Ended()
    worker.running = running

    async def ask() -> Any:
        try:
            return next(answers)
        except StopIteration:
            over.set()
            return ANSWERING

    watching = asyncio.create_task(watch({"web": web, "worker": worker}, ask, 0.001))
    await over.wait()
    watching.cancel()
    return web.times, worker.times


async def test_a_worker_that_is_silent_for_long_is_ended_once() -> None:
    assert await watched(*[SILENT] * (LOOKS - 1)) == (0, 0)
    assert await watched(*[SILENT] * LOOKS, ANSWERING) == (0, 1)
    assert await watched(*[SILENT] * (2 * LOOKS - 1)) == (0, 1)


async def test_a_word_in_between_counts() -> None:
    almost = [SILENT] * (LOOKS - 1)
    assert await watched(*almost, ANSWERING, *almost) == (0, 0)


async def test_without_redis_nobody_knows_of_the_worker() -> None:
    assert await watched(*[UNKNOWN] * 2 * LOOKS) == (0, 0)


async def test_a_web_server_that_does_not_answer_is_ended() -> None:
    assert await watched(*[None] * LOOKS) == (1, 0)


async def test_one_that_is_about_to_be_started_again_is_left_alone() -> None:
    assert await watched(*[SILENT] * 2 * LOOKS, running=False) == (0, 0)
