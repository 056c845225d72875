"""What all sandboxes have in common: the bubblewrap command that makes one, and its folders.

What is inside: the system's libraries and programs and the sandbox's own Python, read-only;
/mnt/data, /tmp and /dev/shm, each a folder of the host that is watched; five devices. No /proc (it
tells about the host, and a container may not mount one), no /sys, no network, no environment but
ours, no user but one, no privilege.
"""

import itertools
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter import seccomp
from assistants.tools.code_interpreter.cgroup import Cgroups
from assistants.tools.code_interpreter.limits import Limits
from assistants.tools.code_interpreter.outputs import DATA
from assistants.tools.code_interpreter.programs import PYTHON_INSIDE, Missing, Python
from assistants.tools.code_interpreter.reach import Reach
from assistants.tools.code_interpreter.sandbox import Sandbox, launch

# The user that sandboxes run as when the server is root: no account has it, and it lies below the
# numbers that systemd gives out by itself.
SANDBOX_UID: Final = 58321

_INSIDE: Final = Path(__file__).parent / "inside"
_ENVIRONMENT: Final = "/opt/environment"  # the tool box
_PROGRAMS: Final = "/opt/kernel"
_TMP: Final = "/tmp"  # noqa: S108 - inside
# Where matplotlib looks for fonts beside the system's; the machine's own folder is not inside.
_FONTS: Final = "/usr/local/share/fonts"
_USER: Final = "1000"
_TRIAL_SECONDS: Final = 20.0

_ETC: Final = {
    "passwd": f"user:x:{_USER}:{_USER}::/tmp:/bin/sh\n",
    "group": f"user:x:{_USER}:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "hosts": "",
}


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
            timeout=_TRIAL_SECONDS,
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
                options.append(
                    ("--ro-bind", here(self.python.base / name), f"{PYTHON_INSIDE}/{name}")
                )
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
            "LD_LIBRARY_PATH": f"{PYTHON_INSIDE}/lib",
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
    ) -> Sandbox:
        """Run one of the programs of `inside/` in a new sandbox, with `configuration` as its input.

        Raises OSError if it did not start.
        Must be called in the main thread: the sandbox dies with the thread that made it.
        """
        group = self.cgroups.make() if self.cgroups is not None else None
        try:
            return await launch(
                [str(self._bubblewrap), *itertools.chain(*self._options(folders))],
                [f"{_ENVIRONMENT}/bin/python", "-P", f"{_PROGRAMS}/{program}"],
                configuration,
                call_filter=self._filter,
                uid=self.uid,
                group=group,
                pass_fds=pass_fds,
                stdout=stdout,
            )
        except BaseException:  # also when whoever waits for it gives up
            if group is not None:
                group.kill()
                group.remove()
            raise
