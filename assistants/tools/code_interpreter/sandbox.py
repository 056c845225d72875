"""One sandbox: the bubblewrap command that makes it, and the hold on the processes inside.

What is inside: the system's libraries and programs and the sandbox's own Python, read-only;
/mnt/data, /tmp and /dev/shm, each a folder of the host that is watched; five devices. No /proc (it
tells about the host, and a container may not mount one), no /sys, no network, no environment but
ours, no user but one, no privilege.
"""

import asyncio
import contextlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter import seccomp
from assistants.tools.code_interpreter.cgroup import Cgroup, Cgroups
from assistants.tools.code_interpreter.limits import Limits
from assistants.tools.code_interpreter.outputs import DATA
from assistants.tools.code_interpreter.reach import Reach

# The user that sandboxes run as when the server is root: no account has it, and it lies below the
# numbers that systemd gives out by itself.
SANDBOX_UID: Final = 58321

_INSIDE: Final = Path(__file__).parent / "inside"
_PYTHON: Final = "/opt/python"  # the interpreter's own files
_ENVIRONMENT: Final = "/opt/environment"  # the tool box
_PROGRAMS: Final = "/opt/kernel"
_TMP: Final = "/tmp"  # noqa: S108 - inside
# Where matplotlib looks for fonts beside the system's; the machine's own folder is not inside.
_FONTS: Final = "/usr/local/share/fonts"
_USER: Final = "1000"
_START_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 2.0

_ETC: Final = {
    "passwd": f"user:x:{_USER}:{_USER}::/tmp:/bin/sh\n",
    "group": f"user:x:{_USER}:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "hosts": "",
}


class Missing(Exception):
    """Something a sandbox is made of is not there. The message says what, and what to do."""


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter and its packages on the host, and how they are called inside.

    `base` is the prefix the interpreter was installed in, `libraries` the lib folder of the tool
    box's venv.
    """

    base: Path
    home: str  # the folder of the interpreter, inside
    name: str  # of the program, such as python3.11
    libraries: Path

    @property
    def font_package(self) -> str:
        """The folder below ``libraries`` of the tool box's font for Chinese, Japanese, Korean."""
        return f"{self.name}/site-packages/cvttf_NotoSansCJK_Regular"

    @property
    def installed_at(self) -> float:
        """When a package of the tool box last came or went, in seconds since 1970."""
        return (self.libraries / self.name / "site-packages").stat().st_mtime

    @property
    def in_usr(self) -> bool:
        """Whether it came with the system, and is inside with it."""
        return self.home == "/usr/bin"


def find_python(program: Path) -> Python:
    """The interpreter behind `program`, the python of a venv. Runs nothing. Raises Missing."""
    environment = program.parent.parent
    try:
        lines = (environment / "pyvenv.cfg").read_text().splitlines()
    except OSError:
        raise Missing(
            f"There is no Python for the sandbox at {program}. `make run` builds it."
        ) from None
    settings = {name.strip(): value.strip() for name, _, value in (x.partition("=") for x in lines)}
    version = settings.get("version_info", settings.get("version", "")).split(".")[:2]
    name = "python" + ".".join(version)
    home = Path(settings.get("home", ""))
    found = (home / name).resolve() if (home / name).exists() else (home / "python3").resolve()
    base = found.parent.parent
    if not found.exists():
        raise Missing(
            f"The sandbox's Python was made from {home}, which is gone. Remove {environment} and "
            "start again: it is built anew."
        )
    inside = "/usr/bin" if base == Path("/usr") else f"{_PYTHON}/bin"
    return Python(base, inside, found.name, environment / "lib")


def find_bubblewrap(program: str | None) -> Path:
    """`program` if given, else bubblewrap on PATH or beside this Python. Raises Missing."""
    if platform.system() != "Linux":
        raise Missing(
            f"The sandbox needs Linux, and this is {platform.system()}. "
            "In a container it works: docker compose up."
        )
    beside = Path(sys.prefix) / "bin" / "bwrap"
    found = program or shutil.which("bwrap") or (str(beside) if beside.exists() else None)
    if found is None or not Path(found).exists():
        raise Missing("bubblewrap is missing. Install it: apt-get install bubblewrap.")
    return Path(found)


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of one sandbox on the host, each written to by the code inside."""

    data: Path
    tmp: Path
    shm: Path


class Sandboxes:
    """What all sandboxes of a server have in common. `start()` makes one."""

    def __init__(
        self, bubblewrap: Path, python: Python, runtime: Path, root: Path, limits: Limits
    ) -> None:
        """`runtime` is an empty folder of the server's, `root` the one that holds all sandboxes'
        folders.

        Must be called before the process starts a thread, see reach.py. Raises Missing,
        Unreachable.
        """
        self.limits = limits
        self.cgroups: Cgroups | None = None  # each sandbox gets one of these, if there are any
        self.why_no_cgroup = "nobody has looked for one"
        self.uid = SANDBOX_UID if os.geteuid() == 0 else None
        self.python = python
        self._bubblewrap = bubblewrap
        self._etc = runtime / "etc"
        self._programs = runtime / "programs"
        self._environment = runtime / "environment"
        try:
            self._filter = seccomp.program(platform.machine())
        except seccomp.UnknownMachine:
            raise Missing(
                f"There is no system call filter for this kind of processor, {platform.machine()}."
            ) from None
        self._lay_out()
        self._reach = Reach((runtime, root, python.libraries, python.base), self.uid)
        self._no_more_namespaces = self._can_forbid_namespaces()

    def close(self) -> None:
        """Let go of what `__init__` made."""
        self._reach.close()

    def _lay_out(self) -> None:
        """The small files that every sandbox gets to see."""
        for folder in (
            self._etc,
            self._programs,
            self._environment / "bin",
            self._environment / "lib",
        ):
            folder.mkdir(parents=True)
        for name, text in _ETC.items():
            (self._etc / name).write_text(text)
        (self._etc / "ld.so.cache").touch()
        for name in ("alternatives", "fonts"):
            (self._etc / name).mkdir()
        for file in _INSIDE.iterdir():
            if file.is_file():
                shutil.copyfile(file, self._programs / file.name)
        for name in ("python", "python3", self.python.name):
            (self._environment / "bin" / name).symlink_to(f"{self.python.home}/{self.python.name}")
        (self._environment / "pyvenv.cfg").write_text(
            f"home = {self.python.home}\ninclude-system-site-packages = false\n"
        )
        for path in (self._etc, self._programs, self._environment):
            for laid in (path, *path.rglob("*")):
                if not laid.is_symlink():
                    laid.chmod(0o755 if laid.is_dir() else 0o644)

    def _can_forbid_namespaces(self) -> bool:
        """Whether bubblewrap may write the sysctl that ends user namespaces inside; in a container
        it may not.
        """
        attempt = ("--unshare-user", "--disable-userns", "--ro-bind", "/", "/", "true")
        tried = subprocess.run(
            [self._bubblewrap, *attempt],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_START_SECONDS,
            user=self.uid,
            group=self.uid,
            extra_groups=None if self.uid is None else [],
        )
        return tried.returncode == 0

    def make_folders(self, box: Path) -> Folders:
        """The folders of a new sandbox in `box`, which must not exist."""
        folders = Folders(box / "data", box / "tmp", box / "shm")
        box.mkdir()
        box.chmod(0o711)  # whatever the umask
        for folder in (folders.data, folders.tmp, folders.shm):
            folder.mkdir(mode=0o700)
            self.give(folder)
        return folders

    def give(self, path: Path) -> None:
        """Make the sandboxes' user the owner of `path`."""
        if self.uid is not None:
            os.chown(path, self.uid, self.uid, follow_symlinks=False)

    @staticmethod
    def _systems_folders() -> list[tuple[str, ...]]:
        """The system's programs and libraries: all of /usr but what was installed by hand."""
        found: list[tuple[str, ...]] = []
        for name in ("bin", "lib", "lib64", "lib32", "sbin"):
            if Path("/usr", name).is_dir() and not Path("/usr", name).is_symlink():
                found.append(("--ro-bind", f"/usr/{name}", f"/usr/{name}"))
            top = Path("/", name)
            if top.is_symlink():
                found.append(("--symlink", str(top.readlink()).lstrip("/"), str(top)))
            elif top.is_dir():
                found.append(("--ro-bind", str(top), str(top)))
        shared = (f"/usr/share/{name}" for name in ("fonts", "zoneinfo", "mime", "terminfo"))
        return found + [("--ro-bind-try", folder, folder) for folder in shared]

    def _options(self, folders: Folders) -> list[tuple[str, ...]]:
        """Of bubblewrap, in the order in which it does them."""

        def here(path: Path) -> str:
            return str(self._reach.path(path))

        options: list[tuple[str, ...]] = [
            ("--unshare-all",),
            ("--unshare-user",),
            ("--uid", _USER),
            ("--gid", _USER),
            ("--hostname", "sandbox"),
            ("--new-session",),
            ("--die-with-parent",),
            ("--cap-drop", "ALL"),
            ("--clearenv",),
        ]
        if self._no_more_namespaces:
            options.append(("--disable-userns",))
        options += [("--setenv", name, value) for name, value in self.environment().items()]
        options += self._systems_folders()
        if not self.python.in_usr:
            for name in ("bin", "lib"):
                options.append(("--ro-bind", here(self.python.base / name), f"{_PYTHON}/{name}"))
        options += [
            ("--ro-bind", here(self._environment), _ENVIRONMENT),
            ("--ro-bind", here(self.python.libraries), f"{_ENVIRONMENT}/lib"),
            ("--symlink", f"{_ENVIRONMENT}/lib/{self.python.font_package}", _FONTS),
            ("--ro-bind", here(self._programs), _PROGRAMS),
            ("--ro-bind", here(self._etc), "/etc"),
        ]
        for path in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts"):
            options.append(("--ro-bind-try", path, path))
        for device in ("null", "zero", "full", "random", "urandom"):
            options.append(("--dev-bind", f"/dev/{device}", f"/dev/{device}"))
        options += [
            ("--bind", here(folders.data), DATA),
            ("--bind", here(folders.tmp), _TMP),
            ("--bind", here(folders.shm), "/dev/shm"),  # noqa: S108
            ("--remount-ro", "/"),
            ("--chdir", DATA),
        ]
        return options

    def environment(self) -> dict[str, str]:
        """All that code inside finds in its environment."""
        threads = str(min(os.cpu_count() or 1, 4))
        return {
            "PATH": f"{_ENVIRONMENT}/bin:/usr/bin:/bin",
            "LD_LIBRARY_PATH": f"{_PYTHON}/lib",
            "HOME": _TMP,
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "MPLCONFIGDIR": f"{_TMP}/.matplotlib",
            "MATPLOTLIBRC": f"{_PROGRAMS}/matplotlibrc",
            "IPYTHONDIR": f"{_TMP}/.ipython",
            "OPENBLAS_NUM_THREADS": threads,
            "OMP_NUM_THREADS": threads,
            "MALLOC_ARENA_MAX": "2",
        }

    def rlimits(self) -> dict[str, int]:
        """What the first program inside sets; the names are those of the resource module."""
        return {
            "AS": self.limits.address_space,
            "NPROC": self.limits.processes,
            "NOFILE": self.limits.open_files,
            "FSIZE": self.limits.file_size,
            # Not 0: with 0 the kernel still pipes a crash to a program of the host, if told to.
            "CORE": 1,
            "MSGQUEUE": 0,
            "MEMLOCK": 0,
            "SIGPENDING": 1024,
        }

    async def start(
        self,
        folders: Folders,
        program: str,
        configuration: bytes,
        *,
        pass_fds: Sequence[int] = (),
        stdout: int = subprocess.DEVNULL,
    ) -> "Sandbox":
        """Run one of the programs of `inside/` in a new sandbox, with `configuration` as its input.

        Raises OSError if it did not start.
        Must be called in the main thread: the sandbox dies with the thread that made it.
        """
        group = self.cgroups.make() if self.cgroups is not None else None
        try:
            return await self._start(folders, program, configuration, group, pass_fds, stdout)
        except BaseException:  # also when whoever waits for it gives up
            if group is not None:
                group.kill()
                group.remove()
            raise

    async def _start(
        self,
        folders: Folders,
        program: str,
        configuration: bytes,
        group: Cgroup | None,
        pass_fds: Sequence[int],
        stdout: int,
    ) -> "Sandbox":
        """As `start`, in `group`, which is the caller's to remove if there is no sandbox."""
        status_read, status_write = os.pipe()
        reports, transport = await _reader(status_read)
        filter_read, filter_write = os.pipe()
        go_read, go_write = os.pipe()
        try:
            with os.fdopen(filter_write, "wb") as written:
                written.write(self._filter)  # smaller than a pipe
            options = [
                *self._options(folders),
                ("--seccomp", str(filter_read)),
                ("--json-status-fd", str(status_write)),
                ("--block-fd", str(go_read)),
                ("--", f"{_ENVIRONMENT}/bin/python", "-P", f"{_PROGRAMS}/{program}"),
            ]
            process = await _whole(
                asyncio.create_subprocess_exec(
                    self._bubblewrap,
                    *(part for option in options for part in option),
                    stdin=subprocess.PIPE,
                    stdout=stdout,
                    stderr=subprocess.PIPE,
                    env={},
                    cwd="/",
                    pass_fds=(status_write, filter_read, go_read, *pass_fds),
                    umask=0o077,
                    user=self.uid,
                    group=self.uid,
                    extra_groups=None if self.uid is None else [],
                )
            )
        except BaseException:
            transport.close()
            os.close(go_write)
            raise
        finally:
            os.close(filter_read)
            os.close(status_write)
            os.close(go_read)
        if process.stdin is not None:
            process.stdin.write(configuration)  # and not as an argument, which everybody could read
            process.stdin.close()
        try:
            async with asyncio.timeout(_START_SECONDS):
                first = await _child_pid(reports)
            if group is not None:
                group.take_in(first)  # nothing of the sandbox runs yet
            os.write(go_write, b"1")
            return Sandbox(process, transport, first, group)
        except BaseException as error:
            transport.close()
            await _end(process)  # before `go_write` is closed, which would let it go on
            said = await _read(process.stderr)
            await process.wait()
            if isinstance(error, OSError | TimeoutError):
                raise OSError(f"bubblewrap: {said or error}") from error
            raise
        finally:
            os.close(go_write)


async def _whole(
    starting: Coroutine[object, object, asyncio.subprocess.Process],
) -> asyncio.subprocess.Process:
    """The process that is being started. Whoever gives up meanwhile has it ended first."""
    task = asyncio.ensure_future(starting)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):  # it did not start, so nothing is left of it
            await _end(await task)
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a bubblewrap that waits for the go, and its child, which is told only after that to die
    with its parent.
    """
    here = Path(f"/proc/{process.pid}")
    try:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGSTOP)  # so that it has no child that we have not seen
            await _stopped(here)
    finally:
        with contextlib.suppress(OSError):
            for child in here.joinpath(f"task/{process.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            process.kill()


async def _stopped(process: Path) -> None:
    """Until a process in /proc is stopped or ended. Not for ever: one that a debugger holds, or a
    disk, never is, and it is killed all the same.
    """
    until = time.monotonic() + _STOP_SECONDS
    with contextlib.suppress(OSError):
        while process.joinpath("stat").read_text().rpartition(")")[2].split()[0] not in "TZ":
            if time.monotonic() > until:
                return
            await asyncio.sleep(0.001)


async def _read(stream: asyncio.StreamReader | None) -> str:
    """The first few lines of what an ended program wrote."""
    said = await stream.read(4096) if stream is not None else b""
    return said.decode(errors="replace").strip()


async def _reader(descriptor: int) -> tuple[asyncio.StreamReader, asyncio.BaseTransport]:
    """A stream of what comes through a pipe; the transport closes `descriptor`."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
    )
    return reader, transport


async def _child_pid(reports: asyncio.StreamReader) -> int:
    """The process that bubblewrap reports as its child: number 1 inside. Raises OSError."""
    while line := await reports.readline():
        said = json.loads(line)
        if "child-pid" in said:
            return int(said["child-pid"])
    raise OSError("it ended before the sandbox stood")


class Sandbox:
    """A running sandbox. `first` is the host's number of its process 1, whose end takes all others
    with it.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reports: asyncio.BaseTransport,
        first: int,
        group: Cgroup | None,
    ) -> None:
        """`reports` is bubblewrap's status pipe: it writes its last word there when it ends, so the
        pipe stays open. `group` has all processes but bubblewrap itself, and goes with them.

        Raises OSError if the sandbox has ended already.
        """
        self._process = process
        self.first = first
        self.group = group
        self.ran_out_of_memory = False  # whether the kernel ended it for that
        self._reports = reports
        self._pidfd = os.pidfd_open(first)
        self._over = asyncio.ensure_future(process.wait())
        self._over.add_done_callback(self._let_go)

    def _let_go(self, _: "asyncio.Future[int]") -> None:
        os.close(self._pidfd)
        self._reports.close()
        if self.group is not None:
            self.ran_out_of_memory = self.group.ran_out_of_memory
            self.group.remove()

    @property
    def over(self) -> bool:
        """Whether everything inside has ended."""
        return self._over.done()

    @property
    def exit_code(self) -> int | None:
        """Of bubblewrap, which passes on that of the first program; None while it runs."""
        return self._process.returncode

    async def first_line(self) -> bytes:
        """What the first program wrote to its standard output, up to the end of a line."""
        return await self._process.stdout.readline() if self._process.stdout else b""

    async def errors(self) -> str:
        """What the first program wrote to its standard error. Waits until it has closed that."""
        return await _read(self._process.stderr)

    async def wait(self) -> None:
        """Until everything inside has ended."""
        await asyncio.shield(self._over)

    def kill(self) -> None:
        """End every process inside, at once. A signal to bubblewrap itself would not reach them."""
        if not self.over:
            if self.group is not None:
                self.group.kill()
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def processes(self) -> list[int]:
        """The host's numbers of the processes inside, the first one included."""
        found = [self.first]
        for pid in found:
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    found += map(int, (task / "children").read_text().split())
        return found
