"""What is done to single messages and runs of a thread."""

import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
from django.test import Client

from assistants.models import Assistant, Message, Project, Run, RunStatus, Thread, clock
from assistants.operations import execution, steps, threads
from assistants.operations.endings import Partial
from tests.api.worker import USAGE, Worker
from tests.factories import make_assistant, make_file, make_run, make_thread
from tests.playground.conftest import HTMX


@pytest.fixture
def run(transactional_db: None, assistant: Assistant, thread: Thread) -> Run:
    """A run that has answered."""
    worker = Worker(make_run(thread, assistant, temperature=0.3).id)
    worker.answer("An answer.")
    worker.complete()
    return worker.run


@pytest.fixture
def waiting(transactional_db: None, assistant: Assistant, thread: Thread) -> Run:
    """A run that waits for the outputs of two functions."""
    worker = Worker(make_run(thread, assistant).id)
    step = steps.begin_tool_calls(worker.run)
    calls = [
        {
            "id": pk,
            "type": "function",
            "function": {"name": name, "arguments": "{}", "output": None},
        }
        for pk, name in (("call_1", "first"), ("call_2", "second"))
    ]
    execution.require_action(worker.run, step, calls, USAGE, {}, {})
    return worker.run


def test_the_outputs_of_all_functions_are_handed_in_together(page: Client, waiting: Run) -> None:
    shown = page.get(f"/threads/{waiting.thread_id}").text
    assert 'name="output-call_1"' in shown
    assert "Output of second" in shown
    # Two calls of one function are told apart, too.
    for call in ("call_1", "call_2"):
        label = re.search(rf'for="{call}-box">(.+?)</label>', shown, re.DOTALL)
        assert label
        assert f"{{}} …{call[-4:]}" in label[1]
    address = f"/threads/{waiting.thread_id}/runs/{waiting.id}/outputs"
    refused = page.post(address, {"output-call_1": "1", "output-call_2": " "}, headers=HTMX)
    assert (refused.status_code, refused.text) == (422, "Fill in the output of second.")
    assert page.post(address, {"output-call_1": "1", "output-call_2": "{}"}).status_code == 302
    waiting.refresh_from_db()
    assert waiting.status == "queued"
    step = waiting.steps.get()
    assert [call["function"]["output"] for call in step.step_details["tool_calls"]] == ["1", "{}"]
    # A second time there is nothing that waits.
    late = page.post(address, {"output-call_1": "1", "output-call_2": "{}"}, headers=HTMX)
    assert late.status_code == 422


def test_regenerating_puts_another_answer_in_place_of_the_last(page: Client, run: Run) -> None:
    answer = Message.objects.get(run_id=run.id)
    address = f"/threads/{run.thread_id}/runs/{run.id}/regenerate"
    parts = page.post(address, headers=HTMX).text
    assert f'data-remove="{answer.id}"' in parts
    assert f'data-remove="{run.id}"' in parts
    again = run.thread.runs.newest_first()[0]
    assert again.id in parts
    assert again.temperature == 0.3
    assert not Message.objects.filter(run_id=run.id).exists()
    # While that one runs, nothing goes.
    assert page.post(address, headers=HTMX).status_code == 422


@pytest.fixture
def versions(page: Client, run: Run, assistant: Assistant) -> list[Run]:
    """Three runs, each put in the place of the one before."""
    found = [run]
    for said in ("A second.", "A third."):
        page.post(f"/threads/{run.thread_id}/runs/{found[-1].id}/regenerate", headers=HTMX)
        worker = Worker(run.thread.runs.newest_first()[0].id)
        worker.answer(said)
        worker.complete()
        found.append(worker.run)
    return found


def test_earlier_versions_of_an_answer_are_kept(page: Client, versions: list[Run]) -> None:
    first, second, third = versions
    thread = first.thread
    shown = page.get(f"/threads/{thread.id}").text
    assert "3/3" in shown
    assert "A third." in shown
    assert "A second." not in shown
    # No header of a run is left whose answer is not there.
    assert f'id="{third.id}"' in shown
    assert f'id="{second.id}"' not in shown
    assert f'id="{first.id}"' not in shown
    # In the place of the one that is shown, by a script and without one.
    parts = page.get(f"/threads/{thread.id}?version={second.id}", headers=HTMX).text
    written = thread.messages.newest_first()[0]
    for gone in (third.id, written.id, first.id):
        assert f'data-remove="{gone}"' in parts
    assert "2/3" in parts
    assert "A second." in parts
    assert f'id="{third.id}-outcome"' in parts
    whole = page.get(f"/threads/{thread.id}?version={first.id}").text
    assert "1/3" in whole
    assert "An answer." in whole
    assert "A third." not in whole
    # Nothing can be done with what is in the thread no more.
    assert "/regenerate" not in whole
    back = page.get(f"/threads/{thread.id}?version={third.id}", headers=HTMX).text
    assert "3/3" in back
    assert f'data-remove="{second.id}"' in back
    # The inspector has the run that wrote it.
    steps = page.get(f"/threads/{thread.id}/inspect?tab=steps&run={first.id}", headers=HTMX).text
    assert first.id in steps


def test_a_replaced_answer_is_copied_if_it_has_words(page: Client, versions: list[Run]) -> None:
    run = versions[0]
    run.refresh_from_db()
    address = f"/threads/{run.thread_id}?version={run.id}"

    def copied(*texts: str) -> list[str]:
        message = run.replaced_messages[0]["message"]
        part = message["content"][0]
        message["content"] = [{**part, "text": {**part["text"], "value": text}} for text in texts]
        run.save()
        shown = page.get(address).text
        answer = shown[shown.index(f'id="{message["id"]}"') :]
        return re.findall(r'data-copy="([^"]*)"', answer[: answer.index("</article>")])

    assert copied("One.", "Two.") == ["One.\nTwo."]
    assert copied("") == []


def test_only_the_last_version_is_in_the_thread(page: Client, versions: list[Run]) -> None:
    first, _, third = versions
    texts = [message.text for message in first.thread.messages.oldest_first()]
    assert texts == ["Create a visualization of a sinewave", "A third."]
    first.refresh_from_db()
    assert not [name for name in first.to_dict() if name.startswith("replaced")]
    assert "A third." in page.get(f"/threads/{first.thread_id}").text
    # Archives have what the API shows.
    archive = page.get(f"/threads/{first.thread_id}/export/file?format=json")
    with zipfile.ZipFile(io.BytesIO(b"".join(archive))) as files:
        runs = [json.loads(line)["id"] for line in files.read("runs.jsonl").splitlines()]
        steps = [json.loads(line)["run_id"] for line in files.read("steps.jsonl").splitlines()]
    assert runs == [third.id]
    assert set(steps) == {third.id}
    # With the answer go those that had stood in its place.
    answer = Message.objects.get(run_id=third.id)
    asked = page.get(f"/threads/{first.thread_id}/messages/{answer.id}/delete").text
    assert "Its earlier versions go with it." in asked
    page.post(f"/threads/{first.thread_id}/messages/{answer.id}/delete")
    first.refresh_from_db()
    assert first.replaced_messages == []
    shown = page.get(f"/threads/{first.thread_id}").text
    assert "3/3" not in shown
    assert f'id="{first.id}"' not in shown
    # A page that is open since has the way to them still.
    gone = page.get(f"/threads/{first.thread_id}?version={first.id}", headers=HTMX)
    assert gone.status_code == 404


def test_a_version_that_wrote_nothing_is_shown_and_not_read(page: Client, run: Run) -> None:
    page.post(f"/threads/{run.thread_id}/runs/{run.id}/regenerate", headers=HTMX)
    second = run.thread.runs.newest_first()[0]
    Worker(second.id).fail("The model is <b>out</b> of order.")
    address = f"/threads/{run.thread_id}"
    shown = page.get(address).text
    assert "An answer." in shown
    assert "1/2" in shown
    assert "The model is &lt;b&gt;out&lt;/b&gt; of order. This version stays." in shown
    assert f'id="{second.id}"' not in shown
    for headers in ({}, HTMX):
        other = page.get(f"{address}?version={second.id}", headers=headers).text
        assert "2/2" in other
        assert "The run failed" in other
        assert "The next run reads version 1 only." in other
        assert "An answer." not in other
        # It would run below the answer that stands.
        assert "Retry the run" not in other
    # The card is below the header of its run, on either way.
    assert other.index(f'id="{second.id}"') < other.index(f'id="{run.id}-outcome"')
    archive = page.get(f"{address}/export/file?format=json")
    with zipfile.ZipFile(io.BytesIO(b"".join(archive))) as files:
        runs = [json.loads(line)["id"] for line in files.read("runs.jsonl").splitlines()]
        said = files.read("messages.jsonl").decode()
    assert runs == [run.id]
    assert "An answer." in said
    # It can be asked for once more, and deleted with all that was tried.
    again = page.post(f"{address}/runs/{run.id}/regenerate", headers=HTMX)
    assert again.status_code == 200
    page.post(f"{address}/runs/{run.thread.runs.active().get().id}/cancel")
    assert "1/3" in page.get(address).text
    page.post(f"{address}/messages/{Message.objects.get(run_id=run.id).id}/delete")
    assert page.get(f"{address}?version={second.id}").status_code == 404


def test_while_a_run_is_active_its_place_is_its_own(page: Client, run: Run) -> None:
    page.post(f"/threads/{run.thread_id}/runs/{run.id}/regenerate", headers=HTMX)
    active = run.thread.runs.active().get()
    assert f'data-remove="{run.id}"' not in page.get(f"/threads/{run.thread_id}").text
    address = f"/threads/{run.thread_id}?version={run.id}"
    assert page.get(address, headers=HTMX).status_code == 204
    assert f'id="{active.id}"' in page.get(address).text


def test_an_answer_that_was_gone_on_from_stays(page: Client, run: Run) -> None:
    page.post(f"/threads/{run.thread_id}/messages", {"content": "More", "action": "add"})
    address = f"/threads/{run.thread_id}/runs/{run.id}/regenerate"
    refused = page.post(address, headers=HTMX)
    assert refused.status_code == 422
    assert ", so its answer is not to be replaced" in refused.text
    assert Message.objects.filter(run_id=run.id).exists()


def test_an_edited_message_runs_in_a_copy(page: Client, run: Run, project: Project) -> None:
    file = make_file(project, "a,b\n1,2\n", "table.csv")
    address = f"/threads/{run.thread_id}/messages"
    page.post(address, {"content": "Second", "action": "add", "file_id": file.id})
    second = run.thread.messages.newest_first()[0]
    edit = f"/threads/{run.thread_id}/messages/{second.id}/edit"
    assert "Second</textarea>" in page.get(edit).text
    answer = page.post(edit, {"content": "Otherwise", "action": "run"})
    copy = Thread.objects.exclude(pk=run.thread_id).get()
    assert answer["Location"].startswith(f"/threads/{copy.id}?")
    texts = [message.text for message in copy.messages.oldest_first()]
    assert texts == ["Create a visualization of a sinewave", "An answer.", "Otherwise"]
    assert copy.messages.newest_first()[0].attachments[0]["file_id"] == file.id
    assert copy.runs.get().is_active
    assert copy.title == f"{run.thread.title} (2)"
    assert run.thread.messages.count() == 3
    assert page.get(f"/threads/{copy.id}").status_code == 200


def test_copies_of_a_thread_are_told_apart_by_their_titles(page: Client, run: Run) -> None:
    threads.rename(run.thread, "Plan")
    for _ in range(2):
        first = run.thread.messages.oldest_first()[0]
        edit = f"/threads/{run.thread_id}/messages/{first.id}/edit"
        page.post(edit, {"content": "Otherwise", "action": "run"})
    copies = Thread.objects.exclude(pk=run.thread_id)
    assert sorted(copy.title for copy in copies) == ["Plan (2)", "Plan (3)"]
    again = threads.fork(copies[0], copies[0].messages.get())
    assert again.title == "Plan (4)"


def test_an_edit_without_words_is_refused(page: Client, run: Run) -> None:
    first = run.thread.messages.oldest_first()[0]
    edit = f"/threads/{run.thread_id}/messages/{first.id}/edit"
    assert page.post(edit, {"content": " ", "action": "run"}).status_code == 422
    assert Thread.objects.count() == 1


def test_a_message_is_deleted_after_asking(page: Client, thread: Thread) -> None:
    message = thread.messages.get()
    address = f"/threads/{thread.id}/messages/{message.id}/delete"
    assert "Delete this message?" in page.get(address, headers=HTMX).text
    assert thread.messages.count() == 1
    assert page.post(address)["Location"] == f"/threads/{thread.id}"
    assert thread.messages.count() == 0


def test_strangers_find_none_of_it(waiting: Run, stranger: Client) -> None:
    message = waiting.thread.messages.get()
    base = f"/threads/{waiting.thread_id}"
    for address in (
        f"{base}/messages/{message.id}/edit",
        f"{base}/messages/{message.id}/delete",
        f"{base}/messages/{message.id}/text",
        f"{base}/runs/{waiting.id}/outputs",
        f"{base}/runs/{waiting.id}/regenerate",
    ):
        assert stranger.get(address).status_code == 404
        if not address.endswith("text"):
            assert stranger.post(address).status_code == 404


def test_a_run_takes_options(page: Client, assistant: Assistant, thread: Thread) -> None:
    address = f"/threads/{thread.id}/messages"
    options = {
        "run-additional_instructions": "Be brief.",
        "run-temperature": "0.2",
        "run-max_completion_tokens": "300",
        "run-last_messages": "3",
        "run-tool_choice": "code_interpreter",
    }
    page.post(address, {"content": "Go", "action": "run", **options})
    run = thread.runs.get()
    assert run.instructions == "Be brief."
    assert (run.temperature, run.max_completion_tokens) == (0.2, 300)
    assert run.truncation_strategy == {"type": "last_messages", "last_messages": 3}
    assert run.tool_choice == {"type": "code_interpreter"}
    assert "model" not in run.overrides


def test_an_option_that_cannot_be_is_told_by_its_name(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    address = f"/threads/{thread.id}/messages"
    body = {"content": "Go", "action": "run", "run-max_prompt_tokens": "5"}
    refused = page.post(address, body, headers=HTMX)
    assert refused.status_code == 422
    assert "<strong>Most tokens to read:</strong> Ensure" in refused.text
    # Adding alone runs nothing, so it does not matter.
    assert page.post(address, {**body, "action": "add"}, headers=HTMX).status_code == 200


def test_a_run_that_met_the_limit_of_its_options_leads_to_them(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    worker = Worker(make_run(thread, assistant, max_completion_tokens=300).id)
    execution.end_early(
        worker.run, RunStatus.INCOMPLETE, Partial(), incomplete="max_completion_tokens"
    )
    shown = page.get(f"/threads/{thread.id}").text
    card = shown[shown.index(f'id="{worker.run.id}-outcome"') :]
    assert 'popovertarget="run-options"' in card[: card.index("Run the thread again") + 400]


def test_runs_of_one_minute_have_names_of_their_own(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    at = clock.now().replace(second=10)
    for seconds in (0, 5):
        worker = Worker(make_run(thread, assistant).id)
        worker.complete()
        Run.objects.filter(pk=worker.run.pk).update(created_at=at + timedelta(seconds=seconds))
    named = re.findall(r'aria-label="(Run at [^"]*)"', page.get(f"/threads/{thread.id}").text)
    assert len(set(named)) == 2


def test_each_file_can_have_a_tool_of_its_own(
    page: Client, project: Project, assistant: Assistant
) -> None:
    both = [{"type": "code_interpreter"}, {"type": "file_search"}]
    Assistant.objects.update(tools=both)
    thread = make_thread(project, "Hello")
    first, second = make_file(project, "one", "a.txt"), make_file(project, "two", "b.txt")
    body = {
        "content": "Read",
        "action": "add",
        "file_id": [first.id, second.id],
        f"tool-{first.id}": "code_interpreter",
        f"tool-{second.id}": "",
    }
    page.post(f"/threads/{thread.id}/messages", body)
    given = thread.messages.newest_first()[0].attachments
    assert [attachment["tools"] for attachment in given] == [both[:1], both]
    Assistant.objects.update(tools=both[:1])
    body[f"tool-{second.id}"] = "file_search"
    refused = page.post(f"/threads/{thread.id}/messages", body, headers=HTMX)
    assert refused.status_code == 422
    assert "File search cannot read b.txt" in refused.text


def test_a_step_of_what_the_assistant_does_not_have_is_no_code(
    page: Client, thread: Thread
) -> None:
    run = make_run(thread, make_assistant(thread.project, name="Plain"))
    worker = Worker(run.id)
    step = steps.begin_tool_calls(worker.run)

    def shown() -> str:
        text = page.get(f"/threads/{thread.id}").text
        (item,) = re.findall(rf'<li class="step[^>]*id="{step.id}">.*?</li>', text, re.DOTALL)
        assert "Code interpreter" not in item
        return str(item)

    assert "Tools" in shown()
    steps.finish_tool_calls(worker.run, step, [], USAGE, {}, {})
    assert "Unknown function" in shown()
    assert "the model called what the assistant does not have" in shown()
