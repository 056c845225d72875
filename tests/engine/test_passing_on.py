"""Who is alive, as workers tell each other, and what a full one passes on."""

import socket
import threading
import time
from pathlib import Path

import pytest
import redis
import redis.asyncio
from django.db import OperationalError
from pytest_django import Settings

from assistants import doorbell, living, workers
from assistants.engine import host as hosts
from assistants.engine.host import Host

LONG_AGO = 1


async def test_who_has_said_nothing_for_a_while_is_not_alive_and_has_no_room(
    redis_url: str,
) -> None:
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        assert await workers.count(client) == 0
        await workers.say_alive(client, "one", 3)
        await workers.say_alive(client, "two", -1)
        assert await workers.count(client) == 2
        assert await workers.room_of_others(client, "two") == 3
        assert await workers.room_of_others(client, "one") == 0
        await client.zadd("workers:alive", {"one": LONG_AGO})
        assert await workers.count(client) == 1
        assert await workers.room_of_others(client, "two") == 0
        # Nothing is left of it.
        await workers.say_alive(client, "two", 5)
        assert await client.hgetall("workers:room") == {"two": "5"}
        await workers.say_gone(client, "two")
        assert await client.keys("workers:*") == []


def test_a_hung_process_is_told_from_a_living_one_beside_it_and_from_a_dead_one(
    redis_url: str, tmp_path: Path
) -> None:
    here, own = socket.gethostname(), workers.own_name()
    with redis.Redis.from_url(redis_url) as client:
        assert workers.silent_here(client, tmp_path) is None
        client.zadd("workers:alive", {f"{here}:1": time.time() + 15})
        (tmp_path / "workers").mkdir()
        (tmp_path / "workers" / f"{here}:dead").touch()
        workers.note_here(tmp_path)
        living.note(tmp_path / "workers", f"{here}:1")
        living.note(tmp_path / "workers", "elsewhere:1")
        assert workers.silent_here(client, tmp_path) == [own]
        client.zadd("workers:alive", {own: time.time() + 15})
        assert workers.silent_here(client, tmp_path) == []
    kept = {path.name for path in (tmp_path / "workers").iterdir()}
    assert kept == {own, f"{here}:1", "elsewhere:1"}


def test_a_full_worker_goes_on_to_ring_when_the_database_was_away(
    transactional_db: None,
    redis_url: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.WORKER_RUNS = 0
    rung: list[str] = []
    heard = threading.Event()

    def ring(task: str, run_id: str) -> None:
        rung.append(run_id)
        if len(rung) == 1:
            raise OperationalError("the server closed the connection unexpectedly")
        heard.set()

    monkeypatch.setattr(doorbell, "ring", ring)
    monkeypatch.setattr(hosts, "PASS_ON_SECONDS", 0.02)
    with redis.Redis.from_url(redis_url) as client:
        client.zadd("workers:alive", {"elsewhere:1": time.time() + 15})
        client.hset("workers:room", "elsewhere:1", "1")
    host = Host()
    try:
        host.submit("run_waiting")
        assert heard.wait(5)
    finally:
        host.stop()
    assert set(rung) == {"run_waiting"}
