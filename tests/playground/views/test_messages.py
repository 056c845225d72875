"""What the composer sends."""

import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template.loader import render_to_string
from django.test import Client

from assistants.models import (
    Assistant,
    File,
    Message,
    Project,
    Run,
    RunStatus,
    Thread,
    VectorStoreFile,
)
from assistants.operations import execution, files
from playground.forms.composer import ComposerForm
from playground.forms.run_options import RunOptionsForm
from playground.views import messages as views
from tests.factories import make_assistant, make_project, make_run, make_thread
from tests.playground.conftest import HTMX


def store(project: Project, name: str) -> File:
    return files.create(project, io.BytesIO(b"1"), filename=name, purpose="assistants")


def test_a_first_message_makes_the_thread_and_runs(page: Client, assistant: Assistant) -> None:
    given = {"content": "Hello\r\nthere", "assistant_id": assistant.id, "action": "run"}
    response = page.post("/threads/begin", given)
    thread = Thread.objects.get()
    assert response.headers["Location"] == f"/threads/{thread.id}?assistant={assistant.id}"
    assert thread.messages.get().text == "Hello\nthere"
    assert thread.runs.get().assistant_id == assistant.id


def test_a_script_that_begins_a_thread_is_told_where_to_go(
    page: Client, assistant: Assistant
) -> None:
    response = page.post("/threads/begin", {"content": "Hello"}, headers=HTMX)
    address = f"/threads/{Thread.objects.get().id}?assistant={assistant.id}"
    assert response.headers["HX-Redirect"] == address
    refused = page.post("/threads/begin", {"content": " "}, headers=HTMX)
    assert (refused.status_code, refused.headers["Content-Type"]) == (
        422,
        "text/plain; charset=utf-8",
    )


def test_run_options_that_are_wrong_are_told_where_they_are_told_before(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    address = f"/threads/{thread.id}/messages"
    given = {
        "content": "Hello",
        "action": "run",
        "run-temperature": "9",
        "run-max_completion_tokens": "2",
    }
    parts = page.post(address, given, headers=HTMX)
    assert parts.status_code == 422
    # An element that takes the place of the one that the page has, with all that is wrong.
    assert parts.headers["Content-Type"].startswith("text/html")
    assert parts.text.strip().startswith('<p class="tool__why" id="run-options-wrong"')
    whole = page.post(address, given)
    assert whole.status_code == 422
    for text in (parts.text, whole.text):
        assert text.count('id="run-options-wrong"') == 1
        assert "<strong>Temperature:</strong> Ensure" in text
        assert "<strong>Most tokens to write:</strong> Ensure" in text
        assert "banner--bad" not in text
    assert ">\nHello</textarea>" in whole.text
    # What only adds a message does without them.
    assert page.post(address, {**given, "action": "add"}, headers=HTMX).status_code == 200
    assert not Run.objects.exists()


def test_what_else_is_wrong_is_told_beside_run_options_that_are(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    address = f"/threads/{thread.id}/messages"
    given = {"content": "a" * 256_001, "action": "run", "run-temperature": "9"}
    told = "A message can have 256000 characters at most."
    parts = page.post(address, given, headers=HTMX)
    assert (parts.status_code, parts.text) == (422, told)
    whole = page.post(address, given)
    assert told in whole.text
    assert "<strong>Temperature:</strong> Ensure" in whole.text


def test_the_options_of_a_run_are_called_as_their_fields() -> None:
    options = RunOptionsForm()
    for name, field in options.fields.items():
        field.label = f"The {name}"
    shown = render_to_string("threads/_run_options.html", {"options": options})
    for shown_field in options:
        (label,) = re.findall(rf'for="(run-[^"]+)">{shown_field.label}</label>', shown)
        assert f'id="{label}" name="{shown_field.html_name}"' in shown


def test_a_sample_prompt_is_a_message(page: Client, assistant: Assistant) -> None:
    page.post("/threads/begin", {"starter": "What can you do?"})
    assert Message.objects.get().text == "What can you do?"
    assert Run.objects.exists()


def test_an_empty_thread_cannot_run(page: Client, assistant: Assistant) -> None:
    response = page.post("/threads/begin", {"content": " ", "action": "run"})
    assert response.status_code == 422
    assert "an empty thread has nothing to answer" in response.text
    assert not Thread.objects.exists()


def test_add_and_run_answers_with_the_parts_that_change(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    given = {"content": "And a cosine", "assistant_id": assistant.id, "action": "run"}
    response = page.post(f"/threads/{thread.id}/messages", given, headers=HTMX)
    message, run = thread.messages.newest_first()[0], thread.runs.get()
    for part in (message.id, run.id, "composer-actions", "thread-title", "stream"):
        assert f'id="{part}"' in response.text
    assert "<html" not in response.text
    assert f'data-live="{run.id}"' in response.text


SENT = {"content": "Yes", "action": "run", "message_id": "msg_" + "0123456789ab" * 2}


def test_a_message_has_the_id_that_its_sender_made(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    response = page.post(f"/threads/{thread.id}/messages", SENT, headers=HTMX)
    assert thread.messages.newest_first()[0].id == SENT["message_id"]
    assert f'id="{SENT["message_id"]}" data-into="log"' in response.text


def test_a_message_that_is_sent_once_more_is_taken_once(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    """Also while its run is active, which refuses every other."""
    for _ in range(2):
        response = page.post(f"/threads/{thread.id}/messages", SENT, headers=HTMX)
        assert response.status_code == 200
        assert f'id="{SENT["message_id"]}" data-into="log"' in response.text
    assert thread.messages.count() == 2
    assert thread.runs.count() == 1


def test_a_thread_that_is_begun_once_more_is_begun_once(page: Client, assistant: Assistant) -> None:
    page.post("/threads/begin", SENT, headers=HTMX)
    again = page.post("/threads/begin", SENT, headers=HTMX)
    thread = Thread.objects.get()
    assert again.headers["HX-Redirect"] == f"/threads/{thread.id}?assistant={assistant.id}"


@pytest.mark.parametrize("begun", [False, True])
def test_of_two_that_are_sent_at_the_same_moment_one_is_taken(
    page: Client,
    assistant: Assistant,
    thread: Thread,
    monkeypatch: pytest.MonkeyPatch,
    begun: bool,
) -> None:
    address = "/threads/begin" if begun else f"/threads/{thread.id}/messages"
    given = {**SENT, "action": "add"}
    page.post(address, given, headers=HTMX)
    looks: list[None] = [None]
    known = views._known

    def late(form: ComposerForm) -> Message | None:
        """As if the first had not been there yet when the second one looked."""
        return looks.pop() if looks else known(form)

    monkeypatch.setattr(views, "_known", late)
    again = page.post(address, given, headers=HTMX)
    assert again.status_code == 200
    assert Message.objects.filter(pk=SENT["message_id"]).count() == 1
    # Beside the one that the thread had.
    assert Message.objects.filter(role="user").count() == 2


def test_the_id_of_somebody_elses_message_gives_nothing_away(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    theirs = make_thread(make_project("Theirs"))
    Message.objects.create(id=SENT["message_id"], thread=theirs, role="user")
    response = page.post(f"/threads/{thread.id}/messages", SENT, headers=HTMX)
    assert response.status_code == 200
    assert SENT["message_id"] not in response.text
    assert thread.messages.count() == 2
    assert theirs.messages.count() == 1


def test_a_message_with_the_id_of_one_in_another_thread_is_not_lost(
    page: Client, project: Project, assistant: Assistant, thread: Thread
) -> None:
    other = make_thread(project, "Hello")
    page.post(f"/threads/{other.id}/messages", {**SENT, "action": "add"}, headers=HTMX)
    given = {**SENT, "content": "Something new"}
    response = page.post(f"/threads/{thread.id}/messages", given, headers=HTMX)
    assert SENT["message_id"] not in response.text
    assert thread.messages.newest_first()[0].text == "Something new"
    assert thread.runs.count() == 1
    assert other.messages.count() == 2


@pytest.mark.parametrize(
    "made", ["1", "msg_1", "msg_" + "x" * 24, "msg_" + "a" * 25, "msg_" + "a" * 24 + "\n"]
)
def test_an_id_of_another_form_is_refused(
    page: Client, assistant: Assistant, thread: Thread, made: str
) -> None:
    given = {**SENT, "message_id": made}
    assert page.post(f"/threads/{thread.id}/messages", given, headers=HTMX).status_code == 422
    assert thread.messages.count() == 1


def test_it_works_without_a_script(page: Client, assistant: Assistant, thread: Thread) -> None:
    given = {"content": "And a cosine", "assistant_id": assistant.id, "action": "run"}
    response = page.post(f"/threads/{thread.id}/messages", given)
    message = thread.messages.newest_first()[0]
    assert response.headers["Location"].endswith(f"?assistant={assistant.id}#{message.id}")


def test_add_without_run(page: Client, assistant: Assistant, thread: Thread) -> None:
    given = {"content": "And a cosine", "action": "add"}
    page.post(f"/threads/{thread.id}/messages", given)
    assert thread.messages.count() == 2
    assert not thread.runs.exists()


def test_run_alone(page: Client, assistant: Assistant, thread: Thread) -> None:
    page.post(f"/threads/{thread.id}/messages", {"content": "", "action": "run"})
    assert thread.messages.count() == 1
    assert thread.runs.count() == 1


def test_running_again_leaves_the_draft_out(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    page.post(f"/threads/{thread.id}/messages", {"content": "A draft", "action": "again"})
    assert thread.messages.count() == 1
    assert thread.runs.count() == 1


@pytest.mark.parametrize("action", ["run", "add"])
def test_while_a_run_is_active_nothing_is_lost(
    page: Client, assistant: Assistant, thread: Thread, action: str
) -> None:
    make_run(thread, assistant)
    given = {"content": "Too early", "action": action}
    refused = page.post(f"/threads/{thread.id}/messages", given, headers=HTMX)
    assert refused.status_code == 422
    assert refused.text.startswith("A run is active on this thread.")
    whole = page.post(f"/threads/{thread.id}/messages", given)
    assert whole.status_code == 422
    assert "Too early</textarea>" in whole.text
    assert thread.messages.count() == 1


def test_a_message_that_is_too_long_is_refused_and_kept(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    given = {"content": "x" * 256_001, "action": "add"}
    response = page.post(f"/threads/{thread.id}/messages", given, headers=HTMX)
    assert response.status_code == 422
    assert response.text == "A message can have 256000 characters at most."


def test_files_are_attached_for_code_and_images_shown_to_the_model(
    page: Client, project: Project, assistant: Assistant, thread: Thread
) -> None:
    table, photo = store(project, "data.csv"), store(project, "photo.png")
    given = {"content": "Look", "file_id": [table.id, photo.id], "action": "add"}
    page.post(f"/threads/{thread.id}/messages", given)
    message = thread.messages.newest_first()[0]
    code = [{"type": "code_interpreter"}]
    assert message.attachments == [
        {"file_id": table.id, "tools": code},
        {"file_id": photo.id, "tools": code},
    ]
    assert [part["type"] for part in message.content] == ["text", "image_file"]
    text = page.get(f"/threads/{thread.id}").text
    assert "data.csv" in text
    assert 'alt="photo.png, attached"' in text


def test_a_file_goes_to_the_tools_that_can_open_it(page: Client, project: Project) -> None:
    search, code = {"type": "file_search"}, {"type": "code_interpreter"}
    both = make_assistant(project, name="Both", tools=[search, code])
    thread = make_thread(project, "Hello")
    table, text = store(project, "data.csv"), store(project, "notes.txt")
    given = {"content": "Look", "file_id": [table.id, text.id], "action": "add"}
    page.post(f"/threads/{thread.id}/messages", {**given, "assistant_id": both.id})
    assert thread.messages.newest_first()[0].attachments == [
        {"file_id": table.id, "tools": [code]},
        {"file_id": text.id, "tools": [code, search]},
    ]
    thread.refresh_from_db()
    assert thread.code_interpreter_file_ids == [table.id, text.id]
    assert VectorStoreFile.objects.get().file_id == text.id
    assert VectorStoreFile.objects.get().vector_store_id == thread.vector_store_ids[0]


def test_file_search_alone_takes_only_what_it_can_read(page: Client, project: Project) -> None:
    librarian = make_assistant(project, name="Librarian", tools=[{"type": "file_search"}])
    thread = make_thread(project, "Hello")
    table, text = store(project, "data.csv"), store(project, "notes.txt")
    given = {"content": "Look", "action": "add", "assistant_id": librarian.id}
    address = f"/threads/{thread.id}/messages"
    response = page.post(address, {**given, "file_id": [table.id, text.id]}, headers=HTMX)
    assert response.status_code == 422
    assert "Librarian cannot read data.csv: switch its code interpreter on" in response.text
    page.post(address, {**given, "file_id": [text.id]})
    (attachment,) = thread.messages.newest_first()[0].attachments
    assert attachment == {"file_id": text.id, "tools": [{"type": "file_search"}]}


def test_files_come_along_without_a_script(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    upload = SimpleUploadedFile("data.csv", b"a,b\n")
    given = {"content": "Sum it up", "files": upload, "action": "add"}
    page.post(f"/threads/{thread.id}/messages", given)
    assert len(thread.messages.newest_first()[0].attachments) == 1


@pytest.mark.parametrize("address", ["begin", "messages"])
def test_what_is_no_image_is_not_taken_as_one_without_a_script_either(
    page: Client, assistant: Assistant, thread: Thread, address: str
) -> None:
    uploads = [SimpleUploadedFile("a.csv", b"a"), SimpleUploadedFile("<b>.png", b"<html>")]
    given = {"content": "Look", "files": uploads, "action": "add", "assistant_id": assistant.id}
    place = "begin" if address == "begin" else f"{thread.id}/messages"
    response = page.post(f"/threads/{place}", given)
    assert response.status_code == 422
    assert "&lt;b&gt;.png: is no image that can be shown" in response.text
    assert ">\nLook</textarea>" in response.text
    assert not File.objects.exists()
    assert thread.messages.count() == 1


def test_a_file_that_nothing_would_read_is_refused(page: Client, project: Project) -> None:
    plain = make_assistant(project, name="Talker")
    thread, table = make_thread(project, "Hello"), store(project, "data.csv")
    given = {"content": "Look", "file_id": table.id, "action": "add", "assistant_id": plain.id}
    response = page.post(f"/threads/{thread.id}/messages", given, headers=HTMX)
    assert response.status_code == 422
    assert "Talker cannot read data.csv" in response.text
    assert "switch its code interpreter on" in response.text
    given["file_id"] = store(project, "notes.txt").id
    response = page.post(f"/threads/{thread.id}/messages", given, headers=HTMX)
    assert "switch its code interpreter or file search on" in response.text


def test_files_without_a_word_are_asked_about(
    page: Client, project: Project, assistant: Assistant, thread: Thread
) -> None:
    given = {"content": "", "file_id": store(project, "data.csv").id, "action": "run"}
    response = page.post(f"/threads/{thread.id}/messages", given)
    assert "Write what is to be done with the files, then send." in response.text
    assert "data.csv" in response.text


def test_a_file_of_somebody_else_cannot_be_attached(
    page: Client, stranger: Client, assistant: Assistant, thread: Thread
) -> None:
    elsewhere = Project.objects.get(name="Somewhere else")
    foreign = store(elsewhere, "secret.csv")
    given = {"content": "Look", "file_id": foreign.id, "action": "add"}
    page.post(f"/threads/{thread.id}/messages", given)
    assert thread.messages.newest_first()[0].attachments == []


def test_stopping_a_run(page: Client, assistant: Assistant, thread: Thread) -> None:
    run = make_run(thread, assistant)
    address = f"/threads/{thread.id}/runs/{run.id}/cancel"
    assert page.post(address, headers=HTMX).status_code == 204
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED


def test_stopping_twice_is_no_error(page: Client, assistant: Assistant, thread: Thread) -> None:
    run = make_run(thread, assistant)
    execution.claim(run.id)
    address = f"/threads/{thread.id}/runs/{run.id}/cancel"
    assert page.post(address, headers=HTMX).status_code == 204
    assert page.post(address, headers=HTMX).status_code == 204
    assert page.post(address).headers["Location"] == f"/threads/{thread.id}"
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLING


def test_an_assistant_that_was_deleted_meanwhile_is_told_of(page: Client, thread: Thread) -> None:
    gone = make_assistant(thread.project, name="Gone")
    address = f"/threads/{thread.id}/messages"
    given = {"content": "Hello", "action": "run", "assistant_id": gone.id}
    gone.delete()
    # The composer's script shows a refusal's words as they are.
    refused = page.post(address, given, headers=HTMX)
    assert refused.status_code == 422
    assert refused.headers["Content-Type"].startswith("text/plain")
    assert refused.text.startswith("The assistant has been deleted")
    assert "Choose another one" in refused.text
    plain = page.post(address, given)
    assert plain.status_code == 404
    assert "Choose another one" in plain.text
    # The form beside the thread saves by itself.
    edit = {"name": "Other", "model": "demo"}
    headers = {**HTMX, "HX-Target": "assistant-form"}
    answer = page.post(f"/assistants/{gone.id}", edit, headers=headers)
    assert answer.status_code == 404
    assert answer.headers["HX-Retarget"] == "#dialog"
    assert "Choose another one" in answer.text
    assert thread.messages.count() == 1
