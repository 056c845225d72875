"""The inspector beside a thread."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from assistants.models import Assistant, Message, Project, Run, Thread
from assistants.operations import assistants, steps
from playground.views import inspector
from tests.api.worker import Worker
from tests.factories import make_file, make_run, make_thread
from tests.playground.conftest import HTMX


@pytest.fixture
def run(transactional_db: None, assistant: Assistant, thread: Thread) -> Run:
    """A run that has ended, with its events in the log."""
    worker = Worker(make_run(thread, assistant).id)
    worker.answer("One ", "two.")
    worker.complete()
    return worker.run


def tab(page: Client, run: Run, name: str, more: str = "") -> str:
    return page.get(f"/threads/{run.thread_id}/inspect?tab={name}{more}", headers=HTMX).text


def test_steps_stand_on_a_time_line_with_their_tokens(page: Client, run: Run) -> None:
    text = tab(page, run, "steps")
    assert "timeline__bar" in text
    assert "20→7" in text
    assert run.id in text
    assert "<dd>free</dd>" in text
    assert "in the queue</span>" in text
    assert "<dt>First word</dt>" in text


def test_the_times_of_a_run_that_went_on_come_after_each_other(
    page: Client, thread: Thread, assistant: Assistant
) -> None:
    worker = Worker(make_run(thread, assistant).id)
    worker.call("f", "{}")
    body = {"output-call_1": "1"}
    page.post(f"/threads/{thread.id}/runs/{worker.run.id}/outputs", body)
    waiting = tab(page, worker.run, "steps")
    assert waiting.count('<td class="num">20→7</td>') == 2  # of the step, and in all so far
    assert "<dt>Went on</dt>\n            <dd>not yet" in waiting
    Worker(worker.run.id).complete()
    text = tab(page, worker.run, "steps")
    places = [text.index(f"<dt>{name}</dt>") for name in ("Created", "First word", "Went on")]
    assert places == sorted(places)
    assert "<dt>Started</dt>" not in text[: places[-1]]
    assert "in the queue" in text[places[-1] :]


def test_only_the_demo_model_is_known_to_cost_nothing(page: Client, run: Run) -> None:
    assert "Cost: free." in tab(page, run, "usage")
    Run.objects.update(model="gone-since", answered_by="gone-since")
    assert "Cost: price unknown." in tab(page, run, "usage")
    assert "<dd>price unknown</dd>" in tab(page, run, "steps")


def test_every_event_is_listed_in_order_with_its_json(page: Client, run: Run) -> None:
    text = tab(page, run, "events")
    names = ["thread.created", "thread.run.created", "thread.message.delta", "thread.run.completed"]
    places = [text.index(f">{name}<") for name in names]
    assert places == sorted(places)
    assert "ms</span>" in text
    assert "from the moment at which the event’s run was created" in text
    assert '<span class="n">&quot;id&quot;</span>' in text


def test_events_can_be_filtered(page: Client, run: Run) -> None:
    text = tab(page, run, "events", "&q=delta")
    assert "thread.message.delta" in text
    assert "thread.run.created<" not in text


def test_newer_events_go_on_where_the_list_ended(page: Client, run: Run) -> None:
    shown = page.get(f"/threads/{run.thread_id}/inspect?tab=events", headers=HTMX).context
    place = f"after={shown['last']}&number={shown['last_number']}"
    address = f"/threads/{run.thread_id}/events?{place}"
    assert "events__name" not in page.get(address, headers=HTMX).text
    Message.objects.filter(run_id=run.id).update(metadata={})
    page.post(f"/threads/{run.thread_id}/messages", {"content": "More", "action": "add"})
    newer = page.get(address, headers=HTMX)
    assert [row.entry.name for row in newer.context["rows"]] == ["thread.message.created"]
    assert newer.context["rows"][0].number == shown["last_number"] + 1


@pytest.mark.parametrize("place", ["after=x&number=1", "after=1-0&number=x", "after=1-0"])
def test_a_place_that_is_none_lists_all(page: Client, run: Run, place: str) -> None:
    response = page.get(f"/threads/{run.thread_id}/events?{place}", headers=HTMX)
    assert len(response.context["rows"]) > 5


def test_the_json_of_each_object(page: Client, run: Run) -> None:
    message, step = Message.objects.get(run_id=run.id), run.steps.get()
    file = make_file(run.thread.project, filename="rain.csv")
    message.attachments = [{"file_id": file.id, "tools": [{"type": "code_interpreter"}]}]
    message.save()
    assert "File: rain.csv" in tab(page, run, "json")
    for object_id in (run.id, step.id, message.id, run.thread_id, run.assistant_id, file.id):
        text = tab(page, run, "json", f"&object={object_id}")
        assert f'<span class="s">&quot;{object_id}&quot;</span>' in text
        raw = page.get(f"/objects/{object_id}")
        assert json.loads(raw.text)["id"] == object_id


def test_of_messages_that_name_no_file_the_json_reads_no_content(page: Client, run: Run) -> None:
    thread, project = run.thread, run.thread.project
    file, other = make_file(project, filename="a.png"), make_file(project, filename="b.txt")
    image = {"type": "image_file", "image_file": {"file_id": file.id, "detail": "auto"}}
    citation = {"type": "file_citation", "text": "[0]", "file_citation": {"file_id": other.id}}
    plain = {"value": 'It has "file_id": "x" in it.', "annotations": []}
    for part in (
        image,
        {"type": "text", "text": {"value": "[0]", "annotations": [citation]}},
        {"type": "text", "text": plain},
    ):
        Message.objects.create(thread=thread, role="user", content=[part])
    text = tab(page, run, "json")
    assert "File: a.png" in text
    assert "File: b.txt" in text
    with CaptureQueriesContext(connection) as queries:
        newest = inspector._newest(thread)
        contents = [message.content for message in newest]
        assert {message.role for message in newest} == {"user", "assistant"}
        assert {message.thread_id for message in newest} == {thread.id}
    assert len(queries) == 2
    assert [len(content) for content in contents[:3]] == [0, 1, 1]
    assert not any(contents[3:])


def test_code_that_does_the_same_in_three_languages(page: Client, run: Run) -> None:
    for language, word in (("python", ">import<"), ("node", ">new<"), ("curl", "Authorization")):
        text = tab(page, run, "code", f"&language={language}")
        assert word in text
        assert "http://testserver/v1" in text
        assert "Create a visualization of a sinewave" in text


def test_usage_adds_the_runs_up(page: Client, run: Run, assistant: Assistant) -> None:
    worker = Worker(make_run(run.thread, assistant).id)
    worker.answer("Again.")
    worker.complete()
    elsewhere = Worker(make_run(make_thread(run.thread.project, "Hi"), assistant).id)
    elsewhere.answer("Elsewhere.")
    elsewhere.complete()
    shown = page.get(f"/threads/{run.thread_id}/inspect?tab=usage", headers=HTMX)
    thread, of_assistant, month = shown.context["totals"]
    assert (thread.prompt_tokens, thread.completion_tokens, thread.total_tokens) == (40, 14, 54)
    assert (thread.runs, of_assistant.runs, month.runs) == (2, 3, 3)
    assert (of_assistant.total_tokens, month.total_tokens) == (81, 81)
    assert thread.seconds > 0


def test_what_is_known_of_the_cost_is_told_beside_how_many_have_no_price(
    page: Client, run: Run, assistant: Assistant
) -> None:
    worker = Worker(make_run(run.thread, assistant).id)
    worker.answer("Again.")
    worker.complete()
    Run.objects.filter(pk=worker.run.pk).update(answered_by="gone-since")
    text = tab(page, run, "usage")
    assert "Cost: free, and 1 run of unknown price." in text
    assert "<span>free</span>" in text
    assert "$0.00" not in text


def test_the_json_is_searched_by_names_and_values(page: Client, run: Run) -> None:
    text = tab(page, run, "json", f"&object={run.id}&q=LAST_mess")
    assert '<mark><span class="n">last_messages</span>' in text
    assert "1 found" in text
    # What is around it stands open, the rest does not.
    assert text.count("<details open>") == 2
    assert "0 found" in tab(page, run, "json", f"&object={run.id}&q=nowhere")


def test_a_step_tells_when_it_began_and_what_it_took(page: Client, run: Run) -> None:
    text = tab(page, run, "steps")
    assert '<span class="muted">+0.' in text
    assert text.count("<dt>Tokens</dt>") == 1


def test_what_a_run_was_given_otherwise_is_told(page: Client, run: Run) -> None:
    again = make_run(
        run.thread,
        Assistant.objects.get(),
        temperature=0.3,
        truncation_strategy={"type": "last_messages", "last_messages": 4},
    )
    steps_tab = tab(page, again, "steps")
    assert "<div>truncation strategy: the last 4 messages</div>" in steps_tab
    assert steps_tab.count("<dt>Only here</dt>") == 1
    shown = page.get(f"/threads/{run.thread_id}").text
    assert ">temperature: 0.3</span>" in shown
    # The next run begins with the same.
    assert 'placeholder="0 to 2" value="0.3"' in " ".join(shown.split())


def test_a_run_that_failed_before_its_first_step_says_why(
    page: Client, thread: Thread, assistant: Assistant
) -> None:
    worker = Worker(make_run(thread, assistant).id)
    worker.fail("The model is <b>out</b> of order.")
    text = tab(page, worker.run, "steps")
    assert "The model is &lt;b&gt;out&lt;/b&gt; of order." in text
    assert "server_error" in text


def test_where_no_tokens_were_counted_none_are_shown(page: Client, run: Run) -> None:
    again = make_run(run.thread, Assistant.objects.get())
    Worker(again.id).fail("The provider does not answer.")
    for name in ("steps", "usage"):
        text = tab(page, run, name, f"&run={again.id}")
        assert "0→0" not in text
    assert "no tokens counted" in text
    assert "0→0" not in page.get(f"/threads/{run.thread_id}").text


def test_a_step_whose_code_raised_an_error_says_so(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    worker = Worker(make_run(thread, assistant).id)
    logs = "-" * 75 + "\nKeyError       Traceback (most recent call last)\nKeyError: 'price'\n"
    outputs = [{"type": "logs", "logs": logs}]
    interpreter = {"input": "prices['price']", "outputs": outputs}
    call = {"id": "call_1", "type": "code_interpreter", "code_interpreter": interpreter}
    step = steps.begin_tool_calls(worker.run)
    steps.finish_tool_calls(worker.run, step, [call], None, {}, {})
    assert 'The code raised <span class="mono">KeyError</span>' in tab(page, worker.run, "steps")
    text = page.get(f"/threads/{thread.id}").text
    assert "step--failed" in text
    assert "<small>raised KeyError</small>" in text


def test_each_tab_works_before_anything_has_run(
    page: Client, project: Project, assistant: Assistant
) -> None:
    thread = make_thread(project, "Hello")
    for name in ("steps", "events", "json", "code", "usage", "nonsense"):
        for address in (f"/threads/{thread.id}/inspect", f"/assistants/{assistant.id}/inspect"):
            assert page.get(f"{address}?tab={name}", headers=HTMX).status_code == 200


def test_a_tab_is_part_of_the_page_without_a_script(page: Client, run: Run) -> None:
    text = page.get(f"/threads/{run.thread_id}?tab=usage").text
    assert "Tokens by run" in text
    assert 'data-panel="inspect"' in text


def test_a_part_that_is_opened_by_its_address_leads_to_its_page(
    page: Client, run: Run, assistant: Assistant
) -> None:
    for part, whole in (
        (f"threads/{run.thread_id}/inspect?tab=usage", f"threads/{run.thread_id}?tab=usage"),
        (f"threads/{run.thread_id}/events?after=1-0", f"threads/{run.thread_id}?after=1-0"),
        (f"threads/{run.thread_id}/earlier?before=x", f"threads/{run.thread_id}?before=x"),
        (f"assistants/{assistant.id}/inspect?tab=code", "threads/new?tab=code"),
    ):
        answer = page.get(f"/{part}")
        assert answer.status_code == 302
        assert answer["Location"].startswith(f"/{whole}")
        assert "<!doctype html>" in page.get(answer["Location"]).text.lower()


@pytest.mark.parametrize("name", ["steps", "events", "json", "code", "usage"])
def test_the_inspector_opens_when_the_assistant_was_deleted(
    page: Client, run: Run, assistant: Assistant, name: str
) -> None:
    assistants.delete(assistant)

    assert page.get(f"/threads/{run.thread_id}/inspect?tab={name}", headers=HTMX).status_code == 200


def test_numbers_beyond_all_sense_are_taken_for_none(page: Client, run: Run) -> None:
    huge = "9" * 5000

    assert page.get("/threads", {"page": huge}).status_code == 200
    asked = {"after": "1-0", "number": huge}
    assert page.get(f"/threads/{run.thread_id}/events", asked, headers=HTMX).status_code == 200
