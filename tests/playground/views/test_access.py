"""Who gets in: every address of the studio, asked by the owner, a stranger and nobody."""

import io
import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from assistants.models import Assistant, Audience, Project, Role, Thread
from assistants.operations import connections, files, members, projects, shares, upstream_imports
from assistants.operations.connections import Connection
from assistants.operations.people import local_owner as owner
from assistants.operations.shares import Options
from playground.views.urls import urlpatterns
from tests.factories import make_run, make_vector_store

OPEN = {"login", "logout", "theme", "set_language", "join", "oidc", "oidc-callback"}
"""Addresses that need nobody to be signed in."""
BY_LINK = {
    *("shared-earlier", "shared-events", "shared-file", "shared-large", "shared-passage"),
    *("shared-password", "shared-preferences"),
}
"""Parts of a shared thread: whom the link is not for is not asked who they are."""


@pytest.fixture
def ids(project: Project, assistant: Assistant, thread: Thread) -> dict[str, str]:
    """One object of each kind, in the owner's project."""
    file = files.create(project, io.BytesIO(b"a,b\n1,2\n"), filename="a.csv", purpose="assistants")
    message = thread.messages.get()
    store = make_vector_store(project, "bread")
    invitation, secret = members.invite(project, Role.EDITOR)
    options = Options(audience=Audience.PROJECT, may_copy=True)
    share, token = shares.create(thread, options)
    team = Connection("assistants", "Notebook", "http://127.0.0.1:9/v1", "key")
    upstream = connections.connect(project, team)
    azure = Connection("azure", "Azure", "https://x.example", "key", "1", ({"name": "gpt"},))
    return {
        "assistant_id": assistant.id,
        "thread_id": thread.id,
        "message_id": message.id,
        "run_id": make_run(thread, assistant).id,
        "file_id": file.id,
        "vector_store_id": store.id,
        "key_id": projects.create_api_key(project, "Notebook")[0].id,
        "object_id": message.id,
        "share_id": share.id,
        "token": token,
        "provider_id": connections.connect(project, azure).id,
        "project_id": project.id,
        "user_id": str(owner().pk),
        "invitation_id": invitation.id,
        "secret": secret,
        "upstream_id": upstream.id,
        "import_id": upstream_imports.begin(
            upstream, assistants=True, vector_stores=False, thread_ids=[]
        ).id,
    }


def addresses(ids: dict[str, str]) -> Iterator[tuple[str, str, bool]]:
    """Name, address, and whether it names an object."""
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        assert pattern.name
        needed = {name: ids[name] for name in pattern.pattern.converters}
        yield pattern.name, reverse(pattern.name, kwargs=needed), bool(needed)


def test_nobody_sees_anything_without_signing_in(ids: dict[str, str]) -> None:
    for name, address, _ in addresses(ids):
        if name in OPEN:
            continue
        for method in ("get", "post"):
            response = getattr(Client(), method)(address)
            if name in BY_LINK:
                assert response.status_code in (404, 405), (method, address)
                continue
            assert response.status_code == 302, (method, address)
            assert response.headers["Location"].startswith("/login?next="), address


def test_what_belongs_to_others_does_not_exist(ids: dict[str, str], stranger: Client) -> None:
    for name, address, names_object in addresses(ids):
        if not names_object or name in OPEN:
            continue
        for method in ("get", "post"):
            status = getattr(stranger, method)(address).status_code
            assert status in (404, 405), (method, address, status)
        assert 404 in (stranger.get(address).status_code, stranger.post(address).status_code)


def test_the_owner_can_open_every_page(ids: dict[str, str], page: Client) -> None:
    for name, address, _ in addresses(ids):
        status = page.get(address).status_code
        assert status in (200, 302, 404, 405), (name, status)
        if status == 404:
            # There is nothing earlier, and the file is no image.
            assert name in ("thread-earlier", "file-large", "oidc", "oidc-callback", *BY_LINK)


def test_an_assistant_of_others_cannot_be_used_on_ones_own_thread(
    assistant: Assistant, stranger: Client
) -> None:
    assert stranger.get(f"/threads/new?assistant={assistant.id}").status_code == 404
    given = {"content": "Hello", "assistant_id": assistant.id}
    assert stranger.post("/threads/begin", given).status_code == 404


def test_every_page_carries_the_policy_and_nothing_inline(
    ids: dict[str, str], page: Client
) -> None:
    for name, address, _ in addresses(ids):
        response = page.get(address)
        if "text/html" not in response.headers.get("Content-Type", ""):
            continue
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'"), name
        html = b"".join(response).decode()
        for inline in (" style=", "<style", "javascript:", " onclick=", " hx-on"):
            assert inline not in html, (name, inline)
        for script in re.findall(r"<script[^>]*>.*?</script>", html, re.DOTALL):
            assert re.fullmatch(r'<script[^>]* src="/static/[^"]+"[^>]*></script>', script), name


def test_an_address_that_does_not_exist_is_answered_in_the_same_look(page: Client) -> None:
    response = page.get("/threads/thread_nothing")
    assert response.status_code == 404
    assert "There is nothing here" in response.text
