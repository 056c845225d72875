"""``manage.py login``: the link, and what it says when it would lead nowhere."""

import io
import socket
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from assistants.models import LoginToken
from playground import login
from playground.management.commands import login as command
from tests.stack import free_port

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(command, "ADDRESS", tmp_path / "address")


def test_a_link_is_printed_for_a_server_that_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        (tmp_path / "address").write_text(url)
        printed = io.StringIO()
        said = io.StringIO()
        call_command("login", stdout=printed, stderr=said)
    assert said.getvalue() == "It works once, within 24 h.\n"
    assert printed.getvalue().startswith(f"{url}/login?token=")
    assert login.consume(printed.getvalue().strip().partition("?token=")[2])


def test_where_nothing_answers_it_says_so_and_how_to_start(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    (tmp_path / "address").write_text(url)
    with pytest.raises(CommandError, match=f"Nothing answers at {url}.*make run"):
        call_command("login")
    assert not LoginToken.objects.exists()


def test_a_public_address_that_cannot_be_reached_from_here_is_no_sign_of_rest(
    tmp_path: Path, settings: Settings
) -> None:
    public = f"https://127.0.0.1:{free_port()}"
    (tmp_path / "address").write_text(public)
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.PUBLIC_URL, settings.PORT = public, server.getsockname()[1]
        printed = io.StringIO()
        call_command("login", stdout=printed)
    assert printed.getvalue().startswith(f"{public}/login?token=")
