"""Objects that come from elsewhere keep their ids, their times and their order; and nobody learns
from an import what another project has.
"""

from io import BytesIO
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import transaction

from assistants.errors import Invalid, Wire
from assistants.models import (
    Assistant,
    File,
    Message,
    Run,
    RunStep,
    Thread,
    VectorStoreFile,
    clock,
)
from assistants.operations import (
    assistants,
    files,
    imports,
    threads,
    upstream_shapes,
    vector_stores,
)
from assistants.params.imported import (
    ImportedAssistant,
    ImportedFile,
    ImportedMessage,
    ImportedRun,
    ImportedStep,
    ImportedStoreFile,
    ImportedThread,
    ImportedVectorStore,
)
from tests.factories import make_assistant, make_file, make_project, make_thread
from tests.history import History

pytestmark = pytest.mark.django_db(transaction=True)

AT = 1_700_000_000


def thread_of(**fields: Any) -> ImportedThread:
    return imports.read(ImportedThread, {"id": "thread_elsewhere1", "created_at": AT, **fields})


def message_of(number: int, **fields: Any) -> ImportedMessage:
    text = {"value": f"number {number}", "annotations": []}
    wire = {
        "id": f"msg_{number:04}",
        "created_at": AT,
        "role": "user",
        "content": [{"type": "text", "text": text}],
        **fields,
    }
    return imports.read(ImportedMessage, wire)


def run_of(**fields: Any) -> ImportedRun:
    wire = {
        "id": "run_elsewhere1",
        "created_at": AT,
        "assistant_id": "asst_gone1",
        "status": "completed",
        "completed_at": AT,
        "model": "gpt-4o",
        **fields,
    }
    return imports.read(ImportedRun, wire)


def test_what_is_deleted_and_comes_back_is_as_it_was() -> None:
    history = History(make_project())
    project, thread = history.assistant.project, history.thread
    rows = list(thread.messages.oldest_first())
    took = list(Run.objects.filter(thread=thread).oldest_first())
    did = list(RunStep.objects.filter(run__thread=thread).oldest_first())
    kept = [history.guide, history.table, history.figure, history.saved]
    store_file = history.store.files.get()
    thread.refresh_from_db()
    rows_before: tuple[Any, ...] = (history.assistant, thread, *rows, *took, *did, *kept)
    before: list[Wire] = [row.to_dict() for row in rows_before]
    contents = [default_storage.open(file.key).read() for file in kept]
    assistant_wire, store_wire = history.assistant.to_dict(), history.store.to_dict()
    ids = [file.id for file in kept]
    come = [imports.read(ImportedFile, file.to_dict()) for file in kept]
    thread_wire, opening = thread.to_dict(), thread.opening
    threads.delete(thread)
    assistants.delete(history.assistant)
    vector_stores.delete(history.store)
    for file in kept:
        files.delete(file)

    with imports.opened(project) as door:
        for each, content in zip(come, contents, strict=True):
            door.store(each, BytesIO(content))
        with transaction.atomic():
            for each in come:
                door.file(each)
            door.vector_store(
                imports.read(ImportedVectorStore, store_wire),
                [imports.read(ImportedStoreFile, store_file.to_dict())],
            )
            door.assistant(imports.read(ImportedAssistant, assistant_wire))
            door.thread(
                imports.read(ImportedThread, thread_wire),
                [imports.read(ImportedRun, row.to_dict()) for row in took],
                [imports.read(ImportedStep, row.to_dict()) for row in did],
                [imports.read(ImportedMessage, row.to_dict()) for row in rows],
            )
    assert door.brought == {
        "file": 4,
        "vector store": 1,
        "vector store file": 1,
        "assistant": 1,
        "thread": 1,
        "run": 2,
        "run step": 5,
        "message": 4,
    }
    again = Thread.objects.get(pk=thread_wire["id"])
    after = [
        Assistant.objects.get(pk=assistant_wire["id"]),
        again,
        *again.messages.oldest_first(),
        *Run.objects.filter(thread=again).oldest_first(),
        *RunStep.objects.filter(run__thread=again).oldest_first(),
        *(File.objects.get(pk=file_id) for file_id in ids),
    ]
    assert [row.to_dict() for row in after] == before
    assert (again.opening, again.assistant_id) == (opening, assistant_wire["id"])
    searched = VectorStoreFile.objects.get(file=ids[0])
    assert (searched.status, searched.attributes) == ("in_progress", store_file.attributes)
    keys = [File.objects.get(pk=file_id).key for file_id in ids]
    assert [default_storage.open(key).read() for key in keys] == contents


def test_what_was_said_in_one_second_keeps_its_order() -> None:
    project = make_project()
    said = [message_of(number, id=f"msg_{9 - number}aaa") for number in range(6)]
    said[3] = message_of(3, id="msg_3aaa", role="assistant", run_id="run_elsewhere1")
    with imports.opened(project) as door:
        thread = door.thread(thread_of(), [run_of()], (), said)
    rows = list(thread.messages.oldest_first())
    assert [row.text for row in rows] == [f"number {number}" for number in range(6)]
    run = Run.objects.get(thread=thread)
    assert rows[2].created_at < run.created_at < rows[3].created_at
    assert run.ended_at is not None
    assert rows[3].created_at < run.ended_at
    assert clock.unix(rows[5].created_at) == AT
    assert thread.active_at == rows[5].created_at
    # Nobody has told when they were complete; links to a moment look at that.
    assert [row.completed_at for row in rows] == [row.created_at for row in rows]


@pytest.mark.parametrize("status", ["queued", "in_progress", "requires_action", "cancelling"])
def test_a_run_that_went_on_elsewhere_has_failed_here(status: str) -> None:
    wire: Wire = {
        "id": "step_elsewhere1",
        "created_at": AT,
        "run_id": "run_elsewhere1",
        "status": "in_progress",
        "step_details": {"type": "tool_calls", "tool_calls": []},
    }
    open_message = message_of(1, status="in_progress", role="assistant", run_id="run_elsewhere1")
    with imports.opened(make_project()) as door:
        thread = door.thread(
            thread_of(),
            [run_of(status=status, completed_at=None)],
            [imports.read(ImportedStep, wire)],
            [open_message],
        )
    run = Run.objects.get(thread=thread)
    assert (run.status, run.last_error, door.not_ended) == ("failed", imports.NOT_ENDED, [run.id])
    assert run.steps.get().status == "failed"
    said = thread.messages.get()
    assert (said.status, said.incomplete_reason) == ("incomplete", "run_failed")
    assert not thread.runs.active().exists()


def test_an_id_of_another_project_is_refused_as_one_of_wrong_form_is() -> None:
    ours, theirs = make_project(), make_project("theirs")
    assistant, thread = make_assistant(theirs), make_thread(theirs, "secret")
    file = make_file(theirs)
    message = thread.messages.get()
    created: Wire = {"created_at": AT}
    tried: list[tuple[str, Any]] = [
        (assistant.id, lambda door: door.assistant(
            imports.read(ImportedAssistant, {"id": assistant.id, "model": "demo", **created})
        )),
        (thread.id, lambda door: door.thread(thread_of(id=thread.id))),
        (message.id, lambda door: door.thread(
            thread_of(), messages=[message_of(1, id=message.id)]
        )),
        (file.id, lambda door: door.store(
            imports.read(ImportedFile, {**file.to_dict(), **created}), BytesIO(b"x")
        )),
        ("thread_../x", lambda door: door.thread(thread_of(id="thread_../x"))),
        ("msg_twice", lambda door: door.thread(
            thread_of(), messages=[message_of(1, id="msg_twice"), message_of(2, id="msg_twice")]
        )),
    ]  # fmt: skip
    for object_id, attempt in tried:
        with pytest.raises(Invalid) as refused, imports.opened(ours) as door, transaction.atomic():
            attempt(door)
        assert str(refused.value) == f"The id '{object_id}' cannot be used here."
    assert not Thread.objects.in_project(ours).exists()


def test_what_is_here_stays_as_it_is_but_a_thread_comes_once() -> None:
    project = make_project()
    assistant, thread = make_assistant(project, name="Mine"), make_thread(project, "Hi")
    wire = {**assistant.to_dict(), "name": "Theirs"}
    with imports.opened(project) as door:
        door.assistant(imports.read(ImportedAssistant, wire))
        with pytest.raises(Invalid, match="already") as refused, transaction.atomic():
            door.thread(thread_of(id=thread.id))
    assert refused.value.code == "already_here"
    assert door.kept == [assistant.id]
    assistant.refresh_from_db()
    assert assistant.name == "Mine"


def test_nothing_of_others_is_reached_by_naming_it() -> None:
    ours, theirs = make_project(), make_project("theirs")
    file, store = make_file(theirs), History(theirs).store
    resources = {
        "code_interpreter": {"file_ids": [file.id]},
        "file_search": {"vector_store_ids": [store.id]},
    }
    run = run_of(tool_resources=resources, playground={"vector_store_ids": [store.id]})
    other_run = Run.objects.filter(thread__project=theirs).first()
    assert other_run is not None
    with imports.opened(ours) as door:
        thread = door.thread(
            thread_of(tool_resources=resources), [run], (), [message_of(1, run_id=other_run.id)]
        )
    empty: Wire = {"code_interpreter": {"file_ids": []}, "file_search": {"vector_store_ids": []}}
    assert thread.tool_resources == empty
    assert Run.objects.get(thread=thread).tool_resources == empty
    assert thread.messages.get().run_id is None
    assert door.missing == {file.id, store.id}


def test_bytes_of_an_import_that_fails_do_not_stay() -> None:
    project = make_project()
    file = imports.read(
        ImportedFile,
        {"id": "file-elsewhere1", "created_at": AT, "filename": "a.txt", "purpose": "assistants"},
    )

    def attempt() -> None:
        with imports.opened(project) as door:
            door.store(file, BytesIO(b"bread"))
            with transaction.atomic():
                door.file(file)
                door.thread(thread_of(id="thread_1/"))

    with pytest.raises(Invalid, match="thread_1"):
        attempt()
    assert not File.objects.exists()
    assert not default_storage.exists(f"{project.id}/{file.id}")


@pytest.mark.parametrize(
    "kind, wire, says",
    [
        (ImportedThread, {"id": "msg_1aaaa", "created_at": AT}, "cannot be used"),
        (ImportedThread, {"id": "thread_1aaaa", "created_at": 10**12}, "created_at"),
        (ImportedThread, {"id": "thread_1aaaa", "created_at": "1"}, "created_at"),
        (ImportedThread, [], "an object"),
        (ImportedThread, {"id": "thread_1a", "created_at": AT, "metadata": {"a": 1}}, "metadata"),
        (ImportedMessage, {"id": "msg_1aaaa", "created_at": AT, "role": "system"}, "content"),
    ],
)  # fmt: skip
def test_what_is_no_such_object_is_refused(kind: type[Any], wire: Any, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        imports.read(kind, wire)


def test_a_quote_that_comes_from_elsewhere_has_no_markers_in_it() -> None:
    cited = {"file_id": "file-1", "quote": "Approved 【4:1†trusted.txt】last week [4:1]."}
    note = {"type": "file_citation", "text": "【4:0†h.txt】", "start_index": 0, "end_index": 11}
    text = {"value": "【4:0†h.txt】", "annotations": [{**note, "file_citation": cited}]}
    wire = message_of(1, role="assistant", content=[{"type": "text", "text": text}])
    with imports.opened(make_project()) as door:
        door.thread(thread_of(), messages=[wire])
    (part,) = Message.objects.get().content
    stored = part["text"]["annotations"][0]["file_citation"]
    assert stored["quote"] == "Approved last week [4:1]."
    shape = upstream_shapes.Annotation.model_validate({**note, "file_citation": cited})
    assert shape.file_citation is not None
    assert shape.file_citation.quote == "Approved last week [4:1]."


def test_nothing_has_happened_later_than_now() -> None:
    with imports.opened(make_project()) as door:
        thread = door.thread(thread_of(), messages=[message_of(1, created_at=AT * 2)])
    assert Message.objects.get(thread=thread).created_at <= clock.now()
