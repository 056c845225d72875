"""Lets an unprivileged sandbox reach folders that only root may enter.

A server that runs as root starts its sandboxes as another user. That user cannot walk through, say,
/root to a Python installed below it, and opening such a folder to everybody would be wrong. So the
server makes itself a private mount namespace once, at its start, and binds there, to a place that
can be walked to, what the sandboxes need. Nothing outside the server sees those mounts, and they
end with it.
"""

import ctypes
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_CLONE_NEWNS: Final = 0x00020000
_MS_BIND: Final = 0x1000
_MS_REC: Final = 0x4000
_MS_PRIVATE: Final = 0x40000
_MNT_DETACH: Final = 2


class Unreachable(Exception):
    """The sandboxes' user cannot reach a folder, and the server may not bind it elsewhere."""


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def _may_be_walked_to(path: Path, uid: int) -> bool:
    """Whether `uid`, which is in no group, may search every folder down to `path`, and `path`."""
    real = path.resolve()
    for folder in (path, *path.parents, real, *real.parents):
        status = folder.stat()
        owner = status.st_uid == uid
        if not status.st_mode & (stat.S_IXUSR if owner else stat.S_IXOTH):
            return False
    return True


def _unused_folder(folders: Sequence[Path]) -> Path:
    """A folder of the system that none of `folders` is in: what is mounted there hides nothing that
    the server needs. Raises FileNotFoundError.
    """
    for place in (Path("/mnt"), Path("/media"), Path("/srv")):
        if place.is_dir() and not any(folder.resolve().is_relative_to(place) for folder in folders):
            return place
    raise FileNotFoundError("there is no unused /mnt, /media or /srv")


class Reach:
    """Where to find things for a sandbox. `path()` translates a path of the host.

    Make it before the process starts a thread: a mount namespace belongs to the thread that made it
    and its offspring.
    """

    def __init__(self, folders: Sequence[Path], uid: int | None) -> None:
        """`uid` is the sandboxes' user, or None if they run as the server's own. Raises
        Unreachable.
        """
        self._moved: dict[Path, Path] = {}
        self._place: Path | None = None
        hidden = [f for f in folders if uid is not None and not _may_be_walked_to(f, uid)]
        if not hidden:
            return
        try:
            self._bind(hidden, _unused_folder(folders))
        except OSError as error:
            self.close()
            raise Unreachable(
                f"{hidden[0]} can be entered by root only, and binding it elsewhere failed "
                f"({error}). Run the interpreter as an ordinary user, or move that folder to a "
                "place that everybody may enter."
            ) from error

    def _bind(self, hidden: Sequence[Path], place: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        _check(libc.unshare(_CLONE_NEWNS), "unshare")
        _check(libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None), "private mounts")
        _check(libc.mount(b"tmpfs", bytes(place), b"tmpfs", 0, b"mode=0711"), f"mount on {place}")
        self._place = place
        for number, folder in enumerate(hidden):
            target = place / str(number)
            target.mkdir()
            _check(libc.mount(bytes(folder), bytes(target), None, _MS_BIND, None), f"bind {folder}")
            self._moved[folder] = target

    def path(self, path: Path) -> Path:
        """`path`, or where a sandbox finds the same thing."""
        for folder, place in self._moved.items():
            if path.is_relative_to(folder):
                return place / path.relative_to(folder)
        return path

    def close(self) -> None:
        """Take the mounts away."""
        if self._place is not None:
            ctypes.CDLL(None).umount2(bytes(self._place), _MNT_DETACH)
        self._moved = {}
        self._place = None
