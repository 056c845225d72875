"""Tries to get out. Runs in a real sandbox when the server starts, with the standard library alone.

Input: one JSON object {"secret": path of a file of the host that everybody may read, "abstract":
name of an abstract Unix socket that the host listens on, "variables": names that may be in the
environment, "rlimits": {name: number}}. Prints one JSON object {wall: [what got through]} and waits
for its end.
"""

import ctypes
import errno
import json
import mmap
import os
import platform
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))
from boot import set_limits  # type: ignore[import-not-found]

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

# Numbers for x86-64 and for aarch64.
FORBIDDEN = {
    "ptrace": (101, 117),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "clone3": (435, 435),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "add_key": (248, 217),
    "keyctl": (250, 219),
    "userfaultfd": (323, 282),
    "memfd_create": (319, 279),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "process_vm_readv": (310, 270),
    "pidfd_getfd": (438, 438),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "splice": (275, 76),
    "vmsplice": (278, 75),
}


def files(config: dict[str, Any]) -> list[str]:
    through = []
    try:
        Path(config["secret"]).read_bytes()
        through.append("a file of the host could be read")
    except OSError:
        pass
    inside = {"bin", "dev", "etc", "lib", "lib32", "lib64", "mnt", "opt", "sbin", "tmp", "usr"}
    if others := {path.name for path in Path("/").iterdir()} - inside:
        through.append(f"there are folders of the host: {', '.join(sorted(others))}")
    devices = {"null", "zero", "full", "random", "urandom", "shm"}
    if others := {path.name for path in Path("/dev").iterdir()} - devices:
        through.append(f"there are devices of the host: {', '.join(sorted(others))}")
    for folder in (
        "/",
        "/usr",
        "/usr/bin",
        "/etc",
        "/dev",
        "/opt",
        "/opt/environment",
        "/opt/kernel",
        "/mnt",
    ):
        try:
            Path(folder, ".canary").touch()
            through.append(f"{folder} could be written to")
        except OSError:
            pass
    for folder in ("/mnt/data", "/tmp", "/dev/shm"):  # noqa: S108
        try:
            Path(folder, ".canary").touch()
            Path(folder, ".canary").unlink()
        except OSError as error:
            through.append(f"{folder} cannot be used ({error})")
    return through


def environment(config: dict[str, Any]) -> list[str]:
    return [
        f"{name} is in the environment" for name in os.environ if name not in config["variables"]
    ]


def processes(config: dict[str, Any]) -> list[str]:
    through = []
    seen = [pid for pid in range(1, 5000) if exists(pid)]
    if len(seen) > 2:
        through.append(f"{len(seen)} processes could be seen")
    if os.getsid(0) == 0:  # begun outside this process namespace
        through.append("the session, and so the terminal, is the server's")
    return through


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def network(config: dict[str, Any]) -> list[str]:
    through = []
    for family in range(64):
        if family == socket.AF_UNIX:
            continue
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            try:
                socket.socket(family, kind).close()
                through.append(f"a socket of family {family} could be made")
                break
            except OSError:
                pass
    with socket.socket(socket.AF_UNIX) as attempt:
        try:
            attempt.connect("\0" + config["abstract"])
            through.append("a Unix socket of the host could be reached")
        except OSError:
            pass
    return through


def system_calls(config: dict[str, Any]) -> list[str]:
    through = []
    column = 0 if platform.machine() == "x86_64" else 1
    for name, numbers in FORBIDDEN.items():
        ctypes.set_errno(0)
        libc.syscall(numbers[column], -1, 0, 0, 0, 0, 0)  # which none of them can carry out
        if ctypes.get_errno() != errno.ENOSYS:
            through.append(f"the system call {name} is there")
    new_user = 0x10000000
    if fork_succeeds(
        lambda: libc.syscall((56, 220)[column], new_user | signal.SIGCHLD, 0, 0, 0, 0)
    ):
        through.append("a new user namespace could be made")
    if platform.machine() == "x86_64" and not dies(i386_call):
        through.append("the i386 way into the kernel is open")
    return through


def fork_succeeds(call: Callable[[], int]) -> bool:
    pid = call()
    if pid == 0:
        os._exit(0)
    if pid > 0:
        os.waitpid(pid, 0)
    return pid > 0


def dies(act: Callable[[], None]) -> bool:
    """Whether a process that does it is ended by the filter."""
    pid = os.fork()
    if pid == 0:
        act()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def i386_call() -> None:
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, 20 (getpid); int 0x80; ret
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()


def privileges(config: dict[str, Any]) -> list[str]:
    through = []
    if 0 in (os.getuid(), os.geteuid(), os.getgid(), os.getegid()):
        through.append("the code runs as root")
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    held = (ctypes.c_uint32 * 6)()
    if libc.capget(header, held) != 0 or any(held):
        through.append("the code holds capabilities")
    get_no_new_privileges = 39
    if libc.prctl(get_no_new_privileges, 0, 0, 0, 0) != 1:
        through.append("the code could gain privileges by running a program")
    try:
        os.setuid(0)
        through.append("the code could become root")
    except OSError:
        pass
    return through


def limits(config: dict[str, Any]) -> list[str]:
    through = []
    rlimits = config["rlimits"]
    children: list[int] = []
    try:
        while len(children) <= rlimits["NPROC"]:
            pid = os.fork()
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            children.append(pid)
        through.append("processes are not limited")
    except OSError:
        pass
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    try:
        mmap.mmap(-1, rlimits["AS"]).close()
        through.append("memory is not limited")
    except OSError:
        pass
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    path = Path("/tmp/.canary")  # noqa: S108
    with path.open("wb") as large:
        try:
            os.pwrite(large.fileno(), b"x", rlimits["FSIZE"])
            through.append("the size of a file is not limited")
        except OSError:
            pass
    path.unlink()
    for name, number in rlimits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        if resource.getrlimit(kind) != (number, number):
            through.append(f"the limit {name} is not {number}")
        try:
            resource.setrlimit(kind, (number + 1, number + 1))
            through.append(f"the limit {name} could be raised")
        except (OSError, ValueError):
            pass
    return through


def main() -> None:
    config = json.loads(sys.stdin.buffer.read())
    set_limits(config["rlimits"])
    walls = (files, environment, processes, network, system_calls, privileges, limits)
    found = {}
    for wall in walls:
        try:
            found[wall.__name__] = wall(config)
        except Exception as error:
            found[wall.__name__] = [f"it could not be tried: {error!r}"]
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    time.sleep(60)


if __name__ == "__main__":
    main()
