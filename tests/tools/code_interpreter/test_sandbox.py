"""What a sandbox's start leaves behind when it is given up: nothing."""

import asyncio
import errno
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from typing_extensions import override

from assistants.tools.code_interpreter import sandbox
from assistants.tools.code_interpreter.cgroup import Cgroup, Cgroups
from assistants.tools.code_interpreter.limits import Limits
from tests.tools.code_interpreter.own_sessions import own_sessions


class Folder(Cgroup):
    """A group that is a plain folder."""

    @override
    def remove(self) -> bool:
        shutil.rmtree(self.folder)
        return True


class Folders(Cgroups):
    @override
    def make(self) -> Cgroup:
        folder = self.parent / os.urandom(4).hex()
        folder.mkdir()
        (folder / "cgroup.procs").touch()
        return Folder(folder)


def sandboxes_of_ours() -> set[int]:
    """The processes of bubblewrap below this one."""
    found = set()
    for child in psutil.Process().children(recursive=True):
        try:
            if child.name() in ("bwrap", "bubblewrap"):
                found.add(child.pid)
        except psutil.NoSuchProcess:
            continue
    return found


async def given_up(starting: "asyncio.Task[sandbox.Sandbox]") -> None:
    starting.cancel()
    try:
        started = await starting
    except asyncio.CancelledError:
        return
    started.kill()  # it was quicker
    await started.wait()


async def test_a_start_that_is_given_up_leaves_no_process_and_no_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = sandbox._child_pid

    async def never(reports: asyncio.StreamReader) -> int:
        await told(reports)
        return await asyncio.sleep(60, 0)

    async with own_sessions(Limits(), Folders(tmp_path, Limits(), frozenset())) as sessions:
        boxes = sessions._sandboxes
        folders = boxes.make_folders(sessions._root / "box")
        before = sandboxes_of_ours()

        monkeypatch.setattr(sandbox, "_child_pid", never)
        waits = asyncio.create_task(boxes.start(folders, "canary.py", b"{}"))
        deadline = time.monotonic() + 10
        while not sandboxes_of_ours() - before:
            assert time.monotonic() < deadline, "no sandbox was started"
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        await given_up(waits)
        monkeypatch.undo()
        for moment in range(8):
            starting = asyncio.create_task(boxes.start(folders, "canary.py", b"{}"))
            await asyncio.sleep(moment * 0.004)
            await given_up(starting)

        deadline = time.monotonic() + 5
        while left := sandboxes_of_ours() - before:
            assert time.monotonic() < deadline, left
            await asyncio.sleep(0.02)
        assert os.listdir(tmp_path) == []  # noqa: PTH208


async def test_a_start_that_is_given_up_and_fails_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = asyncio.Event()

    async def fails(*_: object, **__: object) -> asyncio.subprocess.Process:
        begun.set()
        await asyncio.sleep(0.1)
        raise OSError(errno.ENOMEM, "no memory")

    async with own_sessions() as sessions:
        boxes = sessions._sandboxes
        folders = boxes.make_folders(sessions._root / "box")
        monkeypatch.setattr(asyncio, "create_subprocess_exec", fails)
        starting = asyncio.create_task(boxes.start(folders, "canary.py", b"{}"))
        await begun.wait()
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting


async def test_one_that_cannot_be_stopped_is_killed_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one that a debugger holds, whose state is never that of a stopped process."""
    read = Path.read_text

    def held(path: Path, *options: Any, **named: Any) -> str:
        if path.name == "stat":
            return f"{path.parent.name} (bwrap) t 1"
        return read(path, *options, **named)

    process = await asyncio.create_subprocess_exec("sleep", "60")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", held)
        patch.setattr(sandbox, "_STOP_SECONDS", 0.2)
        async with asyncio.timeout(5):
            await sandbox._end(process)
    assert await process.wait() == -signal.SIGKILL
