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
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_CLONE_NEWNS: Final = 0x00020000
_MS_BIND: Final = 0x1000
_MS_REC: Final = 0x4000
_MS_PRIVATE: Final = 0x40000


class Unreachable(Exception):
    """The sandboxes' user cannot reach a folder, and the server may not bind it elsewhere."""


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def _may_be_walked_to(path: Path, uid: int) -> bool:
    """Whether `uid`, which is in no group, may search every folder down to `path`, and `path`."""
    for folder in (path, *path.parents):
        status = folder.stat()
        owner = status.st_uid == uid
        if not status.st_mode & (stat.S_IXUSR if owner else stat.S_IXOTH):
            return False
    return True


class Reach:
    """Where to find things for a sandbox. `path()` translates a path of the host.

    Make it before the process starts a thread: a mount namespace belongs to the thread that made it
    and its offspring.
    """

    def __init__(self, folders: Iterable[Path], uid: int | None) -> None:
        """`uid` is the sandboxes' user, or None if they run as the server's own. Raises
        Unreachable.
        """
        self._moved: dict[Path, Path] = {}
        self._place: Path | None = None
        if uid is None:
            return
        hidden = [folder for folder in folders if not _may_be_walked_to(folder, uid)]
        if not hidden:
            return
        self._place = Path(tempfile.mkdtemp(prefix="code-interpreter-"))
        self._place.chmod(0o711)
        libc = ctypes.CDLL(None, use_errno=True)
        try:
            _check(libc.unshare(_CLONE_NEWNS), "unshare")
            _check(
                libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None), "make mounts private"
            )
            _check(libc.mount(b"tmpfs", bytes(self._place), b"tmpfs", 0, b"mode=0711"), "mount")
            for number, folder in enumerate(hidden):
                place = self._place / str(number)
                place.mkdir()
                _check(
                    libc.mount(bytes(folder), bytes(place), None, _MS_BIND, None), f"bind {folder}"
                )
                self._moved[folder] = place
        except OSError as error:
            self.close()
            raise Unreachable(
                f"{hidden[0]} can be entered by root only, and binding it elsewhere failed "
                f"({error}). Run the interpreter as an ordinary user, or move that folder to a "
                "place that everybody may enter."
            ) from error

    def path(self, path: Path) -> Path:
        """`path`, or where a sandbox finds the same thing."""
        for folder, place in self._moved.items():
            if path.is_relative_to(folder):
                return place / path.relative_to(folder)
        return path

    def close(self) -> None:
        """Remove the empty folder that the mounts stand on."""
        if self._place is None:
            return
        libc = ctypes.CDLL(None, use_errno=True)
        mnt_detach = 2
        for place in (*self._moved.values(), self._place):
            libc.umount2(bytes(place), mnt_detach)
        self._moved = {}
        self._place.rmdir()
        self._place = None
