"""Kernels come and go; what they wrote stays."""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistants.tools.code_interpreter import watch
from assistants.tools.code_interpreter.client import Ended, Interpreter, InterpreterUnavailable
from tests.tools.code_interpreter.interpreter_process import (
    InterpreterProcess,
    Session,
    an_input,
    connected,
)


def processes_of(parent: int) -> set[int]:
    """Every process below `parent`."""
    found: set[int] = set()
    pending = [parent]
    while pending:
        pid = pending.pop()
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                below = [int(child) for child in (task / "children").read_text().split()]
                found.update(below)
                pending += below
        except OSError:
            continue
    return found


async def gone(pids: set[int]) -> None:
    """Until none of these processes is there."""
    deadline = time.monotonic() + 5
    while left := [pid for pid in pids if watch.is_there(pid)]:
        assert time.monotonic() < deadline, f"processes left: {left}"
        await asyncio.sleep(0.02)


@pytest.fixture
def own(request: pytest.FixtureRequest) -> Iterator[InterpreterProcess]:
    """A server of the test's own, with the arguments that it is parametrised with."""
    started = InterpreterProcess("--warm", "0", *getattr(request, "param", ()))
    yield started
    started.remove()


async def test_after_a_crash_the_next_call_has_a_fresh_session_and_the_files(
    session: Session,
) -> None:
    await session.run("x = 1\nopen('kept.txt', 'w').write('kept');")
    crashed = await session.run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert crashed.end.outcome == "died"
    assert "variables are gone" in crashed.note

    gave = await session.run("print('x' in globals(), open('kept.txt').read())")
    assert gave.logs == "False kept\n"
    assert "variables and imports of earlier calls are gone" in gave.note
    assert gave.end.outcome == "ok"


async def test_a_crash_in_native_code_ends_only_that_session(
    session: Session, shared: Session
) -> None:
    await shared.run("alive = True")
    gave = await session.run("import ctypes; ctypes.string_at(0)")

    assert gave.end.outcome == "died"
    assert (await shared.run("alive")).logs == "True\n"


@pytest.mark.parametrize("own", [("--warm", "1")], indirect=True)
async def test_a_waiting_kernel_answers_at_once_and_finds_what_its_session_has(
    own: InterpreterProcess,
) -> None:
    async with connected(own) as client:
        for number in range(3):  # a busy machine may need several tries
            session = Session(client, f"thread{number}")
            await own.is_warm(client, 1)
            began = time.monotonic()
            assert (await session.run("1 + 1")).logs == "2\n"
            took = time.monotonic() - began
            if took < 0.2:
                break
        assert took < 0.2
        await session.run("import os; os.mkdir('d'); open('d/a.txt', 'w').write('1')")
        await session.run("os.kill(os.getpid(), 9)")

        await own.is_warm(client, 1)
        gave = await session.run(
            "print(open('d/a.txt').read(), open('file-1').read())\nopen('b.txt', 'w').write('2');",
            [an_input("file-1", "in.txt", b"sent")],
        )
        assert gave.logs == "1 sent\n"
        assert list(gave.files) == ["/mnt/data/b.txt"]


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that the sandboxes' own user may search, which a test's usual one is not."""
    with tempfile.TemporaryDirectory(prefix="ci-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


async def test_health_tells_whether_the_last_kernel_started(reachable: Path) -> None:
    bubblewrap, broken = reachable / "bwrap", reachable / "broken"
    bubblewrap.write_text(
        f"#!/bin/sh\n[ -e {broken} ] && echo no namespaces left >&2 && exit 1\n"
        f'exec {shutil.which("bwrap")} "$@"\n'
    )
    bubblewrap.chmod(0o755)
    process = InterpreterProcess("--warm", "1", "--bubblewrap", str(bubblewrap))
    try:
        async with connected(process) as client:
            await process.is_warm(client, 1)
            assert (await client.health()).state == "ready"

            broken.touch()
            assert (await Session(client, "first").run("1+1")).logs == "2\n"  # the waiting one
            deadline = time.monotonic() + 20
            while (health := await client.health()).ok:
                assert time.monotonic() < deadline, process.said()
                await asyncio.sleep(0.05)
            assert health.state == "failing"
            assert "no namespaces left" in str(health.reason)
            assert "sandbox check" in str(health.reason)
            assert (await Session(client, "second").run("1+1")).end.outcome == "died"

            broken.unlink()
            assert (await Session(client, "third").run("1+1")).logs == "2\n"
            health = await client.health()
            assert (health.ok, health.state, health.reason) == (True, "ready", None)
    finally:
        process.remove()


async def test_before_the_first_kernel_health_does_not_say_that_one_can_start(
    own: InterpreterProcess,
) -> None:
    async with connected(own) as client:
        assert (await client.health()).state == "untried"
        await Session(client, "first").run("1+1")
        assert (await client.health()).state == "ready"


@pytest.mark.parametrize("own", [("--warm", "1")], indirect=True)
async def test_a_kernel_that_ends_while_it_waits_is_replaced(own: InterpreterProcess) -> None:
    async with connected(own) as client:
        await own.is_warm(client, 1)
        waiting = processes_of(own.process.pid)
        for pid in waiting:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await gone(waiting)
        await own.is_warm(client, 1)


@pytest.mark.parametrize("own", [("--idle", "1")], indirect=True)
async def test_an_idle_session_gives_up_its_kernel_and_keeps_its_files(
    own: InterpreterProcess,
) -> None:
    async with connected(own) as client:
        session = Session(client, "idle")
        await session.run("x = 1\nopen('kept.txt', 'w').write('kept');")
        assert (await client.health()).sessions == 1
        deadline = time.monotonic() + 5
        while (await client.health()).sessions:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)

        gave = await session.run("print('x' in globals(), open('kept.txt').read())")
        assert gave.logs == "False kept\n"
        assert "there was no call for 1 seconds" in gave.note


@pytest.mark.parametrize("own", [("--kernels", "2")], indirect=True)
async def test_the_session_used_least_recently_makes_room(own: InterpreterProcess) -> None:
    async with connected(own) as client:
        for name in ("old", "newer", "newest"):
            await Session(client, name).run("x = 1")
        assert (await client.health()).sessions == 2

        gave = await Session(client, "old").run("'x' in globals()")
        assert gave.logs == "False\n"
        assert "another session needed its place" in gave.note


@pytest.mark.parametrize("own", [("--kernels", "2")], indirect=True)
async def test_calls_at_the_same_moment_have_no_more_kernels_than_there_may_be(
    own: InterpreterProcess,
) -> None:
    most = 0
    async with connected(own) as client:
        calls = [
            asyncio.create_task(Session(client, f"thread-{n}").run("import time; time.sleep(0.3)"))
            for n in range(8)
        ]
        while not all(call.done() for call in calls):
            most = max(most, (await client.health()).sessions)
            await asyncio.sleep(0.02)
        assert {(await call).end.outcome for call in calls} == {"ok"}
    assert most == 2


@pytest.mark.parametrize("own", [("--kernels", "1", "--patience", "0.5")], indirect=True)
async def test_a_call_that_finds_no_place_is_told_so_after_a_while(
    own: InterpreterProcess,
) -> None:
    async with connected(own) as client:
        first = Session(client, "first")
        await first.run("x = 1")
        running = asyncio.create_task(first.run("import time; time.sleep(2)"))
        await asyncio.sleep(0.1)
        gave = await Session(client, "second").run("1")
        assert gave.end.outcome == "died"
        assert "All 1 Python sessions are in use" in gave.note
        assert (await running).end.outcome == "ok"

        assert (await Session(client, "second").run("1 + 1")).logs == "2\n"


@pytest.mark.parametrize("own", [("--kernels", "1")], indirect=True)
async def test_a_kernel_that_died_between_calls_gives_its_place_back(
    own: InterpreterProcess,
) -> None:
    async with connected(own) as client:
        await Session(client, "first").run(
            "import os, threading; threading.Timer(0.2, os.kill, (os.getpid(), 9)).start()"
        )
        deadline = time.monotonic() + 5
        while (await client.health()).sessions:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)

        assert (await Session(client, "second").run("1 + 1")).logs == "2\n"


async def test_sessions_that_no_call_has_used_for_a_day_are_listed(
    own: InterpreterProcess,
) -> None:
    yesterday = time.time() - 25 * 3600
    async with connected(own) as client:
        for name in ("old", "live", "new"):
            await Session(client, name).run("open('kept.txt', 'w').write('kept');")
    assert own.stop() == 0
    own.start()
    async with connected(own) as client:
        await Session(client, "live").run("1")
        for name in ("old", "live"):
            os.utime(own.sessions / name, (yesterday, yesterday))
        assert await client.sessions() == ["old"]
        assert await client.sessions(untouched=0) == ["new", "old"]

        await client.close("old")
        assert await client.sessions() == []
        assert not (own.sessions / "old").exists()


async def test_files_outlive_the_server_and_the_next_one_goes_on(
    own: InterpreterProcess,
) -> None:
    async with connected(own) as client:
        given = an_input("file-1", "in.txt", b"sent")
        await Session(client, "thread").run("open('kept.txt', 'w').write('kept');", [given])
    assert own.stop() == 0
    own.start()
    async with connected(own) as client:
        gave = await Session(client, "thread").run("print(open('kept.txt').read())", [given])

        assert gave.logs == "kept\n"
        assert "variables and imports of earlier calls are gone" in gave.note


async def test_a_killed_server_leaves_no_process_and_loses_no_file(
    own: InterpreterProcess,
) -> None:
    async with connected(own) as client:
        session = Session(client, "thread")
        await session.run("open('kept.txt', 'w').write('kept');")
        running = asyncio.create_task(session.run("import time; time.sleep(60)", deadline=60))
        await asyncio.sleep(0.3)
        children = processes_of(own.process.pid)
        assert children
        own.kill()
        gave = await running
        assert gave.end.outcome == "died"
        assert not (await client.health()).ok
    await gone(children)

    own.restart()
    async with connected(own) as client:
        gave = await Session(client, "thread").run("print(open('kept.txt').read())")
        assert gave.logs == "kept\n"


async def test_a_call_waits_for_a_server_that_starts_again(own: InterpreterProcess) -> None:
    async with connected(own) as client:
        session = Session(client, "thread")
        await session.run("1")  # so that there is a connection, which will be a dead one
        own.kill()
        waiting = asyncio.create_task(
            session.run("print(open('in.txt').read())", [an_input("file-1", "in.txt", b"sent")])
        )
        await asyncio.sleep(0.3)
        assert not waiting.done()
        own.restart()
        assert (await waiting).logs == "sent\n"


async def test_a_server_that_does_not_come_back_is_told_without_its_address(
    own: InterpreterProcess,
) -> None:
    async with connected(own):
        own.stop()
    async with Interpreter(own.socket, patience=0.3) as client:
        with pytest.raises(InterpreterUnavailable) as gone:
            await Session(client, "thread").run("1")
        assert gone.value.shown == "Its process does not answer. Try again in a while."
        assert own.socket in gone.value.reason


async def test_a_move_that_was_cut_short_is_finished_by_the_next_server(
    own: InterpreterProcess,
) -> None:
    async with connected(own) as client:
        await Session(client, "thread").run("open('a', 'w').write('1'); open('b', 'w').write('2');")
    own.stop()
    data, box = own.sessions / "thread" / "data", own.sessions / ".boxes" / "0123456789ab"
    for name in ("data", "tmp", "shm"):
        (box / name).mkdir(parents=True)
    owner = data.stat()
    os.chown(box / "data", owner.st_uid, owner.st_gid)
    (box / "claimed-by").write_text("thread")
    (data / "a").rename(box / "data" / "a")
    own.start()
    async with connected(own) as client:
        gave = await Session(client, "thread").run("print(open('a').read() + open('b').read())")

        assert gave.logs == "12\n"
    assert list((own.sessions / ".boxes").glob("0123456789ab")) == []


@pytest.mark.parametrize("own", [("--warm", "1")], indirect=True)
async def test_stopping_the_server_ends_every_process_within_two_seconds(
    own: InterpreterProcess,
) -> None:
    async with connected(own) as client:
        await own.is_warm(client, 1)
        running = asyncio.create_task(Session(client, "busy").run("while True: pass", deadline=60))
        await asyncio.sleep(0.3)
        children = processes_of(own.process.pid)
        began = time.monotonic()
        assert own.stop() == 0
        assert time.monotonic() - began < 2
        assert (await running).end.outcome == "died"
    await gone(children)
    assert not own.is_listening


async def test_a_session_that_never_was_can_be_interrupted_and_closed(client: Interpreter) -> None:
    await client.interrupt("never-was")
    await client.close("never-was")


@pytest.mark.parametrize("name", ["", "..", ".boxes", "a/b", "a%2Fb", "x" * 200])
async def test_a_session_is_named_by_a_plain_word(client: Interpreter, name: str) -> None:
    with pytest.raises(InterpreterUnavailable):
        await Session(client, name).run("1")


async def test_work_that_goes_on_after_its_call_is_ended(own: InterpreterProcess) -> None:
    async with connected(own) as client:
        session = Session(client, "busy")
        gave = await session.run(
            "import os\nfor _ in range(3):\n    if os.fork() == 0:\n        while True: pass"
        )
        assert gave.end == Ended("ok", None)
        deadline = time.monotonic() + 25
        while (await client.health()).sessions:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)

        assert "went on working after its call" in (await session.run("1")).note


async def test_sighup_ends_neither_a_server_without_a_certificate_nor_one_that_starts(
    own: InterpreterProcess,
) -> None:
    deadline = time.monotonic() + 20
    while not any(own.folder.glob("s.d/*")):  # it has read its arguments, and tries its walls
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)
    own.process.send_signal(signal.SIGHUP)
    async with connected(own) as client:
        own.process.send_signal(signal.SIGHUP)
        while "no certificate to read again" not in own.said():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert (await Session(client, "thread").run("1 + 1")).logs == "2\n"
