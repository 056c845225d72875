"""What Django refuses without a word is answered with a page."""

import logging

import pytest
from django.test import Client

from assistants.models import Assistant, Thread
from tests.factories import make_run


@pytest.mark.parametrize("address", ["/theme", "/logout"])
def test_an_address_that_only_takes_forms_says_so_in_the_look_of_the_studio(
    page: Client, address: str
) -> None:
    response = page.get(address)
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert "This is not a page to open" in response.text
    assert "go back to the page" in response.text.lower()
    assert "css/tokens.css" in response.text


def test_a_page_that_takes_no_form_says_so_too(page: Client) -> None:
    response = page.post("/threads")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert "This is not a page to open" in response.text


def test_the_address_of_a_form_leads_to_the_page_with_the_form(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    run = make_run(thread, assistant)
    there = f"/threads/{thread.id}"
    for address, leads_to in {
        "/threads/begin": "/threads/new",
        f"{there}/messages": there,
        f"{there}/runs/{run.id}/cancel": there,
        "/settings/keys": "/settings#keys",
    }.items():
        response = page.get(address)
        assert response.status_code == 302, address
        assert response.headers["Location"] == leads_to
    run.refresh_from_db()
    assert run.is_active


def test_an_unknown_name_of_the_host_is_answered_with_what_to_set(
    page: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    response = page.get("/threads?q=secret", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "ALLOWED_HOSTS" in response.text
    for told in ("evil.example", "secret", "127.0.0.1", "Traceback", "localhost"):
        assert told not in response.text


def test_a_request_that_cannot_be_read_is_answered_with_a_page(
    page: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    given = {f"field{number}": "x" for number in range(1001)}
    response = page.post("/settings/keys", given)
    assert response.status_code == 400
    assert "The request could not be read" in response.text
    assert "ALLOWED_HOSTS" not in response.text


@pytest.mark.parametrize(
    "address",
    ["/threads?q=a%00b", "/files?q=%00", "/threads/thread_a%00b", "/threads?assistant=%00"],
)
def test_null_characters_are_refused_on_either_database(
    page: Client, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    response = page.get(address)
    assert response.status_code == 400
    assert "The request could not be read" in response.text


def test_null_characters_in_a_form_are_refused(
    page: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    response = page.post("/settings/keys", {"name": "a\0b"})
    assert response.status_code == 400
