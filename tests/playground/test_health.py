"""GET /healthz: 200 when all parts answer, else 503 that names those that do not."""

import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from aiohttp import web
from django.db import OperationalError
from django.test import AsyncClient
from pytest_django import Settings

from playground.health import _check_tables, beside, report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def interpreter(settings: Settings, tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    """An interpreter that says what the test puts into this."""
    told: dict[str, Any] = {
        "ok": True,
        "state": "ready",
        "reason": None,
        "walls": [],
        "packages": [],
    }

    async def health(_request: web.Request) -> web.Response:
        return web.json_response(told)

    application = web.Application()
    application.router.add_get("/health", health)
    runner = web.AppRunner(application)
    await runner.setup()
    settings.INTERPRETER_SOCKET = str(tmp_path / "interpreter.sock")
    await web.UnixSite(runner, settings.INTERPRETER_SOCKET).start()
    yield told
    await runner.cleanup()


@pytest.fixture
def worker(redis_url: str) -> Iterator[None]:
    """One that has said that it is alive."""
    with redis.Redis.from_url(redis_url) as client:
        client.zadd("workers:alive", {"test": time.time() + 15})
        yield


async def ask(path: str = "/healthz") -> tuple[int, dict[str, Any]]:
    response = await AsyncClient().get(path)
    return response.status_code, json.loads(response.content)


async def test_all_is_well_when_every_part_answers(
    interpreter: dict[str, Any], worker: None
) -> None:
    status, body = await ask()
    assert status == 200
    assert body["status"] == "ok"
    assert {name: part["ok"] for name, part in body["parts"].items()} == {
        "web": True,
        "database": True,
        "redis": True,
        "worker": True,
        "interpreter": True,
    }
    assert body["code_interpreter"] is None


async def test_a_missing_worker_is_named(interpreter: dict[str, Any]) -> None:
    status, body = await ask()
    assert status == 503
    assert body["status"] == "not answering: worker"
    assert body["parts"]["worker"]["detail"] == "no worker is answering"


async def test_a_missing_interpreter_is_named(
    settings: Settings, tmp_path: Path, worker: None
) -> None:
    settings.INTERPRETER_SOCKET = str(tmp_path / "nobody.sock")
    status, body = await ask()
    assert status == 503
    assert body["status"] == "not answering: interpreter"


async def test_an_interpreter_whose_tool_is_off_answers_and_strangers_are_not_told_why(
    interpreter: dict[str, Any], worker: None
) -> None:
    interpreter.update(
        ok=False, state="off", reason="/home/somebody/.sandbox-venv/bin/python is missing"
    )
    status, body = await ask()
    assert status == 200
    assert body["code_interpreter"].startswith("The code interpreter is off.")
    assert "somebody" not in str(body)


async def test_an_interpreter_whose_python_sessions_do_not_start_is_named_without_its_paths(
    interpreter: dict[str, Any], worker: None
) -> None:
    interpreter.update(ok=False, state="failing", reason="/home/somebody/data is full")
    status, body = await ask()
    assert status == 503
    assert body["status"] == "not answering: interpreter"
    assert body["parts"]["interpreter"]["detail"].startswith("No Python session can be started.")
    assert "somebody" not in str(body)


@pytest.mark.parametrize("state", ["off", "failing"])
async def test_who_is_signed_in_is_told_why(
    interpreter: dict[str, Any], worker: None, state: str
) -> None:
    interpreter.update(ok=False, state=state, reason="bubblewrap is not installed")
    assert (await report())["interpreter"].detail == "bubblewrap is not installed"


async def test_a_database_that_fails_is_named_without_its_words(
    interpreter: dict[str, Any], worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def cursor(self) -> None:
            raise OperationalError("unable to open /home/somebody/db.sqlite3")

        def close(self) -> None:
            """There is nothing to close."""

    monkeypatch.setattr("playground.health.connection", Broken())
    _, body = await ask()
    assert body["parts"]["database"]["detail"] == "OperationalError"


async def test_a_full_disk_is_named(
    interpreter: dict[str, Any], worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.health.FULL_BYTES", 2**62)
    status, body = await ask()
    assert status == 503
    assert body["parts"]["database"]["detail"] == "the disk of DATA_DIR is full: make room"
    status, body = await ask("/readyz")
    assert (status, body["status"]) == (503, "not answering: database")


async def test_a_missing_redis_is_named_with_the_worker_that_cannot_be_seen(
    settings: Settings, interpreter: dict[str, Any], tmp_path: Path
) -> None:
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
    status, body = await ask()
    assert status == 503
    assert body["status"] == "not answering: redis, worker"


async def test_a_full_redis_is_named_as_what_is_wrong(
    interpreter: dict[str, Any], redis_url: str
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        before = client.config_get("maxmemory*")
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        try:
            status, body = await ask()
        finally:
            for name in ("maxmemory", "maxmemory-policy"):
                client.config_set(name, before[name])
    assert status == 503
    assert body["parts"]["redis"]["detail"].startswith("it is full:")
    assert body["parts"]["worker"]["detail"] == "no worker can be seen without Redis"


async def test_a_part_that_accepts_and_says_nothing_does_not_hold_the_answer_up(
    settings: Settings, tmp_path: Path, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.health.TIMEOUT_SECONDS", 0.2)
    settings.INTERPRETER_SOCKET = str(tmp_path / "silent.sock")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(settings.INTERPRETER_SOCKET)
        silent.listen()
        status, body = await ask()
    assert status == 503
    assert body["status"] == "not answering: interpreter"


def test_a_database_that_hangs_holds_no_worker_up_that_tells_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its threads go on waiting; neither they nor those of later questions become many."""
    goes_on = threading.Event()
    monkeypatch.setattr("playground.health.TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr("playground.health._database", lambda: goes_on.wait(20))
    try:
        for _ in range(2):
            begun = time.monotonic()
            parts = beside("worker")
            assert time.monotonic() - begun < 2
            assert parts["database"].public == "no answer within 0 s"
            assert not {"web", "worker"} & set(parts)
    finally:
        goes_on.set()


async def test_a_web_server_is_ready_with_its_database_whatever_else_is_away(
    settings: Settings, tmp_path: Path
) -> None:
    settings.INTERPRETER_SOCKET = str(tmp_path / "nobody.sock")
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
    status, body = await ask("/readyz")
    assert (status, body["status"]) == (200, "ok")
    assert set(body["parts"]) == {"database", "static files"}


async def test_a_web_server_without_static_files_is_not_ready(
    settings: Settings, tmp_path: Path
) -> None:
    settings.STATIC_ROOT = tmp_path
    hashed = {"BACKEND": "playground.static_files.ModulesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": hashed}
    status, body = await ask("/readyz")
    assert (status, body["status"]) == (503, "not answering: static files")
    told = body["parts"]["static files"]["detail"]
    assert told == "none were there when it started: run assets, and start it again"

    manifest = {"version": "1.1", "hash": "", "paths": {"favicon.svg": "favicon.0.svg"}}
    (tmp_path / "staticfiles.json").write_text(json.dumps(manifest))
    settings.STORAGES = {**settings.STORAGES}
    assert (await ask("/readyz"))[0] == 200


async def test_a_database_that_lacks_a_migration_is_not_ready_and_is_not_asked_again_once_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [False, True]
    _check_tables.cache_clear()
    monkeypatch.setattr("playground.tables.are_there", lambda *_arguments: found.pop(0))
    status, body = await ask("/readyz")
    assert (status, body["status"]) == (503, "not answering: database")
    told = body["parts"]["database"]["detail"]
    assert told == "the tables are not those of this version: run prepare"
    assert [(await ask("/readyz"))[0] for _ in range(3)] == [200, 200, 200]
    assert not found
