"""The page that tells owners who did what."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from assistants import acting, doorbell, tasks
from assistants.acting import Actor
from assistants.models import AuditEntry, Membership, Project, Role
from assistants.operations import assistants, audit, people, shares
from assistants.params import AssistantUpdate
from playground import audit_words, paging
from tests.factories import make_assistant, make_project, make_thread

NOTING = {"audit.note", "audit.note_everywhere", "note", "_note"}


def test_what_people_and_programs_did_is_told_and_linked_while_it_is_there(
    page: Client, project: Project
) -> None:
    kept = make_assistant(project, name="Baker")
    with acting.acting(Actor("key", "key_a", "Notebook")):
        assistants.delete(make_assistant(project, name="Gone"))
    thread = make_thread(project, "What nobody else should read")

    # What stands before is the list of threads, by how they open.
    text = page.get("/settings/audit").text.partition("page__head")[2]

    assert "Created an assistant" in text
    assert "Deleted an assistant" in text
    assert reverse("assistant", args=[kept.id]) in text
    assert reverse("thread", args=[thread.id]) in text
    assert text.count("<bdi>Gone</bdi>") == 2
    assert ">Gone</bdi></a>" not in text
    assert "Notebook" in text
    assert "nobody else" not in text


def test_it_is_filtered_by_person_action_and_object(page: Client, project: Project) -> None:
    baker = make_assistant(project, name="Baker")
    with acting.acting(Actor("key", "key_a", "Notebook")):
        make_assistant(project, name="Cook")
        make_thread(project)

    def names(query: str) -> list[str]:
        return [
            row.entry.object_name for row in page.get(f"/settings/audit?{query}").context["rows"]
        ]

    assert names("by=key:key_a&action=assistant.created") == ["Cook"]
    assert names("by=service:") == ["Baker"]
    assert names(f"object={baker.id}") == ["Baker"]
    assert names("by=user:0") == []
    assert "Nothing like that was done" in page.get("/settings/audit?by=user:0").text


def test_it_is_shown_in_pages(page: Client, project: Project) -> None:
    for number in range(paging.PAGE_SIZE + 1):
        audit.note("thread.created", project, f"thread_{number}")

    first = page.get("/settings/audit?action=thread.created")
    second = page.get("/settings/audit?action=thread.created&page=2")

    assert first.context["rows"][0].entry.object_id == f"thread_{paging.PAGE_SIZE}"
    assert "?action=thread.created&amp;page=2" in first.text
    assert [row.entry.object_id for row in second.context["rows"]] == ["thread_0"]


def test_only_owners_see_it_and_only_that_of_their_project(project: Project) -> None:
    other = make_project("Second")
    make_assistant(other, name="Theirs")
    editor, owner = Client(), Client()
    for client, role in ((editor, Role.EDITOR), (owner, Role.OWNER)):
        user = User.objects.create(username=role)
        Membership.objects.create(project=project, user=user, role=role)
        client.force_login(user)

    for name in ("audit", "audit-export"):
        assert editor.get(reverse(name)).status_code == 403
        assert Client().get(reverse(name)).status_code == 302
        assert owner.get(reverse(name)).status_code == 200
    assert "Theirs" not in owner.get(reverse("audit")).text


@pytest.mark.django_db(transaction=True)
def test_all_of_it_can_be_taken_away_as_lines_of_json(page: Client, project: Project) -> None:
    make_assistant(project, name="麵包師")
    make_thread(project)
    make_assistant(make_project("Second"), name="Theirs")

    answer: Any = page.get("/settings/audit/export?action=assistant.created")

    async def whole() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    lines = async_to_sync(whole)().decode().splitlines()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.jsonl"'
    (told,) = map(json.loads, lines)
    assert told["object"]["name"] == "麵包師"
    assert told == AuditEntry.objects.get(object_name="麵包師").to_dict()


def test_everything_that_is_noted_has_words() -> None:

    root = Path(audit.__file__).parents[2]
    noted = {
        action
        for folder in ("assistants", "playground")
        for path in (root / folder).rglob("*.py")
        for action in re.findall(
            r'\b_?note(?:_everywhere)?\(\s*"([a-z_]+\.[a-z_]+)"', path.read_text(encoding="utf-8")
        )
    }
    assert len(noted) > 20
    assert noted <= audit_words.WORDS.keys()


def test_details_are_told_in_the_words_of_the_reader(page: Client, project: Project) -> None:
    """No name and no word of the service is left as programs write it, in either language."""
    baker = make_assistant(project, name="Baker")
    params = {"description": "Bakes", "temperature": 0.5}
    assistants.update(baker, AssistantUpdate.model_validate(params))
    files = [f"file-{number}" for number in range(audit.MAX_ITEMS + 3)]
    audit.note("vector_store.files_added", project, "vs_1", files=files)
    audit.note("key.created", project, "key_1", hint="pk…1", scope="runs", expires="2027-01-31")
    audit.note("provider.changed", project, "p_1", other_key=True)
    audit.note("member.changed", project, "user_1", role="viewer", before="editor")

    def told() -> dict[str, list[tuple[str, str]]]:
        rows = page.get("/settings/audit").context["rows"]
        return {row.entry.action: row.details for row in rows}

    shown = told()
    assert shown["assistant.changed"] == [("Changed", "Description, Temperature")]
    assert shown["vector_store.files_added"][0][1].endswith("file-19, 3 more")
    assert shown["key.created"] == [
        ("Key", "pk…1"), ("Scope", "Runs only"), ("Expires", "Jan. 31, 2027"),
    ]  # fmt: skip
    assert shown["provider.changed"] == [("Another key", "yes")]
    page.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hant"
    shown = told()
    assert shown["assistant.changed"] == [("變更", "說明、溫度")]
    assert shown["member.changed"] == [("角色", "檢視者"), ("之前", "編輯者")]
    assert "變更：<bdi>說明、溫度</bdi>" in page.get("/settings/audit").text


def test_every_detail_that_is_noted_has_a_name() -> None:
    root = Path(audit.__file__).parents[2]
    calls = (
        node
        for folder in ("assistants", "playground")
        for path in (root / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in NOTING
    )
    named = {word.arg for call in calls for word in call.keywords if word.arg}
    assert len(named) > 10
    assert named - {"name"} <= audit_words.DETAILS.keys()


def test_exports_that_are_taken_are_told(page: Client, project: Project) -> None:
    thread, baker = make_thread(project, "Hello"), make_assistant(project, name="Baker")
    before = AuditEntry.objects.count()
    for address in ("export", "export/file"):
        page.get(f"/threads/{thread.id}/{address}")
    page.head(f"/threads/{thread.id}/export/file?format=json")
    assert AuditEntry.objects.count() == before
    for form in ("markdown", "notebook", "json"):
        page.get(f"/threads/{thread.id}/export/file?format={form}&chosen=1&files=1")
    page.get(f"/threads/{thread.id}/print")
    page.get(f"/assistants/{baker.id}/export")
    page.get("/settings/audit/export")
    told = [
        (one.action, one.object_id, one.actor_name, one.details)
        for one in AuditEntry.objects.order_by("pk")[before:]
    ]
    assert "Hello" not in str(list(AuditEntry.objects.values()))
    partly = {"steps": False, "files": True}
    assert told == [
        ("thread.exported", thread.id, "owner", {"format": "markdown", **partly}),
        ("thread.exported", thread.id, "owner", {"format": "notebook", **partly}),
        ("thread.exported", thread.id, "owner", {"format": "json", **partly}),
        ("thread.exported", thread.id, "owner", {"format": "page", "steps": True, "files": True}),
        ("assistant.exported", baker.id, "owner", {}),
        ("audit.exported", project.id, "owner", {}),
    ]


def test_wrong_passwords_are_told_with_where_they_came_from(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[tuple[str, ...]] = []
    monkeypatch.setattr(doorbell, "ring", lambda *ring: rung.append(ring))
    user = people.ensure_owner("mei", "correct horse battery")
    at = {"REMOTE_ADDR": "192.0.2.9"}
    stranger = Client()
    stranger.post("/login", {"username": "mei", "password": "my secret"}, **at)  # type: ignore[arg-type]
    stranger.post("/login", {"username": "nobody", "password": "my secret"}, **at)  # type: ignore[arg-type]
    stranger.post("/login", {"token": "my secret"}, **at)  # type: ignore[arg-type]
    mei = Client()
    mei.force_login(user)
    guess = {"old_password": "my secret", "new_password1": "x", "new_password2": "x"}
    mei.post("/account/password", guess, **at)  # type: ignore[arg-type]
    thread = make_thread(project, "Hello")
    share, token = shares.create(thread, shares.Options(password="swordfish"))
    for tried in ("my secret", "swordfish"):
        stranger.post(f"/s/{token}/password", {"password": tried}, **at)  # type: ignore[arg-type]
    found = AuditEntry.objects.filter(action__endswith=".refused").order_by("pk")
    # Whether somebody has the name is not seen from how long the answer takes: a worker looks.
    assert [(task, name) for task, name, *_ in rung] == [
        (doorbell.NOTE_REFUSED, name) for name in ("mei", "nobody", "owner")
    ]
    assert not found.filter(actor_kind="guest", action="person.refused").exists()
    for _task, *told in rung:
        tasks.note_refused(*told)
    rung.clear()
    here = {"address": "192.0.2.9"}
    assert [(one.action, one.object_id, one.actor_kind, one.details) for one in found] == [
        ("person.refused", f"user_{user.pk}", "user", {"way": "account", **here}),
        ("share.refused", share.id, "guest", {"thread": thread.id, **here}),
        ("person.refused", f"user_{user.pk}", "guest", {"way": "password", **here}),
    ]
    assert "my secret" not in str(list(AuditEntry.objects.values()))
    # No more is told than is counted.
    for _number in range(6):
        stranger.post("/login", {"username": "mei", "password": "x"}, **at)  # type: ignore[arg-type]
    assert len(rung) == 3
