"""Making, choosing, renaming and deleting projects; forms of a page that was left open."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from assistants.models import (
    ApiKey,
    Assistant,
    File,
    Membership,
    Project,
    Role,
    Run,
    Thread,
    UpstreamImport,
    VectorStore,
    clock,
)
from assistants.operations import projects, shares
from assistants.operations.people import local_owner as owner
from tests.factories import make_assistant, make_file, make_run, make_thread, make_vector_store


def second(page: Client, name: str = "Second") -> Project:
    answer = page.post("/projects/new", {"name": name})
    assert answer.status_code == 302
    return Project.objects.get(name=name)


def test_who_owns_a_project_makes_another_and_works_in_it(page: Client, project: Project) -> None:
    assert "Choose a project" not in page.get("/threads").text
    made = second(page)
    shown = page.get("/threads")
    assert shown.context["member"].project == made
    assert "Choose a project" in shown.text
    page.post("/projects/choose", {"project_id": project.id})
    assert page.get("/threads").context["member"].project == project
    assert page.post("/projects/choose", {"project_id": "proj_none"}).status_code == 404


@pytest.mark.parametrize("name", ["", "  ", "x" * 257])
def test_a_project_needs_a_name(page: Client, project: Project, name: str) -> None:
    assert page.post("/projects/new", {"name": name}).status_code == 422
    address = reverse("project", args=[project.id])
    answer = page.post(address, {"name": name})
    assert answer.status_code == 422
    assert "A project needs a name of 1 to 256 characters." in answer.text
    page.post(address, {"name": "Renamed"})
    project.refresh_from_db()
    assert project.name == "Renamed"


def test_who_owns_none_makes_none(page: Client, project: Project) -> None:
    user = User.objects.create(username="editor")
    client = Client()
    client.force_login(user)
    assert client.get("/projects/new").status_code == 404
    Membership.objects.create(project=project, user=user, role=Role.EDITOR)
    answer = client.post("/projects/new", {"name": "Mine"})
    assert answer.status_code == 403
    assert "Only an owner of" in answer.text
    assert "Its owner is owner." in answer.text


def test_a_project_is_deleted_by_its_name_with_everything_in_it(
    page: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = second(page)
    assistant = make_assistant(made)
    make_run(make_thread(made, "Hello"), assistant)
    idle = make_thread(made, "Hello")
    _, token = shares.create(idle, shares.Options())
    file = make_file(made)
    make_vector_store(made, "bread")
    projects.create_api_key(made, "Notebook")
    coming = UpstreamImport.objects.create(project=made, label="Team server")
    item = coming.items.create(noun="thread", upstream_id="thread_1")
    item.pages.create(noun="message", objects_told=[])
    kept = make_thread(project, "Kept")
    address = reverse("project-delete", args=[made.id])

    assert page.post(address, {"name": "second"}).status_code == 422
    assert Project.objects.filter(pk=made.pk).exists()
    assert page.post(address, {"name": "Second"}).headers["Location"] == "/account"

    # Nothing leads there any more, and nothing runs, before a worker has been there.
    assert page.get(reverse("project", args=[made.id])).status_code == 404
    assert page.get(reverse("thread", args=[idle.id])).status_code == 404
    assert (Run.objects.count(), ApiKey.objects.count()) == (0, 0)
    assert Client().get(f"/s/{token}").status_code == 410
    assert projects.ring_again() == 0
    Project.objects.filter(pk=made.pk).update(deleted_at=clock.now() - timedelta(minutes=1))
    assert projects.ring_again() == 1
    assert not projects.delete_some(project.pk)
    # A worker that is ended in between leaves the rest to the next.
    monkeypatch.setattr(projects, "PIECE_SECONDS", 0)
    pieces = 1
    while projects.delete_some(made.pk):
        pieces += 1
    # A thread, a store, two files, an import's page and item, assistants, audit entries, token use,
    # and the project.
    assert pieces == 10
    assert not Project.objects.filter(pk=made.pk).exists()
    left = (Assistant, Thread, Run, File, VectorStore, ApiKey, UpstreamImport)
    assert [model.objects.count() for model in left] == [0, 1, 0, 0, 0, 0, 0]
    assert Thread.objects.get() == kept
    assert page.get("/threads").context["member"].project == project
    del file


@pytest.mark.django_db(transaction=True)
def test_the_files_of_a_deleted_project_go_from_the_disk() -> None:
    projects.ensure_default_project()
    made = projects.create("Second", owner().pk)
    file = make_file(made)
    assert default_storage.exists(file.key)
    projects.delete(made)
    projects.delete_some(made.pk)
    assert not default_storage.exists(file.key)


@pytest.mark.django_db(transaction=True)
def test_a_file_that_comes_after_the_last_piece_goes_from_the_disk_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    projects.ensure_default_project()
    made = projects.create("Second", owner().pk)
    projects.delete(made)
    late: list[File] = []
    pieces = projects._pieces

    def and_one_more(project: Project) -> Iterator[Any]:
        yield from pieces(project)
        if not late:
            late.append(make_file(project))

    monkeypatch.setattr(projects, "_pieces", and_one_more)
    assert projects.delete_some(made.pk)
    assert not projects.delete_some(made.pk)
    assert not default_storage.exists(late[0].key)
    assert not Project.objects.filter(pk=made.pk).exists()


def test_the_project_that_the_server_begins_with_is_not_deleted(
    page: Client, project: Project
) -> None:
    address = reverse("project-delete", args=[project.id])
    answer = page.post(address, {"name": project.name})
    assert answer.status_code == 422
    assert f"“{project.name}” is the project that this server begins with" in answer.text
    assert Project.objects.get() == project


def test_a_form_creates_in_the_project_that_its_page_was_shown_for(
    page: Client, project: Project
) -> None:
    opened = page.get("/assistants/new").text
    assert f'<input type="hidden" name="project" value="{project.id}">' in opened
    second(page)
    given = {"name": "Plotter", "model": "demo", "temperature": "1", "top_p": "1"}
    page.post("/assistants/new", {**given, "project": project.id})
    assert Assistant.objects.get().project == project
    page.post("/vector-stores/new", {"title": "Store", "project": project.id})
    assert VectorStore.objects.get().project == project
    page.post("/settings/keys", {"name": "Notebook", "project": project.id})
    assert ApiKey.objects.get().project == project
    page.post("/threads/begin", {"content": "Hello", "assistant_id": Assistant.objects.get().id})
    assert Thread.objects.get().project == project
    # From a page of a project that is not the person's, or no more, nothing ends up in another.
    told = page.post("/vector-stores/new", {"title": "Other", "project": "proj_theirs"})
    assert told.status_code == 404
    assert not VectorStore.objects.filter(name="Other").exists()


def test_every_plain_form_that_creates_says_of_which_project_it_is(
    page: Client, project: Project
) -> None:
    make_assistant(project)
    for address in (
        "/assistants/new",
        "/assistants/import",
        "/threads",
        "/threads/new",
        "/vector-stores/new",
        "/settings",
        "/settings/providers/new",
    ):
        assert f'name="project" value="{project.id}"' in page.get(address).text, address
