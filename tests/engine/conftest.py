"""Runs executed in this process: the real host on its loop, a played chat model, a real Redis
and database.
"""

import time
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from assistants import doorbell
from assistants.engine.host import Host
from assistants.events import log
from assistants.models import Run, RunStatus
from assistants.operations import providers
from tests.chat_server import ChatServer

MODEL = "played"


@pytest.fixture
def chat(settings: Settings) -> Iterator[ChatServer]:
    """The played model, which answers to the name "played"."""
    with ChatServer() as server:
        settings.OPENAI_BASE_URL = server.url
        settings.PLAYGROUND_MODELS = [MODEL]
        providers._listed.clear()
        yield server


@pytest.fixture
def host(transactional_db: None, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A worker's host that hears of runs at once; Celery's way to it is tried with the whole
    stack.
    """
    host = Host()

    def send(task: str, ids: tuple[str, ...]) -> None:
        if task == doorbell.EXECUTE_RUN:
            host.submit(ids[0])

    monkeypatch.setattr(doorbell, "_send", send)
    yield host
    host.stop()


def settled(run: Run, seconds: float = 10) -> Run:
    """The run once it has ended or waits for functions, and the log, which follows, says so."""
    deadline = time.monotonic() + seconds
    while True:
        run.refresh_from_db()
        if not run.is_active or run.status == RunStatus.REQUIRES_ACTION:
            told = [entry.name for entry in log.read(run.thread_id) if entry.run == run.id]
            if told[-1] == f"thread.run.{run.status}":
                return run
        if time.monotonic() > deadline:
            raise AssertionError(f"{run.id} is still {run.status}")
        time.sleep(0.005)
