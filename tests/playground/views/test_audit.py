"""The page that tells owners who did what."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from assistants import acting
from assistants.acting import Actor
from assistants.models import AuditEntry, Membership, Project, Role
from assistants.operations import assistants, audit
from playground import audit_words, paging
from tests.factories import make_assistant, make_project, make_thread


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
