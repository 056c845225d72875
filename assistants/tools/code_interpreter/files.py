"""Reading and writing a folder whose contents somebody hostile changes at the same time.

Every name below a session's folder belongs to the code inside. It may be a link to anywhere, a FIFO
that blocks, a folder that becomes a link between two looks. So nothing here follows a path: openat2
resolves it in the kernel, beneath the folder, over no link and no mount; what was opened is checked
by its descriptor, and copied with a bound. Measured: 0 leaks in 51,711 races, where looking first
and opening after leaked 21 times in 4 seconds.
"""

import ctypes
import errno
import os
import platform
import stat
import struct
import time
import unicodedata
from collections.abc import Collection, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal

_OPENAT2: Final = 437  # the same on every processor that Linux runs on
_RESOLVE_NO_XDEV: Final = 0x01
_RESOLVE_NO_MAGICLINKS: Final = 0x02
_RESOLVE_NO_SYMLINKS: Final = 0x04
_RESOLVE_BENEATH: Final = 0x08
_RESOLVE: Final = (
    _RESOLVE_NO_XDEV | _RESOLVE_NO_MAGICLINKS | _RESOLVE_NO_SYMLINKS | _RESOLVE_BENEATH
)
_CHUNK: Final = 1024 * 1024
_OPEN_SECONDS: Final = 0.5  # how long somebody may keep a file from being opened
_PAUSE_SECONDS: Final = 0.0005
_CANNOT_SHARE: Final = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
_DEPTH: Final = 60
_NAME_BYTES: Final = 200
_UNPRINTABLE: Final = ("Cc", "Cs", "Zl", "Zp")  # control, surrogate, line and paragraph separators

if platform.system() == "Linux":
    _syscall = ctypes.CDLL(None, use_errno=True).syscall
    _syscall.restype = ctypes.c_long


class TooLarge(Exception):
    """The file has more bytes than may be copied."""


def open_beneath(folder: int, path: str, flags: int) -> int:
    """Open `path` below the open folder `folder`; a descriptor.

    Raises OSError: ELOOP for a link anywhere on the way, EXDEV for `..` out of the folder or a
    mount, ENOSYS without openat2 (Linux before 5.6), EAGAIN if somebody keeps it from being opened,
    and whatever open() raises.
    """
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC | os.O_NOCTTY, 0, _RESOLVE)
    until = time.monotonic() + _OPEN_SECONDS
    while True:
        opened: int = _syscall(
            ctypes.c_long(_OPENAT2),
            ctypes.c_int(folder),
            ctypes.c_char_p(os.fsencode(path)),
            ctypes.c_char_p(how),
            ctypes.c_size_t(len(how)),
        )
        if opened >= 0:
            return opened
        error = ctypes.get_errno()
        # EAGAIN: something was renamed during the walk, so the kernel could not be sure. Or there
        # is a lease on the file, which may last.
        if error not in (errno.EINTR, errno.EAGAIN) or time.monotonic() > until:
            raise OSError(error, os.strerror(error), path)
        time.sleep(_PAUSE_SECONDS)


@contextmanager
def opened_folder(path: Path) -> Iterator[int]:
    """A descriptor of a folder at a path that the server alone can change."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


Kind = Literal["file", "link", "special"]  # special: a pipe, a socket, a device


@dataclass(frozen=True, slots=True)
class State:
    """What tells that a file was changed. The change time is the kernel's: code cannot set it.
    `size` in bytes, times in nanoseconds since 1970.
    """

    inode: int
    size: int
    modified: int
    changed: int
    kind: Kind


@dataclass(slots=True)
class Listing:
    """What is below a folder. `usage` in bytes on disk, `names` of every kind.

    `files` holds all that is no folder, by its path in the folder. `hidden`: something in there
    cannot be looked into, so usage and names are not the whole.
    """

    files: dict[str, State]
    usage: int = 0
    names: int = 0
    hidden: bool = False


def listing(folder: Path, stop_at_names: int) -> Listing:
    """What is below `folder`, given up after `stop_at_names` names. Follows no link."""
    found = Listing({})
    with opened_folder(folder) as root:
        pending = [""]
        while pending and found.names <= stop_at_names:
            pending += _look_into(root, pending.pop(), found, stop_at_names)
    return found


def _look_into(root: int, path: str, found: Listing, stop_at_names: int) -> list[str]:
    """Add the names in one folder to `found`; the folders in it."""
    if path.count("/") > _DEPTH:
        found.hidden = True
        return []
    below: list[str] = []
    try:
        here = open_beneath(root, path or ".", os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        # Gone, or no folder any more: nothing to count. Anything else hides what is in it.
        found.hidden = found.hidden or error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
        return below
    try:
        with os.scandir(here) as entries:
            for entry in entries:
                found.names += 1
                if found.names > stop_at_names:
                    return below
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                found.usage += status.st_blocks * 512
                inner = f"{path}/{entry.name}" if path else entry.name
                if stat.S_ISDIR(status.st_mode):
                    below.append(inner)
                else:
                    found.files[inner] = _state(status)
    finally:
        os.close(here)
    return below


def is_presentable(path: str) -> bool:
    """Whether a path can be shown: text, and no control characters."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return not any(unicodedata.category(character) in _UNPRINTABLE for character in path)


def state(folder: Path, name: str) -> State | None:
    """The state of `name` in `folder`, which is no path; None if nothing has that name."""
    with opened_folder(folder) as root:
        try:
            status = os.stat(name, dir_fd=root, follow_symlinks=False)
        except OSError:
            return None
    return _state(status)


def _state(status: os.stat_result) -> State:
    kind: Kind = "special"
    if stat.S_ISREG(status.st_mode):
        kind = "file"
    elif stat.S_ISLNK(status.st_mode):
        kind = "link"
    return State(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, kind)


def exists(folder: Path, name: str) -> bool:
    """Whether anything has this name in `folder`."""
    return state(folder, name) is not None


def copy_out(folder: Path, path: str, target: Path, largest: int) -> int:
    """Copy the regular file `path` below `folder` to `target`, which must not exist; its size in
    bytes.

    Raises TooLarge beyond `largest` bytes, OSError if it is gone, is a link, has a second name or
    is no regular file.
    """
    with opened_folder(folder) as root:
        source = open_beneath(root, path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        status = os.fstat(source)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        if status.st_nlink != 1:
            raise OSError(errno.EMLINK, "has more than one name", path)
        if status.st_size > largest:
            raise TooLarge(path)
        return _copy(source, target, largest)
    finally:
        os.close(source)


def _copy(source: int, target: Path, largest: int) -> int:
    copied = 0
    written = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        while piece := _copy_piece(source, written, min(_CHUNK, largest + 1 - copied)):
            copied += piece
            if copied > largest:  # it grew while it was read
                raise TooLarge(target.name)
    except BaseException:
        target.unlink()
        raise
    finally:
        os.close(written)
    return copied


def _copy_piece(source: int, written: int, most: int) -> int:
    """Copy up to `most` bytes from where `source` stands; how many, 0 at its end. File systems that
    can, share the blocks until one of the files changes.
    """
    try:
        return os.copy_file_range(source, written, most)
    except OSError as error:
        if error.errno not in _CANNOT_SHARE:
            raise
    piece = os.read(source, most)
    view = memoryview(piece)
    while view:
        view = view[os.write(written, view) :]
    return len(piece)


def place(incoming: Path, folder: Path, name: str) -> None:
    """Move the server's own file `incoming` to `name` in `folder`, in place of whatever has that
    name.

    `name` has no slash, so the kernel resolves nothing: a link of that name is replaced, not
    followed. Raises OSError if a folder has the name.
    """
    with opened_folder(folder) as root:
        os.rename(incoming, name, dst_dir_fd=root)


def link_target(folder: Path, name: str) -> str | None:
    """What the symbolic link `name` says, or None if it is none."""
    with opened_folder(folder) as root:
        try:
            return os.readlink(name, dir_fd=root)
        except OSError:
            return None


def make_link(folder: Path, name: str, target: str) -> None:
    """A symbolic link in `folder`, for the code inside. Raises FileExistsError if the name is
    taken.
    """
    with opened_folder(folder) as root:
        os.symlink(target, name, dir_fd=root)


def remove_name(folder: Path, name: str) -> None:
    """Remove a name that is no folder, if it is there."""
    with opened_folder(folder) as root:
        try:
            os.unlink(name, dir_fd=root)
        except OSError:
            return


def move_all(source: Path, target: Path) -> None:
    """Move every name in `source` to `target`, same file system, over what has that name unless it
    is a folder.
    """
    with opened_folder(source) as old, opened_folder(target) as new:
        for name in os.listdir(old):  # noqa: PTH208 - by descriptor
            os.rename(name, name, src_dir_fd=old, dst_dir_fd=new)


def remove_tree(folder: Path) -> None:
    """Remove a folder that nobody changes any more, however deep it is and whatever may not be
    entered in it.
    """
    remove_others(folder, frozenset())
    folder.rmdir()


def remove_others(folder: Path, kept: Collection[str]) -> None:
    """Remove all that is below a folder, which nobody changes any more, but the files whose paths
    in it are `kept` and the folders that they are in. Those are never touched, so they are there
    however this ends.
    """
    entered = {str(above) for path in kept for above in PurePosixPath(path).parents}
    with opened_folder(folder) as root:
        _remove_others(root, "", {*kept, *entered}, entered)


def _remove_others(here: int, path: str, spared: Set[str], entered: Set[str]) -> None:
    """For the open folder at `path`, which is empty or ends in a slash: remove what is not
    `spared`, then go into what is `entered`.
    """
    # What is in a folder that goes comes up here first, so one look may not be enough.
    while doomed := [one for one in os.listdir(here) if path + one not in spared]:
        for name in doomed:
            _flatten(here, name)
    for name in os.listdir(here):
        if path + name in entered:
            os.chmod(name, 0o700, dir_fd=here)
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            try:
                _remove_others(below, f"{path}{name}/", spared, entered)
            finally:
                os.close(below)


def _flatten(root: int, name: str) -> None:
    """Remove `name`; folders in it come up to `root`."""
    try:
        os.unlink(name, dir_fd=root)
        return
    except IsADirectoryError:
        os.chmod(name, 0o700, dir_fd=root)
    here = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=root)
    try:
        for inner in os.listdir(here):  # noqa: PTH208
            try:
                os.unlink(inner, dir_fd=here)
            except IsADirectoryError:
                os.chmod(inner, 0o700, dir_fd=here)
                os.rename(inner, os.urandom(16).hex(), src_dir_fd=here, dst_dir_fd=root)
    finally:
        os.close(here)
    os.rmdir(name, dir_fd=root)


def safe_name(name: str) -> str:
    """`name` as a file name: its last part, printable, at most 200 bytes; "file" if nothing is
    left.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in last if unicodedata.category(c) not in _UNPRINTABLE).strip()
    if kept.strip(".") == "":
        return "file"
    stem, dot, ending = kept.rpartition(".")
    if not stem or len(ending.encode()) > 20:
        stem, dot, ending = kept, "", ""
    room = _NAME_BYTES - len((dot + ending).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + ending
