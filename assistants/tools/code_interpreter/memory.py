"""How much memory the machine, or the container around the server, has left.

Read from /proc/meminfo and from the server's own cgroup (v2 or v1) and those above it, whichever
leaves less. A limit that a container has is nowhere in /proc/meminfo.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter.cgroup import NoCgroup, own
from assistants.tools.code_interpreter.limits import GIB

_MEMINFO: Final = Path("/proc/meminfo")
_V1: Final = Path("/sys/fs/cgroup/memory")
_NO_LIMIT: Final = 1 << 60  # cgroup v1 has a huge number in the place of "none"
_SHARE: Final = 10
_MOST_SPARED: Final = 2 * GIB


def available() -> int:
    """Bytes that can still be had; what is only cached counts as free."""
    left = [limit - used for limit, used in groups()]
    return min([_meminfo("MemAvailable"), *left])


def total() -> int:
    """Bytes that there are."""
    return min([_meminfo("MemTotal"), *(limit for limit, _ in groups())])


def usually_spared() -> int:
    """Bytes below which idle sessions give up theirs: a tenth of all, 2 GB at most."""
    return min(total() // _SHARE, _MOST_SPARED)


def _meminfo(name: str) -> int:
    lines = _MEMINFO.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def groups() -> Iterator[tuple[int, int]]:
    """(limit, use) in bytes of each cgroup around this process that has a limit."""
    with contextlib.suppress(NoCgroup):
        for folder in _and_above(own()):
            yield from _read(folder, "memory.max", "memory.current", "inactive_file")
    for folder in _and_above(_V1 / _own_in_v1()):
        yield from _read(
            folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
        )


def _own_in_v1() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if "memory" in controllers.split(","):
                return path.lstrip("/")
    return ""


def _and_above(folder: Path) -> Iterator[Path]:
    """Up to where cgroups end; in a container the first ones may not be there."""
    for one in (folder, *folder.parents):
        if (one / "cgroup.procs").exists():
            yield one


def _read(folder: Path, limit: str, use: str, cached: str) -> Iterator[tuple[int, int]]:
    try:
        most = (folder / limit).read_text().strip()
        used = int((folder / use).read_text())
        counts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except OSError:
        return  # the topmost one has no limit
    if most != "max" and int(most) < _NO_LIMIT:
        yield int(most), used - int(counts.get(cached, 0))
