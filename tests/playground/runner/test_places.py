"""What can be wrong before anything is started is said in one line that tells what to do."""

import fcntl
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from playground import settings
from playground.runner import places

ROOT = Path(__file__).resolve().parents[3]


def start(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m playground.runner`` until it gives up."""
    # Its own settings, not those of these tests.
    ours = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        [sys.executable, "-m", "playground.runner"],
        cwd=ROOT,
        env={**ours, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], text: str) -> None:
    assert done.returncode == 1
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
    assert text in done.stdout


def test_a_taken_port_is_named_with_another_to_take_and_nothing_is_written(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = start(DATA_DIR=str(tmp_path / "data"), PORT=str(port))
    assert_one_line(done, f"Port {port} is taken")
    offered = re.search(r"make run PORT=(\d+)", done.stdout)
    assert offered
    with socket.create_server(("127.0.0.1", int(offered[1]))):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_host_of_another_machine_is_named(tmp_path: Path) -> None:
    done = start(DATA_DIR=str(tmp_path), HOST="192.0.2.1")
    assert_one_line(done, "Nothing can listen at 192.0.2.1, port 8000")


def test_a_data_dir_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = start(DATA_DIR=str(tmp_path / "file" / "data"))
    assert_one_line(done, f"DATA_DIR {tmp_path}/file/data cannot be written (Not a directory)")
    assert "make run DATA_DIR=" in done.stdout


def test_a_full_disk_is_named_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "ROOM_BYTES", 2**62)
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path / "data")
    with pytest.raises(places.CannotStart, match=r"is full .* make run DATA_DIR="):
        places.check_room()
    assert list(tmp_path.iterdir()) == []


def test_a_second_start_on_the_same_data_dir_is_refused_with_who_holds_it(tmp_path: Path) -> None:
    with (tmp_path / "runner.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()} http://127.0.0.1:8000")
        lock.flush()
        done = start(DATA_DIR=str(tmp_path))
    who = f"at http://127.0.0.1:8000 (process {os.getpid()})"
    assert_one_line(done, f"It already runs on {tmp_path}, {who}")
    assert re.search(r"make run PORT=\d+ DATA_DIR=", done.stdout)
    assert [path.name for path in tmp_path.iterdir()] == ["runner.lock"]


def test_a_runtime_dir_in_use_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "runner.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}")
        lock.flush()
        done = start(DATA_DIR=str(tmp_path / "data"), RUNTIME_DIR=str(tmp_path))
    assert_one_line(done, f"It already runs on {tmp_path} (process {os.getpid()})")
    assert "RUNTIME_DIR=" in done.stdout


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    done = start(DATA_DIR=str(tmp_path), LOG_FORMAT="xml")
    assert_one_line(done, "LOG_FORMAT=xml is not one of text, json.")


def test_a_runtime_dir_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    open_folder = tmp_path / "open"
    open_folder.mkdir()
    open_folder.chmod(0o777)
    done = start(DATA_DIR=str(tmp_path / "data"), RUNTIME_DIR=str(open_folder))
    assert_one_line(done, f"RUNTIME_DIR {open_folder} is open to others")


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "unix:///nowhere/redis.sock"])
def test_a_redis_that_does_not_answer_is_named(tmp_path: Path, url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    done = start(DATA_DIR=str(tmp_path), REDIS_URL=url, PORT=port)
    assert done.returncode == 1
    assert "Redis does not answer at REDIS_URL" in done.stdout


def test_folders_and_secret_key_are_their_owners_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    start(DATA_DIR=str(data), REDIS_URL="unix:///nowhere/redis.sock")
    assert data.stat().st_mode & 0o077 == 0
    assert (data / "secret_key").stat().st_mode & 0o777 == 0o600
    assert len((data / "secret_key").read_text()) >= 50


def test_an_open_data_dir_and_database_are_closed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o755)
    for name in ("database.sqlite3", "database.sqlite3-wal"):
        (data / name).touch()
        (data / name).chmod(0o644)
    start(DATA_DIR=str(data), REDIS_URL="unix:///nowhere/redis.sock")
    assert data.stat().st_mode & 0o777 == 0o700
    for name in ("database.sqlite3", "database.sqlite3-wal"):
        assert (data / name).stat().st_mode & 0o777 == 0o600


def test_what_is_made_while_it_starts_is_its_owners_only(tmp_path: Path) -> None:
    start(DATA_DIR=str(tmp_path), REDIS_URL="unix:///nowhere/redis.sock")
    open_to_others = [
        path
        for path in tmp_path.rglob("*")
        # The sandboxes' own user has to get through to its folders.
        if "sessions" not in path.parts
        and not path.is_symlink()
        and path.stat().st_mode & 0o077
        and not path.is_relative_to(tmp_path / "run")
    ]
    assert open_to_others == []
    assert (tmp_path / "runner.lock").stat().st_mode & 0o777 == 0o600
