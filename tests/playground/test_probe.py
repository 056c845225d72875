"""``python -m playground.probe``, as a container's engine asks it, of the stack's processes."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import psutil
import pytest

from playground.probe import PROBES, started_with
from tests.stack import ROOT, Stack, free_port
from tests.until import until


def probe(stack: Stack, *names: str, **other: str) -> tuple[int, str]:
    """Its exit code, and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "playground.probe", *names],
        cwd=ROOT,
        env={**psutil.Process(stack.pid_of("web")).environ(), **other},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "command, name",
    [
        ("tini -- python -m playground.runner worker", "worker"),
        ("docker-init -- tini -- python -m playground.runner beat", "beat"),
        ("tini -- python -m playground.runner", "whole"),
        ("/sbin/init", "whole"),
    ],
)
def test_a_container_is_probed_for_what_it_was_started_with(command: str, name: str) -> None:
    assert started_with(command.replace(" ", "\0").encode() + b"\0") == name


@pytest.mark.parametrize("name", [*PROBES, "whole"])
def test_what_does_its_work_is_left_alone(stack: Stack, name: str) -> None:
    if name == "beat":  # which rings for the first time 5 s after its start
        until(lambda: probe(stack, name)[0] == 0, "it never rings")
    assert probe(stack, name) == (0, "")


def test_a_beat_that_has_not_rung_is_told(stack: Stack, tmp_path: Path) -> None:
    assert probe(stack, "beat", RUNTIME_DIR=str(tmp_path)) == (1, "beat: it has not rung yet\n")
    (tmp_path / "beat").touch()
    os.utime(tmp_path / "beat", (time.time() - 60, time.time() - 60))
    code, said = probe(stack, "beat", RUNTIME_DIR=str(tmp_path))
    assert code == 1
    assert said.startswith("beat: it has not rung for 6")


def test_a_worker_without_a_note_is_told_but_not_where_redis_is_away(stack: Stack) -> None:
    code, said = probe(stack, "worker", REDIS_URL=f"{stack.redis_url}?db=7")
    assert code == 1
    assert said.startswith("worker: it does not say that it is alive (")
    assert probe(stack, "worker", REDIS_URL=f"redis://127.0.0.1:{free_port()}")[0] == 0


def test_who_does_not_answer_is_told(stack: Stack, tmp_path: Path) -> None:
    assert probe(stack, "web", PORT=str(free_port()))[0] == 1
    assert probe(stack, "whole", PORT=str(free_port()))[0] == 1
    assert probe(stack, "interpreter", RUNTIME_DIR=str(tmp_path))[0] == 1
    assert probe(stack, "worker", RUNTIME_DIR=str(tmp_path)) == (1, "worker: none lives here\n")
    assert probe(stack, "wed") == (2, "Name one of web, worker, beat, interpreter.\n")


def test_counters_of_processes_on_several_hosts_are_told_apart(stack: Stack) -> None:
    folder = Path(psutil.Process(stack.pid_of("web")).environ()["RUNTIME_DIR"]) / "metrics"
    host = socket.gethostname().replace("_", "-")
    names = {path.stem.partition("_")[2].rpartition("-")[0] for path in folder.glob("*.db")}
    assert {f"{host}-{stack.pid_of('web')}", f"{host}-{stack.pid_of('worker')}"} <= names


def test_numbers_of_the_interpreter_beside_it_are_told_by_the_web_server(stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {stack.metrics_token}"}
    told = httpx2.get(f"{stack.url}/metrics", headers=headers).text
    assert "playground_interpreter_up 1.0" in told
    assert "playground_runs{" in told
