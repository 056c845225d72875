"""``make run``: everything starts, survives the death of a part, and leaves nothing behind."""

import os
import re
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import redis

from playground.lifetimes import VERSION
from tests.stack import ROOT, Stack, clean_environment, free_port


@pytest.fixture(scope="module")
def new_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack without key and token given."""
    folder = tmp_path_factory.mktemp("new")
    with Stack(folder, PLAYGROUND_API_KEY="", PLAYGROUND_LOGIN_TOKEN="") as running:
        yield running


@pytest.fixture
def own_stack(new_stack: Stack) -> Stack:
    """It runs, and the test may stop it: it is started again for the next one."""
    if not new_stack.is_running:
        new_stack.start()
    return new_stack


@pytest.fixture(scope="module")
def wounded_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose processes the tests kill."""
    with Stack(tmp_path_factory.mktemp("wounded")) as running:
        yield running


def health(stack: Stack) -> int:
    """The status of /healthz, 0 when nobody answers."""
    try:
        with urllib.request.urlopen(f"{stack.url}/healthz", timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def wait_until_healthy(stack: Stack) -> None:
    deadline = time.monotonic() + 20
    while health(stack) != 200:
        assert time.monotonic() < deadline, stack.output()
        time.sleep(0.1)


def left_of(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that still run after so many seconds at the most; what is dead and waits for the
    machine's first process to take note of it does not run.
    """

    def runs(process: psutil.Process) -> bool:
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(map(runs, processes)):
        time.sleep(0.02)
    return list(filter(runs, processes))


def test_a_start_tells_the_address_a_link_and_the_first_time_a_key(own_stack: Stack) -> None:
    first = own_stack.output()
    assert f"runs at {own_stack.url}" in first
    assert re.search(
        rf"{own_stack.url}/login\?token=[\w-]{{40,}} \(works once, within 24 h\)", first
    )
    key = re.search(r"API key:  (sk-[\w-]{40,}) \(shown only now\)", first)
    assert key
    request = urllib.request.Request(
        f"{own_stack.url}/v1/models", headers={"Authorization": f"Bearer {key[1]}"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.status == 200

    with redis.Redis.from_url(own_stack.redis_url) as client:
        client.xadd("log:thread_kept", {"event": "thread.created"})
    own_stack.stop()
    own_stack.start()
    second = own_stack.output()
    assert "/login?token=" in second
    assert "API key:  unchanged" in second
    assert "sk-" not in second
    with redis.Redis.from_url(own_stack.redis_url) as client:
        assert client.xlen("log:thread_kept") == 1


def test_a_stop_ends_every_process_and_exits_with_0(own_stack: Stack) -> None:
    processes = own_stack.processes()
    assert len(processes) >= 6
    assert own_stack.stop() == 0
    assert left_of(processes, 1) == []
    said = own_stack.output()
    assert "Traceback" not in said
    for name in ("web", "worker", "beat"):
        assert said.count(f"{name} begins, of version {VERSION}") == 1, said
        assert said.count(f"{name} has ended in order") == 1, said


def test_a_stop_that_reaches_the_parts_first_is_no_failure(own_stack: Stack) -> None:
    """As systemd stops a service: every process is told, the runner among the last. Redis ends
    after all the others all the same.
    """
    runner, *parts = own_stack.processes()
    redis_pid = own_stack.pid_of("redis")
    others = [part for part in parts if part.pid != redis_pid]
    for part in parts:
        with suppress(psutil.NoSuchProcess):  # what tries the sandbox comes and goes
            if part.name() != "bwrap":
                part.terminate()
    runner.terminate()
    runner.terminate()  # as make passes it on, beside whoever told make
    store = psutil.Process(redis_pid)
    while others:
        others = left_of(others, 0.02)
        assert not others or left_of([store], 0), others
    assert own_stack.wait() == 0
    assert left_of(parts, 1) == []
    said = own_stack.output()
    assert "Stopping ..." in said
    for wrong in ("started again", "was ended by", "ended with", "at once", "Traceback"):
        assert wrong not in said, said


def test_a_stop_while_it_starts_is_no_failure(tmp_path: Path) -> None:
    environment = {"DATA_DIR": str(tmp_path / "data"), "PORT": str(free_port())}
    with subprocess.Popen(
        [sys.executable, "-m", "playground.runner"],
        cwd=ROOT,
        env={**clean_environment(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as runner:
        deadline = time.monotonic() + 20
        while len(psutil.Process(runner.pid).children()) < 3:  # Redis, interpreter, prepare
            assert time.monotonic() < deadline
            time.sleep(0.01)
        parts = psutil.Process(runner.pid).children(recursive=True)
        for part in parts:
            with suppress(psutil.NoSuchProcess):
                part.terminate()
        runner.terminate()
        said, _ = runner.communicate(timeout=30)
    assert runner.returncode == 0, said
    assert left_of(parts, 1) == []
    assert "Stopping ..." in said
    for wrong in ("was ended by", "ended with", "Traceback"):
        assert wrong not in said, said


def test_a_stop_after_nobody_listens_any_more_is_in_order(tmp_path: Path) -> None:
    environment = {"DATA_DIR": str(tmp_path / "data"), "PORT": str(free_port())}
    with subprocess.Popen(
        [sys.executable, "-m", "playground.runner"],
        cwd=ROOT,
        env={**clean_environment(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as runner:
        assert runner.stdout
        assert runner.stderr
        for line in runner.stdout:
            if "Stop with Ctrl+C" in line:
                break
        parts = psutil.Process(runner.pid).children(recursive=True)
        runner.stdout.close()  # as a terminal that is closed, or head at the end of a pipe
        runner.send_signal(signal.SIGHUP)
        assert runner.wait(30) == 0
        assert runner.stderr.read() == ""
    assert left_of(parts, 1) == []


def test_killing_the_runner_ends_every_process_and_the_next_start_waits_for_that(
    own_stack: Stack,
) -> None:
    processes = own_stack.processes()
    processes[0].kill()
    own_stack.wait()
    own_stack.start()
    assert left_of(processes, 0) == []
    assert health(own_stack) == 200
    assert "is started again" not in own_stack.output()


@pytest.mark.parametrize("name", ["worker", "web", "interpreter", "beat", "redis"])
def test_a_process_that_is_killed_is_started_again(wounded_stack: Stack, name: str) -> None:
    pid = wounded_stack.pid_of(name)
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while True:
        try:
            if wounded_stack.pid_of(name) != pid:
                break
        except (LookupError, psutil.Error):
            pass
        assert time.monotonic() < deadline, wounded_stack.output()
        time.sleep(0.05)
    wait_until_healthy(wounded_stack)
    assert f"{name} was ended by SIGKILL; it is started again in 1 s" in wounded_stack.output()


def test_what_is_kept_is_the_owners_only(wounded_stack: Stack) -> None:
    assert stat.S_IMODE(wounded_stack.data_dir.stat().st_mode) == 0o700
    for path in (
        wounded_stack.data_dir / "secret_key",
        *wounded_stack.data_dir.glob("database.sqlite3*"),
    ):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_no_key_of_ours_is_in_the_interpreters_environment(wounded_stack: Stack) -> None:
    environment = psutil.Process(wounded_stack.pid_of("interpreter")).environ()
    assert "OPENAI_API_KEY" not in environment
    assert wounded_stack.api_key not in environment.values()


@pytest.mark.parametrize("name", ["long" * 30, "ä folder", "c# + 100% of ?"])
def test_a_data_dir_may_have_any_path_and_leaves_nothing_outside(tmp_path: Path, name: str) -> None:
    """Neither a socket nor an address takes every path: sockets may lie in a short folder."""
    with Stack(tmp_path / name) as stack:
        assert health(stack) == 200
        assert (stack.data_dir / "secret_key").is_file()
        runtime_dir = Path(psutil.Process(stack.pid_of("web")).environ()["RUNTIME_DIR"])
        stack.stop()
    assert not runtime_dir.exists() or runtime_dir.is_relative_to(stack.data_dir)


def test_make_run_stops_everything_when_make_is_told_to(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    environment = {"DATA_DIR": str(tmp_path / "data"), "PORT": str(stack.port)}
    with subprocess.Popen(
        ["make", "run"],
        cwd=ROOT,
        env={**clean_environment(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as make:
        assert make.stdout
        said = ""
        for line in make.stdout:
            said += line
            if "Stop with Ctrl+C" in line:
                break
        processes = psutil.Process(make.pid).children(recursive=True)
        os.killpg(make.pid, signal.SIGINT)
        make.stdout.read()
    assert len(processes) >= 6, said
    assert left_of(processes, 1) == []


def test_a_python_that_is_too_old_is_told_in_one_line() -> None:
    done = subprocess.run(
        ["make", "run", "PYTHON="],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode
    assert done.stdout.startswith("Python 3.11 or newer is needed")
    assert len(done.stdout.splitlines()) == 1


def test_make_login_prints_a_link_that_signs_in_once(own_stack: Stack) -> None:
    done = subprocess.run(
        ["make", "login", f"DATA_DIR={own_stack.data_dir}"],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    link = done.stdout.strip()
    assert link.startswith(f"{own_stack.url}/login?token=")
    visitor = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with visitor.open(link, timeout=10) as page:
        assert page.status == 200
        assert "/login" not in page.url
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(link, timeout=10)
    assert refused.value.code == 403
