"""The login token: given ones stay, generated ones work once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from assistants.models import LoginToken, clock
from assistants.operations import people
from playground import login
from playground.management.commands.prepare import Command as Prepare
from playground.rows import tables

pytestmark = pytest.mark.django_db


def test_a_generated_token_works_once() -> None:
    token = people.issue_login_token()
    assert login.consume(token)
    assert not login.consume(token)


@pytest.mark.parametrize("minutes, good", [(-1, True), (1, False)])
def test_a_generated_token_is_good_for_so_long(
    settings: Settings, minutes: int, good: bool
) -> None:
    settings.LOGIN_LINK_HOURS = 3
    token = people.issue_login_token()
    made = clock.now() - timedelta(hours=3, minutes=minutes)
    LoginToken.objects.update(created_at=made)
    assert login.consume(token) is good


def test_a_token_of_one_host_is_good_on_another(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "one"
    token = people.issue_login_token()
    settings.DATA_DIR = tmp_path / "other"
    assert login.consume(token)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_use_a_token_at_once_one_gets_in() -> None:
    token = people.issue_login_token()

    def use(_number: int) -> bool:
        try:
            return login.consume(token)
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(use, range(200))) == 1


def test_a_new_token_replaces_the_one_before() -> None:
    earlier, later = people.issue_login_token(), people.issue_login_token()
    assert not login.consume(earlier)
    assert login.consume(later)


@pytest.mark.parametrize("guess", ["", ".", "..", "wrong", "é" * 300, "a\0b"])
def test_a_guess_neither_gets_in_nor_uses_the_token_up(guess: str) -> None:
    token = people.issue_login_token()
    assert not login.consume(guess)
    assert login.consume(token)


def test_a_given_token_works_as_long_as_it_is_set(settings: Settings) -> None:
    settings.PLAYGROUND_LOGIN_TOKEN = "given"
    assert login.consume("given")
    assert login.consume("given")
    assert not login.consume("other")
    settings.PLAYGROUND_LOGIN_TOKEN = ""
    assert not login.consume("given")


def test_a_given_token_voids_the_printed_ones(settings: Settings) -> None:
    printed = people.issue_login_token()
    settings.PLAYGROUND_LOGIN_TOKEN = "given"
    assert Prepare().login_token() is None
    assert not login.consume(printed)


def test_what_is_kept_does_not_tell_the_token_and_is_in_no_backup() -> None:
    token = people.issue_login_token()
    kept = LoginToken.objects.get()
    assert token not in kept.digest
    assert LoginToken not in tables()
