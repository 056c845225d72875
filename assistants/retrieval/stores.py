"""The directories of vector stores, as each index has them below its root: names and locks."""

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

_STORE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", re.ASCII)


def checked(store: str) -> str:
    """The id of a store, which becomes the name of a directory.

    :raises ValueError: it is none
    """
    if not _STORE.fullmatch(store):
        raise ValueError(f"not the id of a store: {store!r}")
    return store


def is_id(name: str) -> bool:
    """Whether a store could have this id."""
    return bool(_STORE.fullmatch(name))


def hidden(directory: Path) -> Path:
    """A name beside it for what is not finished, or on its way out."""
    return directory.with_name(f".{directory.name}.{time.time_ns()}")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file's lock, which the system frees when the process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Who held it before may have removed the file: then others lock a new one.
            if os.fstat(file).st_nlink:
                yield
                return
        finally:
            os.close(file)
