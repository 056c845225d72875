"""The folders, the port and the secret key that everything needs, or one clear line on why not."""

import errno
import fcntl
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from playground import env, settings
from playground.runner.news import say

LOCK = "runner.lock"
FOLDERS = (".", "files", "tmp", "sessions", *(() if settings.HAS_ASSETS else ("static",)))
# How long the processes of a runner that was killed may take to end.
ENDING_SECONDS = 30.0
# Less than this is used up by a first start: database, static files, Redis, sessions.
ROOM_BYTES = 50 * 1024 * 1024


class CannotStart(Exception):
    """It cannot run like this. The message says what to do, in one line."""


def check_room() -> None:
    """Whether there is space to begin with.

    :raises CannotStart: the disk of DATA_DIR is full, or nearly so
    """
    folder = next(path for path in (settings.DATA_DIR, *settings.DATA_DIR.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    if free < ROOM_BYTES:
        raise CannotStart(
            f"The disk of DATA_DIR {settings.DATA_DIR} is full ({free // 2**20} MB are left, "
            f"{ROOM_BYTES // 2**20} MB are needed): make room, or name another folder, "
            "as in: make run DATA_DIR=/some/folder"
        )


def make_folders() -> None:
    """DATA_DIR and what lies below it, open to their owner only, also when they were there before.

    From here on, whatever this process and its children make is its owner's only.

    :raises CannotStart: a folder cannot be made or written, or belongs to somebody else
    """
    os.umask(0o077)
    try:
        for name in FOLDERS:
            (settings.DATA_DIR / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        _close(settings.DATA_DIR, 0o700)
        for database in settings.DATA_DIR.glob("database.sqlite3*"):  # with its log and index
            _close(database, 0o600)
        probe = settings.DATA_DIR / "tmp" / f"probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CannotStart(
            f"DATA_DIR {settings.DATA_DIR} cannot be written ({error.strerror}): "
            "name another folder, as in: make run DATA_DIR=/some/folder"
        ) from error
    try:
        settings.RUNTIME_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = settings.RUNTIME_DIR.lstat()
    except OSError as error:
        raise CannotStart(
            f"RUNTIME_DIR {settings.RUNTIME_DIR} cannot be made ({error.strerror})."
        ) from error
    # Outside DATA_DIR it lies in a folder that everyone writes to.
    if status.st_uid != os.geteuid() or (status.st_mode & 0o077 and not _below_data_dir()):
        raise CannotStart(
            f"RUNTIME_DIR {settings.RUNTIME_DIR} is open to others: remove it, or name another."
        )
    settings.METRICS_DIR.mkdir(mode=0o700, exist_ok=True)


def _close(path: Path, mode: int) -> None:
    """Take away what others may do, where the path is ours: DATA_DIR may be a volume of another."""
    if path.stat().st_uid == os.geteuid():
        path.chmod(mode)


def _below_data_dir() -> bool:
    return settings.RUNTIME_DIR.is_relative_to(settings.DATA_DIR)


def check_nothing_runs() -> None:
    """Wait for the processes of a runner that was killed: they keep its locks until they end.

    :raises CannotStart: it runs there already, or those do not end
    """
    until = time.monotonic() + ENDING_SECONDS
    waiting = False
    for folder in _held_folders():
        while holder := _holder_of(folder):
            pid, _, address = holder.partition(" ")
            if _lives(pid):
                raise CannotStart(_runs_already(folder, pid, address))
            if time.monotonic() > until:
                raise CannotStart(
                    f"Process {pid} was killed, and what it had started does not end: "
                    f"end whatever holds {folder / LOCK} (fuser names it)."
                )
            if not waiting:
                say(f"Process {pid} was killed; waiting for what it had started to end ...")
                waiting = True
            time.sleep(0.1)


@contextmanager
def hold_folders(address: str) -> Iterator[list[int]]:
    """Keep a second start away for as long as this lasts, and as any process has the descriptors
    open that this gives.

    :param address: where a person finds what runs here
    :raises CannotStart: it runs there already
    """
    with ExitStack() as held:
        locks = []
        for folder in _held_folders():
            lock = held.enter_context((folder / LOCK).open("a+"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:  # somebody else started at the same moment
                lock.seek(0)
                pid, _, its_address = lock.read().partition(" ")
                raise CannotStart(_runs_already(folder, pid, its_address)) from error
            lock.truncate(0)
            lock.write(f"{os.getpid()} {address}")
            lock.flush()
            locks.append(lock.fileno())
        yield locks


def _held_folders() -> list[Path]:
    """One Redis listens in RUNTIME_DIR, so it is held too where somebody chose it."""
    return [settings.DATA_DIR, *([settings.RUNTIME_DIR] if env.text("RUNTIME_DIR") else [])]


def remove_runtime_dir() -> None:
    """Leave nothing in the machine's folder for temporary files, where RUNTIME_DIR may lie because
    DATA_DIR's path does not suit a socket.
    """
    if not _below_data_dir() and not env.text("RUNTIME_DIR"):
        shutil.rmtree(settings.RUNTIME_DIR, ignore_errors=True)


def _holder_of(folder: Path) -> str:
    """What the runner that holds a folder has noted: its process and its address. Empty if no
    process holds it.
    """
    try:
        with (folder / LOCK).open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return lock.read().strip() or "?"
    except OSError:
        pass  # nothing is there yet, or nothing can be: making the folders says so
    return ""


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        pass
    return True


def _runs_already(folder: Path, pid: str, address: str) -> str:
    runtime_dir = "" if folder == settings.DATA_DIR else " RUNTIME_DIR=/and/one/more"
    return (
        f"It already runs on {folder}{f', at {address}' if address else ''} (process {pid}): "
        "stop that one, or start another beside it, as in: "
        f"make run PORT={_next_free_port()} DATA_DIR=/another/folder{runtime_dir}"
    )


def check_port() -> None:
    """Whether the web server will be able to listen.

    :raises CannotStart: the port is taken or not ours to take, or HOST is not of this machine
    """
    try:
        _listen_at(settings.PORT)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"Port {settings.PORT} is taken: stop what uses it, or choose another, "
                f"as in: make run PORT={_next_free_port()}"
            ) from error
        raise CannotStart(
            f"Nothing can listen at {settings.HOST}, port {settings.PORT} ({error.strerror}): "
            "set HOST or PORT, as in: make run HOST=127.0.0.1 PORT=8000"
        ) from error


def _listen_at(port: int) -> None:
    family, kind, protocol, _name, address = socket.getaddrinfo(
        settings.HOST, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def _next_free_port() -> int:
    following: int = settings.PORT + 1
    for port in range(following, min(following + 50, 65536)):
        with suppress(OSError):
            _listen_at(port)
            return port
    return 8000


def make_secret_key() -> None:
    """Django's secret key, made once, unless SECRET_KEY is given."""
    path: Path = settings.DATA_DIR / "secret_key"
    if not path.exists() and not env.text("SECRET_KEY"):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(50))
