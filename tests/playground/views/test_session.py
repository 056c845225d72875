"""Signing in, signing out, preferences."""

import re

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from assistants.operations import people


def test_the_printed_link_signs_the_owner_in_once(db: None) -> None:
    token = people.issue_login_token()
    first, second = Client(), Client()
    assert first.get(f"/login?token={token}").headers["Location"] == "/"
    assert first.get("/assistants").status_code == 200
    refused = second.get(f"/login?token={token}")
    assert refused.status_code == 403
    assert "This link has been used" in refused.text
    assert second.get("/assistants").status_code == 302


def test_looking_at_the_link_does_not_use_it_up(db: None) -> None:
    link = f"/login?token={people.issue_login_token()}"
    looked = Client().head(link)
    assert looked.status_code == 200
    assert settings.SESSION_COOKIE_NAME not in looked.cookies
    assert Client().get(link).headers["Location"] == "/"


def test_a_token_that_is_set_works_as_often_as_it_is_used(db: None, settings: Settings) -> None:
    settings.PLAYGROUND_LOGIN_TOKEN = "open-sesame"
    for _ in range(2):
        assert Client().get("/login?token=open-sesame").status_code == 302


def test_the_whole_link_can_be_pasted(db: None) -> None:
    token = people.issue_login_token()
    pasted = {"token": f" http://127.0.0.1:8000/login?token={token} "}
    assert Client().post("/login", pasted).headers["Location"] == "/"


def test_signing_in_leads_to_where_the_person_wanted_to_go(db: None) -> None:
    client = Client()
    asked = client.get("/threads?q=sine")
    assert asked.headers["Location"] == "/login?next=/threads%3Fq%3Dsine"
    given = {"token": people.issue_login_token(), "next": "/threads?q=sine"}
    assert client.post("/login", given).headers["Location"] == "/threads?q=sine"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_signing_in_never_leads_away(db: None, target: str) -> None:
    given = {"token": people.issue_login_token(), "next": target}
    assert Client().post("/login", given).headers["Location"] == "/"


def test_a_part_of_a_page_that_is_asked_for_signed_out_brings_the_whole_sign_in_page(
    db: None,
) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/threads"}
    response = Client().get("/health", headers=headers)
    assert response.headers["HX-Redirect"] == "/login?next=/threads"


def test_no_form_has_a_role_that_forms_cannot_have(page: Client) -> None:
    for text in (Client().get("/login").text, page.get("/settings").text):
        assert text.count('role="group"')
        assert not re.search(r'<form[^>]*role="group"', text)


def test_signing_out(page: Client) -> None:
    assert page.post("/logout").headers["Location"] == "/login"
    assert page.get("/assistants").status_code == 302


def test_the_theme_is_in_the_page_from_its_first_byte(page: Client) -> None:
    assert "data-theme" not in page.get("/assistants").text
    page.post("/theme", {"theme": "dark", "next": "/threads"})
    assert '<html lang="en" data-theme="dark"' in page.get("/assistants").text
    page.post("/theme", {"theme": "system"})
    assert "data-theme" not in page.get("/assistants").text


def test_an_unknown_theme_is_that_of_the_system(page: Client) -> None:
    page.cookies["theme"] = '"><script>'
    response = page.get("/assistants")
    assert "data-theme" not in response.text
    assert "<script>" not in response.text


@pytest.mark.parametrize("name", ["Asia/Taipei", "Asia%2FTaipei"])
def test_times_are_those_of_the_browser(page: Client, name: str) -> None:
    page.cookies["timezone"] = name
    assert 'data-timezone="Asia/Taipei"' in page.get("/assistants").text


@pytest.mark.parametrize("name", ["Nowhere/At All", "Asia", "../../etc/passwd", "/etc", "", "\0"])
def test_a_time_zone_that_is_none_changes_nothing(page: Client, name: str) -> None:
    page.cookies["timezone"] = name
    assert f'data-timezone="{settings.TIME_ZONE}"' in page.get("/assistants").text
