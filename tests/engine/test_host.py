"""What keeps the runs of a worker."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from assistants.engine import host as host_module
from assistants.engine.host import STORAGE_THREADS, Host
from assistants.models import Run
from assistants.operations import execution


def test_the_database_is_asked_while_the_file_storage_hangs(host: Host) -> None:
    storage_answers = threading.Event()
    try:
        for _ in range(2 * STORAGE_THREADS):
            waiting = host._storage(storage_answers.wait, 30)
            asyncio.run_coroutine_threadsafe(waiting, host._loop)
        asked = asyncio.run_coroutine_threadsafe(host._database(Run.objects.count), host._loop)
        assert asked.result(10) == 0
    finally:
        storage_answers.set()


@pytest.fixture
def renewals(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What each heartbeat asked to be renewed; to be named before ``host``."""
    asked: list[dict[str, str]] = []
    renew = execution.renew

    def noted(held: dict[str, str]) -> Any:
        asked.append(held)
        return renew(held)

    monkeypatch.setattr(host_module, "BEAT_SECONDS", 0.2)
    monkeypatch.setattr(execution, "renew", noted)
    return asked


def test_a_run_that_lost_its_lease_is_interrupted_at_the_second_heartbeat_that_sees_it(
    renewals: list[dict[str, str]], host: Host
) -> None:
    """At the first it may have just ended, and its task has a word left to say."""

    async def work() -> int:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(20)
        return len(renewals)

    async def hold() -> int:
        working = asyncio.create_task(work())
        await asyncio.sleep(0)
        lost = SimpleNamespace(run=Run(id="run_lost", lease="taken"), stop=None)
        host._active["run_lost"] = (lost, working)  # type: ignore[assignment]
        try:
            return await working
        finally:
            del host._active["run_lost"]

    beats = asyncio.run_coroutine_threadsafe(hold(), host._loop).result(15)
    assert beats == 2
    assert renewals[0] == {"run_lost": "taken"}
