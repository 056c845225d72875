"""The login token: given ones stay, generated ones work once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pytest_django import Settings

from playground import login


@pytest.fixture(autouse=True)
def _own_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def test_a_generated_token_works_once() -> None:
    token = login.issue()
    assert login.consume(token)
    assert not login.consume(token)


def test_of_many_who_use_a_token_at_once_one_gets_in() -> None:
    token = login.issue()
    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(login.consume, [token] * 200)) == 1


def test_a_new_token_replaces_the_one_before() -> None:
    earlier, later = login.issue(), login.issue()
    assert not login.consume(earlier)
    assert login.consume(later)


@pytest.mark.parametrize("guess", ["", ".", "..", "wrong", "é" * 300, "a\0b"])
def test_a_guess_neither_gets_in_nor_uses_the_token_up(guess: str) -> None:
    token = login.issue()
    assert not login.consume(guess)
    assert login.consume(token)


def test_a_given_token_works_as_long_as_it_is_set(settings: Settings) -> None:
    settings.PLAYGROUND_LOGIN_TOKEN = "given"
    assert login.consume("given")
    assert login.consume("given")
    assert not login.consume("other")
    settings.PLAYGROUND_LOGIN_TOKEN = ""
    assert not login.consume("given")


def test_what_is_kept_does_not_tell_the_token(tmp_path: Path) -> None:
    token = login.issue()
    (kept,) = (tmp_path / "login").iterdir()
    assert token not in kept.name
    assert kept.read_bytes() == b""
    assert kept.stat().st_mode & 0o777 == 0o600
