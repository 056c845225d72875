"""Every wall holds here, is missed when it alone is taken away, and no wall means no tool."""

import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistants.tools.code_interpreter import files, seccomp, walls
from assistants.tools.code_interpreter.check import check, report
from assistants.tools.code_interpreter.client import Interpreter, InterpreterUnavailable
from assistants.tools.code_interpreter.limits import Limits
from assistants.tools.code_interpreter.outputs import Health, Wall
from assistants.tools.code_interpreter.sandbox import (
    Folders,
    Missing,
    Sandboxes,
    find_bubblewrap,
    find_python,
)
from tests.tools.code_interpreter.interpreter_process import (
    PYTHON,
    InterpreterProcess,
    Session,
    connected,
)

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
]

Options = list[tuple[str, ...]]


async def test_every_wall_holds(client: Interpreter) -> None:
    health = await client.health()

    assert [wall.name for wall in health.walls] == NAMES
    assert all(wall.ok for wall in health.walls), report(health)
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


ALLOW_ALL = b"\x06\0\0\0\0\0\xff\x7f"

TAKEN_AWAY: dict[str, tuple[Callable[[Options], Options], str]] = {
    "a private root": (also(("--ro-bind", "/root", "/root")), "files"),
    "a read-only root": (without(("--remount-ro", "/")), "files"),
    "an empty environment": (also(("--setenv", "SECRET_KEY", "x")), "environment"),
    "a process namespace": (
        lambda options: [
            ("--unshare-user",),
            ("--unshare-net",),
            ("--unshare-ipc",),
            ("--unshare-uts",),
            *options[1:],
        ],
        "processes",
    ),
    "a network namespace": (also(("--share-net",)), "network"),
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
    return {wall.name: wall.detail for wall in found if not wall.ok}


@pytest.mark.parametrize("layer", TAKEN_AWAY)
async def test_a_wall_that_is_taken_away_is_missed(
    sandboxes: Weakened, place: Path, layer: str
) -> None:
    sandboxes.weaken, wall = TAKEN_AWAY[layer]

    assert wall in await broken(sandboxes, place)


async def test_a_missing_system_call_filter_is_missed(sandboxes: Weakened, place: Path) -> None:
    sandboxes._filter = ALLOW_ALL
    found = await broken(sandboxes, place)

    assert "a socket of family" in found["network"]
    assert "the system call bpf is there" in found["system calls"]
    assert "i386" in found["system calls"]


@pytest.mark.parametrize("name", ["AS", "NPROC", "FSIZE"])
async def test_a_missing_limit_is_missed(
    sandboxes: Weakened, place: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = sandboxes.rlimits()
    canary = sandboxes._programs / "boot.py"
    canary.write_text(
        canary.read_text().replace(
            "    for name, number in rlimits.items():\n",
            f"    for name, number in rlimits.items():\n        if name == {name!r}: continue\n",
        )
    )
    assert name in limits

    assert "limits" in await broken(sandboxes, place)


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


def test_check_prints_the_walls_and_tells_by_its_exit_code() -> None:
    done = run_check(PYTHON)

    assert done.returncode == 0, done
    assert done.stdout.count("holds") == len(NAMES)
    assert done.stdout.endswith("The code interpreter is on.\n")


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
