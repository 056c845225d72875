"""One process alone, on a host where nothing is yet."""

import fcntl
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.stack import ROOT, clean_environment, free_port
from tests.until import until


class Alone:
    """A web server without all else, in a folder of its own."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        port = str(free_port())
        self.url = f"http://127.0.0.1:{port}"
        own = {"DATA_DIR": str(folder), "PORT": port, "REDIS_URL": redis_url}
        self.environment = clean_environment() | own
        self.process = self.start("web")

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "playground.runner", name]
        return subprocess.Popen(command, cwd=ROOT, env=self.environment)

    def get(self, path: str) -> httpx2.Response:
        """What it answers as soon as it takes requests."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return httpx2.get(self.url + path, timeout=30)
            except httpx2.TransportError:
                assert self.process.poll() is None, "it has ended"
                assert time.monotonic() < deadline, "it takes no requests"
                time.sleep(0.1)


@pytest.fixture
def stamp(tmp_path: Path) -> Path:
    """What tells which static files lie there: another version's."""
    stamp = tmp_path / "data" / "static" / "collected.stamp"
    stamp.parent.mkdir(parents=True)
    stamp.write_text("another version")
    (stamp.parent / "old.css").touch()
    return stamp


@pytest.fixture
def alone(tmp_path: Path, redis_url: str) -> Iterator[Alone]:
    alone = Alone(tmp_path / "data", redis_url)
    yield alone
    alone.process.terminate()
    alone.process.wait(20)


def test_a_web_server_is_ready_when_the_database_is_and_makes_its_own_static_files(
    alone: Alone,
) -> None:
    found = alone.get("/readyz")
    assert found.status_code == 503
    assert found.json()["parts"]["database"] == {
        "ok": False,
        "detail": "the tables are not those of this version: run prepare",
    }
    stamp = Path(alone.environment["DATA_DIR"]) / "static" / "collected.stamp"
    made = stamp.stat().st_mtime
    assert alone.start("prepare").wait(60) == 0
    assert alone.get("/readyz").status_code == 200
    page = alone.get("/login")
    assert page.status_code == 200
    (icon,) = set(re.findall(r"/static/favicon\.[0-9a-f]{12}\.svg", page.text))
    assert alone.get(icon).status_code == 200
    assert stamp.stat().st_mtime == made


def test_a_web_server_makes_the_static_files_anew_that_are_of_another_version(
    stamp: Path, alone: Alone
) -> None:
    alone.get("/readyz")
    assert stamp.read_text() != "another version"
    assert not (stamp.parent / "old.css").exists()


def test_static_files_are_collected_by_one_process_at_a_time(stamp: Path) -> None:
    folder = stamp.parent.parent
    with (folder / "assets.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        collecting = subprocess.Popen(
            [sys.executable, "manage.py", "assets"],
            cwd=ROOT,
            env=clean_environment() | {"DATA_DIR": str(folder)},
        )
        with pytest.raises(subprocess.TimeoutExpired):
            collecting.wait(8)
        assert stamp.read_text() == "another version"
    assert collecting.wait(60) == 0
    assert stamp.read_text() != "another version"


def test_a_worker_waits_for_the_tables_says_so_once_and_is_not_ready(
    tmp_path: Path, redis_url: str
) -> None:
    own = {"DATA_DIR": str(tmp_path / "data"), "REDIS_URL": redis_url}
    environment = clean_environment() | own
    command = [sys.executable, "-m", "playground.runner"]

    def probe() -> int:
        probe = [sys.executable, "-m", "playground.probe", "worker"]
        return subprocess.run(probe, cwd=ROOT, env=environment, check=False).returncode

    def said() -> str:
        return log.read_text()

    log = tmp_path / "log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [*command, "worker"], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        until(lambda: "Waiting" in said(), "it does not say so", 30)
        time.sleep(3)
        (line,) = said().splitlines()
        missing = "the tables are not those of this version: run prepare"
        assert line == f"WARNING playground.tables: Waiting: {missing}."
        assert probe() == 1
        prepared = subprocess.run([*command, "prepare"], cwd=ROOT, env=environment, check=False)
        assert prepared.returncode == 0
        until(lambda: probe() == 0, "it does not begin", 30)
        (_, line) = said().splitlines()
        assert "worker begins, of version " in line
    finally:
        worker.terminate()
        worker.wait(30)
