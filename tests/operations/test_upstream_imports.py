"""Bringing a thread that was read already: how it is checked and written, and who may."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection

from assistants import doorbell
from assistants.models import (
    ImportItem,
    ImportPage,
    Message,
    ModelProvider,
    Project,
    Thread,
    UpstreamImport,
)
from assistants.operations import imports, upstream_imports, upstream_threads
from tests.factories import make_project, make_thread

NOWHERE = "http://127.0.0.1:9/v1"
OVER = {"part": "over"}


@pytest.fixture(autouse=True)
def _nobody_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorbell, "_send", lambda task, ids: None)


@pytest.fixture
def item(transactional_db: None) -> ImportItem:
    """A thread with two messages, of which all pages were read."""
    project = make_project()
    thread = make_thread(project, "One", "Two")
    told = [
        ("thread", [thread.to_dict()]),
        *(("message", [one.to_dict()]) for one in thread.messages.oldest_first()),
    ]
    item = _item(project, thread.id, OVER)
    thread.delete()
    for noun, objects in told:
        item.pages.create(noun=noun, objects_told=objects)
    return item


def _item(
    project: Project, thread_id: str, reading: dict[str, Any], address: str = NOWHERE
) -> ImportItem:
    row = ModelProvider.objects.create(
        project=project,
        label="Team server",
        kind="assistants",
        base_url=address,
    )
    job = upstream_imports.begin(row, assistants=False, vector_stores=False, thread_ids=[thread_id])
    job.listed = ["thread_ids"]
    job.save(update_fields=["listed"])
    return job.items.create(noun="thread", rank=3, upstream_id=thread_id, reading=reading)


@pytest.mark.parametrize("end", ["stop", "disconnect"])
def test_of_an_import_that_has_ended_nothing_stays_that_was_only_read(
    item: ImportItem, end: str
) -> None:
    if end == "stop":
        upstream_imports.stop(item.job)
    else:
        ModelProvider.objects.all().delete()
        upstream_imports.go_on(item.job_id)
    item.refresh_from_db()
    assert not item.job.goes_on
    assert not ImportPage.objects.exists()
    # Who goes on begins with the first page.
    assert (item.status, item.reading) == ("waiting", {})


class _Endless(BaseHTTPRequestHandler):
    """A thread with ever more messages."""

    def do_GET(self) -> None:
        last = parse_qs(urlsplit(self.path).query).get("after", ["msg_0"])[0]
        body: dict[str, Any] = {"id": "thread_long"}
        if urlsplit(self.path).path.endswith("/messages"):
            message = {"id": f"msg_{int(last[4:]) + 1}", "text": "x" * 1000}
            body = {"object": "list", "data": [message], "has_more": True}
        sent = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *args: Any) -> None:
        """Nobody reads it."""


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
def test_a_thread_without_an_end_fails_alone(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream_threads, "MAX_BYTES", 5000)
    monkeypatch.setattr(upstream_imports, "SLICE_SECONDS", 60.0)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Endless) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/v1"
        item = _item(make_project(), "thread_long", {}, address)
        upstream_imports.go_on(item.job_id)
        server.shutdown()
    item.refresh_from_db()
    assert item.job.status == "completed"
    assert (item.status, item.error) == (
        "failed",
        "Team server has more of this thread than is brought (0 MB, 100000 objects at most).",
    )
    assert not ImportPage.objects.exists()


def _taken(item: ImportItem) -> None:
    """Another worker has the import now."""
    UpstreamImport.objects.filter(pk=item.job_id).update(lease="another's")


def _before_each_read(monkeypatch: pytest.MonkeyPatch, then: Callable[[], None]) -> None:
    read = imports.read

    def reading(kind: Any, wire: Any) -> Any:
        then()
        return read(kind, wire)

    monkeypatch.setattr(imports, "read", reading)


def test_what_was_read_is_checked_before_anything_is_locked(
    item: ImportItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked: list[bool] = []
    _before_each_read(monkeypatch, lambda: locked.append(connection.in_atomic_block))
    upstream_imports.go_on(item.job_id)
    item.refresh_from_db()
    assert (item.status, item.error) == ("brought", "")
    assert item.counts["message"] == {"there": 2, "here": 2}
    assert [message.text for message in Message.objects.oldest_first()] == ["One", "Two"]
    assert locked == [False] * 3
    assert not ImportPage.objects.exists()


def test_a_worker_that_has_lost_the_import_writes_nothing_of_it(
    item: ImportItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    _before_each_read(monkeypatch, lambda: _taken(item))
    upstream_imports.go_on(item.job_id)
    item.refresh_from_db()
    assert (item.status, item.reading) == ("waiting", OVER)
    assert ImportPage.objects.count() == 3
    assert not Thread.objects.exists()


def test_what_is_lost_while_it_is_written_is_written_not_at_all(
    item: ImportItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew = upstream_imports._renew

    def renewing(job: UpstreamImport, **fields: object) -> None:
        # As if the thread had taken longer to write than the lease was.
        if Thread.objects.exists():
            _taken(item)
        renew(job, **fields)

    monkeypatch.setattr(upstream_imports, "_renew", renewing)
    upstream_imports.go_on(item.job_id)
    item.refresh_from_db()
    assert item.status == "waiting"
    assert not Thread.objects.exists()
