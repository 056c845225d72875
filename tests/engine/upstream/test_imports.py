"""Bringing what another Assistants server has, under its ids."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from openai import OpenAI
from pytest_django import Settings

from assistants import doorbell
from assistants.errors import Invalid
from assistants.models import (
    Assistant,
    File,
    ImportPage,
    ImportStatus,
    Message,
    ModelProvider,
    Run,
    RunStep,
    Thread,
    UpstreamImport,
    VectorStore,
    VectorStoreFile,
    clock,
)
from assistants.operations import files, imports, upstream_imports, upstream_reading
from assistants.params.imported import ImportedFile, ImportedThread
from tests.chat_server import text, tool_call
from tests.engine.upstream.test_copies import meanwhile
from tests.factories import make_project, make_thread
from tests.proxy import Proxy, answer, cut_answer, garble
from tests.stack import Stack

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

WEATHER: Any = {"type": "function", "function": {"name": "weather"}}


@pytest.fixture(autouse=True)
def _nobody_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorbell, "_send", lambda task, ids: None)


def brought(job: UpstreamImport, *, slices: int = 200) -> UpstreamImport:
    """The import once workers have had it, one after the other."""
    for _ in range(slices):
        UpstreamImport.objects.filter(pk=job.pk).update(
            lease_until=clock.now() - timedelta(seconds=1)
        )
        upstream_imports.go_on(job.id)
        job.refresh_from_db()
        if not job.goes_on:
            break
    return job


def told(thing: Any) -> dict[str, Any]:
    """An object as its server tells it."""
    found: dict[str, Any] = json.loads(thing.to_json(exclude_unset=True))
    return found


def content_of(name: str) -> bytes:
    """What lies in the file of this name."""
    number = int(name.removeprefix("file-").removesuffix(".txt"))
    return f"This is number {number}.\n".encode() * (1 + number % 50)


def filled(there: OpenAI, stack: Stack, *, assistants: int, threads: int, files: int) -> list[str]:
    """Have so many of each on the second instance; the ids of the threads."""
    for one in there.beta.assistants.list(limit=100):
        there.beta.assistants.delete(one.id)
    for store in there.vector_stores.list(limit=100):
        there.vector_stores.delete(store.id)
    call = tool_call("weather", {"city": "Oslo"})
    stack.chat.when("Question", [text("An answer.")])
    stack.chat.when("weather", [call], [text("It rains.")])

    def upload(number: int) -> str:
        name = f"file-{number}.txt"
        return there.files.create(file=(name, content_of(name)), purpose="assistants").id

    with ThreadPoolExecutor(4) as pool:
        file_ids = list(pool.map(upload, range(files)))
        half = files // 2
        stores = [
            there.vector_stores.create(
                name=f"Store {n}",
                metadata={"n": str(n)},
                expires_after={"anchor": "last_active_at", "days": n + 1},
            )
            for n in range(3)
        ]
        for number, store in enumerate(stores):
            inside = file_ids[:half][number::3]
            if not inside:
                continue
            there.vector_stores.file_batches.create(
                store.id,
                file_ids=inside,
                attributes={"shelf": number},
                chunking_strategy={
                    "type": "static",
                    "static": {"max_chunk_size_tokens": 200 + number, "chunk_overlap_tokens": 10},
                },
            )

        def assistant(number: int) -> Any:
            mine = file_ids[half:][number::assistants][:20]
            return there.beta.assistants.create(
                name=f"Nº {number}",
                model="played",
                instructions="Be brief. " * (number % 5) or None,
                temperature=0.1 * (number % 10),
                metadata={"team": f"t{number % 3}"},
                tools=[{"type": "code_interpreter"}, {"type": "file_search"}, WEATHER],
                tool_resources={
                    "code_interpreter": {"file_ids": mine},
                    "file_search": {"vector_store_ids": [stores[number % 3].id]},
                },
            )

        made = list(pool.map(assistant, range(assistants)))

        def thread(number: int) -> str:
            begun = there.beta.threads.create(metadata={"title": f"Thread {number}"})
            words = "What is the weather?" if number % 4 == 0 else "Question?"
            attached: Any = [{"file_id": file_ids[number], "tools": [{"type": "file_search"}]}]
            there.beta.threads.messages.create(
                begun.id, role="user", content=words, attachments=attached
            )
            mine = made[number % assistants].id
            run = there.beta.threads.runs.create_and_poll(
                thread_id=begun.id, assistant_id=mine, poll_interval_ms=100
            )
            if run.status == "requires_action":
                calls = run.required_action.submit_tool_outputs.tool_calls  # type: ignore[union-attr]
                outputs: Any = [{"tool_call_id": one.id, "output": "rain"} for one in calls]
                run = there.beta.threads.runs.submit_tool_outputs_and_poll(
                    run_id=run.id, thread_id=begun.id, tool_outputs=outputs, poll_interval_ms=100
                )
            assert run.status == "completed", run.last_error
            return begun.id

        return list(pool.map(thread, range(threads)))


@pytest.mark.timeout(300)  # the machine may be busy with other things
def test_a_migration_compared_object_by_object(
    row: ModelProvider,
    there: OpenAI,
    stack: Stack,
    proxy: Proxy,
) -> None:
    thread_ids = filled(there, stack, assistants=50, threads=20, files=200)
    job = upstream_imports.begin(row, assistants=True, vector_stores=True, thread_ids=thread_ids)
    # The network is bad, and workers come and go.
    proxy.on("GET", r"/files/[^/]+/content$", cut_answer())
    proxy.on("GET", r"/messages$", garble(), times=2)
    proxy.on("GET", r"/assistants/", answer(503, {}))
    job = brought(job)

    assert job.status == ImportStatus.COMPLETED, job.error
    counted = {one.noun: one for one in upstream_imports.compared(job)}
    assert {noun: one.there for noun, one in counted.items()} == {
        "file": 200, "vector_store": counted["vector_store"].there, "assistant": 50, "thread": 20,
        "vector store file": counted["vector store file"].there,
        "message": 40, "run": 20, "run step": 25,
    }  # fmt: skip
    assert all(one.fits and not one.failed for one in counted.values()), counted

    project = row.project
    assert File.objects.in_project(project).count() == 200
    originals = {one.id: told(one) for one in there.files.list()}
    for file in File.objects.in_project(project):
        assert file.to_dict() == originals[file.id]
        with files.open_content(file) as content:
            assert content.read() == content_of(file.filename)
    imported = Assistant.objects.in_project(project).filter(upstream=None)
    assert {assistant.id: assistant.to_dict() for assistant in imported} == {
        one.id: told(one) for one in there.beta.assistants.list(limit=100)
    }
    assert len(imported) == 50
    for store in VectorStore.objects.in_project(project):
        original = told(there.vector_stores.retrieve(store.id))
        assert original["file_counts"]["total"] == store.files.count() > 0
        mine = store.to_dict()
        for name in ("name", "description", "metadata", "expires_after", "created_at"):
            assert mine[name] == original[name]
        inside = {one.id: told(one) for one in there.vector_stores.files.list(store.id, limit=100)}
        for held in store.files.select_related("vector_store"):
            listed, mine = inside.pop(held.file_id), held.to_dict()
            for name in ("attributes", "chunking_strategy", "created_at"):
                assert mine[name] == listed[name]
        assert not inside
    assert not job.items.exclude(differs=[]).exists()
    assert not ImportPage.objects.exists()
    for thread_id in thread_ids:
        _is_the_same(there, Thread.objects.in_project(project).get(pk=thread_id))

    # Once more changes nothing.
    before = [model.objects.count() for model in (File, Message, RunStep, VectorStoreFile)]
    again = brought(
        upstream_imports.begin(row, assistants=False, vector_stores=True, thread_ids=thread_ids[:2])
    )
    assert again.status == ImportStatus.COMPLETED, again.error
    assert not again.items.exclude(status="kept").exists()
    assert before == [model.objects.count() for model in (File, Message, RunStep, VectorStoreFile)]


def _is_the_same(there: OpenAI, thread: Thread) -> None:
    threads = there.beta.threads
    assert thread.to_dict() == told(threads.retrieve(thread.id))
    original = [told(one) for one in threads.messages.list(thread.id, order="asc")]
    assert [message.to_dict() for message in thread.messages.oldest_first()] == original
    for run in Run.objects.filter(thread=thread).select_related("thread"):
        assert run.to_dict() == told(threads.runs.retrieve(run.id, thread_id=thread.id))
        steps = threads.runs.steps.list(run.id, thread_id=thread.id, order="asc")
        assert [step.to_dict() for step in run.steps.oldest_first()] == [
            told(step) for step in steps
        ]


def test_a_long_thread_is_read_page_by_page_and_goes_on_where_it_was(
    row: ModelProvider,
    there: OpenAI,
    stack: Stack,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (thread_id,) = filled(there, stack, assistants=1, threads=1, files=1)
    (assistant,) = there.beta.assistants.list()
    there.beta.threads.messages.create(thread_id, role="user", content="Question?")
    there.beta.threads.runs.create_and_poll(
        thread_id=thread_id, assistant_id=assistant.id, poll_interval_ms=50
    )
    monkeypatch.setattr(upstream_reading, "PAGE", 1)
    # A worker does one thing and lets go.
    monkeypatch.setattr(upstream_imports, "SLICE_SECONDS", 1e-6)
    lists = r"/(messages|runs|steps)$"
    job = upstream_imports.begin(row, assistants=False, vector_stores=False, thread_ids=[thread_id])
    while ImportPage.objects.filter(item__job=job, noun="message").count() < 3:
        job = brought(job, slices=1)
    assert [len(page.objects_told) for page in ImportPage.objects.all()] == [1, 1, 1, 1]
    upstream_imports.stop(job)
    assert brought(job).status == ImportStatus.CANCELLED
    # What was read is not kept for one who may never go on.
    assert not ImportPage.objects.exists()
    upstream_imports.resume(job)
    proxy.on("GET", r"/steps$", answer(503, {}), times=5)
    job = brought(job)
    assert job.status == ImportStatus.FAILED
    assert not Thread.objects.exists()
    upstream_imports.resume(job)
    job = brought(job)

    assert job.status == ImportStatus.COMPLETED, job.error
    counted = {one.noun: (one.there, one.here) for one in upstream_imports.compared(job)}
    assert counted["message"] == (4, 4)
    assert counted["run"] == (2, 2)
    steps = RunStep.objects.count()
    assert steps == 3
    # Each page was asked for twice, once for the files that it names; three before it was stopped,
    # five before it failed, and five times in vain.
    assert proxy.count("GET", lists) == 2 * (4 + 2 + steps) + 3 + 5 + 5
    assert not ImportPage.objects.exists()
    _is_the_same(there, Thread.objects.get(pk=thread_id))


def test_what_is_not_here_as_it_is_there_is_named(
    row: ModelProvider, there: OpenAI, stack: Stack
) -> None:
    for one in there.vector_stores.list(limit=100):
        there.vector_stores.delete(one.id)
    file = there.files.create(file=("a.txt", b"a"), purpose="assistants").id
    two: Any = {"anchor": "last_active_at", "days": 2}
    three: Any = {"anchor": "last_active_at", "days": 3}
    store = there.vector_stores.create(name="One", expires_after=two, file_ids=[file]).id
    thread = there.beta.threads.create(messages=[{"role": "user", "content": "Hi"}]).id
    (message,) = there.beta.threads.messages.list(thread)

    def imported() -> UpstreamImport:
        job = upstream_imports.begin(row, assistants=False, vector_stores=True, thread_ids=[thread])
        return brought(job)

    assert upstream_imports.differing(imported(), 50) == []
    there.vector_stores.update(store, name="Two", expires_after=three)
    there.vector_stores.files.update(file, vector_store_id=store, attributes={"shelf": 1})
    there.beta.threads.messages.update(message.id, thread_id=thread, metadata={"read": "yes"})
    other = there.files.create(file=("b.txt", b"b"), purpose="assistants").id
    there.vector_stores.files.create(store, file_id=other)
    again = imported()

    assert upstream_imports.differing(again, 50) == [
        {
            "noun": "vector_store", "id": store,
            "fields": ["name", "expires_after", "file_counts"],
        },
        {"noun": "vector store file", "id": file, "fields": ["attributes"]},
        {"noun": "message", "id": message.id, "fields": ["metadata"]},
    ]  # fmt: skip
    counted = {one.noun: (one.there, one.here) for one in upstream_imports.compared(again)}
    assert counted["vector store file"] == (2, 1)


def test_what_cannot_be_brought_is_named_and_the_rest_comes(
    row: ModelProvider,
    there: OpenAI,
    stack: Stack,
    proxy: Proxy,
) -> None:
    (thread_id,) = filled(there, stack, assistants=1, threads=1, files=3)
    refused = {"error": {"message": "Not allowed to download files of purpose: assistants"}}
    proxy.on("GET", r"/files/[^/]+/content$", answer(400, refused))
    ids = [thread_id, "thread_doesnotexist", "../../secret"]
    job = brought(upstream_imports.begin(row, assistants=True, vector_stores=True, thread_ids=ids))

    assert job.status == ImportStatus.COMPLETED
    failed = {item.upstream_id: item.error for item in job.items.filter(status="failed")}
    assert len(failed) == 3
    assert "No thread found" in failed["thread_doesnotexist"]
    assert any("Not allowed to download" in error for error in failed.values())
    assert not any(re.search("secret", path) for _, path in proxy.seen)
    assert Thread.objects.filter(pk=thread_id).exists()

    upstream_imports.resume(job)
    job = brought(job)
    assert {item.upstream_id for item in job.items.filter(status="failed")} == {
        "thread_doesnotexist", "../../secret",
    }  # fmt: skip


def test_a_server_that_is_gone_fails_it_and_it_goes_on_where_it_was(
    row: ModelProvider,
    there: OpenAI,
    stack: Stack,
    proxy: Proxy,
) -> None:
    filled(there, stack, assistants=2, threads=0, files=4)
    job = upstream_imports.begin(row, assistants=True, vector_stores=False, thread_ids=[])
    proxy.on("GET", r"/files/", answer(503, {"error": {"message": "Closed."}}), times=5)
    job = brought(job)
    assert job.status == ImportStatus.FAILED
    assert job.error == "Team server failed (503): Closed. Its own log may say more."
    upstream_imports.resume(job)
    job = brought(job)
    assert job.status == ImportStatus.COMPLETED
    assert Assistant.objects.filter(upstream=None).count() == 2
    again = brought(
        upstream_imports.begin(row, assistants=True, vector_stores=False, thread_ids=[])
    )
    assert set(again.items.values_list("noun", "status")) >= {("assistant", "kept")}
    assert not again.items.exclude(status="kept").exists()

    # "Choose what is to be imported."
    with pytest.raises(Invalid, match=r"Choose what is to be imported\."):
        upstream_imports.begin(row, assistants=False, vector_stores=False, thread_ids=[])


def test_another_project_s_objects_are_neither_taken_nor_told(
    row: ModelProvider,
    there: OpenAI,
    stack: Stack,
    proxy: Proxy,
) -> None:
    filled(there, stack, assistants=1, threads=0, files=2)
    (original,) = there.beta.assistants.list()
    other = make_project("Others")
    Assistant.objects.create(id=original.id, project=other, model="demo", response_format="auto")
    job = brought(upstream_imports.begin(row, assistants=True, vector_stores=False, thread_ids=[]))
    (failed,) = job.items.filter(status="failed")
    assert failed.upstream_id == original.id
    assert Assistant.objects.get(pk=original.id).project == other


def test_a_stopped_import_brings_no_more(
    row: ModelProvider,
    there: OpenAI,
    stack: Stack,
    proxy: Proxy,
) -> None:
    filled(there, stack, assistants=1, threads=0, files=2)
    job = upstream_imports.begin(row, assistants=True, vector_stores=True, thread_ids=[])
    upstream_imports.stop(job)
    job = brought(job)
    assert job.status == ImportStatus.CANCELLED
    assert not job.items.exists()


def test_an_import_that_is_stopped_while_a_list_is_read_keeps_nothing_of_it(
    row: ModelProvider, there: OpenAI, proxy: Proxy
) -> None:
    there.beta.assistants.create(model="played")
    job = upstream_imports.begin(row, assistants=True, vector_stores=False, thread_ids=[])
    proxy.on("GET", r"/assistants$", meanwhile(lambda: upstream_imports.stop(job)))
    job = brought(job)
    assert job.status == ImportStatus.CANCELLED
    assert not job.items.exists()
    assert not job.listed


def test_what_fails_here_is_tried_a_few_times_in_a_row_and_then_said(
    row: ModelProvider, there: OpenAI, proxy: Proxy, settings: Settings
) -> None:
    file = there.files.create(file=("a.txt", b"a"), purpose="assistants").id
    resources: Any = {"code_interpreter": {"file_ids": [file]}}
    tools: Any = [{"type": "code_interpreter"}]
    there.beta.assistants.create(model="played", tools=tools, tool_resources=resources)
    job = upstream_imports.begin(row, assistants=True, vector_stores=False, thread_ids=[])
    job.wanted = {**job.wanted, "tries": 4}
    job.save(update_fields=["wanted"])
    whole, settings.FILE_UPLOAD_TEMP_DIR = settings.FILE_UPLOAD_TEMP_DIR, "/nowhere"
    # Listing goes well, and what failed before it counts no more.
    job = brought(job, slices=4)
    assert (job.status, job.wanted["tries"]) == (ImportStatus.IN_PROGRESS, 4)
    job = brought(job)
    assert (job.status, job.error) == (
        ImportStatus.FAILED, "The import had an error. The log says more.",
    )  # fmt: skip
    settings.FILE_UPLOAD_TEMP_DIR = whole
    upstream_imports.resume(job)
    assert brought(job).status == ImportStatus.COMPLETED


def test_what_cannot_be_taken_in_is_refused_with_a_reason(transactional_db: None) -> None:
    project = make_project()
    thread = make_thread(project, "Hi")
    told = imports.read(ImportedThread, thread.to_dict())
    lost = {"id": "file-lost", "created_at": 1, "filename": "a.txt", "purpose": "assistants"}
    with imports.opened(project) as door:
        with pytest.raises(Invalid) as refused, transaction.atomic():
            door.thread(told)
        assert str(refused.value) == f"This project has thread '{thread.id}' already."
        with pytest.raises(Invalid) as refused, transaction.atomic():
            door.file(imports.read(ImportedFile, lost))
        assert str(refused.value) == "The content of file 'file-lost' is missing."
