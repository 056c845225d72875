"""``manage.py createowner``: an owner for a machine that nobody sits at."""

import io
import sys

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from assistants.models import AuditEntry, Membership, Role

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def run(name: str, password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
    call_command("createowner", name, password_stdin=True)


def test_an_owner_comes_in_with_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    run("mei", PASSWORD, monkeypatch)
    assert Membership.objects.get(user__username="mei").role == Role.OWNER
    client = Client()
    assert client.post("/login", {"username": "mei", "password": PASSWORD}).status_code == 302
    assert client.get("/settings").status_code == 200


def test_one_who_is_known_becomes_an_owner_and_gets_the_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run("mei", PASSWORD, monkeypatch)
    Membership.objects.update(role=Role.VIEWER)
    User.objects.update(is_active=False)
    run("mei", "another long secret", monkeypatch)
    assert Membership.objects.get().role == Role.OWNER
    given = {"username": "mei", "password": "another long secret"}
    assert Client().post("/login", given).status_code == 302


def test_what_it_does_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    run("mei", PASSWORD, monkeypatch)
    Membership.objects.update(role=Role.VIEWER)
    User.objects.update(is_active=False)
    run("mei", PASSWORD, monkeypatch)
    noted = AuditEntry.objects.order_by("pk")
    assert {entry.actor_kind for entry in noted} == {"service"}
    assert {entry.object_name for entry in noted} == {"mei"}
    assert [entry.action for entry in noted] == [
        "member.joined",
        "person.password_changed",
        "member.changed",
        "person.reactivated",
        "person.password_changed",
    ]


@pytest.mark.parametrize(
    "name, password", [("mei", "short"), ("mei", ""), ("no spaces", PASSWORD), ("", PASSWORD)]
)
def test_what_will_not_do_is_refused(
    name: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError):
        run(name, password, monkeypatch)
    assert not User.objects.exists()


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(CommandError, match="--password-stdin"):
        call_command("createowner", "mei")
