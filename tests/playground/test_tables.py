"""A process waits for the tables of its version, and not for ever for a database that is away."""

import itertools
from types import SimpleNamespace

import pytest
from django.db import OperationalError
from django.db.utils import ConnectionHandler

from playground import tables

SILENT = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": "playground",
    "HOST": "192.0.2.1",
}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the database says, one second after another. ``""`` is that all tables are there."""
    answers: list[str] = []
    seconds = itertools.count()
    monkeypatch.setattr(tables, "newest", set)
    monkeypatch.setattr(tables, "_missing", lambda _last: answers.pop(0))
    monkeypatch.setattr(
        tables, "time", SimpleNamespace(monotonic=lambda: next(seconds), sleep=lambda _: None)
    )
    return answers


def test_one_connection_that_fails_after_a_long_wait_for_tables_is_no_outage(
    answers: list[str],
) -> None:
    answers += [tables.MISSING] * 60 + [tables.AWAY] * 3 + [tables.MISSING] * 60 + [""]
    tables.wait()
    assert not answers


def test_a_database_that_stays_away_is_waited_for_as_long_as_that(
    answers: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    answers += [tables.MISSING] * 60 + [tables.AWAY] * 100
    tables.wait()
    assert 100 - len(answers) == pytest.approx(tables.AWAY_SECONDS, abs=2)
    assert [record.getMessage() for record in caplog.records] == [
        f"Waiting: {tables.MISSING}.",
        f"Waiting: {tables.AWAY}.",
    ]


def test_a_database_that_does_not_answer_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bool:
        raise OperationalError

    monkeypatch.setattr(tables, "are_there", fail)
    assert tables._missing(set()) is tables.AWAY


@pytest.mark.parametrize("asked, given", [({}, 10), ({"connect_timeout": 3}, 3)])
def test_a_host_that_says_nothing_is_given_up_soon(
    monkeypatch: pytest.MonkeyPatch, asked: dict[str, int], given: int
) -> None:
    silent = ConnectionHandler({"default": {**SILENT, "OPTIONS": {"pool": True, **asked}}})
    monkeypatch.setattr(tables, "connection", silent["default"])
    assert tables.without_pool().get_connection_params()["connect_timeout"] == given
