"""Who may only look sees no controls that they cannot use, and is told whom to ask."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from assistants.models import Assistant, Membership, Project, Role, Thread
from tests.factories import make_file, make_run, make_vector_store
from tests.playground.conftest import HTMX


@pytest.fixture
def viewer(page: Client, project: Project) -> Client:
    user = User.objects.create(username="viewer")
    Membership.objects.create(project=project, user=user, role=Role.VIEWER)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def pages(project: Project, assistant: Assistant, thread: Thread) -> list[str]:
    make_run(thread, assistant)
    file = make_file(project)
    store = make_vector_store(project, "bread")
    return [
        "/assistants",
        f"/assistants/{assistant.id}",
        "/threads",
        f"/threads/{thread.id}",
        "/files",
        f"/files/{file.id}/text",
        "/vector-stores",
        f"/vector-stores/{store.id}",
        "/settings",
        f"/projects/{project.id}",
    ]


UNSAFE = (
    *("/new", "/import", "/rename", "/remove", "/duplicate", "/expiry", "/use", "/begin"),
    *("/settings/keys", "/settings/aliases", "/settings/providers", "/regenerate", "/cancel"),
)


def live_controls(html: str) -> list[str]:
    """Addresses of what changes something, outside of what is disabled or not shown."""
    html = re.sub(r"<fieldset disabled.*?</fieldset>", "", html, flags=re.DOTALL)
    # The page of a thread hides these by its style sheet: parts of it are the same for all readers.
    html = re.sub(r'<(a|button) class="[^"]*\bedits\b.*?</\1>', "", html, flags=re.DOTALL)
    found = re.findall(r'(?:action|href|hx-post|hx-get)="([^"]+)"', html)
    return [
        one
        for one in (address.partition("?")[0] for address in found)
        if one.endswith(UNSAFE) or "/delete" in one
    ]


def test_pages_have_no_controls_that_change_something(
    pages: list[str], viewer: Client, page: Client
) -> None:
    for address in pages:
        answer = viewer.get(address)
        assert answer.status_code == 200, address
        assert live_controls(answer.text) == [], address
    # The same look does find them on the pages of who may use them.
    assert all(live_controls(page.get(one).text) for one in pages[:4])


def test_a_sentence_stands_where_the_composer_was(pages: list[str], viewer: Client) -> None:
    shown = viewer.get(pages[3]).text
    assert "To write here you have to be an editor. Its owner is owner." in " ".join(shown.split())
    assert " data-looks" in shown
    assert 'name="content"' not in shown
    assert "data-drop>" not in shown


def test_the_form_of_an_assistant_is_shown_and_disabled(pages: list[str], viewer: Client) -> None:
    shown = viewer.get(pages[1]).text
    assert "<fieldset disabled>" in shown
    assert "data-autosave" not in shown


def test_settings_say_who_the_owners_are(viewer: Client, project: Project) -> None:
    shown = viewer.get("/settings").text
    assert "Its owner is owner." in shown
    for part in ("Name of the new key", "Programs ask for", "Connect a provider"):
        assert part not in shown


@pytest.mark.parametrize("address", ["/assistants/new", "/threads/new", "/vector-stores/new"])
def test_a_refusal_says_which_role_it_takes_and_whom_to_ask(
    viewer: Client, assistant: Assistant, project: Project, address: str
) -> None:
    answer = viewer.get(address)
    assert answer.status_code == 403
    said = " ".join(answer.text.split())
    assert f"You may look at “{project.name}”." in said
    assert "you have to be an editor or an owner. Its owner is owner." in said


def test_what_was_pressed_is_refused_in_a_dialog_on_the_page(
    viewer: Client, thread: Thread
) -> None:
    pressed = viewer.post(f"/threads/{thread.id}/delete", headers=HTMX)
    assert pressed.status_code == 403
    assert pressed.headers["HX-Retarget"] == "#dialog"
    assert "Its owner is owner." in pressed.text
    assert "<html" not in pressed.text
    opened = viewer.get("/threads/thread_gone/delete", headers={**HTMX, "HX-Target": "dialog"})
    assert opened.status_code == 404
    assert opened.headers["HX-Retarget"] == "#dialog"
    assert "has been deleted" in opened.text


def test_what_a_page_asks_for_by_itself_is_refused_in_silence(viewer: Client) -> None:
    asked = viewer.get("/vector-stores/vs_gone/files", headers=HTMX)
    assert asked.status_code == 404
    assert asked.headers["HX-Reswap"] == "none"
    assert asked.text == ""


def test_a_form_that_is_too_old_is_told_too(page: Client, thread: Thread) -> None:
    client = Client(enforce_csrf_checks=True, headers=HTMX)
    client.cookies = page.cookies
    answer = client.post(f"/threads/{thread.id}/delete")
    assert answer.status_code == 403
    assert answer.headers["HX-Retarget"] == "#dialog"
    assert "The form was too old" in answer.text
