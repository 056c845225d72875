"""What memory is left, and what idle sessions do when it is too little."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from assistants.tools.code_interpreter import memory
from assistants.tools.code_interpreter import sessions as sessions_module
from assistants.tools.code_interpreter.limits import GIB, MIB
from tests.tools.code_interpreter.interpreter_process import (
    InterpreterProcess,
    Session,
    connected,
)
from tests.tools.code_interpreter.own_sessions import own_sessions, run

MORE_THAN_THERE_IS = 1 << 60


async def until(holds: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def test_the_machines_memory_is_what_others_see_of_it() -> None:
    least = min([psutil.virtual_memory().total, *(limit for limit, _ in memory.groups())])

    assert memory.total() == least
    assert 0 < memory.available() < memory.total()
    assert 0 < memory.usually_spared() <= min(memory.total() // 10, 2 * GIB)


def test_a_cgroups_limit_counts_and_what_it_only_caches_is_free(tmp_path: Path) -> None:
    files = {"memory.max": 1 * GIB, "memory.current": 700 * MIB}
    for name, number in files.items():
        (tmp_path / name).write_text(f"{number}\n")
    (tmp_path / "memory.stat").write_text(f"anon 5\ninactive_file {300 * MIB}\n")
    of_v2 = (tmp_path, "memory.max", "memory.current", "inactive_file")

    assert list(memory._read(*of_v2)) == [(1 * GIB, 400 * MIB)]
    (tmp_path / "memory.max").write_text("max\n")
    assert list(memory._read(*of_v2)) == []
    (tmp_path / "memory.max").write_text("9223372036854771712\n")  # none, in v1
    assert list(memory._read(*of_v2)) == []
    (tmp_path / "memory.max").unlink()
    assert list(memory._read(*of_v2)) == []


async def test_while_memory_is_short_idle_sessions_give_up_their_kernels_and_are_told() -> None:
    process = InterpreterProcess("--warm", "1", "--spare", str(MORE_THAN_THERE_IS // MIB))
    try:
        async with connected(process) as client:
            session = Session(client, "thread")
            running = asyncio.create_task(
                session.run(
                    "x = 1\nopen('kept.txt', 'w').write('kept')\nimport time; time.sleep(3)"
                )
            )
            assert (await running).end.outcome == "ok", "a call that runs is left alone"
            deadline = time.monotonic() + 10
            while (health := await client.health()).sessions or health.warm:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
            gave = await session.run("print('x' in globals(), open('kept.txt').read())")
            assert gave.logs == "False kept\n"
            assert "variables and imports of earlier calls are gone" in gave.note
            assert "the machine was low on memory" in gave.note
    finally:
        process.remove()


async def test_while_there_is_enough_nobody_gives_up_anything() -> None:
    process = InterpreterProcess("--warm", "0", "--spare", "1")
    try:
        async with connected(process) as client:
            session = Session(client, "thread")
            await session.run("x = 1")
            await asyncio.sleep(2.5)  # longer than from one look to the next
            assert (await session.run("x")).logs == "1\n"
    finally:
        process.remove()


async def test_kernels_that_wait_go_first_then_sessions_used_least_recently() -> None:
    async with own_sessions(warm=1) as sessions:
        pool = sessions.pool
        await until(lambda: pool.warm == 1, 30)
        for name in ("first", "second", "third"):
            await run(sessions, name, "x = 1")
        await run(sessions, "first", "x")
        await until(lambda: pool.warm == 1, 30)

        def live() -> list[str]:
            return sorted(name for name, one in sessions._sessions.items() if one.is_live)

        sessions.spared = MORE_THAN_THERE_IS
        await until(lambda: pool.warm == 0)
        assert len(live()) == 3
        await until(lambda: len(live()) == 2)
        assert live() == ["first", "third"]
        await until(lambda: len(live()) == 1)
        assert live() == ["first"]

        sessions.spared = 0
        await until(lambda: pool.warm == 1, 30)
        assert live() == ["first"]


async def test_a_look_that_fails_is_logged_and_not_the_last(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks: list[str] = []

    def available() -> int:
        looks.append("")
        if len(looks) == 1:
            raise OSError("no memory to tell of memory")
        return 10**12

    monkeypatch.setattr(memory, "available", available)
    monkeypatch.setattr(sessions_module, "_MEMORY_SECONDS", 0.01)
    async with own_sessions():
        async with asyncio.timeout(10):
            while len(looks) < 3:
                await asyncio.sleep(0.01)
    assert "no memory to tell of memory" in caplog.text
