"""Which packages code may import: those of requirements/sandbox.in that the tool box has."""

import re
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

from assistants.tools.code_interpreter.programs import Python

WANTED: Final = Path(__file__).parents[3] / "requirements" / "sandbox.in"
NOT_FOR_CODE: Final = ("ipykernel", "cvttf-")
"""The beginnings of what is in there for us: the kernel, and a font."""


def tool_box(python: Python) -> list[str]:
    """``name version`` of each, in the order of the file; empty where there is no such file."""
    try:
        lines = WANTED.read_text().splitlines()
    except OSError:
        return []
    folder = python.libraries / python.name / "site-packages"
    versions = {_plain(found.name): found.version for found in distributions(path=[str(folder)])}
    names = [found[0] for line in lines if (found := re.match(r"[A-Za-z0-9._-]+", line))]
    return [
        f"{name} {versions[_plain(name)]}"
        for name in names
        if _plain(name) in versions and not name.startswith(NOT_FOR_CODE)
    ]


def _plain(name: str) -> str:
    """A package's name as packaging compares names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
