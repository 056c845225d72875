"""What operators watch."""

import re

import pytest
from django.test import Client
from pytest_django import Settings

from assistants.models import Assistant, Thread
from tests.api.worker import Worker
from tests.factories import make_run

TOKEN = {"Authorization": "Bearer watch"}


@pytest.fixture
def client(settings: Settings) -> Client:
    settings.METRICS_TOKEN = "watch"
    return Client()


def number(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer other"}])
def test_strangers_find_nothing(
    client: Client, headers: dict[str, str], transactional_db: None
) -> None:
    assert client.get("/metrics", headers=headers).status_code == 404


def test_without_a_token_there_is_nothing(settings: Settings, transactional_db: None) -> None:
    settings.METRICS_TOKEN = ""
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_runs_are_counted_as_they_stand_and_as_they_ended(
    client: Client, assistant: Assistant, thread: Thread
) -> None:
    ended = 'playground_runs_ended_total{status="completed"}'
    read = 'playground_tokens_total{kind="prompt"}'
    before = client.get("/metrics", headers=TOKEN).text
    worker = Worker(make_run(thread, assistant).id)
    during = client.get("/metrics", headers=TOKEN).text
    assert number(during, 'playground_runs{status="in_progress"}') == 1.0
    worker.answer("Yes.")
    worker.complete()
    after = client.get("/metrics", headers=TOKEN).text
    assert number(after, 'playground_runs{status="in_progress"}') == 0.0
    assert number(after, ended) == number(before, ended) + 1
    assert number(after, read) == number(before, read) + 20
