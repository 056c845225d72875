"""A cgroup for each sandbox where one may be made, and the same tool where not.

The last two kinds of test need what many machines give nobody; they say so when they are skipped.
"""

import asyncio
import dataclasses
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistants.tools.code_interpreter import cgroup, walls, watch
from assistants.tools.code_interpreter.cgroup import Cgroup, Cgroups, NoCgroup
from assistants.tools.code_interpreter.limits import MIB, Limits
from assistants.tools.code_interpreter.sandbox import Sandbox
from tests.tools.code_interpreter.interpreter_process import (
    InterpreterProcess,
    Session,
    connected,
)
from tests.tools.code_interpreter.own_sessions import own_sessions, run

ALL = frozenset({"memory", "pids", "cpu"})
FILES = (
    "memory.max",
    "memory.swap.max",
    "memory.oom.group",
    "pids.max",
    "cpu.max",
    "cgroup.procs",
    "cgroup.kill",
)
LIMITS = Limits(memory=300 * MIB, processes=50, cpus=1.5)


def tree(folder: Path, *absent: str) -> Path:
    """A folder with the files that the kernel makes in a cgroup."""
    folder.mkdir()
    for name in set(FILES) - set(absent):
        (folder / name).touch()
    return folder


def content(folder: Path) -> dict[str, str]:
    return {name: text for name in FILES if (text := (folder / name).read_text())}


def test_the_limits_are_written_as_the_kernel_wants_them(tmp_path: Path) -> None:
    folder = tree(tmp_path / "group")
    cgroup.set_limits(folder, LIMITS, ALL)

    assert content(folder) == {
        "memory.max": str(300 * 1024 * 1024),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "50",
        "cpu.max": "150000 100000",
    }


def test_one_call_may_use_every_processor_if_nobody_says_otherwise(tmp_path: Path) -> None:
    folder = tree(tmp_path / "group")
    cgroup.set_limits(folder, Limits(), ALL)
    quota, period = map(int, (folder / "cpu.max").read_text().split())

    assert quota == (os.cpu_count() or 1) * period


def test_only_what_is_controlled_there_is_written(tmp_path: Path) -> None:
    folder = tree(tmp_path / "group")
    cgroup.set_limits(folder, LIMITS, frozenset({"pids"}))

    assert content(folder) == {"pids.max": "50"}


def test_a_kernel_that_does_not_count_swap_is_no_obstacle(tmp_path: Path) -> None:
    cgroup.set_limits(tree(tmp_path / "group", "memory.swap.max"), LIMITS, ALL)


def test_nothing_is_written_to_a_folder_that_is_no_cgroup(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        cgroup.set_limits(tmp_path, LIMITS, ALL)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_no_cgroup_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(NoCgroup, match="no cgroup: No such file"):
        cgroup.find(tmp_path / "nowhere", LIMITS)


def test_a_place_without_control_of_memory_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu pids\n")

    with pytest.raises(NoCgroup, match="has no control of memory"):
        cgroup.find(tmp_path, LIMITS)


def test_a_place_with_processes_of_others_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("memory pids\n")
    (tmp_path / "cgroup.procs").write_text("1\n")

    with pytest.raises(NoCgroup, match="--cgroup names one"):
        cgroup.find(tmp_path, LIMITS)
    assert not (tmp_path / "server").exists()


@pytest.mark.parametrize(
    "mounts", ["", "35 24 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"]
)
def test_a_machine_without_cgroup_v2_is_told(mounts: str) -> None:
    with pytest.raises(NoCgroup, match="not mounted"):
        cgroup.find(None, LIMITS, mounts=mounts)


@pytest.mark.needs_kernel("cgroup v2")
def test_the_servers_own_cgroup_lies_below_where_it_is_mounted() -> None:
    mounts = (
        "24 1 8:1 / / rw - ext4 /dev/root rw\n"
        "35 24 0:30 / /somewhere rw,relatime shared:9 - cgroup2 cgroup rw\n"
    )
    belongs = Path("/proc/self/cgroup").read_text()
    path = belongs.partition("0::/")[2].splitlines()[0]

    assert cgroup.own(mounts) == Path("/somewhere") / path


@pytest.mark.parametrize(
    "controllers, told, denied",
    [
        (ALL, "which limits its memory, processes, processor time.", "but not"),
        ({"memory", "pids"}, "limits its memory, processes, but not its processor time:", "/none"),
        (set(), "as a whole by the kernel itself, but not its memory, processes, ", "limits"),
    ],
)
def test_a_limit_is_claimed_only_where_its_controller_is(
    tmp_path: Path, controllers: set[str], told: str, denied: str
) -> None:
    detail = walls._what_is_limited(Cgroups(tmp_path, LIMITS, frozenset(controllers)))

    assert told in detail
    assert denied not in detail


async def test_without_a_cgroup_the_tool_is_on_and_says_so() -> None:
    process = InterpreterProcess("--warm", "0", "--cgroup", "/does/not/exist")
    try:
        async with connected(process) as client:
            health = await client.health()
            assert health.ok, health
            found = {wall.name: wall for wall in health.walls}["cgroup"]
            assert (found.ok, found.extra) == (False, True)
            assert "--cgroup /does/not/exist cannot be used: " in found.detail
            assert "/does/not/exist is no cgroup" in found.detail
            assert "WARNING" in process.said()
            assert (await Session(client, "any").run("1 + 1")).logs == "2\n"
    finally:
        process.remove()


class Tree(Cgroups):
    """Groups that are plain folders, in which the kernel has ended something."""

    def make(self) -> Cgroup:
        folder = tree(self.parent / os.urandom(4).hex())
        (folder / "memory.events").write_text("low 0\nhigh 0\nmax 7\noom 1\noom_kill 3\n")
        return Cgroup(folder)


async def test_what_the_kernel_ends_for_memory_is_told_like_what_the_watch_ends(
    tmp_path: Path,
) -> None:
    async with own_sessions(LIMITS, Tree(tmp_path, LIMITS, ALL)) as sessions:
        gave = await run(sessions, "thread", "import os; os.kill(os.getpid(), 9)")
        after = await run(sessions, "thread", "1")

    assert gave.end.outcome == "died"
    assert "it used more than 300 MB of memory. Its variables are gone" in gave.note
    assert "it used more than 300 MB of memory" in after.note


# Where the kernel lets the tests make groups, even without a controller.

makes_cgroups = pytest.mark.needs_kernel("cgroups that the tests may make")


@pytest.fixture
def groups() -> Iterator[Cgroups]:
    found = cgroup.find(None, LIMITS, needed=())
    before = set(found.parent.glob("sandbox-*"))
    yield found
    assert set(found.parent.glob("sandbox-*")) <= before, "every group is removed again"


@makes_cgroups
def test_a_group_ends_all_that_is_in_it_and_what_that_started(groups: Cgroups) -> None:
    group = groups.make()
    with subprocess.Popen(
        ["sh", "-c", "read go; setsid sleep 60 & setsid sleep 60 & echo; wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        group.take_in(process.pid)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        inside = group.processes()
        assert len(inside) == 3
        assert not group.remove()
        group.kill()
        process.wait(5)
    deadline = time.monotonic() + 5
    while not group.remove():  # which the kernel allows once nothing in it is alive
        assert time.monotonic() < deadline
        time.sleep(0.01)


@makes_cgroups
async def test_a_whole_sandbox_is_born_in_its_group_and_ends_with_it(groups: Cgroups) -> None:
    async with own_sessions(LIMITS, groups) as sessions:
        await run(
            sessions,
            "thread",
            "import os\nfor _ in range(3): os.fork() or __import__('time').sleep(60)",
        )
        kernel = sessions.get("thread")._kernel
        assert kernel is not None
        assert isinstance(kernel.running, Sandbox)
        assert kernel.running.group is not None
        inside = set(kernel.running.processes())
        assert len(inside) >= 5
        assert set(kernel.running.group.processes()) == inside
        kernel.running.group.kill()
        await asyncio.wait_for(kernel.running.wait(), 5)
        assert not any(map(watch.is_there, inside))
        assert not kernel.running.group.folder.exists()
        assert (await run(sessions, "thread", "1 + 1")).logs == "2\n"


@makes_cgroups
async def test_the_walls_tell_whether_the_sandbox_is_in_its_group(
    groups: Cgroups, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with own_sessions(LIMITS, groups) as sessions:
        box = sessions._root / "box"
        assert (await walls.try_walls(sessions._sandboxes, box))[-1].ok

        monkeypatch.setattr(Cgroup, "take_in", lambda *_: None)
        missed = (await walls.try_walls(sessions._sandboxes, box))[-1]
        assert missed.breaks, "it is on the wrong side of the wall, which is worse than none"
        assert "2 processes of the sandbox are outside it" in missed.detail


# Where it may also limit memory.

limits_cgroups = pytest.mark.needs_kernel("cgroups that limit memory and processes")


@pytest.fixture
def limiting() -> Cgroups:
    return cgroup.find(None, LIMITS)


CREEPING = """
import os, time
for _ in range(10):
    if os.fork() == 0:
        held = []
        for _ in range(60): held.append(bytearray(b'x') * 1_000_000); time.sleep(0.01)
        time.sleep(60)
time.sleep(60)
"""


@limits_cgroups
async def test_memory_that_creeps_over_many_processes_is_ended_by_the_kernel_alone(
    limiting: Cgroups, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_watch(_: object) -> None:
        return

    monkeypatch.setattr(watch, "_check_memory", no_watch)
    async with own_sessions(LIMITS, limiting) as sessions:
        gave = await run(sessions, "thread", CREEPING)

    assert gave.end.outcome == "died"
    assert "it used more than 300 MB of memory" in gave.note


FORKING = """
import os, time
n = 0
try:
    while True:
        if os.fork() == 0: time.sleep(60)
        n += 1
except OSError: print(n)
"""


@limits_cgroups
async def test_processes_beyond_the_limit_are_refused_by_the_kernel_alone(
    limiting: Cgroups,
) -> None:
    few = Cgroups(limiting.parent, dataclasses.replace(LIMITS, processes=40), ALL)
    async with own_sessions(Limits(processes=500), few) as sessions:
        gave = await run(sessions, "thread", FORKING)

    assert int(gave.logs) < 40
