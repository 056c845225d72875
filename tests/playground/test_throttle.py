"""Whoever guesses passwords or tokens has to wait, and is told for how long."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.db.models import F
from django.test import Client

from assistants.operations import people
from playground import login

PASSWORD = "correct horse battery"
RIGHT = {"username": "mei", "password": PASSWORD}


@pytest.fixture(autouse=True)
def _mei(db: None) -> None:
    people.ensure_owner("mei", PASSWORD)


def guess(times: int, address: str = "192.0.2.1", **given: str) -> int:
    """The status of the last of so many wrong tries, each of another browser."""
    status = 0
    for number in range(times):
        client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=f"browser {number}")
        status = client.post("/login", given or {**RIGHT, "password": "wrong"}).status_code
    return status


def test_after_five_wrong_passwords_even_the_right_one_has_to_wait() -> None:
    assert guess(4) == 403
    assert guess(1) == 429
    answer = Client(REMOTE_ADDR="192.0.2.1").post("/login", RIGHT)
    assert answer.status_code == 429
    assert "Try again in 15 minutes." in answer.text
    assert 800 < int(answer.headers["Retry-After"]) <= 900


def test_others_are_not_locked_out_by_it() -> None:
    people.ensure_owner("jan", PASSWORD)
    guess(5)
    assert Client(REMOTE_ADDR="192.0.2.2").post("/login", RIGHT).status_code == 302
    jan = Client(REMOTE_ADDR="192.0.2.1").post("/login", {**RIGHT, "username": "jan"})
    assert jan.status_code == 302


def test_waiting_is_not_made_longer_by_trying_and_ends() -> None:
    guess(5)
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=14))
    answer = Client(REMOTE_ADDR="192.0.2.1").post("/login", RIGHT)
    assert "Try again in 1 minute." in answer.text
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=2))
    assert Client(REMOTE_ADDR="192.0.2.1").post("/login", RIGHT).status_code == 302


def test_the_right_password_forgets_the_wrong_ones() -> None:
    guess(4)
    assert Client(REMOTE_ADDR="192.0.2.1").post("/login", RIGHT).status_code == 302
    assert guess(4) == 403


def test_wrong_tokens_count_too_and_leave_passwords_alone() -> None:
    assert guess(5, token="wrong") == 429
    token = login.issue()
    locked = Client(REMOTE_ADDR="192.0.2.1").get(f"/login?token={token}")
    assert locked.status_code == 429
    assert Client(REMOTE_ADDR="192.0.2.2").get(f"/login?token={token}").status_code == 302
    assert Client(REMOTE_ADDR="192.0.2.1").post("/login", RIGHT).status_code == 302


def test_what_is_kept_of_a_try_holds_no_secret() -> None:
    guess(1, username="mei", password="my secret word")
    guess(1, token="my secret word")
    Client().get("/login?token=my+secret+word")
    kept = list(AccessAttempt.objects.values())
    assert len(kept) >= 2
    assert "secret" not in repr(kept)
