"""What nobody has used for long goes where the settings say so, and nothing else does."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from pytest_django import Settings

from assistants.events import log
from assistants.models import AuditEntry, File, Message, Project, RunStep, Thread, clock
from assistants.operations import audit, retention, threads
from assistants.operations.retention import Over
from assistants.redis_commands import answer
from tests.factories import (
    make_assistant,
    make_file,
    make_project,
    make_run,
    make_thread,
    make_vector_store,
)

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = timedelta(days=31)


@pytest.fixture
def project() -> Project:
    return make_project()


def age(one: Thread | File) -> None:
    """As if nothing had been done with it for a month."""
    field = "active_at" if isinstance(one, Thread) else "created_at"
    type(one)._base_manager.filter(pk=one.pk).update(**{field: clock.now() - LONG_AGO})


def told(*arguments: str) -> str:
    said = StringIO()
    call_command("retention", *arguments, stdout=said)
    return said.getvalue()


def test_nothing_goes_unless_it_is_asked_for(project: Project) -> None:
    age(make_thread(project, "old"))
    age(make_file(project))
    assert retention.due() == retention.apply() == Over()
    assert "THREAD_DAYS=0: kept for ever." in told("--dry-run")
    assert (Thread.objects.count(), File.objects.count()) == (1, 1)


def test_threads_go_in_which_nothing_was_done_for_long(
    project: Project, settings: Settings
) -> None:
    settings.THREAD_DAYS = 30
    old, waiting, young = (make_thread(project, word) for word in ("old", "waiting", "young"))
    make_run(waiting, make_assistant(project))
    age(old)
    age(waiting)

    assert "THREAD_DAYS=30: 1 threads would be deleted." in told("--dry-run")
    assert Thread.objects.count() == 3
    assert "THREAD_DAYS=30: 1 threads were deleted." in told()
    assert set(Thread.objects.all()) == {waiting, young}
    assert Message.objects.count() == 2


def test_files_go_that_nothing_uses(project: Project, settings: Settings) -> None:
    settings.FILE_DAYS = 30
    tools = {"code_interpreter": {"file_ids": [(by_assistant := make_file(project)).id]}}
    make_assistant(project, tools=[{"type": "code_interpreter"}], tool_resources=tools)
    by_store = make_vector_store(project, "bread").files.get().file
    by_message, unused, young = (make_file(project) for _ in range(3))
    for file in (by_assistant, by_store, by_message, unused):
        age(file)
    attachments = [{"file_id": by_message.id, "tools": [{"type": "file_search"}]}]
    thread = make_thread(project)
    Message.objects.create(thread=thread, role="user", content=[], attachments=attachments)

    assert "FILE_DAYS=30: 1 files (5 bytes) would be deleted." in told("--dry-run")
    assert default_storage.exists(unused.key)
    assert retention.apply() == Over(files=1, bytes=5)
    assert set(File.objects.all()) == {by_assistant, by_store, by_message, young}
    assert not default_storage.exists(unused.key)

    # With the thread goes what kept its file.
    settings.THREAD_DAYS = 30
    age(thread)
    assert retention.due() == retention.apply() == Over(threads=1, files=1, bytes=5)


def test_the_audit_log_is_counted_and_deleted_however_long_it_is(
    project: Project, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "AT_ONCE", 2)
    AuditEntry.objects.all().delete()
    for _ in range(5):
        audit.note("audit.exported", project)
    AuditEntry.objects.update(at=clock.now() - LONG_AGO)
    audit.note("audit.exported", project)
    settings.AUDIT_DAYS = 0
    assert "AUDIT_DAYS=0: kept for ever." in told("--dry-run")
    settings.AUDIT_DAYS = 30
    assert "AUDIT_DAYS=30: 5 audit entries would be deleted." in told("--dry-run")
    assert AuditEntry.objects.count() == 6
    assert "AUDIT_DAYS=30: 5 audit entries were deleted." in told()
    assert AuditEntry.objects.count() == 1


def test_what_code_saved_stays_as_long_as_its_thread(project: Project, settings: Settings) -> None:
    settings.FILE_DAYS = 30
    thread = make_thread(project, "hello")
    run = make_run(thread, make_assistant(project))
    saved, figure, found = (make_file(project) for _ in range(3))
    calls = [
        {
            "id": "call_1",
            "type": "code_interpreter",
            "code_interpreter": {
                "input": "",
                "outputs": [{"type": "image", "image": {"file_id": figure.id}}],
            },
        },
        {
            "id": "call_2",
            "type": "file_search",
            "file_search": {"results": [{"file_id": found.id, "file_name": "a.txt", "score": 1}]},
        },
    ]
    RunStep.objects.create(
        run=run,
        type="tool_calls",
        step_details={"type": "tool_calls", "tool_calls": calls},
        saved_files={"/mnt/data/a.txt": saved.id},
    )
    File.objects.filter(project=project).update(purpose="assistants_output")
    for file in (saved, figure, found):
        age(file)

    assert retention.apply() == Over(files=1, bytes=5)
    assert set(File.objects.all()) == {saved, figure}
    threads.delete(thread)
    assert retention.apply() == Over(files=2, bytes=10)


def test_what_was_imported_is_old_so_long_after_it_has_come(
    project: Project, settings: Settings
) -> None:
    settings.THREAD_DAYS = settings.FILE_DAYS = 30
    thread, file = make_thread(project, "imported"), make_file(project)
    age(thread)
    age(file)
    audit.note("thread.imported", project, thread, "")
    audit.note("file.imported", project, file)

    assert retention.due() == retention.apply() == Over()
    AuditEntry.objects.update(at=clock.now() - LONG_AGO)
    assert retention.due() == retention.apply() == Over(threads=1, files=1, bytes=5)


def test_the_events_of_a_thread_are_kept_for_as_long_as_the_settings_say(
    project: Project, settings: Settings
) -> None:
    settings.EVENT_DAYS = 2
    thread = make_thread(project, "hello")
    left = answer(lambda client: client.ttl(log.key(thread.id)))
    assert 2 * 86_400 - 60 < left <= 2 * 86_400
