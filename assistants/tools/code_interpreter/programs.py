"""The programs that a sandbox is made of, and where this machine has them."""

import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Where an interpreter that did not come with the system is inside.
PYTHON_INSIDE: Final = "/opt/python"


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
    inside = "/usr/bin" if base == Path("/usr") else f"{PYTHON_INSIDE}/bin"
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
