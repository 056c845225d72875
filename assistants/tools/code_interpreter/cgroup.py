"""A control group (cgroup v2) for each sandbox, where the server may make one.

The kernel then counts by itself what `watch.py` can only sample: the memory of all processes
together (files that were read and the kernel's own buffers too), their number, their processor
time. And one write ends them all. Many machines give none away: an ordinary container has
/sys/fs/cgroup read-only, an old system has its controllers in cgroup v1. There the watch does it
alone, and the list of walls says so.

Files and their formats: the kernel's Documentation/admin-guide/cgroup-v2.rst.
"""

import contextlib
import os
import subprocess
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter.limits import Limits

NEEDED: Final = ("memory", "pids")
_WELCOME: Final = ("cpu",)
_PERIOD: Final = 100_000  # microseconds, the kernel's own default
_LEAF: Final = "server"
_TRIAL_SECONDS: Final = 5.0


class NoCgroup(Exception):
    """No cgroup can be made. The message says why, and what would help."""


class Cgroup:
    """The group of one sandbox."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def take_in(self, pid: int) -> None:
        """Move a process in; all that it starts from now on are born here. Raises OSError."""
        write(self.folder / "cgroup.procs", str(pid))

    def processes(self) -> list[int]:
        """The numbers of the processes in it. Raises OSError."""
        return list(map(int, (self.folder / "cgroup.procs").read_text().split()))

    def kill(self) -> None:
        """End every process in it, also those that are being born."""
        with contextlib.suppress(OSError):
            write(self.folder / "cgroup.kill", "1")

    @property
    def ran_out_of_memory(self) -> bool:
        """Whether the kernel ended something in it for want of memory."""
        try:
            lines = (self.folder / "memory.events").read_text().splitlines()
        except OSError:
            return False
        counts = dict(line.split() for line in lines)
        return int(counts.get("oom_kill", 0)) > 0

    def remove(self) -> bool:
        """Remove it; False while a process is in it."""
        try:
            self.folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True


class Cgroups:
    """Where sandboxes' groups are made, and what each may use."""

    def __init__(self, parent: Path, limits: Limits, controllers: frozenset[str]) -> None:
        """`controllers` are those that groups in `parent` have."""
        self.parent = parent
        self.controllers = controllers
        self._limits = limits

    def make(self) -> Cgroup:
        """A new group with its limits. Raises OSError."""
        folder = self.parent / f"sandbox-{os.urandom(8).hex()}"
        folder.mkdir()
        made = Cgroup(folder)
        try:
            set_limits(folder, self._limits, self.controllers)
        except OSError:
            made.remove()
            raise
        return made

    def remove_old(self) -> None:
        """Remove what a server left that was killed. Groups in use cannot be removed."""
        for folder in self.parent.glob("sandbox-*"):
            Cgroup(folder).remove()


def find(
    path: Path | None, limits: Limits, needed: tuple[str, ...] = NEEDED, mounts: str | None = None
) -> Cgroups:
    """Where groups can be made: in the cgroup `path`, or in the server's own if None.

    One is made, takes a process in, ends it and is removed again before this says yes. `mounts` is
    a text like /proc/self/mountinfo, that of this process if None. Raises NoCgroup.
    """
    parent = own(mounts) if path is None else path
    controllers = _controllers(parent)
    if missing := [name for name in needed if name not in controllers]:
        raise NoCgroup(f"{parent} has no control of {' and '.join(missing)}")
    wanted = [name for name in (*needed, *_WELCOME) if name in controllers]
    _hand_down(parent, wanted)
    groups = Cgroups(parent, limits, frozenset(wanted))
    groups.remove_old()
    try:
        _try(groups)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoCgroup(f"the kernel refuses it: {error}") from error
    return groups


def own(mounts: str | None = None) -> Path:
    """The folder of the server's own cgroup. `mounts` as in `find`. Raises NoCgroup."""
    try:
        lines = mounts if mounts is not None else Path("/proc/self/mountinfo").read_text()
        belongs = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError as error:
        raise NoCgroup(str(error)) from error
    group = next((line[3:] for line in belongs if line.startswith("0::")), None)
    for line in lines.splitlines():
        before, _, after = line.partition(" - ")
        if not after.startswith("cgroup2 "):
            continue
        root, place = before.split()[3:5]
        if group is not None and (group + "/").startswith(root.rstrip("/") + "/"):
            return Path(place) / group[len(root.rstrip("/")) :].lstrip("/")
    raise NoCgroup("cgroup v2 is not mounted here")


def _controllers(parent: Path) -> list[str]:
    try:
        return (parent / "cgroup.controllers").read_text().split()
    except OSError as error:
        raise NoCgroup(f"{parent} is no cgroup: {error.strerror}") from error


def _hand_down(parent: Path, wanted: list[str]) -> None:
    """Give groups in `parent` these controllers. Raises NoCgroup.

    The kernel allows it only where no process is beside the groups. The server moves into a group
    of its own if it is alone there; the processes of others are left where they are.
    """
    control = parent / "cgroup.subtree_control"
    try:
        if set(wanted) <= set(control.read_text().split()):
            return
        if (parent / "cgroup.procs").read_text().split() == [str(os.getpid())]:
            leaf = parent / _LEAF
            leaf.mkdir(exist_ok=True)
            write(leaf / "cgroup.procs", str(os.getpid()))
        write(control, " ".join(f"+{name}" for name in wanted))
    except OSError as error:
        raise NoCgroup(
            f"{parent} cannot be divided: {error.strerror}. --cgroup names one that the server may "
            "write to and that no process is in"
        ) from error


def set_limits(folder: Path, limits: Limits, controllers: frozenset[str]) -> None:
    """Write `limits` into the group `folder`, as far as its `controllers` go. Raises OSError."""
    if "memory" in controllers:
        write(folder / "memory.max", str(limits.memory))
        # All processes go, as the watch has it: a session of which a part was ended is no use.
        write(folder / "memory.oom.group", "1")
        with contextlib.suppress(FileNotFoundError):  # a kernel that does not count swap
            write(folder / "memory.swap.max", "0")
    if "pids" in controllers:
        write(folder / "pids.max", str(limits.processes))
    if "cpu" in controllers:
        write(folder / "cpu.max", f"{round(limits.cpus * _PERIOD)} {_PERIOD}")


def _try(groups: Cgroups) -> None:
    """Raises OSError, subprocess.TimeoutExpired."""
    group = groups.make()
    try:
        with subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL) as process:
            try:
                group.take_in(process.pid)
                group.kill()
                process.wait(_TRIAL_SECONDS)
            finally:
                process.kill()
    finally:
        group.remove()


def write(file: Path, text: str) -> None:
    """Write to a file that the kernel has made; in a folder that is no cgroup it is not there."""
    opened = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(opened, text.encode())
    finally:
        os.close(opened)
