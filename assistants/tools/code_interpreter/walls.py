"""The walls around the code, tried out in a real sandbox before the tool is switched on.

A wall that does not hold switches the tool off, with the reason. There is no kernel without a
sandbox, and no setting that makes one.
"""

import asyncio
import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter import files, watch
from assistants.tools.code_interpreter.cgroup import Cgroups
from assistants.tools.code_interpreter.outputs import Wall
from assistants.tools.code_interpreter.sandbox import Sandbox
from assistants.tools.code_interpreter.sandboxes import Folders, Sandboxes

_SECONDS: Final = 20.0
_END_SECONDS: Final = 5.0

# What each wall that the canary tries from inside keeps out, as a person reads it.
_INSIDE: Final = {
    "files": "Files of this machine are not there; programs and libraries are read-only.",
    "environment": "No variable of this machine's environment, so no key.",
    "processes": "Only the sandbox's own processes can be seen or signalled.",
    "network": "No socket of any kind but Unix ones, and none of those leads out.",
    "system_calls": (
        "Calls that trace, mount, make namespaces or load programs into the kernel do not exist."
    ),
    "privileges": "An ordinary user without capabilities, who cannot gain any.",
    "limits": "Memory, processes, open files and the size of a file are limited.",
}
# Which wall each namespace is part of.
_NAMESPACES: Final = {
    "mnt": "files",
    "pid": "processes",
    "ipc": "processes",
    "uts": "processes",
    "cgroup": "processes",
    "net": "network",
    "user": "privileges",
}
# What a shell sets by itself, where bubblewrap is started by a script.
_SHELLS: Final = {"", "PWD", "OLDPWD", "SHLVL", "_"}
# What the kernel limits for a sandbox as a whole, by the controllers of its cgroup.
_CONTROLLED: Final = {"memory": "memory", "pids": "processes", "cpu": "processor time"}
_NO_CGROUP: Final = (
    "Not on this machine: memory of all processes together is watched, which takes a moment"
)
_CURE: Final = (
    "The tool stays off. docs/interpreter.md says what each wall needs and how to try them again."
)
_CURE_NAMESPACES: Final = (
    "This machine may not let ordinary users make namespaces. On Debian and Ubuntu: "
    "sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0. "
    "In a container: run it with --security-opt seccomp=unconfined and "
    "--security-opt apparmor=unconfined."
)


async def try_walls(sandboxes: Sandboxes, box: Path) -> list[Wall]:
    """Try every wall; all of them, in the order in which they are shown. `box` is a path for the
    attempt's folders.
    """
    folders = sandboxes.make_folders(box)
    secret = box / "secret"
    secret.write_text("a file of the host")
    secret.chmod(0o644)
    name = f"code-interpreter-{os.urandom(8).hex()}"
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(f"\0{name}")
            listening.listen(1)
            config = {
                "secret": str(secret),
                "abstract": name,
                "variables": [*sandboxes.environment(), "PWD", "LC_CTYPE"],
                "rlimits": sandboxes.rlimits(),
            }
            try:
                sandbox = await sandboxes.start(
                    folders, "canary.py", json.dumps(config).encode(), stdout=subprocess.PIPE
                )
            except OSError as error:
                return [Wall("sandbox", ok=False, detail=f"{error}. {_CURE_NAMESPACES}")]
            return await _try_one(sandboxes, sandbox, folders)
    finally:
        await asyncio.to_thread(files.remove_tree, box)


async def _try_one(sandboxes: Sandboxes, sandbox: Sandbox, folders: Folders) -> list[Wall]:
    try:
        async with asyncio.timeout(_SECONDS):
            found = json.loads(await sandbox.first_line())
    except (TimeoutError, ValueError):
        sandbox.kill()
        await sandbox.wait()
        said = await sandbox.errors() or "No answer from inside."
        cure = _CURE_NAMESPACES if said.startswith("bwrap") else _CURE
        return [Wall("sandbox", ok=False, detail=f"{said.rstrip('.')}. {cure}")]
    for name, through in _namespaces(sandbox).items():
        found[name] += through
    found["environment"] += _environment(sandbox)
    walls = [_wall(name, kept_out, found[name]) for name, kept_out in _INSIDE.items()]
    group = _cgroup(sandboxes, sandbox)
    walls += [
        _wall("user", _user_detail(sandboxes), _user(sandboxes, sandbox)),
        _wall(
            "outputs",
            "What is fetched from a session is a plain file of its own, links lead nowhere.",
            _outputs(folders),
        ),
        _wall(
            "watch",
            "Memory, disk and processor time are watched; a sandbox that passes a limit ends.",
            await _watch(sandbox, folders),
        ),
        group,
    ]
    return walls


def _namespaces(sandbox: Sandbox) -> dict[str, list[str]]:
    """The namespaces that the sandbox shares with this process, or of which nobody can tell, by the
    wall they belong to. What is kept out by one is kept out by the filter too, so only a look from
    outside tells.
    """
    shared: dict[str, list[str]] = {}
    for kind, wall in _NAMESPACES.items():
        ours = Path(f"/proc/self/ns/{kind}")
        if ours.parent.is_dir() and not ours.is_symlink():
            continue  # this kernel has no such kind
        try:
            same = Path(f"/proc/{sandbox.first}/ns/{kind}").readlink() == ours.readlink()
        except OSError as error:
            found = f"its {kind} namespace cannot be looked at ({error.strerror})"
            shared.setdefault(wall, []).append(found)
            continue
        if same:
            shared.setdefault(wall, []).append(f"the {kind} namespace is the host's")
    return shared


def _environment(sandbox: Sandbox) -> list[str]:
    """Whether the first process was given variables of the server's, which it keeps in its memory
    even if those that it starts do not get them.
    """
    try:
        held = Path(f"/proc/{sandbox.first}/environ").read_text(errors="replace").split("\0")
    except OSError as error:
        return [f"the environment of its first process cannot be looked at ({error.strerror})"]
    if others := {entry.partition("=")[0] for entry in held} - _SHELLS:
        return [f"the first process of the sandbox has {', '.join(sorted(others))}"]
    return []


def _cgroup(sandboxes: Sandboxes, sandbox: Sandbox) -> Wall:
    """What the kernel counts for the sandbox, if it may. Where it should and does not, that is a
    failure and nothing to do without: `cgroup.py` is wrong about this machine.
    """
    if sandboxes.cgroups is None or sandbox.group is None:
        detail = f"{_NO_CGROUP} ({sandboxes.why_no_cgroup})."
        return Wall("cgroup", ok=False, detail=detail, extra=True)
    try:
        outside = set(sandbox.processes()) - set(sandbox.group.processes())
    except OSError as error:
        return _wall("cgroup", "", [f"who is in the sandbox's cgroup cannot be told: {error}"])
    if outside:
        return _wall("cgroup", "", [f"{len(outside)} processes of the sandbox are outside it"])
    return Wall("cgroup", ok=True, detail=_what_is_limited(sandboxes.cgroups), extra=True)


def _what_is_limited(groups: Cgroups) -> str:
    has = [text for name, text in _CONTROLLED.items() if name in groups.controllers]
    lacks = [text for name, text in _CONTROLLED.items() if name not in groups.controllers]
    told = ["Each sandbox is ended as a whole by the kernel itself"]
    if has:
        told.append(f"which limits its {', '.join(has)}")
    if lacks:
        told.append(f"but not its {', '.join(lacks)}: {groups.parent} has no control of that")
    return f"{', '.join(told)}."


def _wall(name: str, kept_out: str, through: list[str]) -> Wall:
    label = name.replace("_", " ")
    if through:
        return Wall(label, ok=False, detail=f"{'; '.join(through)}. {_CURE}")
    return Wall(label, ok=True, detail=kept_out)


def _user_detail(sandboxes: Sandboxes) -> str:
    if sandboxes.uid is None:
        return "Outside the sandbox the code's user is the server's, which is not root."
    return f"Outside the sandbox the code's user is number {sandboxes.uid}, who owns nothing else."


def _user(sandboxes: Sandboxes, sandbox: Sandbox) -> list[str]:
    wanted = os.geteuid() if sandboxes.uid is None else sandboxes.uid
    for pid in sandbox.processes():
        try:
            owner = Path(f"/proc/{pid}").stat().st_uid
        except OSError as error:
            return [f"the user of process {pid} of the sandbox cannot be told ({error.strerror})"]
        if owner != wanted or wanted == 0:
            return [f"process {pid} of the sandbox runs as another user than {wanted}"]
    return []


def _outputs(folders: Folders) -> list[str]:
    """Fetch what must not be fetched."""
    through = []
    data = folders.data
    (data / "plain").write_text("x")
    (data / "link").symlink_to(folders.data.parent / "secret")
    (data / "way").symlink_to("..")
    (data / "inner-link").symlink_to("plain")
    os.mkfifo(data / "fifo")
    os.link(data / "plain", data / "second-name")
    target = folders.data.parent / "fetched"
    for path in (
        "link",
        "inner-link",
        "way/secret",
        "fifo",
        "second-name",
        "../secret",
        "/etc/passwd",
    ):
        try:
            files.copy_out(data, path, target, 1000)
            target.unlink()
            through.append(f"{path} could be fetched")
        except files.TooLarge:
            through.append(f"{path} could be opened")
        except OSError:
            pass
    (data / "second-name").unlink()
    try:
        files.copy_out(data, "plain", target, 1000)
    except OSError as error:
        through.append(f"a plain file cannot be fetched: {error}; Linux 5.6 or newer is needed")
    return through


async def _watch(sandbox: Sandbox, folders: Folders) -> list[str]:
    """See what the sandbox uses, and end it."""
    through = []
    processes = sandbox.processes()
    if len(processes) < 2 or watch.resident(processes) == 0:
        through.append("the memory of the sandbox cannot be measured")
    if files.listing(folders.data, 100).names == 0:
        through.append("the disk use of the sandbox cannot be measured")
    sandbox.kill()
    try:
        async with asyncio.timeout(_END_SECONDS):
            await sandbox.wait()
    except TimeoutError:
        return [*through, "the sandbox cannot be ended"]
    if any(map(watch.is_there, processes)):
        through.append("processes of the sandbox outlived it")
    return through
