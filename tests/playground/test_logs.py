"""Log lines for people and for machines."""

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from celery import Celery
from celery.beat import ScheduleEntry, Scheduler
from celery.schedules import schedule
from django.test import Client

from assistants.models import Share
from playground import shared_access
from playground.logs import JsonFormatter, NoProbes, TextFormatter
from tests.stack import ROOT, Stack
from tests.until import until


def record(level: int, message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("assistants.engine", level, __file__, 1, message, arguments, None)


def test_plain_news_has_no_level_and_a_warning_has() -> None:
    assert TextFormatter().format(record(logging.INFO, "ready")) == "assistants.engine: ready"
    warning = TextFormatter().format(record(logging.WARNING, "slow"))
    assert warning == "WARNING assistants.engine: slow"


def test_a_json_line_is_one_object_with_the_error_in_it() -> None:
    line = record(logging.ERROR, "failed: %s", "no\nway")
    try:
        raise ValueError("wrong")
    except ValueError:
        line.exc_info = sys.exc_info()
    text = JsonFormatter().format(line)
    told = json.loads(text)
    assert "\n" not in text
    assert told["level"] == "error"
    assert told["logger"] == "assistants.engine"
    assert told["message"] == "failed: no\nway"
    assert told["error"].endswith("ValueError: wrong")
    assert told["time"].endswith("+00:00")


def test_what_beat_could_not_ring_is_told_without_a_list_of_lines(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_given: object, **_named: object) -> None:
        raise ConnectionError("Redis is away")

    app = Celery("played", set_as_current=False)
    scheduler = Scheduler(app, lazy=True)
    monkeypatch.setattr(scheduler, "apply_async", fails)
    scheduler.apply_entry(ScheduleEntry("sweep", "sweep", schedule=schedule(5.0), app=app))

    (line,) = [line for line in caplog.records if line.levelno == logging.ERROR]
    told = json.loads(JsonFormatter().format(line))
    assert told["message"] == "Message Error: Redis is away"
    assert told["error"].endswith("ConnectionError: Redis is away")


def test_no_line_has_the_secret_of_an_address(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    token = Share.new_token()
    lines = io.StringIO()
    handlers = [logging.StreamHandler(lines), logging.StreamHandler(lines)]
    for handler, formatter in zip(handlers, (TextFormatter(), JsonFormatter()), strict=True):
        handler.setFormatter(formatter)
        logging.getLogger().addHandler(handler)

    def fails(*_given: object) -> None:
        raise RuntimeError(f"of /s/{token}/earlier")

    monkeypatch.setattr(shared_access, "find", fails)
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    away = quote(quote(f"/s/{token}/copy", safe=""), safe="")
    try:
        client.post(f"/s/{token}/copy")
        for target in (f"login?next=/s/{token}", f"login?token={token}", f"login?next={away}"):
            headers = {"Referer": f"https://elsewhere.example/{target}"}
            client.post("/login", {"next": f"/s/{token}"}, secure=True, headers=headers)
        client.post(f"/join/invite_abc/{token}")
        assert client.get(f"/s/{token}").status_code == 500
    finally:
        for handler in handlers:
            logging.getLogger().removeHandler(handler)
    told = lines.getvalue()
    assert told.count("Forbidden") == 10
    assert told.count("Internal Server Error: /s/…") == 2
    assert "of /s/…/earlier" in told
    assert token not in told


SAYS_ALL = """
import threading, warnings
import django
django.setup()
warnings.warn("odd")
thread = threading.Thread(target=lambda: 1 / 0, name="sums")
thread.start()
thread.join()
raise ValueError("the end")
"""


def test_what_python_says_by_itself_is_json_too() -> None:
    environment = {**os.environ, "LOG_FORMAT": "json"}
    environment["DJANGO_SETTINGS_MODULE"] = "playground.settings"
    done = subprocess.run(
        [sys.executable, "-c", SAYS_ALL],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    warning, thread, end = map(json.loads, done.stderr.splitlines())
    assert "odd" in warning["message"]
    assert thread["message"] == "the thread sums ended"
    assert "ZeroDivisionError" in thread["error"]
    assert end["error"].endswith("ValueError: the end")


def test_every_line_of_a_start_and_a_stop_is_json(tmp_path: Path) -> None:
    with Stack(tmp_path, LOG_FORMAT="json") as stack:
        worker = psutil.Process(stack.pid_of("worker"))
        worker.terminate()
        worker.wait(20)
        until(lambda: "it is started again" in stack.output(), "nobody says that it has ended")
    lines = [json.loads(line) for line in stack.output().splitlines()]
    said = [line["message"] for line in lines]
    assert any(message.startswith("Sign in:") for message in said)
    assert "Stopping ..." in said


def test_the_503_of_a_health_probe_is_not_logged() -> None:
    line = record(logging.ERROR, "Service Unavailable")
    assert NoProbes().filter(line)
    line.__dict__["request"] = type("Request", (), {"path": "/healthz"})()
    assert not NoProbes().filter(line)


@pytest.mark.parametrize(
    "path, host", [("/login?next=%00", "testserver"), ("/login", "elsewhere.example")]
)
def test_a_request_that_is_refused_for_what_it_is_is_one_warning(path: str, host: str) -> None:
    kept = io.StringIO()
    handler = next(one for one in logging.getLogger().handlers if one.name == "stderr")
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(kept)
    try:
        assert Client(headers={"host": host}).get(path).status_code == 400
    finally:
        handler.setStream(before)
    (line,) = kept.getvalue().splitlines()
    assert line.startswith("WARNING django.security.")
