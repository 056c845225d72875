"""A deadline that moves."""

import asyncio

import pytest

from assistants.deadline import Deadline


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_what_comes_in_time_is_handed_on_and_what_does_not_is_broken_off() -> None:
    deadline = Deadline(now() + 0.1)
    assert await deadline.wait(asyncio.sleep(0.01, "word")) == "word"
    with pytest.raises(TimeoutError):
        await deadline.wait(asyncio.sleep(5))
    # The task itself goes on as if nothing had been, and so does the deadline.
    await asyncio.sleep(0.01)
    deadline.at = now() + 0.05
    assert await deadline.wait(asyncio.sleep(0.01, "word")) == "word"
    with pytest.raises(TimeoutError):
        await deadline.wait(asyncio.sleep(5))
    deadline.close()


async def test_a_deadline_that_moves_away_and_one_that_moves_nearer() -> None:
    begun = now()
    deadline = Deadline(begun + 0.05)
    deadline.at = begun + 0.3
    assert await deadline.wait(asyncio.sleep(0.15, "late")) == "late"
    deadline.at = now() + 0.05
    with pytest.raises(TimeoutError):
        await deadline.wait(asyncio.sleep(5))
    assert now() - begun < 0.29
    deadline.close()


async def test_work_between_two_waits_is_not_timed() -> None:
    deadline = Deadline(now() + 0.03)
    await asyncio.sleep(0.1)
    deadline.at = now() + 1
    assert await deadline.wait(asyncio.sleep(0, "word")) == "word"
    deadline.close()


async def test_a_wish_to_cancel_is_no_timeout() -> None:
    async def reading() -> None:
        deadline = Deadline(now() + 5)
        try:
            await deadline.wait(asyncio.sleep(5))
        finally:
            deadline.close()

    task = asyncio.create_task(reading())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_comes_in_the_very_moment_comes_too_late_and_breaks_nothing_else() -> None:
    loop = asyncio.get_running_loop()
    deadline = Deadline(now() + 5)
    coming = loop.create_future()

    def both() -> None:
        coming.set_result("word")
        deadline.at = now()
        deadline._look()

    loop.call_soon(both)
    with pytest.raises(TimeoutError):
        await deadline.wait(coming)
    assert await asyncio.sleep(0.05, "next") == "next"
    deadline.close()


async def test_a_deadline_passes_in_a_task_that_is_being_cancelled_as_in_any_other() -> None:
    async def tidying() -> str:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            deadline = Deadline(now() + 0.05)
            with pytest.raises(TimeoutError):
                await deadline.wait(asyncio.sleep(5))
            deadline.close()
        return "tidy"

    task = asyncio.create_task(tidying())
    await asyncio.sleep(0.01)
    task.cancel()
    assert await task == "tidy"


async def test_what_comes_just_as_the_deadline_passes_leaves_no_wish_to_cancel() -> None:
    async def stubborn() -> str:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            return "late"
        return "early"

    deadline = Deadline(now() + 0.05)
    assert await deadline.wait(stubborn()) == "late"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    deadline.at = now() + 1
    assert await deadline.wait(asyncio.sleep(0.01, "word")) == "word"
    deadline.close()
