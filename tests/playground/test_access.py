"""Who may see and change what."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from assistants import acting
from assistants.models import Assistant, Membership, Project, Role
from assistants.operations import projects
from tests.factories import make_assistant, make_project, make_thread

pytestmark = pytest.mark.django_db


def client_of(project: Project, role: Role, name: str = "mei") -> Client:
    user, _ = User.objects.get_or_create(username=name)
    Membership.objects.create(project=project, user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    "role, other, includes",
    [
        (Role.OWNER, Role.EDITOR, True),
        (Role.EDITOR, Role.EDITOR, True),
        (Role.VIEWER, Role.EDITOR, False),
        (Role.EDITOR, Role.OWNER, False),
    ],
)
def test_a_role_includes_those_below_it(role: Role, other: Role, includes: bool) -> None:
    assert role.includes(other) is includes


def test_a_viewer_may_look_and_change_nothing() -> None:
    project = make_project()
    assistant = make_assistant(project, name="Kept")
    client = client_of(project, Role.VIEWER)

    assert client.get(reverse("assistant", args=[assistant.id])).status_code == 200
    answer = client.post(reverse("assistant-delete", args=[assistant.id]))

    assert answer.status_code == 403
    assert Assistant.objects.filter(pk=assistant.pk).exists()


def test_only_owners_come_to_keys_and_providers() -> None:
    project = make_project()
    key, _secret = projects.create_api_key(project, "notebook")
    owner = client_of(project, Role.OWNER, "owner")
    editor = client_of(project, Role.EDITOR, "editor")

    for name, args in (("key-revoke", [key.id]), ("provider-new", [])):
        assert owner.get(reverse(name, args=args)).status_code == 200
        assert editor.get(reverse(name, args=args)).status_code == 403


def test_an_address_leads_to_the_project_of_what_it_names() -> None:
    first, second = make_project(), make_project("Second")
    thread = make_thread(second, "In the second project")
    make_assistant(second)
    client = client_of(first, Role.OWNER)
    Membership.objects.create(project=second, user=User.objects.get(), role=Role.VIEWER)

    assert client.get("/threads").context["member"].project == first
    address = reverse("thread", args=[thread.id])
    assert client.get(address, headers={"Sec-Fetch-Dest": "image"}).status_code == 200
    assert client.get("/threads").context["member"].project == first
    assert client.get(address, headers={"Sec-Fetch-Dest": "document"}).status_code == 200
    assert client.get("/threads").context["member"].project == second


def test_a_part_of_a_page_is_asked_for_in_the_project_of_the_page() -> None:
    first, second = make_project(), make_project("Second")
    client = client_of(first, Role.OWNER)
    Membership.objects.create(project=second, user=User.objects.get(), role=Role.OWNER)

    answer = client.get("/threads", headers={"X-Project": second.id})
    stranger = client.get("/threads", headers={"X-Project": make_project("Third").id})

    assert answer.context["member"].project == second
    assert stranger.status_code == 404


def test_a_member_of_nothing_finds_nothing() -> None:
    make_project()
    client = Client()
    client.force_login(User.objects.create(username="nobody"))

    assert client.get("/threads").status_code == 404
    assert client.get("/assistants").status_code == 404


def test_nobody_is_remembered_from_one_request_to_the_next() -> None:
    client_of(make_project(), Role.OWNER).get("/threads")

    assert acting.current() is acting.SERVICE


def test_a_request_stays_in_the_project_of_the_first_thing_that_it_names() -> None:
    first, second = make_project(), make_project("Second")
    thread = make_thread(first, "Hello")
    assistant = make_assistant(second)
    client = client_of(first, Role.OWNER)
    Membership.objects.create(project=second, user=User.objects.get(), role=Role.OWNER)

    given = {"content": "Again", "assistant_id": assistant.id, "action": "run"}
    answer = client.post(reverse("thread-messages", args=[thread.id]), given)

    assert answer.status_code == 404
    assert not thread.runs.exists()


def test_what_is_sent_from_a_page_of_a_project_ends_up_in_no_other() -> None:
    first, second = make_project(), make_project("Second")
    client = client_of(second, Role.OWNER)
    address = reverse("key-create")
    by_script = client.post(address, {"name": "x"}, headers={"X-Project": first.id})
    by_form = client.post(address, {"name": "x", "project": first.id})
    assert by_script.status_code == by_form.status_code == 404
    assert not second.api_keys.exists()


def test_a_number_that_no_user_has_is_no_error() -> None:
    project = make_project()
    client = client_of(project, Role.OWNER)
    address = f"/projects/{project.id}/members/{10**20}/role"
    assert client.post(address, {"role": "viewer"}).status_code == 404
