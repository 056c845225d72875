"""Whoever guesses passwords or tokens has to wait, and is told for how long."""

import http.client
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.db.models import F
from django.test import Client

from assistants.operations import people
from playground import throttle
from playground.asgi import application
from tests.api.serving import serving

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


def test_one_address_does_not_try_one_password_after_another_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(throttle, "ADDRESS_LIMIT", 7)
    for number in range(throttle.ADDRESS_LIMIT - 1):
        assert guess(1, username=f"name-{number}", password="Spring2026") == 403
    assert Client(REMOTE_ADDR="192.0.2.1").post("/login", RIGHT).status_code == 302
    # Who has an account to sign in with in between has no more tries by that.
    assert guess(1, username="one more", password="Spring2026") == 429
    answer = Client(REMOTE_ADDR="192.0.2.1").post("/login", RIGHT)
    assert answer.status_code == 429
    assert 800 < int(answer.headers["Retry-After"]) <= 900
    assert Client(REMOTE_ADDR="192.0.2.2").post("/login", RIGHT).status_code == 302


def test_a_network_of_ipv6_is_one_address() -> None:
    assert guess(4, "2001:db8::1") == 403
    assert guess(1, "2001:db8::ffff:2") == 429
    assert guess(1, "2001:db8:0:1::1") == 403
    guess(5, "::ffff:192.0.2.7")
    assert Client(REMOTE_ADDR="192.0.2.7").post("/login", RIGHT).status_code == 429
    assert Client(REMOTE_ADDR="::ffff:192.0.2.8").post("/login", RIGHT).status_code == 302


def change_password(client: Client, old: str) -> int:
    new = "another horse battery"
    given = {"old_password": old, "new_password1": new, "new_password2": new}
    answer = client.post("/account/password", given)
    if answer.status_code == 429:
        assert "Too many attempts. Try again in" in answer.text
        assert int(answer.headers["Retry-After"]) > 800
    return answer.status_code


def test_the_old_password_is_not_guessed_where_somebody_is_signed_in() -> None:
    client = Client(REMOTE_ADDR="192.0.2.1")
    client.post("/login", RIGHT)
    assert [change_password(client, f"guess {number}") for number in range(4)] == [422] * 4
    assert change_password(client, "guess 5") == 429
    assert change_password(client, PASSWORD) == 429
    assert client.get("/account").status_code == 200
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=16))
    assert change_password(client, PASSWORD) == 302


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("behind_proxy, last", [(False, 429), (True, 403)])
def test_another_address_each_time_is_believed_of_a_proxy_only(
    behind_proxy: bool, last: int
) -> None:
    with serving(application, behind_proxy=behind_proxy) as url:
        server = http.client.HTTPConnection(url.removeprefix("http://"))
        server.request("GET", "/login")
        page = server.getresponse()
        page.read()
        cookie = (page.headers["Set-Cookie"] or "").partition(";")[0]
        for number in range(6):
            headers = {
                "Cookie": cookie,
                "X-CSRFToken": cookie.partition("=")[2],
                "X-Forwarded-For": f"192.0.2.{number}",
                "Content-Type": "application/x-www-form-urlencoded",
            }
            server.request("POST", "/login", "username=mei&password=wrong", headers)
            answer = server.getresponse()
            text = answer.read().decode()
        server.close()
    assert answer.status == last
    assert behind_proxy or "Try again in 15 minutes." in text


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
    token = people.issue_login_token()
    locked = Client(REMOTE_ADDR="192.0.2.1").get(f"/login?token={token}")
    assert locked.status_code == 429
    assert Client(REMOTE_ADDR="192.0.2.2").get(f"/login?token={token}").status_code == 302
    assert Client(REMOTE_ADDR="192.0.2.1").post("/login", RIGHT).status_code == 302


def test_what_is_kept_of_a_try_holds_no_secret() -> None:
    guess(1, username="mei", password="my secret word")
    guess(1, token="my secret word")
    client = Client()
    client.post("/login", RIGHT)
    change_password(client, "my secret word")
    given = {"old_password": "x", "new_password1": "my secret word", "new_password2": "y"}
    client.post("/account/password", given)
    Client().get("/login?token=my+secret+word")
    kept = list(AccessAttempt.objects.values())
    assert len(kept) >= 2
    assert "secret" not in repr(kept)
