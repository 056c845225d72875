"""Every wall holds here, is missed when it alone is taken away, and no wall means no tool."""

import asyncio
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistants.tools.code_interpreter import files, sandbox, seccomp, walls, watch
from assistants.tools.code_interpreter.check import check, report
from assistants.tools.code_interpreter.client import Interpreter, InterpreterUnavailable
from assistants.tools.code_interpreter.limits import Limits
from assistants.tools.code_interpreter.outputs import Health, Wall
from assistants.tools.code_interpreter.programs import Missing, find_bubblewrap, find_python
from assistants.tools.code_interpreter.sandboxes import Folders, Sandboxes
from tests.tools.code_interpreter.interpreter_process import (
    PYTHON,
    ROOT,
    InterpreterProcess,
    Session,
    connected,
)
from tests.tools.code_interpreter.own_sessions import ALLOW_ALL

NAMES = [
    "files",
    "environment",
    "processes",
    "network",
    "system calls",
    "privileges",
    "limits",
    "user",
    "outputs",
    "watch",
    "cgroup",
]

Options = list[tuple[str, ...]]


async def test_every_wall_holds(client: Interpreter) -> None:
    health = await client.health()

    assert [wall.name for wall in health.walls] == NAMES
    assert all(wall.ok for wall in health.walls if not wall.extra), report(health)
    assert (health.ok, health.reason) == (True, None)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the sandboxes' user may enter, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="walls-"))
    folder.chmod(0o711)
    (folder / "runtime").mkdir(mode=0o711)
    yield folder
    shutil.rmtree(folder)


def without(*removed: tuple[str, ...]) -> Callable[[Options], Options]:
    return lambda options: [option for option in options if option not in removed]


def also(*added: tuple[str, ...]) -> Callable[[Options], Options]:
    """Before what makes the rest read-only."""
    return lambda options: [*options[:-2], *added, *options[-2:]]


GAIN = "the code could gain privileges by running a program"
NEW_NAMESPACE = "a new user namespace could be made"
INSIDE = Path(sandbox.__file__).parent / "inside"
RLIMITS = ["AS", "NPROC", "NOFILE", "FSIZE", "CORE", "MSGQUEUE", "MEMLOCK", "SIGPENDING"]


def instead(*removed: tuple[str, ...]) -> Callable[..., Callable[[Options], Options]]:
    """Others in their place: instead(a)(b, c)."""

    def put(*added: tuple[str, ...]) -> Callable[[Options], Options]:
        return lambda options: [
            *added,
            *(option for option in options if option not in removed),
        ]

    return put


NAMESPACES = {"user", "net", "ipc", "uts", "pid", "cgroup"}


def sharing(kind: str) -> Callable[[Options], Options]:
    """All namespaces but one."""
    kept = ((f"--unshare-{one}",) for one in sorted(NAMESPACES - {kind}))
    return instead(("--unshare-all",))(*kept)


# What is taken away, and the wall that misses it.
TAKEN_AWAY: dict[str, tuple[Callable[[Options], Options], str]] = {
    "a private root": (also(("--ro-bind", "/root", "/root")), "files"),
    "a read-only root": (without(("--remount-ro", "/")), "files"),
    "a private /dev": (also(("--dev-bind", "/dev/zero", "/dev/kmsg")), "files"),
    "an empty environment": (also(("--setenv", "SECRET_KEY", "x")), "environment"),
    "a process namespace": (sharing("pid"), "processes"),
    "an IPC namespace": (sharing("ipc"), "processes"),
    "a name of its own": (
        lambda options: sharing("uts")(without(("--hostname", "sandbox"))(options)),
        "processes",
    ),
    "a cgroup namespace": (sharing("cgroup"), "processes"),
    "a terminal session of its own": (without(("--new-session",)), "processes"),
    "a network namespace": (also(("--share-net",)), "network"),
    "an ordinary user": (instead(("--uid", "1000"))(("--uid", "0")), "privileges"),
    "no capabilities": (instead(("--cap-drop", "ALL"))(("--cap-add", "ALL")), "privileges"),
}


class Weakened(Sandboxes):
    """Sandboxes with one wall taken away."""

    weaken: Callable[[Options], Options] = staticmethod(lambda options: options)

    def _options(self, folders: Folders) -> Options:
        return self.weaken(super()._options(folders))


@pytest.fixture
def sandboxes(place: Path) -> Iterator[Weakened]:
    made = Weakened(find_bubblewrap(None), find_python(PYTHON), place / "runtime", place, Limits())
    yield made
    made.close()


async def broken(sandboxes: Sandboxes, place: Path) -> dict[str, str]:
    found = await walls.try_walls(sandboxes, place / "box")
    return {wall.name: wall.detail for wall in found if wall.breaks}


@pytest.mark.parametrize("layer", TAKEN_AWAY)
async def test_a_wall_that_is_taken_away_is_missed(
    sandboxes: Weakened, place: Path, layer: str
) -> None:
    sandboxes.weaken, wall = TAKEN_AWAY[layer]

    assert wall in await broken(sandboxes, place)


async def test_variables_that_only_bubblewrap_has_are_missed(
    sandboxes: Weakened, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = asyncio.create_subprocess_exec

    async def with_ours(*command: Path | str, **options: Any) -> asyncio.subprocess.Process:
        return await start(*command, **{**options, "env": {"SECRET_KEY": "x"}})

    monkeypatch.setattr(asyncio, "create_subprocess_exec", with_ours)

    assert "environment" in await broken(sandboxes, place)


async def test_a_missing_system_call_filter_is_missed(sandboxes: Weakened, place: Path) -> None:
    sandboxes._filter = ALLOW_ALL
    found = await broken(sandboxes, place)

    assert "a socket of family" in found["network"]
    assert "the system call bpf is there" in found["system calls"]
    assert "i386" in found["system calls"]


@pytest.mark.parametrize("name", RLIMITS)
async def test_a_missing_limit_is_missed(sandboxes: Weakened, place: Path, name: str) -> None:
    limits = sandboxes.rlimits()
    canary = sandboxes._programs / "boot.py"
    canary.write_text(
        canary.read_text().replace(
            "    for name, number in rlimits.items():\n",
            f"    for name, number in rlimits.items():\n        if name == {name!r}: continue\n",
        )
    )
    assert list(limits) == RLIMITS

    assert name in (await broken(sandboxes, place))["limits"]


async def test_programs_that_can_be_written_to_are_missed(sandboxes: Weakened, place: Path) -> None:
    sandboxes._programs.chmod(0o777)
    assert "files" not in await broken(sandboxes, place), "they are read-only whoever owns them"

    sandboxes.weaken = lambda options: [
        ("--bind", *option[1:]) if option[-1] == "/opt/kernel" else option for option in options
    ]
    assert "/opt/kernel could be written to" in (await broken(sandboxes, place))["files"]


async def test_namespaces_are_forbidden_without_the_filter_too(
    sandboxes: Weakened, place: Path
) -> None:
    if not sandboxes._no_more_namespaces:
        pytest.skip("bubblewrap may not set the limit of namespaces here, as in a container")
    sandboxes._filter = ALLOW_ALL
    assert NEW_NAMESPACE not in (await broken(sandboxes, place))["system calls"]

    sandboxes.weaken = without(("--disable-userns",))
    assert NEW_NAMESPACE in (await broken(sandboxes, place))["system calls"]


def in_plain_process(code: str) -> str:
    """What a process says that has no sandbox around it, with the programs of `inside/`."""
    begin = f"import sys; sys.path.append({str(INSIDE)!r}); import canary, boot\n"
    command = [sys.executable, "-c", begin + code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


NO_NEW_PRIVILEGES = "canary.libc.prctl(38, 1, 0, 0, 0)\n"
# struct sock_fprog: the number of instructions, and where they are.
FILTER = f"""
import ctypes, struct
instructions = ctypes.create_string_buffer({ALLOW_ALL!r}, 8)
program = struct.pack('=H6xQ', 1, ctypes.addressof(instructions))
assert canary.libc.prctl(22, 2, ctypes.c_char_p(program), 0, 0) == 0
"""
ORDINARY_USER = "import os; os.setgroups([]); os.setgid(58321); os.setuid(58321)\n"


def test_a_way_to_gain_privileges_is_missed() -> None:
    try_it = "print(canary.privileges({}))"
    if GAIN not in in_plain_process(try_it):
        pytest.skip("the tests themselves may gain no privileges")

    assert GAIN not in in_plain_process(NO_NEW_PRIVILEGES + try_it)


@pytest.mark.parametrize(
    "walls_there, said",
    [
        (NO_NEW_PRIVILEGES + FILTER + ORDINARY_USER, "starts"),
        (NO_NEW_PRIVILEGES + ORDINARY_USER, "no system call filter"),
        (FILTER + ORDINARY_USER, "privileges were not dropped"),
        (NO_NEW_PRIVILEGES + FILTER, "privileges were not dropped"),
    ],
)
def test_a_kernel_refuses_to_start_without_its_own_walls(walls_there: str, said: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can have a filter without giving up to gain privileges")

    assert said in in_plain_process(walls_there + "boot.check_walls(); print('starts')")


async def test_running_as_root_outside_is_missed(sandboxes: Weakened, place: Path) -> None:
    if sandboxes.uid is None:
        sandboxes.uid = 0  # the tests' own user is no root, so the wall has to see another one
    else:
        sandboxes.uid = None

    assert await broken(sandboxes, place)


async def test_following_links_out_is_missed(
    sandboxes: Weakened, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_RESOLVE", 0)

    assert "link could be fetched" in (await broken(sandboxes, place))["outputs"]


async def test_a_sandbox_that_nobody_can_measure_is_missed(
    sandboxes: Weakened, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_PAGE", 0)  # as where /proc tells nothing

    assert "memory" in (await broken(sandboxes, place))["watch"]


async def test_a_sandbox_that_cannot_be_ended_is_missed(
    sandboxes: Weakened, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = sandbox.Sandbox.kill
    monkeypatch.setattr(sandbox.Sandbox, "kill", lambda _: None)
    monkeypatch.setattr(walls, "_END_SECONDS", 0.1)
    made: list[sandbox.Sandbox] = []

    async def start(*arguments: object, **options: object) -> sandbox.Sandbox:
        made.append(await Sandboxes.start(sandboxes, *arguments, **options))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(sandboxes, "start", start)
    try:
        assert "cannot be ended" in (await broken(sandboxes, place))["watch"]
    finally:
        for one in made:
            end(one)
            await one.wait()


async def test_a_sandbox_that_cannot_be_made_says_what_to_do(
    sandboxes: Weakened, place: Path
) -> None:
    sandboxes.weaken = also(("--bind", "/does/not/exist", "/mnt"))
    found = await broken(sandboxes, place)

    assert "/does/not/exist" in found["sandbox"]
    assert "sysctl" in found["sandbox"]


async def test_without_bubblewrap_the_tool_is_off_and_runs_nothing() -> None:
    process = InterpreterProcess("--bubblewrap", "/does/not/exist")
    try:
        async with connected(process) as client:
            health = await client.health()
            assert not health.ok
            assert health.reason == "bubblewrap is missing. Install it: apt-get install bubblewrap."
            with pytest.raises(InterpreterUnavailable, match="bubblewrap is missing") as off:
                await Session(client, "any").run("print('ran')")
            assert off.value.shown.startswith("It is switched off on this server")
        assert not (process.sessions / "any").exists()
    finally:
        process.remove()


async def test_with_a_broken_bubblewrap_the_tool_is_off(tmp_path: Path) -> None:
    """One that runs the program with no sandbox around it would be the worst."""
    fake = tmp_path / "bwrap"
    fake.write_text('#!/bin/sh\nwhile [ "$1" != "--" ]; do shift; done; shift; exec "$@"\n')
    fake.chmod(0o755)
    process = InterpreterProcess("--bubblewrap", str(fake))
    try:
        async with connected(process) as client:
            assert not (await client.health()).ok
            with pytest.raises(InterpreterUnavailable):
                await Session(client, "any").run("print('ran')")
    finally:
        process.remove()


async def test_without_the_sandboxes_python_the_tool_is_off(tmp_path: Path) -> None:
    process = InterpreterProcess(python=tmp_path / "bin" / "python")
    try:
        async with connected(process) as client:
            assert "no Python for the sandbox" in str((await client.health()).reason)
    finally:
        process.remove()


def test_a_processor_without_a_filter_has_no_tool(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(Missing, match="riscv64"):
        Sandboxes(find_bubblewrap(None), find_python(PYTHON), place / "runtime", place, Limits())


def test_another_system_has_no_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    with pytest.raises(Missing, match="docker compose up"):
        find_bubblewrap(None)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_fits_into_what_the_kernel_takes(machine: str) -> None:
    program = seccomp.program(machine)

    assert len(program) % 8 == 0
    assert len(program) // 8 <= 4096


@pytest.mark.parametrize(
    "method, names",
    [
        ("readlink", {"files", "processes", "network", "privileges"}),
        ("read_text", {"environment", "watch"}),
        ("stat", {"user"}),
    ],
)
async def test_walls_that_nobody_can_look_at_do_not_hold(
    sandboxes: Weakened,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    names: set[str],
) -> None:
    looks: Callable[..., Any] = getattr(Path, method)

    def refused(path: Path, *arguments: Any, **options: Any) -> Any:
        if (
            path.parts[:2] == ("/", "proc")
            and path.parts[2].isdecimal()
            and "task" not in path.parts
        ):
            raise FileNotFoundError(errno.ENOENT, "hidden")  # as hidepid has it
        return looks(path, *arguments, **options)

    monkeypatch.setattr(Path, method, refused)
    found = await walls.try_walls(sandboxes, place / "box")

    assert {wall.name for wall in found if wall.breaks} == names
    assert all("(hidden)" in w.detail or w.name == "watch" for w in found if w.breaks)


def test_check_prints_the_walls_and_tells_by_its_exit_code() -> None:
    done = run_check(PYTHON)

    assert done.returncode == 0, done
    assert done.stderr == ""
    assert done.stdout.count("holds") + done.stdout.count("absent") == len(NAMES)
    assert done.stdout.endswith("The code interpreter is on.\n")


def test_check_tries_the_cgroup_that_it_is_given_and_prints_nothing_else(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "sandbox", "check", "--cgroup", "/does/not/exist"],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(tmp_path), "SANDBOX_PYTHON": str(PYTHON)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done
    assert done.stderr == ""
    assert done.stdout.startswith("holds   files")
    assert "--cgroup /does/not/exist cannot be used" in done.stdout


def test_check_reports_what_is_broken(tmp_path: Path) -> None:
    health = check(tmp_path / "bin" / "python")

    assert not health.ok
    assert "BROKEN  sandbox" in report(health)
    assert "off" in report(Health(False, "off", "", [Wall("x", ok=False, detail="y")], 0, 0))


def test_the_interpreter_process_knows_nothing_of_django() -> None:
    code = (
        "import sys, assistants.tools.code_interpreter.server, "
        "assistants.tools.code_interpreter.client\n"
        "print([m for m in sys.modules if m.partition('.')[0] in ('django', 'playground')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_a_python_that_only_root_may_reach_works(tmp_path: Path) -> None:
    """As one below root's home, where pyenv puts it."""
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    venv.create(hidden / "venv", symlinks=True)
    done = run_check(hidden / "venv" / "bin" / "python")

    assert done.returncode == 0, done


def run_check(python: Path) -> subprocess.CompletedProcess[str]:
    module = "assistants.tools.code_interpreter.check"
    command = [sys.executable, "-m", module, "--python", str(python)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
