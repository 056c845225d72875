"""Pages of threads."""

import io
import re
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from assistants.models import (
    Assistant,
    FileStatus,
    Membership,
    Message,
    Project,
    Role,
    Run,
    RunStatus,
    RunStep,
    Thread,
    VectorStoreFile,
)
from assistants.operations import assistants, files, messages, runs, steps
from assistants.params import MessageCreate
from playground import transcript
from playground.views.inspector import TABS
from tests.api.worker import Worker
from tests.factories import make_assistant, make_file, make_run, make_thread
from tests.playground.conftest import HTMX


def test_before_there_is_one_there_are_prompts_to_begin_with(
    page: Client, assistant: Assistant
) -> None:
    text = page.get("/threads").text
    assert "No threads yet" in text
    assert "I need to solve the equation 3x + 11 = 14." in text


def test_assistants_of_one_name_are_told_apart_where_one_is_chosen(
    page: Client, project: Project
) -> None:
    twins = [make_assistant(project, name="Twin") for _ in range(2)]
    alone = make_assistant(project, name="Alone")
    text = page.get(f"/threads/new?assistant={alone.id}").text
    for one in twins:
        assert f">Twin · …{one.id[-4:]}</option>" in text
    assert ">Alone</option>" in text


def test_the_list_has_the_last_used_first(page: Client, project: Project) -> None:
    make_thread(project, "The first question")
    second = make_thread(project, "The second question")
    assert page.get("/threads").context["threads"][0].id == second.id


def test_a_thread_without_a_title_is_called_as_it_opens_in_plain_words(
    page: Client, project: Project
) -> None:
    make_thread(project, "```python\nimport this\n```")
    make_thread(project, "## What does **this** print?\n\n```python\nimport this\n```")
    text = page.get("/threads").text
    assert ">import this<" in text
    assert ">What does this print?<" in text
    assert "```" not in text


def test_search_finds_titles_and_what_was_said(page: Client, project: Project) -> None:
    thread = make_thread(project, "Plot a sine", "and now the cosine")
    make_thread(project, "Something else")
    for words in ("cosine", thread.id):
        found = page.get(f"/threads?q={words}", headers=HTMX).context["threads"]
        assert [row.id for row in found] == [thread.id]
    assert "No thread has “zebra”" in page.get("/threads?q=zebra").text


def test_long_lists_come_in_pages(page: Client, project: Project) -> None:
    for number in range(52):
        make_thread(project, f"Question {number}")
    first = page.get("/threads")
    assert "Older threads" in first.text
    assert len(page.get("/threads?page=2").context["threads"]) == 2
    assert page.get("/threads?page=x").status_code == 200


def test_a_new_thread_exists_only_from_its_first_message_on(
    page: Client, assistant: Assistant
) -> None:
    response = page.get("/threads/new")
    assert "Ask <bdi>Plotter</bdi>" in response.text
    assert "Create a visualization of a sinewave" in response.text
    assert not Thread.objects.exists()


def test_a_new_thread_offers_what_its_assistant_has_the_tools_for(
    page: Client, project: Project
) -> None:
    drawing, reading = "Create a visualization of a sinewave", "What is in these files?"
    for tools, offered in (
        (["code_interpreter", "file_search"], (True, True)),
        (["file_search"], (False, True)),
        ([], (False, False)),
    ):
        made = make_assistant(project, tools=[{"type": tool} for tool in tools])
        text = page.get(f"/threads/new?assistant={made.id}").text
        assert (f'value="{drawing}"' in text, f'value="{reading}"' in text) == offered
        assert 'value="I need to solve the equation 3x + 11 = 14. Can you help me?"' in text
        if all(offered):
            assert text.index(reading) < text.index(drawing)


def test_without_an_assistant_a_new_thread_begins_with_making_one(
    page: Client, project: Project
) -> None:
    assert page.get("/threads/new").headers["Location"] == "/assistants/new"


def test_the_page_shows_what_was_said_and_done(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    run = make_run(thread, assistant)
    worker = Worker(run.id)
    worker.answer("Here it ", "is: **done**.")
    worker.complete()
    text = page.get(f"/threads/{thread.id}").text
    assert '<div class="said" id="' in text
    assert "Create a visualization of a sinewave" in text
    assert "<strong>done</strong>" in text
    assert 'data-status="completed"' in text
    assert "20→7 tok" in text
    assert "<bdi>Plotter</bdi></h2>" in text


def test_code_its_output_and_its_image_stand_in_the_step(
    page: Client, project: Project, assistant: Assistant, thread: Thread
) -> None:
    image = files.create(
        project, io.BytesIO(b"png"), filename="plot-1.png", purpose=files.MADE_BY_ASSISTANT
    )
    worker = Worker(make_run(thread, assistant).id)
    step = steps.begin_tool_calls(worker.run)
    logs = "".join(f"line {number}\n" for number in range(812))
    call = {
        "id": "call_1",
        "type": "code_interpreter",
        "code_interpreter": {
            "input": "import numpy\nprint('<b>')",
            "outputs": [
                {"type": "logs", "logs": logs},
                {"type": "image", "image": {"file_id": image.id}},
            ],
        },
    }
    steps.finish_tool_calls(worker.run, step, [call], None, {}, {})
    text = page.get(f"/threads/{thread.id}").text
    assert '<span class="k">import</span> numpy' in text
    assert "&#x27;&lt;b&gt;&#x27;" in text
    assert "Show all 812 lines" in text
    assert f'src="/files/{image.id}/content"' in text
    assert 'alt="plot-1.png, drawn by the code interpreter"' in text


def test_a_figure_that_a_message_shows_is_only_named_in_its_step(
    page: Client, project: Project, assistant: Assistant, thread: Thread
) -> None:
    image = files.create(
        project, io.BytesIO(b"png"), filename="plot-1.png", purpose=files.MADE_BY_ASSISTANT
    )
    worker = Worker(make_run(thread, assistant).id)
    outputs = [{"type": "image", "image": {"file_id": image.id}}]
    interpreter = {"input": "plot()", "outputs": outputs}
    call = {"id": "call_1", "type": "code_interpreter", "code_interpreter": interpreter}
    step = steps.begin_tool_calls(worker.run)
    steps.finish_tool_calls(worker.run, step, [call], None, {}, {})
    step, message = worker.begin_message()
    content = [{"type": "image_file", "image_file": {"file_id": image.id}}]
    steps.finish_message(worker.run, step, message, content, None)
    worker.complete()
    text = page.get(f"/threads/{thread.id}").text
    assert text.count(f'<img src="/files/{image.id}/content"') == 1
    assert text.index('/large" hx-target="#dialog"') < text.index("<img")
    assert "with 1 image" in text


def test_what_was_attached_and_deleted_since_is_named_without_a_link(
    page: Client, project: Project, assistant: Assistant, thread: Thread
) -> None:
    attached = files.create(project, io.BytesIO(b"1"), filename="a.csv", purpose="assistants")
    image = files.create(project, io.BytesIO(b"png"), filename="b.png", purpose="vision")
    given = {
        "content": [{"type": "image_file", "image_file": {"file_id": image.id}}],
        "attachments": [{"file_id": attached.id, "tools": [{"type": "code_interpreter"}]}],
    }
    make_run(thread, assistant, additional_messages=[{"role": "user", **given}])
    text = page.get(f"/threads/{thread.id}").text
    addresses = [f"/files/{file.id}/content" for file in (attached, image)]
    assert all(address in text for address in addresses)
    files.delete(attached)
    files.delete(image)
    text = page.get(f"/threads/{thread.id}").text
    assert not [address for address in addresses if address in text]
    assert text.count("a deleted file") == 2


def test_a_file_search_shows_its_queries_and_what_was_found(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    worker = Worker(make_run(thread, assistant).id)
    file = make_file(thread.project, content="Bread is baked. " * 40)
    found = {
        "file_id": file.id,
        "file_name": "<notes>.txt",
        "score": 0.6849,
        "attributes": {},
        "content": [{"type": "text", "text": "Bread is baked. " * 40}],
    }
    calls = [
        {"id": call_id, "type": "file_search", "file_search": {"results": results}}
        for call_id, results in (("call_1", [found]), ("call_2", []))
    ]
    step = steps.begin_tool_calls(worker.run)
    text = page.get(f"/threads/{thread.id}").text
    assert "File search<small>" not in text
    searches = {
        "call_1": {
            "number": 4,
            "queries": ["bread", "a <b>"],
            "pages": {"0": 3},
            "starts": {"0": 9},
        },
        "call_2": {"number": 5, "queries": ["tea"], "pages": {}},
    }
    steps.finish_tool_calls(worker.run, step, calls, None, {}, searches)
    text = page.get(f"/threads/{thread.id}").text
    assert "File search<small>1 passage</small>" in text
    assert "Searched files: <q>bread</q>, <q>a &lt;b&gt;</q>" in text
    passage = f"/files/{file.id}/text?start=9&amp;end=649#passage"
    assert f'<a href="{passage}"><bdi>&lt;notes&gt;.txt</bdi></a>, page 3' in text
    assert "0.68" in text
    assert "Searched files: <q>tea</q>" in text
    assert "Nothing was found." in text
    searches["call_1"]["beginnings"] = [0]
    RunStep.objects.update(searches=searches)
    text = page.get(f"/threads/{thread.id}").text
    assert ">Beginning</span>" in text
    assert "0.68" not in text
    files.delete(file)
    text = page.get(f"/threads/{thread.id}").text
    assert "<strong><bdi>&lt;notes&gt;.txt</bdi></strong>" in text
    assert passage not in text


def test_an_attachment_that_could_not_be_read_says_why(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    attached = make_file(thread.project, "no PDF", filename="broken.pdf")
    tools = [{"type": "file_search"}]
    given = {"content": "See this", "attachments": [{"file_id": attached.id, "tools": tools}]}
    make_run(thread, assistant, additional_messages=[{"role": "user", **given}])
    why = {"code": "invalid_file", "message": "The file is empty."}
    assert "The file is empty." not in page.get(f"/threads/{thread.id}").text
    VectorStoreFile.objects.update(status=FileStatus.FAILED, last_error=why)
    text = page.get(f"/threads/{thread.id}").text
    assert "<bdi>broken.pdf</bdi>: The file is empty." in text


def test_markers_that_somebody_has_pasted_are_not_seen(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    messages.create(thread, MessageCreate(role="user", content="It says so【4:0†source】. Why?"))
    text = page.get(f"/threads/{thread.id}").text
    assert "It says so. Why?" in text
    assert "†" not in text


@pytest.mark.parametrize(
    "status,told", [("expired", "took 10 min 5 s"), ("completed", "10 min 5 s")]
)
def test_how_long_an_expired_run_took_is_not_taken_for_how_long_ago_it_expired(
    page: Client, assistant: Assistant, thread: Thread, status: str, told: str
) -> None:
    run = make_run(thread, assistant)
    worker = Worker(run.id)
    worker.call("look_up", "{}")
    ended = {"status": status, "ended_at": run.created_at + timedelta(minutes=10, seconds=5)}
    Run.objects.update(**ended)
    RunStep.objects.update(created_at=run.created_at, **ended)
    text = page.get(f"/threads/{thread.id}").text
    assert f"<span>{told}</span>" in text
    assert f'<span class="step__meta">{told}</span>' in text


@pytest.mark.parametrize("status", list(RunStatus))
def test_every_state_of_a_run_is_an_icon_and_a_word(
    page: Client, assistant: Assistant, thread: Thread, status: RunStatus
) -> None:
    run = make_run(thread, assistant)
    run.status = status
    run.last_error = {"code": "rate_limit_exceeded", "message": "You exceeded your quota."}
    run.incomplete_details = {"reason": "max_completion_tokens"}
    run.required_action = {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {"tool_calls": [{"id": "call_1"}, {"id": "call_2"}]},
    }
    run.save()
    text = page.get(f"/threads/{thread.id}").text
    word = status.value.replace("_", " ").capitalize()
    icon = status.value.replace("_", "-")
    assert f'data-status="{status.value}"' in text
    assert f'#{icon}"></use></svg>{word}</span>' in text.replace("/></svg>", "></use></svg>")
    said = {
        RunStatus.QUEUED: "Waiting for a worker",
        RunStatus.REQUIRES_ACTION: "2 functions wait for their outputs",
        RunStatus.CANCELLING: "Stopping",
        RunStatus.CANCELLED: "Stopped",
        RunStatus.FAILED: "You exceeded your quota.",
        RunStatus.INCOMPLETE: "The answer stops at the token limit",
        RunStatus.EXPIRED: "No worker took the run in time",
    }
    assert said.get(status, "") in text
    active = status in ("queued", "in_progress", "requires_action", "cancelling")
    assert ("Stop<kbd>Esc</kbd>" in text) is active
    assert ('name="action" value="run"' in text) is not active


def test_a_run_that_failed_says_what_to_try_and_offers_to_retry(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    worker = Worker(make_run(thread, assistant).id)
    worker.fail("The <model> broke.")
    text = page.get(f"/threads/{thread.id}").text
    assert "The &lt;model&gt; broke." in text
    assert "server_error" in text
    assert "What to try:" in text
    assert 'name="action" value="again"' in text
    assert "Retry the run" in text
    assert f"tab=json&amp;run={worker.run.id}" in text


def test_what_became_of_a_run_stands_below_what_it_has_written(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    worker = Worker(make_run(thread, assistant).id)
    worker.answer("As far as it got.")
    worker.fail("No further.")
    make_run(thread, assistant)
    text = page.get(f"/threads/{thread.id}").text
    answered, ended = text.index("As far as it got."), text.index("No further.")
    waiting = text.index("Waiting for a worker")
    assert answered < ended < text.rindex('class="turn"') < waiting


def test_a_run_that_waits_for_others_of_its_project_says_so(
    page: Client, assistant: Assistant, thread: Thread, settings: Settings
) -> None:
    settings.PROJECT_RUNS = 1
    other = make_thread(None, "Hi")
    Worker(make_run(other, assistant).id)
    make_run(make_thread(None, "Hi"), assistant)
    make_run(thread, assistant)
    text = page.get(f"/threads/{thread.id}").text
    assert "Waiting for another run of this project" in text
    assert "1 other is before it." in text


def test_an_answer_that_was_cut_off_shows_no_open_mark(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    worker = Worker(make_run(thread, assistant).id)
    _, message = worker.begin_message()
    worker.say(message, "Here is how to *make", first=True)
    worker.fail("No further.")
    assert "how to <em>make</em>" in page.get(f"/threads/{thread.id}").text


def test_a_page_that_is_opened_in_the_middle_of_a_run_has_all_that_was_written(
    transactional_db: None, page: Client, assistant: Assistant, thread: Thread
) -> None:
    worker = Worker(make_run(thread, assistant).id)
    _, message = worker.begin_message()
    worker.say(message, "One **two** thr", first=True)
    worker.say(message, "ee【4:0†gui", first=False)
    response = page.get(f"/threads/{thread.id}")
    assert "One <strong>two</strong> three" in response.text
    assert "†" not in response.text
    assert f'id="{message.id}"' in response.text
    assert 'aria-busy="true"' in response.text
    assert f'data-live="{worker.run.id}"' in response.text


def test_what_a_message_holds_is_never_markup(
    page: Client, project: Project, assistant: Assistant
) -> None:
    thread = make_thread(project, "<script>alert(1)</script>")
    worker = Worker(make_run(thread, assistant).id)
    worker.answer("<img src=x onerror=alert(1)> [x](javascript:alert(1))")
    worker.complete()
    text = page.get(f"/threads/{thread.id}").text
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert 'href="javascript' not in text


def test_long_threads_come_in_pages(page: Client, project: Project, assistant: Assistant) -> None:
    count = transcript.PAGE_SIZE + 3
    thread = make_thread(project, *[f"Message number {n}." for n in range(count)])
    response = page.get(f"/threads/{thread.id}")
    assert "Message number 2." not in response.text
    assert "Message number 3." in response.text
    assert "Show earlier messages" in response.text
    before = response.context["transcript"].first_message_id
    earlier = page.get(f"/threads/{thread.id}/earlier?before={before}", headers=HTMX).text
    assert "Message number 2." in earlier
    assert "Message number 3." not in earlier
    assert "Show earlier messages" not in earlier


def test_a_link_to_an_older_message_leads_to_the_page_where_it_stands(
    page: Client, project: Project, assistant: Assistant
) -> None:
    thread = make_thread(project, *(f"Message number {n}." for n in range(1, 201)))
    oldest, *_, newest = thread.messages.oldest_first()

    led = page.get(f"/threads/{thread.id}?message={oldest.id}")
    assert led.headers["Location"].endswith(f"#{oldest.id}")
    response = page.get(led.headers["Location"])
    assert f'id="{oldest.id}"' in response.text
    # It is not the end of the thread: it does not listen, and what is sent leads there.
    assert 'id="stream"' not in response.text
    assert "data-live" not in response.text.partition('id="composer"')[2].partition(">")[0]
    assert "Show the newest messages" in response.text

    near = page.get(f"/threads/{thread.id}?message={newest.id}").headers["Location"]
    assert near == f"/threads/{thread.id}#{newest.id}"
    gone = page.get(f"/threads/{thread.id}?message=msg_gone").headers["Location"]
    assert gone == f"/threads/{thread.id}"


def test_every_older_message_is_on_the_page_that_a_link_to_it_leads_to(
    page: Client, project: Project, assistant: Assistant
) -> None:
    thread = make_thread(project, *(f"Message number {n}." for n in range(1, 131)))
    for message in list(thread.messages.oldest_first())[::13]:
        address = page.get(f"/threads/{thread.id}?message={message.id}").headers["Location"]
        assert f'id="{message.id}"' in page.get(address).text


def test_the_number_of_queries_does_not_grow_with_the_thread(
    page: Client,
    project: Project,
    assistant: Assistant,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    def asked(answers: int) -> int:
        thread = make_thread(project)
        for number in range(answers):
            run = make_run(
                thread,
                assistant,
                additional_messages=[{"role": "user", "content": f"Question {number}"}],
            )
            worker = Worker(run.id)
            worker.answer(f"Answer {number}")
            worker.complete()
        with django_assert_max_num_queries(40) as captured:
            page.get(f"/threads/{thread.id}")
        return len(captured)

    assert asked(2) == asked(20)


def test_renaming(page: Client, thread: Thread) -> None:
    address = f"/threads/{thread.id}/rename"
    assert 'value="Create a visualization of a sinewave"' in page.get(address, headers=HTMX).text
    assert page.post(address, {"title": "Sine"}).headers["Location"] == f"/threads/{thread.id}"
    thread.refresh_from_db()
    assert thread.title == "Sine"
    assert ">Sine<" in page.get("/threads").text
    refused = page.post(address, {"title": "x" * 513})
    assert refused.status_code == 422
    assert "512 characters at most" in refused.text


def test_deleting_asks_first(page: Client, thread: Thread) -> None:
    address = f"/threads/{thread.id}/delete"
    assert "Delete “Create a visualization of a sinewave”?" in page.get(address).text
    assert Thread.objects.exists()
    assert page.post(address).headers["Location"] == "/threads"
    assert not Thread.objects.exists()


def test_a_thread_whose_assistant_was_deleted_goes_on_with_another(
    page: Client, project: Project, assistant: Assistant, thread: Thread
) -> None:
    worker = Worker(make_run(thread, assistant).id)
    worker.answer("Done.")
    worker.complete()
    assistants.delete(assistant)
    text = page.get(f"/threads/{thread.id}").text
    assert "Done." in text
    assert 'href="/assistants/new">Make an assistant</a>' in text
    other = make_assistant(project)
    assert f'value="{other.id}"' in page.get(f"/threads/{thread.id}").text


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_a_thread_is_read_where_there_is_no_assistant(
    page: Client, project: Project, thread: Thread, role: Role
) -> None:
    Membership.objects.update(role=role)
    assert not Assistant.objects.exists()
    for address in (f"/threads/{thread.id}", *(f"/threads/{thread.id}?tab={tab}" for tab in TABS)):
        answer = page.get(address)
        assert answer.status_code == 200
        assert "Create a visualization of a sinewave" in answer.text
        assert "This project has no assistant that could answer." in answer.text
        assert ('href="/assistants/new">Make an assistant</a>' in answer.text) == (
            role == Role.EDITOR
        )
        assert f'action="/threads/{thread.id}/messages"' not in answer.text


def test_it_is_said_who_answers_in_the_place_of_a_deleted_assistant(
    page: Client, project: Project, assistant: Assistant, thread: Thread
) -> None:
    worker = Worker(make_run(thread, assistant).id)
    worker.answer("Done.")
    worker.complete()
    other = make_assistant(project, name="Another")
    address, notice = f"/threads/{thread.id}", "The assistant of this thread was deleted."
    assert notice not in page.get(address).text
    assistants.delete(assistant)
    assert f"{notice} <bdi>Another</bdi> answers next" in page.get(address).text
    assert notice not in page.get(f"{address}?assistant={other.id}").text


def test_the_text_of_a_message_can_be_copied_as_it_was_written(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    worker = Worker(make_run(thread, assistant).id)
    worker.answer("**bold** <b>")
    message = Message.objects.get(role="assistant")
    response = page.get(f"/threads/{thread.id}/messages/{message.id}/text")
    assert response.text == "**bold** <b>"
    assert response.headers["Content-Type"].startswith("text/plain")


def test_citations_are_copied_as_footnotes(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    worker = Worker(make_run(thread, assistant).id)
    worker.answer("Cake.")
    message = Message.objects.get(role="assistant")
    marker = "【4:0†foods.pdf】"
    cited = {"file_id": "file-1", "quote": "Filip likes\ncake.", "page": 2}
    citation = {"type": "file_citation", "text": marker, "file_citation": cited}
    text = {"value": f"Cake{marker} and{marker} 【4:9†gone】.", "annotations": [citation]}
    message.content = [{"type": "text", "text": text}]
    message.save()
    response = page.get(f"/threads/{thread.id}/messages/{message.id}/text")
    assert response.text == ("Cake[^1] and[^1] .\n\n[^1]: foods.pdf, page 2: “Filip likes cake.”")


def test_a_partial_answer_stays_when_its_run_was_stopped(
    transactional_db: None, page: Client, assistant: Assistant, thread: Thread
) -> None:
    worker = Worker(make_run(thread, assistant).id)
    _, message = worker.begin_message()
    worker.say(message, "As far as it", first=True)
    runs.cancel(worker.run)
    worker.let_go()
    text = page.get(f"/threads/{thread.id}").text
    assert "As far as it" in text
    assert 'data-status="cancelled"' in text
    assert "Run the thread again" in text


def test_the_address_of_a_thread_outlives_the_assistant_that_it_names(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    other = make_assistant(name="Other")
    address = f"/threads/{thread.id}?assistant={other.id}"
    assert page.get(address).status_code == 200

    assistants.delete(other)

    assert page.get(address).status_code == 200


def test_a_name_that_turns_the_direction_of_writing_turns_only_itself(
    page: Client, project: Project
) -> None:
    assistant = make_assistant(project, name="\u202eegral")
    thread = make_thread(project, "\u202eelttil")
    Worker(make_run(thread, assistant).id).answer("Said.")
    for address in (f"/threads/{thread.id}", "/threads", "/assistants"):
        text = page.get(address).text
        for name in (assistant.name, thread.title):
            shown = re.findall(rf"<(\w+)[^<>]*>[^<>]*{name}", text)
            assert set(shown) <= {"bdi", "div", "option", "title"}, (address, shown)
            assert "bdi" in shown


def test_a_title_that_runs_from_the_right_is_cut_at_its_end(page: Client, project: Project) -> None:
    thread = make_thread(project, "- \u05e9\u05dc\u05d5\u05dd world")
    for address, element in (
        (f"/threads/{thread.id}", 'id="thread-title"'),
        (f"/threads/{thread.id}", 'id="topbar-title"'),
        ("/threads", f'href="/threads/{thread.id}"'),
    ):
        assert f'{element} dir="rtl"' in page.get(address).text
    other = make_thread(project, "1. Hello \u05e9")
    assert 'id="thread-title" dir="ltr"' in page.get(f"/threads/{other.id}").text


def test_a_very_long_message_is_folded(page: Client, project: Project) -> None:
    long = make_thread(project, "word " * 40_000)
    text = page.get(f"/threads/{long.id}").text
    assert "Show all 200,000 characters" in text
    assert text.count("word " * 1000) >= 1
    assert "Show all" not in page.get(f"/threads/{make_thread(project, 'word').id}").text


def test_the_composer_says_that_a_function_waits_and_leads_there(
    page: Client, thread: Thread, assistant: Assistant
) -> None:
    worker = Worker(make_run(thread, assistant).id)
    locked = "The thread is locked while a run is active."
    assert locked in page.get(f"/threads/{thread.id}").text
    worker.call("f", "{}")
    text = page.get(f"/threads/{thread.id}").text
    assert f'A function waits for its output. <a class="nowrap" href="#{worker.run.id}">' in text
    assert f'id="{worker.run.id}"' in text
    assert locked not in text
