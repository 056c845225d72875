"""A memory limit around processes, as a container has one: a cgroup (v1 or v2) of the tests'.

What a process has when it comes in is not counted there, only what it takes from then on.
"""

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

V1: Final = Path("/sys/fs/cgroup/memory")
V2: Final = Path("/sys/fs/cgroup")
ENDING_SECONDS: Final = 10


class Cage:
    """Takes processes in, which may take so many MB together."""

    def __init__(self, megabytes: int) -> None:
        is_v1 = (V1 / "cgroup.procs").exists()
        self.folder = (V1 if is_v1 else V2) / f"tests-{secrets.token_hex(6)}"
        self.folder.mkdir()
        room = str(megabytes * 2**20)
        try:
            if is_v1:
                self._write("memory.limit_in_bytes", room)
                self._write_if_it_swaps("memory.memsw.limit_in_bytes", room)
            else:
                self._write("memory.max", room)
                self._write_if_it_swaps("memory.swap.max", "0")
        except OSError:
            self.folder.rmdir()
            raise
        self._events = self.folder / ("memory.oom_control" if is_v1 else "memory.events")

    def _write(self, name: str, value: str) -> None:
        (self.folder / name).write_text(value)

    def _write_if_it_swaps(self, name: str, value: str) -> None:
        """Swap is more room. A kernel need not count it, which is as well where there is none."""
        if (self.folder / name).exists():
            self._write(name, value)
        elif psutil.swap_memory().total:
            raise FileNotFoundError(name)

    def take_in(self, pid: int) -> None:
        """The process, and what it starts from now on."""
        (self.folder / "cgroup.procs").write_text(str(pid))

    @property
    def within(self) -> tuple[str, ...]:
        """Has a command run in it."""
        return ("sh", "-c", f'echo $$ > {self.folder}/cgroup.procs; exec "$@"', "sh")

    @property
    def kills(self) -> int:
        """How many processes the kernel has ended for want of memory."""
        lines = (line.split() for line in self._events.read_text().splitlines())
        return next(int(count) for name, count in lines if name == "oom_kill")

    def remove(self) -> None:
        """With what is still in there."""
        deadline = time.monotonic() + ENDING_SECONDS
        while pids := (self.folder / "cgroup.procs").read_text().split():
            for pid in map(int, pids):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self.folder.rmdir()


@contextlib.contextmanager
def cage(megabytes: int) -> Iterator[Cage]:
    """Gone afterwards, with what is still in there."""
    made = Cage(megabytes)
    try:
        yield made
    finally:
        made.remove()


def can_be_had() -> bool:
    """Whether this machine lets the tests make one."""
    try:
        with cage(64) as made:
            return made.kills == 0
    except (OSError, StopIteration):
        return False
