"""Keeping one process: its lines, its restarts, its end."""

import asyncio
import io
import os
import time

import psutil
import pytest
from honcho.printer import Printer

from playground.runner import kept
from playground.runner.kept import Kept
from playground.runner.places import CannotStart


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "PAUSES", (0.01, 60))


def a_process(command: str, output: io.StringIO, stopping_seconds: float = 5) -> Kept:
    return Kept("web", command, os.environ, Printer(output, width=4), "1", stopping_seconds)


async def until(output: io.StringIO, text: str, times: int = 1) -> None:
    async with asyncio.timeout(10):
        while output.getvalue().count(text) < times:
            await asyncio.sleep(0.01)


async def test_each_line_is_shown_with_the_name_of_the_process(output: io.StringIO) -> None:
    process = a_process("echo one; echo; echo two >&2; exec sleep 60", output)
    keeping = asyncio.create_task(process.keep(lambda: True))
    await until(output, "two")
    await process.stop()
    await keeping
    lines = [line.split(" ", 1)[1] for line in output.getvalue().splitlines()]
    assert lines == ["web  | one", "web  | two"]


async def test_one_that_ends_by_itself_is_started_again(
    output: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    process = a_process("echo here; exit 3", output)
    keeping = asyncio.create_task(process.keep(lambda: True))
    await until(output, "here", times=2)
    await process.stop()
    await keeping
    assert "web ended with code 3; it is started again in" in capsys.readouterr().out


async def test_one_that_ends_just_before_a_stop_for_all_is_not_told_nor_started_again(
    output: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    process = a_process("echo here; exit 0", output)
    keeping = asyncio.create_task(process.keep(lambda: False))
    await until(output, "here")
    process.let_end()
    await keeping
    assert output.getvalue().count("here") == 1
    assert capsys.readouterr().out == ""


async def test_one_that_ends_before_everything_is_up_ends_the_start(output: io.StringIO) -> None:
    with pytest.raises(CannotStart, match="web was ended by SIGKILL"):
        await a_process("kill -9 $$", output).keep(lambda: False)


async def test_one_that_ignores_the_request_to_stop_is_killed_with_its_children(
    output: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "trap '' TERM; sleep 61 & echo child $!; while :; do sleep 1; done"
    process = a_process(command, output, stopping_seconds=0.2)
    keeping = asyncio.create_task(process.keep(lambda: True))
    await until(output, "child")
    child = int(output.getvalue().rsplit(" ", 1)[1])
    await process.stop()
    await keeping
    assert "web does not end, so it is killed" in capsys.readouterr().out
    assert is_gone(child)


async def test_the_process_alone_is_asked_to_end_and_ends_its_children_itself(
    output: io.StringIO,
) -> None:
    child = "trap 'echo child was asked; exit' TERM; echo here; while :; do sleep 0.05; done"
    command = f'sh -c "{child}" & trap "echo asked; exit" TERM; wait'
    process = a_process(command, output)
    keeping = asyncio.create_task(process.keep(lambda: True))
    await until(output, "here")
    stopping = asyncio.create_task(process.stop())
    await until(output, "asked")
    process.kill()  # the child holds the output open
    await stopping
    await keeping
    assert "child was asked" not in output.getvalue()


async def test_children_left_behind_by_one_that_ends_are_killed(output: io.StringIO) -> None:
    process = a_process("sleep 61 > /dev/null 2>&1 & echo child $!", output)
    keeping = asyncio.create_task(process.keep(lambda: True))
    await until(output, "child")
    child = int(output.getvalue().split()[-1])
    await process.stop()
    await keeping
    assert is_gone(child)


async def test_a_very_long_line_does_not_end_the_reading(output: io.StringIO) -> None:
    command = "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo after; exec sleep 60"
    process = a_process(command, output)
    keeping = asyncio.create_task(process.keep(lambda: True))
    await until(output, "after")
    await process.stop()
    await keeping


def is_gone(pid: int) -> bool:
    """Whether the process ends within a second."""
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.01)
    return False
