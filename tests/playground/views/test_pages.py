"""Every address is either a page, which the browser's tests then look at, or known to be none."""

from django.test import Client
from django.urls import Resolver404, resolve

from assistants.models import Project
from playground.views.urls import urlpatterns
from tests.browser.pages import NOT_PAGES, PAGES
from tests.playground.views.test_access import addresses, ids

__all__ = ["ids"]

OTHERS = {name for names in NOT_PAGES.values() for name in names}


def _page_names() -> set[str]:
    """The names of the addresses that the pages have."""
    found = set()
    for place in PAGES:
        try:
            found.add(resolve(place.address.partition("?")[0]).url_name)
        except Resolver404:
            assert place.name == "not-found"
    return {name for name in found if name}


def test_every_address_is_written_down() -> None:
    named = {str(pattern.name) for pattern in urlpatterns}
    assert named - _page_names() - OTHERS == set(), "add these to tests/browser/pages.py"
    assert (_page_names() | OTHERS) - named == set(), "these are gone: take them out"


def test_pages_are_pages_and_others_are_not(ids: dict[str, str], page: Client) -> None:
    for name, address, _ in addresses(ids):
        # Who is signed in is led on from the page for signing in.
        response = (Client() if name == "login" else page).get(address)
        if response.streaming:
            assert name in OTHERS or name == "thread-print"  # a page that comes in pieces
            continue
        is_page = response.status_code == 200 and b"<!doctype html>" in response.content[:200]
        assert is_page == (name not in OTHERS), (name, response.status_code)


def test_every_page_leads_to_the_keys_that_do_something(page: Client, project: Project) -> None:
    assert 'id="shortcuts" href="/shortcuts"' in page.get("/assistants").text
    text = page.get("/shortcuts").text
    assert "<kbd>Ctrl</kbd> <kbd>Alt</kbd> <kbd>Enter</kbd>" in text
    assert "<main" in text
