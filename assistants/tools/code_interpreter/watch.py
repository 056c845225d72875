"""Watches over what a sandbox uses where no limit of the kernel's counts it: memory of all
processes together, disk, and processor time after a call has ended.

Watching is sampling, so what is used can pass a limit for a moment; then the sandbox ends.
"""

import asyncio
import contextlib
import os
import signal
import stat
import time
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter import files
from assistants.tools.code_interpreter.kernel import Kernel
from assistants.tools.code_interpreter.limits import MIB

_MEMORY_SECONDS: Final = 0.2
_DISK_SECONDS: Final = 1.0
_IDLE_SECONDS: Final = 5.0
_NO_NAME: Final = " (deleted)"
# Memory that processes share, in /proc/<pid>/maps; it is counted as memory.
_NO_FILE: Final = "/dev/zero (deleted)"
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_KILLED: Final = (-signal.SIGKILL, 128 + signal.SIGKILL)  # the second as bubblewrap passes it on
_TICK: Final = os.sysconf("SC_CLK_TCK")


def is_there(pid: int) -> bool:
    """Whether a process of that number exists."""
    return Path(f"/proc/{pid}").exists()


def resident(processes: list[int]) -> int:
    """Bytes of memory the processes hold, what they share counted several times. Quick."""
    total = 0
    for pid in processes:
        with contextlib.suppress(OSError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return total


def proportional(processes: list[int]) -> int:
    """Bytes of memory the processes hold, what they share counted in shares; all of it where that
    cannot be read.
    """
    total = 0
    for pid in processes:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
        except (OSError, StopIteration):
            total += resident([pid])
    return total


def processor_time(processes: list[int]) -> float:
    """Seconds of processor time the processes and their ended children have used."""
    total = 0
    for pid in processes:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))
    return total / _TICK


def nameless(processes: list[int]) -> int:
    """Bytes on disk of files that the processes have open or mapped, and that no folder has."""
    found: dict[tuple[int, int], int] = {}
    for pid in processes:
        with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as opened:
            for entry in opened:
                with contextlib.suppress(OSError):
                    status = entry.stat()
                    if status.st_nlink == 0 and stat.S_ISREG(status.st_mode):
                        found[status.st_dev, status.st_ino] = status.st_blocks * 512
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/maps").read_text(errors="replace").splitlines():
                if line.endswith(_NO_NAME) and line.split(maxsplit=5)[-1] != _NO_FILE:
                    _add_mapping(line, found)
    return sum(found.values())


def _add_mapping(line: str, found: dict[tuple[int, int], int]) -> None:
    """Count the file of a line of /proc/<pid>/maps, whose size nobody tells: it has at least what
    is mapped of it. One that is open as well is counted already.
    """
    span, _, offset, device, inode = line.split()[:5]
    first, last = (int(end, 16) for end in span.split("-"))
    major, minor = (int(part, 16) for part in device.split(":"))
    key = (os.makedev(major, minor), int(inode))
    found[key] = max(found.get(key, 0), int(offset, 16) + last - first)


def lower_priority(processes: list[int]) -> None:
    """If memory runs out on the whole machine, a sandbox goes first."""
    for pid in processes:
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/oom_score_adj").write_text("1000")


def why_it_ended(kernel: Kernel) -> str | None:
    """What completes the sentence "The session ended: ..."; None if nobody knows."""
    if kernel.end_reason is not None:
        return kernel.end_reason
    if kernel.running.ran_out_of_memory:
        return _too_much_memory(kernel)  # the kernel was quicker than the watch
    if kernel.running.exit_code in _KILLED:
        return "Python was killed, most likely because the server had no memory left"
    return None


def _too_much_memory(kernel: Kernel) -> str:
    return f"it used more than {kernel.limits.memory // MIB:,} MB of memory"


async def _check_memory(kernel: Kernel) -> None:
    processes = kernel.running.processes()
    limit = kernel.limits.memory
    if resident(processes) > limit and await asyncio.to_thread(proportional, processes) > limit:
        kernel.kill(_too_much_memory(kernel))


def _list(kernel: Kernel, data: Path) -> tuple[files.Listing, files.Listing]:
    """What is in the session's folder, and in all that the sandbox may write to together."""
    own = files.listing(data, kernel.limits.files)
    whole = files.Listing({}, own.usage, own.names, own.hidden)
    for folder in (kernel.folders.tmp, kernel.folders.shm):
        found = files.listing(folder, kernel.limits.files)
        whole.usage += found.usage
        whole.names += found.names
        whole.hidden = whole.hidden or found.hidden
    return own, whole


async def _check_disk(kernel: Kernel, data: Path) -> None:
    _, found = await asyncio.to_thread(_list, kernel, data)
    found.usage += await asyncio.to_thread(nameless, kernel.running.processes())
    _end_if_too_much(kernel, found)


async def after_call(kernel: Kernel, data: Path) -> files.Listing:
    """What a call has left in the session's folder. It ends the kernel if that is too much: looks
    at fixed times miss what is done between two of them.

    Files without a name are left to the next look: to find them takes longer than most calls.
    """
    left, found = await asyncio.to_thread(_list, kernel, data)
    _end_if_too_much(kernel, found)
    return left


def _end_if_too_much(kernel: Kernel, found: files.Listing) -> None:
    limits = kernel.limits
    if found.usage > limits.disk:
        kernel.kill(f"it wrote more than {limits.disk // MIB:,} MB")
    elif found.names > limits.files:
        kernel.kill(f"it made more than {limits.files:,} files")
    elif found.hidden:
        kernel.kill("it made folders that cannot be looked into")


async def during_call(kernel: Kernel, data: Path) -> None:
    """Watch until cancelled. `data` is where the session's folder is now."""
    looked, free = time.monotonic(), _free(data)
    while not kernel.over:
        await asyncio.sleep(_MEMORY_SECONDS)
        await _check_memory(kernel)
        taken = free - _free(data)  # by whomever, but that costs one look more at most
        if time.monotonic() >= looked + _DISK_SECONDS or taken > kernel.limits.disk // 4:
            await _check_disk(kernel, data)
            looked, free = time.monotonic(), _free(data)


def _free(folder: Path) -> int:
    """Bytes that the file system of `folder` has left."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


async def between_calls(kernel: Kernel, data: Path) -> None:
    """Watch until cancelled. Code may leave a thread or a process behind; it may not keep the
    machine busy.
    """
    limits = kernel.limits
    used, since = processor_time(kernel.running.processes()), time.monotonic()
    while not kernel.over:
        await asyncio.sleep(_IDLE_SECONDS)
        await _check_memory(kernel)
        await _check_disk(kernel, data)
        now = processor_time(kernel.running.processes())
        if now - used > limits.idle_cpu:
            kernel.kill("it went on working after its call had ended")
        if time.monotonic() - since > limits.idle_cpu_window:
            used, since = now, time.monotonic()
