"""Who did what is written down with the change, and tells neither secrets nor what was written."""

import json
import logging
from datetime import timedelta
from io import BytesIO
from logging.handlers import WatchedFileHandler
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from pytest_django import Settings

from assistants import acting
from assistants.acting import Actor
from assistants.models import AuditEntry, Membership, Project, Role, clock
from assistants.operations import (
    aliases,
    assistants,
    audit,
    connections,
    files,
    messages,
    projects,
    runs,
    threads,
    upstream_imports,
    vector_store_files,
    vector_stores,
)
from assistants.operations.connections import Connection
from assistants.params import (
    AssistantUpdate,
    MetadataUpdate,
    ThreadUpdate,
    VectorStoreFileCreate,
    validate,
)
from playground import settings as product
from tests.factories import (
    make_assistant,
    make_file,
    make_project,
    make_run,
    make_thread,
    make_vector_store,
)

pytestmark = pytest.mark.django_db

MEI = Actor("user", "7", "Mei")


def noted(project: Project | None = None) -> list[str]:
    """The actions, the oldest first."""
    entries = AuditEntry.objects.in_project(project or make_project()).order_by("pk")
    return list(entries.values_list("action", flat=True))


def last() -> AuditEntry:
    return AuditEntry.objects.newest_first()[0]


def test_what_happens_to_each_noun_is_noted() -> None:
    project = make_project()
    assistant = make_assistant(project, name="Baker")
    assistants.update(assistant, validate(AssistantUpdate, {"name": "Baker", "model": "demo"}))
    assistants.update(assistant, validate(AssistantUpdate, {"name": "Cook", "temperature": 0.5}))
    assert last().details == {"fields": ["name", "temperature"]}
    assert last().object_name == "Cook"
    assistants.delete(assistant)
    thread = make_thread(project, "A question")
    threads.update(thread, validate(ThreadUpdate, {"metadata": {"title": "Bread"}}))
    assert last().object_name == "Bread"
    message = thread.messages.get()
    messages.update(message, validate(MetadataUpdate, {"metadata": {"a": "b"}}))
    messages.delete(message)
    assert last().details == {"thread": thread.id, "role": "user"}
    threads.delete(thread)
    file = make_file(project, filename="oven.txt")
    store = make_vector_store(project)
    row = vector_store_files.create(store, validate(VectorStoreFileCreate, {"file_id": file.id}))
    vector_store_files.delete(row)
    vector_stores.delete(store)
    files.delete(file)
    assert last().object_name == "oven.txt"

    assert noted() == [
        "assistant.created",
        "assistant.changed",
        "assistant.deleted",
        "thread.created",
        "thread.changed",
        "message.changed",
        "message.deleted",
        "thread.deleted",
        "file.created",
        "vector_store.created",
        "vector_store.files_added",
        "vector_store.files_removed",
        "vector_store.deleted",
        "file.deleted",
    ]


def test_what_owners_and_runs_do_is_noted() -> None:
    project = make_project()
    given = Connection(
        "openai", "Ours", "https://u:p@chat.example/v1?k=s", api_key="sk-very-secret"
    )
    provider = connections.connect(project, given)
    connections.disconnect(provider)
    aliases.set_alias(project, "gpt-4o", "demo")
    aliases.delete_alias(project, "gpt-4o")
    key, secret = projects.create_api_key(project, "notebook")
    projects.revoke_api_key(key)
    projects.revoke_api_key(key)
    assert noted() == [
        "provider.created",
        "provider.deleted",
        "alias.set",
        "alias.deleted",
        "key.created",
        "key.revoked",
    ]
    told = "".join(audit.line(entry) for entry in AuditEntry.objects.all())
    assert "very-secret" not in told
    assert "u:p" not in told
    assert "k=s" not in told
    assert secret not in told

    provider = connections.connect(project, given)
    job = upstream_imports.begin(provider, assistants=True, vector_stores=False, thread_ids=[])
    upstream_imports.stop(job)
    upstream_imports.stop(job)
    upstream_imports.resume(job)
    assert noted()[-3:] == ["import.begun", "import.stopped", "import.resumed"]
    assert last().object_id == job.id

    run = make_run(make_thread(project, "Hello"), make_assistant(project))
    runs.cancel(run)
    assert last().action == "run.cancelled"
    assert last().details == {"thread": run.thread_id}


def test_what_people_wrote_is_not_told() -> None:
    thread = make_thread(None, "My secret recipe")
    messages.delete(thread.messages.get())
    threads.delete(thread)

    assert "recipe" not in "".join(audit.line(entry) for entry in AuditEntry.objects.all())


def test_files_that_code_has_saved_are_part_of_their_run() -> None:
    files.create(
        make_project(), BytesIO(b"a"), filename="plot.png", purpose=files.MADE_BY_ASSISTANT
    )

    assert noted() == []


def test_an_entry_says_who_asked() -> None:
    with acting.acting(MEI):
        make_thread()
    assert (last().actor_kind, last().actor_id, last().actor_name) == ("user", "7", "Mei")
    make_thread()
    assert last().actor_kind == "service"


def test_what_is_undone_is_not_noted() -> None:
    with transaction.atomic():
        make_thread()
        transaction.set_rollback(True)

    assert noted() == []


@pytest.mark.django_db(transaction=True)
def test_operators_get_a_line_of_json_after_the_commit(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By itself it hands its lines to no other logger.
    monkeypatch.setattr(logging.getLogger("audit"), "handlers", [caplog.handler])
    with caplog.at_level("INFO", logger="audit"), acting.acting(MEI):
        with transaction.atomic():
            thread = make_thread()
            assert not caplog.records
        (line,) = caplog.messages

    told = json.loads(line)
    assert told["action"] == "thread.created"
    assert told["actor"] == {"kind": "user", "id": "7", "name": "Mei"}
    assert told["object"] == {"id": thread.id, "name": ""}
    assert told["project"] == thread.project_id


def test_details_are_bounded() -> None:
    project = make_project()
    audit.note("thread.shared", project, "thread_a", "n" * 999, ids=["a" * 999] * 99, none=None)

    entry = last()
    assert len(entry.object_name) == audit.MAX_TEXT
    assert len(entry.details["ids"]) == audit.MAX_ITEMS + 1
    assert len(entry.details["ids"][0]) == audit.MAX_TEXT
    assert entry.details["ids"][-1] == "… 79 more"
    assert "none" not in entry.details


def test_a_sign_in_is_noted_in_each_project_of_the_person() -> None:
    user = User.objects.create(username="mei")
    first, second, third = make_project(), make_project("Second"), make_project("Third")
    for project in (first, second):
        Membership.objects.create(project=project, user=user, role=Role.VIEWER)

    audit.note_everywhere("user.signed_in", user.pk)

    assert noted(first) == noted(second) == ["user.signed_in"]
    assert noted(third) == []


def test_old_entries_go(settings: Settings) -> None:
    for _ in range(3):
        make_thread()
    old = AuditEntry.objects.order_by("pk")[:2]
    long_ago = clock.now() - timedelta(days=31)
    AuditEntry.objects.filter(pk__in=[entry.pk for entry in old]).update(at=long_ago)

    settings.AUDIT_DAYS = 0
    assert audit.delete_due() == 0
    settings.AUDIT_DAYS = 30
    assert audit.delete_due() == 2
    assert audit.delete_due() == 0
    assert len(noted()) == 1


@pytest.mark.django_db(transaction=True)
def test_the_lines_are_appended_to_the_file_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "audit.jsonl"
    monkeypatch.setattr(product, "AUDIT_LOG", str(file))
    made = product._audit_handler()
    assert made.pop("class") == "logging.handlers.WatchedFileHandler"
    handler = WatchedFileHandler(**made)
    monkeypatch.setattr(logging.getLogger("audit"), "handlers", [handler])
    with caplog.at_level("INFO", logger="audit"):
        assistant = make_assistant(name="麵包師")
        file.rename(tmp_path / "audit.jsonl.1")
        make_thread()
    handler.close()

    moved, new = (
        json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / "audit.jsonl.1", file)
    )
    assert moved["object"] == {"id": assistant.id, "name": "麵包師"}
    assert new["action"] == "thread.created"
