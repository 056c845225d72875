"""Every address, called by everybody: see ``rows``."""

import json
import re
from collections.abc import Iterator
from copy import copy
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.db import connection, transaction
from django.http.response import HttpResponseBase
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pytest_django.plugin import DjangoDbBlocker

from assistants import acting
from assistants.api import dispatch
from assistants.api.urls import api
from assistants.models import AuditEntry
from tests.matrix.rows import OPERATIONS, PAGES, SIGN_IN, Row
from tests.matrix.world import CALLERS, World, make_world

pytestmark = pytest.mark.django_db

PREFIXES = ("/v1", "/openai", "/openai/v1")
"""Where the API is reached: as OpenAI's clients, and as both kinds of Azure's look for it."""
REFUSALS = (SIGN_IN, 401, 403, 404, 405)
VALUES = r"""'[^']*'|"s\d+_x\d+"|\b\d+\b"""
WITHOUT_TOKEN = {"shared-password", "shared-preferences"}
"""Forms of guests, who have no session; what they do is done in the guest's own browser only."""
REFERENCE = {"openapi-json", "openapi-view", "api-root"}
"""What describes the API, to everybody."""


@pytest.fixture(scope="module")
def world(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, redis_url: str
) -> Iterator[World]:
    """One for all: whatever is done in it is taken back."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def one_connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The API has threads of its own, whose connections would not see this world."""
    answer = sync_to_async(dispatch._answer, thread_sensitive=True)
    monkeypatch.setattr(dispatch, "answer", answer)
    monkeypatch.setattr(dispatch, "_let_go", lambda: None)
    with acting.acting():
        yield


def page_patterns() -> dict[str, URLPattern]:
    """Every address that is no operation of the API, by its name."""
    found: dict[str, URLPattern] = {}

    def walk(patterns: list[URLPattern | URLResolver]) -> None:
        for one in patterns:
            if isinstance(one, URLResolver):
                walk(one.url_patterns)
            elif one.name and "_" not in one.name.replace("set_language", ""):
                found[one.name] = one
            else:
                assert one.name in operations(), one

    walk(get_resolver().url_patterns)
    return {name: one for name, one in found.items() if name not in REFERENCE}


def operations() -> dict[str, tuple[str, str]]:
    """The method and the path of each operation of the API, by its name."""
    return {
        operation.view_func.__name__: (operation.methods[0].lower(), f"{prefix}{path}".strip())
        for prefix, router in api._routers
        for path, view in router.path_operations.items()
        for operation in view.operations
    }


def test_every_address_has_a_row() -> None:
    rows = {(row.name, row.method) for row in PAGES}
    looked_at_only = {"healthz", "readyz", "metrics"}
    wanted = {(name, method) for name in page_patterns() for method in ("get", "post")}
    wanted -= {(name, "post") for name in looked_at_only}
    assert rows == wanted
    assert {row.name for row in OPERATIONS} == set(operations())


def ask(client: Client, method: str, address: str, **sent: Any) -> HttpResponseBase:
    """The answer; what was done is taken back. Whoever is refused must have changed nothing."""
    client = copy(client)
    client.cookies = copy(client.cookies)
    with transaction.atomic():
        before = counts()
        answer: HttpResponseBase = getattr(client, method)(address, **sent)
        if said(answer) in REFUSALS:
            assert counts() == before
        transaction.set_rollback(True)
    return answer


def said(answer: HttpResponseBase) -> int | str:
    if answer.status_code == 302 and answer.headers["Location"].startswith("/login?next="):
        return SIGN_IN
    return answer.status_code


def address_of(row: Row, ids: dict[str, str]) -> str:
    needed = page_patterns()[row.name].pattern.converters
    return reverse(row.name, kwargs={name: ids[name] for name in needed})


def counts() -> dict[str, int]:
    """How many rows each table has, by one statement. Wrong tries at signing in are counted, and
    refusals may be written down.
    """
    kept = {"axes", AuditEntry._meta.label}
    models = [
        model
        for model in apps.get_models()
        if not kept & {model._meta.app_label, model._meta.label}
    ]
    tables = [model._meta.db_table for model in models]
    each = ", ".join(f'(SELECT COUNT(*) FROM "{table}")' for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {each}")
        return dict(zip(tables, cursor.fetchone(), strict=True))


@pytest.mark.parametrize("row", PAGES, ids=str)
def test_a_page_answers_everybody_as_is_written_down(row: Row, world: World) -> None:
    answers = {}
    for caller, client in world.callers.items():
        token = "revoked_token" if caller == "revoked_link" else "token"
        address = address_of(row, {**world.ids, "token": world.ids[token]})
        answers[caller] = said(ask(client, row.method, address, data=row.data(world.ids)))
    assert answers == row.answers


@pytest.mark.parametrize(
    "row",
    [row for row in PAGES if row.method == "post" and row.name not in WITHOUT_TOKEN],
    ids=str,
)
def test_no_form_is_taken_without_its_token(row: Row, world: World) -> None:
    owner = Client(enforce_csrf_checks=True)
    owner.cookies = world.callers["owner"].cookies
    address = address_of(row, world.ids)
    for headers in ({}, {"HX-Request": "true"}):
        answer = ask(owner, "post", address, data=row.data(world.ids), headers=headers)
        assert answer.status_code == 403, headers


@pytest.mark.parametrize(
    "row", [row for row in PAGES if row.method == "get" and row.name != "shared"], ids=str
)
def test_a_stranger_sees_nothing_of_the_project(row: Row, world: World) -> None:
    answer = ask(world.callers["stranger"], "get", address_of(row, world.ids))
    asked_for = set(page_patterns()[row.name].pattern.converters)
    body = b"" if answer.streaming else getattr(answer, "content", b"")
    for name, known in world.ids.items():
        if name not in asked_for and name not in ("model", "object_id", "user_id"):
            assert known.encode() not in body, name


def api_address(row: Row, ids: dict[str, str]) -> tuple[str, str]:
    method, path = operations()[row.name]
    return method, re.sub(r"{(?:\w+:)?(\w+)}", lambda place: ids[place[1]], path)


def sent(row: Row, ids: dict[str, str]) -> dict[str, Any]:
    """What goes along. The files of assistants and messages are known to the API's first version
    only.
    """
    method, path = operations()[row.name]
    first = re.search("/(assistants|messages)/.*/files", path)
    given: dict[str, Any] = {"headers": {"OpenAI-Beta": "assistants=v1"}} if first else {}
    if method == "post":
        given |= {"data": json.dumps(row.data(ids)), "content_type": "application/json"}
    return given


@pytest.mark.parametrize("row", OPERATIONS, ids=str)
def test_an_operation_answers_everybody_as_is_written_down(row: Row, world: World) -> None:
    method, path = api_address(row, world.ids)
    given = sent(row, world.ids)
    for prefix in PREFIXES if "headers" not in given else PREFIXES[:1]:
        version = "?api-version=2024-05-01-preview" if prefix == "/openai" else ""
        asking = CALLERS if prefix == "/v1" else ("stranger", "other_key")
        answers = {
            caller: said(ask(world.callers[caller], method, f"{prefix}{path}{version}", **given))
            for caller in asking
        }
        assert answers == {caller: row.answers[caller] for caller in asking}


def with_ids() -> Iterator[tuple[str, Row]]:
    for row in PAGES:
        if row.answers["stranger"] == 404 and page_patterns()[row.name].pattern.converters:
            yield "stranger", row
    for row in OPERATIONS:
        if row.answers["other_key"] == 404 and "{" in operations()[row.name][1]:
            yield "other_key", row


@pytest.mark.parametrize("caller, row", list(with_ids()), ids=str)
def test_ids_of_others_are_looked_for_as_ids_of_nothing_are(
    caller: str, row: Row, world: World
) -> None:
    """The same statements are asked of the database, so that no clock tells what exists."""
    nothing = {name: re.sub(".{4}$", "0000", known) for name, known in world.ids.items()}
    nothing |= {name: world.ids[name] for name in ("token", "secret")}
    asked = []
    for ids in (world.ids, nothing):
        if caller == "stranger":
            method, address = row.method, address_of(row, ids)
            given: dict[str, Any] = {"data": row.data(ids)}
        else:
            method, path = api_address(row, ids)
            address, given = f"/v1{path}", sent(row, ids)
        with CaptureQueriesContext(connection) as queries:
            answer = ask(world.callers[caller], method, address, **given)
        assert answer.status_code == 404
        asked.append([re.sub(VALUES, "?", query["sql"]) for query in queries.captured_queries])
    assert asked[0] == asked[1]
