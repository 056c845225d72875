"""Which processes live, among those that share a folder: each keeps a lock on a file of its own
there, which the kernel lets go of when it ends, however that comes. So a number that another
process has by now, or a host that nobody can look into, misleads nobody.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

_held: list[IO[str]] = []
"""Kept open as long as this process lives."""


def note(folder: Path, name: str) -> None:
    """Say that this process lives, under a name that no other living one has."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        file = (folder / name).open("a")
        fcntl.flock(file, fcntl.LOCK_EX)  # who looks whether it is taken has it for a moment
        if _is_there(file, folder / name):
            _held.append(file)
            return
        file.close()  # it was taken for that of a dead one at this moment


def living(folder: Path) -> set[str]:
    """The names of those that live. The files of the others are removed."""
    names = set()
    for path in folder.glob("*"):
        with suppress(FileNotFoundError), path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                names.add(path.name)
            else:
                if _is_there(file, path):
                    path.unlink()
    return names


def _is_there(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
