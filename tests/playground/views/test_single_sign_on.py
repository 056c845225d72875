"""Signing in at an identity provider, a real one on the loopback."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from assistants.models import Identity, Membership, Project, Role
from assistants.operations import members
from tests.factories import make_project
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, provider

MEI = {"sub": "248289", "email": "mei@example.com", "email_verified": True, "name": "Mei Lin"}


@pytest.fixture
def idp(project: Project, settings: Settings) -> Iterator[Provider]:
    with provider() as running:
        running.person = dict(MEI)
        settings.OIDC_ISSUER = running.url
        settings.OIDC_NAME = "Example"
        settings.OIDC_CLIENT_ID = CLIENT_ID
        settings.OIDC_CLIENT_SECRET = CLIENT_SECRET
        settings.AUTHENTICATION_BACKENDS = [
            *django_settings.AUTHENTICATION_BACKENDS,
            "playground.single_sign_on.Backend",
        ]
        cache.clear()
        yield running


def left(client: Client, target: str = "/") -> str:
    """The address that the provider sends the browser back to."""
    away = client.get("/login/oidc", {"next": target})
    assert away.status_code == 302
    back = requests.get(away.headers["Location"], allow_redirects=False, timeout=10)
    return back.headers["Location"]


def sign_in(client: Client, target: str = "/") -> Any:
    """Leave for the provider, and come back."""
    back = left(client, target)
    assert back.startswith("http://testserver/login/oidc/callback?")
    return client.get(back.removeprefix("http://testserver"))


def test_an_invited_address_comes_in_and_its_invitation_is_used_up(
    idp: Provider, project: Project
) -> None:
    members.invite(project, Role.EDITOR, email="Mei@Example.com")
    client = Client()
    assert "Sign in with Example" in client.get("/login").text
    before = client.session.session_key
    assert sign_in(client, "/threads?q=a").headers["Location"] == "/threads?q=a"
    assert client.session.session_key != before
    assert client.get("/threads").context["member"].role == Role.EDITOR
    user = User.objects.get(email="mei@example.com")
    assert (user.get_full_name(), user.has_usable_password()) == ("Mei Lin", False)
    assert not project.invitations.pending().exists()


def test_who_is_known_comes_in_again_also_with_another_address(
    idp: Provider, project: Project
) -> None:
    members.invite(project, Role.EDITOR, email="mei@example.com")
    sign_in(Client())
    idp.person["email"] = "mei.lin@example.com"
    other = make_project("Other")
    members.invite(other, Role.VIEWER, email="mei.lin@example.com")
    client = Client()
    sign_in(client)
    assert client.get("/account").status_code == 200
    assert User.objects.filter(identities__subject=MEI["sub"]).count() == 1
    roles = Membership.objects.filter(user__identities__subject=MEI["sub"])
    assert {one.project.name: one.role for one in roles} == {
        project.name: Role.EDITOR,
        "Other": Role.VIEWER,
    }


def test_nobody_comes_in_uninvited(idp: Provider, project: Project) -> None:
    answer = sign_in(Client())
    assert answer.status_code == 403
    assert "Nobody has invited mei@example.com. Ask an owner of a project to" in answer.text
    assert not User.objects.exists()


def test_an_address_that_the_provider_has_not_verified_finds_no_invitation(
    idp: Provider, project: Project
) -> None:
    members.invite(project, Role.OWNER, email="mei@example.com")
    idp.person["email_verified"] = False
    answer = sign_in(Client())
    assert answer.status_code == 403
    assert "The identity provider does not say that your e-mail address is yours" in answer.text
    assert not Identity.objects.exists()


def test_an_account_is_not_taken_over_by_who_has_its_address(
    idp: Provider, project: Project
) -> None:
    mine = User.objects.create_user("mei", "mei@example.com", "correct horse battery")
    members.invite(project, Role.VIEWER, email="mei@example.com")
    sign_in(Client())
    assert not mine.identities.exists()
    assert User.objects.count() == 2


def test_a_project_can_take_in_all_whom_the_provider_knows(
    idp: Provider, project: Project, settings: Settings
) -> None:
    settings.OIDC_PROJECT, settings.OIDC_ROLE = project.id, "viewer"
    idp.person["email_verified"] = False
    client = Client()
    sign_in(client)
    assert client.get("/threads").context["member"].role == Role.VIEWER
    user = User.objects.get(identities__subject=MEI["sub"])
    assert (user.username, user.email) == ("MeiLin", "")


def test_claims_may_come_from_userinfo(idp: Provider, project: Project) -> None:
    members.invite(project, Role.EDITOR, email="mei@example.com")
    idp.in_userinfo = True
    idp.faults["userinfo"] = {"sub": "somebody else"}
    assert sign_in(Client()).status_code == 403
    idp.faults.clear()
    assert sign_in(Client()).status_code == 302


@pytest.mark.parametrize(
    "fault",
    [
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"azp": "another client"},
        {"exp": 1_000_000_000},
        {"nonce": "replayed"},
        {"key": rsa.generate_private_key(public_exponent=65537, key_size=2048)},
        {"key": CLIENT_SECRET * 3},
        {"calls_itself": "https://evil.example"},
    ],
    ids=["issuer", "audience", "client", "expired", "nonce", "key", "symmetric", "discovery"],
)
def test_a_token_that_is_not_ours_lets_nobody_in(
    idp: Provider, project: Project, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    members.invite(project, Role.OWNER, email="mei@example.com")
    idp.faults.update(fault)
    client = Client()
    answer = client.get("/login/oidc") if "calls_itself" in fault else sign_in(client)
    assert answer.status_code == 403
    assert "Example did not sign you in." in answer.text
    assert "Signing in at http://127.0.0.1" in caplog.text
    assert client.get("/account").status_code == 302
    assert not User.objects.exists()


def test_a_code_is_worth_something_only_in_the_browser_that_asked(
    idp: Provider, project: Project
) -> None:
    members.invite(project, Role.OWNER, email="mei@example.com")
    back = left(Client()).removeprefix("http://testserver")
    assert Client().get(back).status_code == 403
    other = Client()
    left(other)
    assert other.get(back).status_code == 403
    assert not User.objects.exists()


def test_an_answer_counts_once(idp: Provider, project: Project) -> None:
    members.invite(project, Role.OWNER, email="mei@example.com")
    client = Client()
    back = left(client).removeprefix("http://testserver")
    assert client.get(back).status_code == 302
    client.post("/logout")
    assert client.get(back).status_code == 403


def test_signing_in_there_never_leads_away(idp: Provider, project: Project) -> None:
    members.invite(project, Role.OWNER, email="mei@example.com")
    assert sign_in(Client(), "https://evil.example/").headers["Location"] == "/"


def test_who_refuses_there_stays_outside(idp: Provider) -> None:
    client = Client()
    back = left(client).removeprefix("http://testserver")
    state = parse_qs(urlsplit(back).query)["state"][0]
    refused = {"error": "access_denied", "state": state}
    assert client.get("/login/oidc/callback", refused).status_code == 403
    assert client.get(back).status_code == 403


def test_no_link_to_here_signs_anybody_out(idp: Provider, page: Client) -> None:
    page.get("/login/oidc/callback", {"error": "access_denied", "state": "x"})
    assert page.get("/account").status_code == 200


def test_a_provider_that_is_away_is_said(idp: Provider, settings: Settings) -> None:
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    answer = Client().get("/login/oidc")
    assert answer.status_code == 403
    assert "Example did not sign you in." in answer.text
    members.invite(make_project(), Role.OWNER)
    # Passwords do not depend on it.
    answer = Client().post("/login", {"username": "mei", "password": "x"})
    assert "The name or the password is wrong" in answer.text


def test_what_is_asked_for_is_no_more_than_needed(idp: Provider) -> None:
    away = Client().get("/login/oidc").headers["Location"]
    query = parse_qs(urlsplit(away).query)
    assert query["scope"] == ["openid email profile"]
    assert CLIENT_SECRET not in away


def test_without_settings_there_is_no_such_way_in(db: None) -> None:
    assert "oidc" not in Client().get("/login").text
    assert Client().get("/login/oidc").status_code == 404
    assert Client().get("/login/oidc/callback?code=a&state=b").status_code == 404
