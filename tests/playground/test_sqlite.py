"""Writers of one SQLite file take turns, between threads and between processes."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import DjangoDbBlocker

from playground import settings
from playground.sqlite.base import DatabaseWrapper
from playground.sqlite.turns import turn

pytestmark = pytest.mark.sqlite

BUSY = """
import sqlite3, sys, threading, time
from playground.sqlite.turns import turn

path, until = sys.argv[1], time.monotonic() + 4

def write():
    database = sqlite3.connect(path, timeout=20, isolation_level=None)
    while time.monotonic() < until:
        turn(path + "-turn").take(20)
        database.execute("BEGIN IMMEDIATE")
        database.execute("UPDATE counts SET number = number + 1")
        time.sleep(0.005)
        database.commit()
        turn(path + "-turn").give()

threads = [threading.Thread(target=write) for _ in range(4)]
print("begun", flush=True)
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
HOLDS = """
import sys, time
from playground.sqlite.turns import turn

turn(sys.argv[1] + "-turn").take(20)
print("begun", flush=True)
time.sleep(60)
"""


@contextmanager
def beside(code: str, path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that runs the code and has begun."""
    command = [sys.executable, "-c", code, str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(autouse=True)
def files_of_our_own(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "counts.sqlite3"
    database = sqlite3.connect(path)
    database.executescript(
        "PRAGMA journal_mode=WAL; CREATE TABLE counts (number); INSERT INTO counts VALUES (0);"
    )
    database.close()
    return path


def connect(path: Path, **options: Any) -> DatabaseWrapper:
    database = settings.DATABASES["default"]
    with_options = {**database["OPTIONS"], **options}
    whole = {
        "ATOMIC_REQUESTS": False,
        "AUTOCOMMIT": True,
        "CONN_HEALTH_CHECKS": False,
        "CONN_MAX_AGE": 0,
        "TIME_ZONE": None,
        **database,
        "NAME": str(path),
        "OPTIONS": with_options,
        "TEST": {},
    }
    return DatabaseWrapper(whole)


def add_one(database: DatabaseWrapper) -> None:
    with database.cursor() as cursor:
        cursor.execute("UPDATE counts SET number = number + 1")


def test_a_write_gets_its_turn_while_another_process_writes_all_the_time(path: Path) -> None:
    with beside(BUSY, path):
        database = connect(path)
        # A busy machine may need several tries.
        assert any(nearly_longest_wait(database) < 0.15 for _ in range(3))
        database.close()


def nearly_longest_wait(database: DatabaseWrapper) -> float:
    """How long the last but one of forty writes took, of the quickest first, in seconds."""
    took = []
    for _ in range(40):
        begun = time.monotonic()
        add_one(database)
        took.append(time.monotonic() - begun)
        time.sleep(0.02)
    return sorted(took)[-2]


def test_a_process_that_is_killed_gives_its_turn_back(path: Path) -> None:
    database = connect(path)
    with beside(HOLDS, path) as holder:
        waiting = threading.Thread(target=lambda: add_one(database))
        database.inc_thread_sharing()
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        holder.kill()
        waiting.join(5)
        assert not waiting.is_alive()
    assert count(path) == 1
    database.close()


def test_a_turn_that_does_not_come_in_time_is_a_busy_database(path: Path) -> None:
    database = connect(path, timeout=0.2)
    ours = turn(f"{path}-turn")
    assert ours.take(1)
    with pytest.raises(OperationalError, match="database is locked"):
        add_one(database)
    ours.give()
    add_one(database)
    assert count(path) == 1
    database.close()


@pytest.mark.parametrize("goes_wrong", [False, True])
def test_a_transaction_gives_its_turn_back(path: Path, goes_wrong: bool) -> None:
    database = connect(path)
    database.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    add_one(database)
    assert not turn(f"{path}-turn").take(0.05)
    database.rollback() if goes_wrong else database.commit()
    assert turn(f"{path}-turn").take(0.05)
    turn(f"{path}-turn").give()
    assert count(path) == (0 if goes_wrong else 1)
    database.close()


def test_without_a_place_for_turns_writes_go_on(path: Path) -> None:
    Path(f"{path}-turn").mkdir()
    database = connect(path)
    add_one(database)
    assert count(path) == 1
    database.close()


def count(path: Path) -> int:
    database = sqlite3.connect(path)
    (number,) = database.execute("SELECT number FROM counts").fetchone()
    database.close()
    return int(number)
