"""The folders, the port and the secret key that everything needs, or one clear line on why not."""

import errno
import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playground import settings


class CannotStart(Exception):
    """It cannot run like this. The message says what to do, in one line."""


def make_folders() -> None:
    """DATA_DIR and what lies below it, open to their owner only, also when they were there before.

    From here on, whatever this process and its children make is its owner's only.

    :raises CannotStart: a folder cannot be made or written, or belongs to somebody else
    """
    os.umask(0o077)
    try:
        for name in (".", "files", "tmp", "sessions", "static"):
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


def _close(path: Path, mode: int) -> None:
    """Take away what others may do, where the path is ours: DATA_DIR may be a volume of another."""
    if path.stat().st_uid == os.geteuid():
        path.chmod(mode)


def _below_data_dir() -> bool:
    return settings.RUNTIME_DIR.is_relative_to(settings.DATA_DIR)


@contextmanager
def hold_data_dir() -> Iterator[None]:
    """Keep a second start away from the same DATA_DIR for as long as this lasts.

    :raises CannotStart: it runs there already
    """
    with (settings.DATA_DIR / "runner.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise CannotStart(
                f"It already runs on {settings.DATA_DIR} (process {lock.read().strip()}): "
                "stop that one, or start this one with another DATA_DIR and PORT."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def check_port() -> None:
    """Whether the web server will be able to listen.

    :raises CannotStart: the port is taken or not ours to take, or HOST is not of this machine
    """
    host, port = settings.HOST, settings.PORT
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"Port {port} is taken: stop what uses it, or choose another, "
                f"as in: make run PORT={port + 1 if port < 65535 else 8000}"
            ) from error
        raise CannotStart(
            f"Nothing can listen at {host}, port {port} ({error.strerror}): set HOST or PORT."
        ) from error


def make_secret_key() -> None:
    """Django's secret key, made once, unless SECRET_KEY is given."""
    path: Path = settings.DATA_DIR / "secret_key"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(50))
