"""What this machine's kernel gives to tests, found without the code that they are about: that code
must fail where it no longer finds it, and not be skipped.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests import cage


def _own_cgroup() -> Path | None:
    """The folder of this process's cgroup (v2), None where there is none."""
    belongs = Path("/proc/self/cgroup").read_text().splitlines()
    group = next((line.removeprefix("0::") for line in belongs if line.startswith("0::")), None)
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        root, place = line.split()[3:5]
        if group is not None and " - cgroup2 " in line and group.startswith(root):
            return Path(place, group.removeprefix(root).lstrip("/"))
    return None


def _has_cgroup_v2() -> bool:
    return "0::/" in Path("/proc/self/cgroup").read_text()


def _makes_cgroups() -> bool:
    """Whether the tests may make a group in theirs, with control of processors if that has it."""
    group = _own_cgroup()
    if group is None:
        return False
    try:
        (group / "of-the-tests").mkdir()
        (group / "of-the-tests").rmdir()
    except OSError:
        return False
    return _hands_down(group, {"cpu"} & _words(group / "cgroup.controllers"))


def _limits_cgroups() -> bool:
    """Whether groups that the tests make may also have limits."""
    group = _own_cgroup()
    if group is None or not _makes_cgroups():
        return False
    there = _words(group / "cgroup.controllers")
    return {"memory", "pids"} <= there and _hands_down(group, {"memory", "pids", "cpu"} & there)


def _hands_down(group: Path, controllers: set[str]) -> bool:
    """Whether groups in `group` have these controllers, or would if its only process left it."""
    if _words(group / "cgroup.procs") == {str(os.getpid())}:
        return True
    with contextlib.suppress(OSError):
        (group / "cgroup.subtree_control").write_text(" ".join(f"+{one}" for one in controllers))
    return controllers <= _words(group / "cgroup.subtree_control")


def _words(file: Path) -> set[str]:
    return set(file.read_text().split())


# All that may be missing where CI is set too: only another kernel, or another container around the
# tests, could give it.
FEATURES: Final[dict[str, Callable[[], bool]]] = {
    "cgroup v2": _has_cgroup_v2,
    "cgroups that the tests may make": _makes_cgroups,
    "cgroups that limit memory and processes": _limits_cgroups,
    "memory limits around processes": cage.can_be_had,
}
