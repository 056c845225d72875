"""What SQLite and PostgreSQL do differently by themselves is the same here: the order of keys, what
text may hold, what is found, and what becomes of two who change the same thing at once.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from assistants.models import (
    Assistant,
    File,
    Message,
    ModelAlias,
    Run,
    RunStep,
    Thread,
    VectorStore,
    VectorStoreFile,
)
from assistants.operations import aliases, messages, threads, vector_store_files, vector_stores
from assistants.params import MessageCreate, ThreadCreate, VectorStoreFileCreate, validate
from playground import usage
from tests.factories import (
    make_assistant,
    make_file,
    make_project,
    make_run,
    make_thread,
    make_vector_store,
)

# jsonb would put the short ones first.
KEYS = ["unit_of_measurement", "b", "place", "a", "Z"]


@pytest.mark.django_db
def test_keys_keep_their_order() -> None:
    parameters: dict[str, Any] = {
        "type": "object",
        "properties": {key: {"type": "string"} for key in KEYS},
        "required": KEYS,
    }
    function = {"name": "weather", "parameters": parameters}
    metadata = dict.fromkeys(KEYS, "x")
    made = make_assistant(tools=[{"type": "function", "function": function}], metadata=metadata)
    thread = threads.create(make_project(), validate(ThreadCreate, {"metadata": metadata}))
    run = make_run(thread, made, metadata=metadata)
    for owner in (Assistant.objects.get(pk=made.pk), Run.objects.get(pk=run.pk)):
        assert list(owner.metadata) == KEYS
        found = owner.tools[0]["function"]["parameters"]
        assert list(found) == list(parameters)
        assert list(found["properties"]) == KEYS
    assert list(Thread.objects.get(pk=thread.pk).metadata) == KEYS


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["auto", "17", {"type": "json_object"}, "null", "é\U0001f600"])
def test_every_kind_of_json_comes_back_as_it_was(value: Any) -> None:
    assistant = make_assistant()
    Assistant.objects.filter(pk=assistant.pk).update(response_format=value)
    assert Assistant.objects.get(pk=assistant.pk).response_format == value
    assistant.response_format, assistant.metadata = value, {"value": "x"}
    Assistant.objects.bulk_update([assistant], ["response_format", "metadata"])
    again = Assistant.objects.get(pk=assistant.pk)
    assert (again.response_format, again.metadata) == (value, {"value": "x"})


@pytest.mark.django_db
def test_json_without_what_no_database_holds() -> None:
    assistant = make_assistant()
    odd = {"null\0": ["a\0b", "half \ud83d of it", r"\u0000 \\u0000", "\n"]}
    Assistant.objects.filter(pk=assistant.pk).update(metadata=odd)
    found = Assistant.objects.get(pk=assistant.pk).metadata
    assert found == {"null": ["ab", "half \ufffd of it", r"\u0000 \\u0000", "\n"]}


@pytest.mark.django_db
def test_json_is_compared_by_how_it_is_written() -> None:
    run = make_run(make_thread(None, "hello"), make_assistant())
    for saved in ({}, {"b": "file-1", "a": "file-2"}):
        RunStep.objects.create(run=run, type="tool_calls", saved_files=saved)
    assert RunStep.objects.exclude(saved_files={}).count() == 1
    assert RunStep.objects.filter(saved_files={"b": "file-1", "a": "file-2"}).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("words", ["ÄPFEL", "äpfel", "Äpfel 50%", "ПРИВЕТ", "привет", "a_b\\C"])
def test_letters_are_found_large_or_small(words: str) -> None:
    said = "Wer mag Äpfel 50%? Привет, A_B\\c"
    thread = make_thread(None, said)
    make_thread(None, "something else")
    assistant = make_assistant(name=said)
    make_assistant(name="another")
    assert list(Thread.objects.matching(words)) == [thread]
    Message.objects.all().delete()
    Thread.objects.update(opening="", metadata={"title": said})
    assert Thread.objects.matching(words).count() == 2
    assert list(Assistant.objects.matching(words)) == [assistant]


@pytest.mark.django_db
def test_files_are_found_by_large_letters_or_small() -> None:
    file = make_file(filename="Äpfel 50%_.txt")
    make_file(filename="other.txt")
    for words in ("ÄPFEL", "äpfel 50%_", ".TXT"):
        assert file in File.objects.matching(words)
    assert list(File.objects.matching("äpfel")) == [file]


@pytest.mark.django_db
def test_names_are_sorted_by_their_letters() -> None:
    project = make_project()
    names = ["Zebra", "apple", "Äpfel", "_x", "B-1", "b1"]
    for name in names:
        ModelAlias.objects.create(project=project, name=name, model="demo")
    assert [alias.name for alias in aliases.list_aliases(project)] == sorted(names)


@pytest.mark.django_db
def test_runs_that_used_nothing_are_not_counted() -> None:
    project, assistant = make_project(), make_assistant()
    used = {"prompt_tokens": 2_000_000_000, "completion_tokens": 7, "total_tokens": 2_000_000_007}
    for given in (used, used, None):
        run = make_run(make_thread(None, "hello"), assistant)
        Run.objects.filter(pk=run.pk).update(usage=given, status="completed")
    total = usage.total("all", Run.objects.all(), project)
    assert (total.runs, total.total_tokens) == (2, 4_000_000_014)


# --- two at once ----------------------------------------------------------------------------------


def while_another_adds(add: Callable[[], object], delete: Callable[[], object]) -> None:
    """Delete in the moment in which another connection has added, and not yet committed."""
    added, errors = threading.Event(), []

    def adding() -> None:
        try:
            with transaction.atomic():
                add()
                added.set()
                time.sleep(0.5)
        except Exception as error:
            errors.append(error)
            added.set()
        finally:
            connections.close_all()

    other = threading.Thread(target=adding)
    other.start()
    added.wait(10)
    try:
        delete()
    finally:
        other.join()
    assert errors == []


def test_a_thread_is_deleted_while_a_message_is_added(transactional_db: None) -> None:
    thread = make_thread(None, "hello")
    body = validate(MessageCreate, {"role": "user", "content": "and another"})
    while_another_adds(lambda: messages.create(thread, body), lambda: threads.delete(thread))
    assert (Thread.objects.count(), Message.objects.count()) == (0, 0)


def test_a_thread_is_deleted_while_a_run_begins(transactional_db: None) -> None:
    thread, assistant = make_thread(None, "hello"), make_assistant()
    while_another_adds(lambda: make_run(thread, assistant), lambda: threads.delete(thread))
    assert (Thread.objects.count(), Run.objects.count()) == (0, 0)


def test_a_store_is_deleted_while_a_file_is_added(transactional_db: None) -> None:
    store, file = make_vector_store(None, "bread"), make_file()
    body = VectorStoreFileCreate(file_id=file.id)
    while_another_adds(
        lambda: vector_store_files.create(store, body), lambda: vector_stores.delete(store)
    )
    assert (VectorStore.objects.count(), VectorStoreFile.objects.count()) == (0, 0)


# --- a database from before -----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_what_was_kept_before_stays_and_is_found() -> None:
    before = [("assistants", "0010_run_overrides")]
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes("assistants")
    try:
        old = executor.migrate(before).apps
        project = old.get_model("assistants", "Project").objects.create(name="old")
        thread = old.get_model("assistants", "Thread").objects.create(
            id="thread_old", project=project, metadata={"title": "Große Äpfel"}
        )
        part = {"type": "text", "text": {"value": "Привет \U0001f600 C:\\users", "annotations": []}}
        of_messages = old.get_model("assistants", "Message").objects
        for number in range(1200):
            of_messages.create(id=f"msg_{number}", thread=thread, role="user", content=[part])
        of_messages.create(id="msg_x", thread=thread, role="user", content=[])

        MigrationExecutor(connection).migrate(latest)

        assert Thread.objects.get(pk="thread_old").metadata == {"title": "Große Äpfel"}
        assert Message.objects.get(pk="msg_1199").content == [part]
        assert Message.objects.filter(content__icontains="ПРИВЕТ \U0001f600").count() == 1200
        assert Message.objects.filter(content=[]).count() == 1
        assert Thread.objects.matching("c:\\USERS").count() == 1

        # And back again, with the same contents.
        old = MigrationExecutor(connection).migrate(before).apps
        assert old.get_model("assistants", "Message").objects.get(pk="msg_7").content == [part]
    finally:
        MigrationExecutor(connection).migrate(latest)
