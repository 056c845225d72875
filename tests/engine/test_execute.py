"""Executing runs over a played chat model: what is written, what is published, and in which
order.
"""

import json
import logging
import sqlite3
import time
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import connection, connections
from pytest_django import Settings
from typing_extensions import override

from assistants.engine.host import Host
from assistants.errors import Wire
from assistants.events import log
from assistants.events.fold import fold
from assistants.models import Run, RunStatus, Thread
from assistants.operations import aliases, execution, files, messages, runs, steps
from assistants.params import MetadataUpdate, ToolOutputsSubmit, validate
from playground.logs import JsonFormatter
from tests.chat_server import (
    ChatServer,
    Gate,
    Part,
    content_filter,
    disconnect,
    end,
    error,
    finish,
    no_usage,
    raw,
    stream_error,
    text,
    tool_call,
    until,
    usage,
)
from tests.engine.conftest import MODEL, settled
from tests.factories import make_assistant, make_project, make_run, make_thread

pytestmark = pytest.mark.usefixtures("host")

WEATHER = {"type": "function", "function": {"name": "weather"}}


def started(words: str = "Hi", **assistant: Any) -> Run:
    return make_run(make_thread(None, words), make_assistant(model=MODEL, **assistant))


def followed(run: Run, **fields: Any) -> Run:
    """The end of another run on the same thread."""
    return settled(make_run(run.thread, make_assistant(model=MODEL), **fields))


def hand_in(run: Run, *outputs: str) -> Run:
    """Submit the outputs of the calls that the run waits for, in their order; of one, "rain"."""
    calls = run.required_action["submit_tool_outputs"]["tool_calls"]
    handed_in = [
        {"tool_call_id": call["id"], "output": output}
        for call, output in zip(calls, outputs or ["rain"], strict=True)
    ]
    body = {"tool_outputs": handed_in}
    return runs.submit_tool_outputs(run, validate(ToolOutputsSubmit, body))


def names(run: Run) -> list[str]:
    """The run's events; deltas in a row are folded by chance, so they count once here."""
    found: list[str] = []
    for entry in log.read(run.thread_id):
        name = entry.name.removeprefix("thread.")
        if entry.run == run.id and not (name.endswith("delta") and found[-1] == name):
            found.append(name)
    return found


def assert_log_tells_the_truth(thread: Thread) -> None:
    """Folding any prefix of the log and then the rest gives the database."""
    events = log.read(thread.id)
    for cut in range(len(events) + 1):
        state = fold(events[:cut])
        # As a reader does that comes back later: from the last id that it saw.
        for event in log.read(thread.id, events[cut - 1].id if cut else log.START):
            state.apply(event.name, event.object)
        assert state.messages == {row.id: row.to_dict() for row in thread.messages.all()}
        assert state.runs == {row.id: row.to_dict() for row in thread.runs.all()}
        steps = [step for run in thread.runs.all() for step in run.steps.all()]
        assert state.steps == {row.id: row.to_dict() for row in steps}


def test_a_plain_answer_tells_its_events_in_the_services_order(chat: ChatServer) -> None:
    chat.reply(text("Hello! How can I help?"), usage(12, 6))

    run = settled(started())

    assert run.status == RunStatus.COMPLETED
    assert names(run) == [
        "run.created",
        "run.queued",
        "run.in_progress",
        "run.step.created",
        "run.step.in_progress",
        "message.created",
        "message.in_progress",
        "message.delta",
        "message.completed",
        "run.step.completed",
        "run.completed",
    ]
    answer = run.thread.messages.newest_first()[0]
    assert answer.text == "Hello! How can I help?"
    assert answer.assistant_id == run.assistant_id
    assert run.usage["total_tokens"] == 18
    assert run.expires_at is None
    assert_log_tells_the_truth(run.thread)


def test_the_model_hears_instructions_and_history(chat: ChatServer) -> None:
    chat.reply(text("One."))
    chat.reply(text("Two."))
    run = settled(started("First?", instructions="Count."))
    followed(run, additional_messages=[{"role": "user", "content": "Second?"}])

    body = chat.wait(2)[1].body
    assert body["messages"] == [
        {"role": "user", "content": "First?"},
        {"role": "assistant", "content": "One."},
        {"role": "user", "content": "Second?"},
    ]
    assert chat.requests[0].body["messages"][0] == {"role": "system", "content": "Count."}


def test_a_run_under_an_alias_is_answered_by_its_model_and_keeps_its_name(
    chat: ChatServer,
) -> None:
    chat.reply(text("Here."))
    aliases.set_alias(make_project(), "gpt-4-1106-preview", MODEL)

    run = settled(make_run(make_thread(None, "Hi"), make_assistant(model="gpt-4-1106-preview")))

    assert run.status == RunStatus.COMPLETED
    assert run.to_dict()["model"] == "gpt-4-1106-preview"
    assert chat.requests[0].body["model"] == MODEL


def test_functions_pause_the_run_and_their_outputs_resume_it(chat: ChatServer) -> None:
    chat.reply(tool_call("weather", {"city": "Oslo"}), tool_call("weather", {"city": "Rome"}))
    chat.reply(text("Rain in Oslo, sun in Rome."))
    run = settled(started("Weather?", tools=[WEATHER]))

    assert run.status == RunStatus.REQUIRES_ACTION
    assert run.usage is None
    calls = run.required_action["submit_tool_outputs"]["tool_calls"]
    assert [json.loads(call["function"]["arguments"]) for call in calls] == [
        {"city": "Oslo"},
        {"city": "Rome"},
    ]
    run = settled(hand_in(run, "rain", "sun"))

    assert run.status == RunStatus.COMPLETED
    told = chat.requests[1].body["messages"]
    assert [message["content"] for message in told[-2:]] == ["rain", "sun"]
    assert names(run) == [
        "run.created",
        "run.queued",
        "run.in_progress",
        "run.step.created",
        "run.step.in_progress",
        "run.step.delta",
        "run.requires_action",
        "run.step.completed",
        "run.queued",
        "run.in_progress",
        "run.step.created",
        "run.step.in_progress",
        "message.created",
        "message.in_progress",
        "message.delta",
        "message.completed",
        "run.step.completed",
        "run.completed",
    ]
    assert_log_tells_the_truth(run.thread)


@pytest.mark.parametrize("index", ["next", None])
def test_tool_calls_without_index_or_id_are_told_apart(chat: ChatServer, index: str | None) -> None:
    chat.reply(
        tool_call("weather", {"city": "Oslo"}, index=index, id=None),  # type: ignore[arg-type]
        tool_call("weather", {"city": "Rome"}, index=index, id=None),  # type: ignore[arg-type]
    )

    run = settled(started("Weather?", tools=[WEATHER]))

    calls = run.required_action["submit_tool_outputs"]["tool_calls"]
    arguments = [json.loads(call["function"]["arguments"])["city"] for call in calls]
    assert arguments == ["Oslo", "Rome"]
    assert len({call["id"] for call in calls}) == 2


def test_a_tool_that_the_run_does_not_have_is_refused_to_the_model(chat: ChatServer) -> None:
    chat.reply(tool_call("launch", {}))
    chat.reply(text("I cannot do that."))

    run = settled(started())

    assert run.status == RunStatus.COMPLETED
    assert chat.requests[1].body["messages"][-1]["content"] == "There is no tool named 'launch'."


@pytest.mark.parametrize("arguments", ["{not json}", "{}", '{"code": 7}'])
def test_a_code_call_without_code_is_told_to_the_model(chat: ChatServer, arguments: str) -> None:
    chat.reply(tool_call("code_interpreter", arguments))
    chat.reply(text("Sorry."))

    run = settled(started(tools=[{"type": "code_interpreter"}]))

    assert run.status == RunStatus.COMPLETED
    assert chat.requests[1].body["messages"][-1]["content"].startswith("Nothing was run")


def test_cancelling_in_mid_answer_is_quick_and_keeps_the_text(chat: ChatServer) -> None:
    chat.reply(text("word " * 400, rate=50))
    run = started()
    wait_for_delta(run)

    began = time.monotonic()
    runs.cancel(run)
    run = settled(run)

    assert time.monotonic() - began < 1
    assert run.status == RunStatus.CANCELLED
    answer = run.thread.messages.newest_first()[0]
    assert answer.text.startswith("word")
    assert answer.to_dict()["incomplete_details"] == {"reason": "run_cancelled"}
    told = names(run)
    wish = told.index("run.cancelling")
    assert told[-3:] == ["message.incomplete", "run.step.cancelled", "run.cancelled"]
    # Words that were on their way may come after the wish, nothing else may.
    assert set(told[wish + 1 : -3]) <= {"message.delta"}
    assert_log_tells_the_truth(run.thread)


def test_cancelling_while_the_model_thinks_is_quick(chat: ChatServer) -> None:
    gate = Gate()
    chat.reply(until(gate), text("too late"))
    run = started()
    chat.wait(1)

    began = time.monotonic()
    runs.cancel(run)

    assert settled(run).status == RunStatus.CANCELLED
    assert time.monotonic() - began < 1
    gate.open()


def wait_for_delta(run: Run) -> None:
    deadline = time.monotonic() + 10
    while not any(entry.name.endswith("delta") for entry in log.read(run.thread_id)):
        assert time.monotonic() < deadline, "the model said nothing"
        time.sleep(0.005)


def test_text_of_a_model_that_stalls_is_not_held_back(chat: ChatServer) -> None:
    gate = Gate()
    chat.reply(text("Half an answer"), until(gate), text(" and the rest."))
    run = started()
    wait_for_delta(run)
    time.sleep(0.1)

    message = next(iter(fold(log.read(run.thread_id)).messages.values()))
    said = [part for m in fold(log.read(run.thread_id)).messages.values() for part in m["content"]]
    assert message
    assert said[-1]["text"]["value"] == "Half an answer"

    gate.open()
    assert settled(run).thread.messages.newest_first()[0].text == "Half an answer and the rest."


@pytest.mark.parametrize(
    "reply, code, says",
    [
        ([error(401)], "server_error", "refused the request (401)"),
        ([error(400)], "invalid_prompt", "refused the request (400)"),
        ([text("Half"), disconnect()], "server_error", "broke off"),
    ],
)
def test_a_provider_that_fails_fails_the_run_with_its_name(
    chat: ChatServer, reply: list[object], code: str, says: str
) -> None:
    chat.reply(*reply)  # type: ignore[arg-type]

    run = settled(started())

    assert run.status == RunStatus.FAILED
    assert run.last_error["code"] == code
    assert says in run.last_error["message"]
    assert chat.url in run.last_error["message"]
    assert_log_tells_the_truth(run.thread)


def test_a_failed_run_leaves_a_line_in_the_log_without_the_key(
    chat: ChatServer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.OPENAI_API_KEY = "sk-very-secret"
    chat.reply(error(401, message="Incorrect API key provided: sk-very-secret"))

    run = settled(started())

    (line,) = [record for record in caplog.records if run.id in record.getMessage()]
    assert line.levelname == "WARNING"
    assert chat.url in line.getMessage()
    assert "refused the request (401)" in line.getMessage()
    assert "sk-very-secret" not in line.getMessage()
    assert "sk-very-secret" not in run.last_error["message"]


def test_a_model_that_says_nothing_at_all_fails_the_run(chat: ChatServer) -> None:
    chat.reply(usage(12, 3))

    run = settled(started())

    assert run.status == RunStatus.FAILED
    assert run.last_error["code"] == "server_error"
    assert f"{chat.url} gave an empty answer" in run.last_error["message"]
    assert run.usage["total_tokens"] == 15
    assert [message.role for message in run.thread.messages.all()] == ["user"]
    assert_log_tells_the_truth(run.thread)


def test_a_model_that_answers_with_blanks_fails_the_run(chat: ChatServer) -> None:
    chat.reply(text("\n \n"))
    chat.reply(text("Here."))

    run = settled(started())
    again = followed(run)

    assert run.status == RunStatus.FAILED
    assert again.status == RunStatus.COMPLETED
    # What it did not say is not told to it.
    assert [message["role"] for message in chat.requests[1].body["messages"]] == ["user"]
    assert_log_tells_the_truth(run.thread)


def test_a_model_that_has_nothing_to_add_to_what_it_said_completes_the_run(
    chat: ChatServer,
) -> None:
    chat.reply(text("Asking the weather service."), tool_call("weather", {}), usage(10, 10))
    chat.reply(usage(20, 0))
    run = hand_in(settled(started(tools=[WEATHER])))

    run = settled(run)

    assert run.status == RunStatus.COMPLETED
    assert run.thread.messages.newest_first()[0].text == "Asking the weather service."
    assert run.usage["total_tokens"] == 40
    assert_log_tells_the_truth(run.thread)


def test_an_answer_cut_by_its_limit_is_incomplete(chat: ChatServer) -> None:
    chat.reply(text("Once upon a"), finish("length"))

    run = settled(
        make_run(make_thread(None, "Tell"), make_assistant(model=MODEL), max_completion_tokens=256)
    )

    assert run.status == RunStatus.INCOMPLETE
    assert run.incomplete_details == {"reason": "max_completion_tokens"}
    assert chat.requests[0].body["max_completion_tokens"] == 256
    answer: Wire = run.thread.messages.newest_first()[0].to_dict()
    assert answer["incomplete_details"] == {"reason": "max_tokens"}
    assert names(run)[-3:] == ["message.incomplete", "run.step.completed", "run.incomplete"]


def test_an_answer_stopped_by_a_filter_says_so(chat: ChatServer) -> None:
    chat.reply(text("It is"), content_filter())

    run = settled(started())

    assert run.status == RunStatus.FAILED
    assert "content filter" in run.last_error["message"]
    answer = run.thread.messages.newest_first()[0]
    assert answer.incomplete_reason == "content_filter"


def test_text_that_cannot_be_stored_does_not_spoil_the_run_or_its_thread(chat: ChatServer) -> None:
    chat.reply(text("Odd: \ud83d, \0and \U0001f600."))
    chat.reply(text("Fine."))

    run = settled(started())

    assert run.status == RunStatus.COMPLETED
    assert run.thread.messages.newest_first()[0].text == "Odd: \ufffd, and \U0001f600."
    assert followed(run).status == RunStatus.COMPLETED
    assert chat.requests[1].body["messages"][-1]["content"] == "Odd: \ufffd, and \U0001f600."
    assert_log_tells_the_truth(run.thread)


def test_arguments_that_cannot_be_stored_do_not_spoil_the_run(chat: ChatServer) -> None:
    chat.reply(tool_call("weather", '{"city": "\ud83d\0"}'))
    chat.reply(text("Rain."))

    run = settled(hand_in(settled(started(tools=[WEATHER]))))

    assert run.status == RunStatus.COMPLETED
    (call,) = run.steps.get(type="tool_calls").step_details["tool_calls"]
    assert call["function"]["arguments"] == '{"city": "\ufffd"}'


@pytest.mark.parametrize("words", ["odd \ud83d", "odd \0"])
def test_an_error_in_words_that_cannot_be_stored_fails_the_run(
    chat: ChatServer, words: str
) -> None:
    chat.reply(error(400, words))
    chat.reply(text("It"), stream_error(words))

    for _ in range(2):
        run = settled(started())
        assert run.status == RunStatus.FAILED
        assert "odd" in run.last_error["message"]


def test_usage_is_estimated_where_the_provider_gives_none(chat: ChatServer) -> None:
    chat.reply(text("A sentence of several words."), no_usage())

    run = settled(started())

    assert run.usage["completion_tokens"] > 0
    assert run.usage["prompt_tokens"] > 0


def test_a_stopping_worker_lets_go_of_what_nobody_has_seen(
    chat: ChatServer, host: Host, settings: Settings
) -> None:
    settings.WORKER_GRACE_SECONDS = 0.1
    gate = Gate()
    chat.reply(until(gate), text("never"))
    run = started()
    chat.wait(1)

    host.stop()

    run.refresh_from_db()
    assert run.status == RunStatus.QUEUED
    gate.open()


def test_a_hundred_runs_at_once_all_answer(chat: ChatServer) -> None:
    chat.otherwise(text("All here."))
    begun = [started() for _ in range(100)]

    for run in begun:
        assert settled(run, 60).thread.messages.newest_first()[0].text == "All here."


def test_a_forced_tool_is_forced_once(chat: ChatServer) -> None:
    chat.reply(tool_call("weather", {"city": "Oslo"}))
    chat.reply(text("Rain."))
    assistant = make_assistant(model=MODEL, tools=[WEATHER])
    run = settled(make_run(make_thread(None, "Hi"), assistant, tool_choice="required"))

    assert settled(hand_in(run)).status == RunStatus.COMPLETED
    assert chat.requests[0].body["tool_choice"] == "required"
    assert "tool_choice" not in chat.requests[1].body


def test_a_run_that_takes_too_long_expires_and_keeps_the_text(chat: ChatServer) -> None:
    gate = Gate()
    chat.reply(text("Half"), until(gate))
    thread, assistant = make_thread(None, "Hi"), make_assistant(model=MODEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "EXPIRES_AFTER", timedelta(seconds=1))
        run = make_run(thread, assistant)

    run = settled(run)

    assert run.status == RunStatus.EXPIRED
    assert run.expires_at is not None
    answer = run.thread.messages.newest_first()[0]
    assert answer.text == "Half"
    assert answer.incomplete_reason == "run_expired"
    gate.open()


def test_a_thread_goes_on_after_a_call_of_a_tool_that_is_not_there(chat: ChatServer) -> None:
    chat.reply(tool_call("launch", {}))
    chat.reply(text("I cannot do that."))
    chat.reply(text("Still here."))
    run = settled(started())

    followed(run)

    told = chat.requests[2].body["messages"]
    assert all(message.get("tool_calls") != [] for message in told)


def test_a_call_that_was_cut_off_is_not_told_to_the_model_again(chat: ChatServer) -> None:
    chat.reply(tool_call("weather", '{"city": "Os'), usage(40, 20), finish("length"))
    chat.reply(text("Still here."))
    run = settled(started(tools=[WEATHER]))

    followed(run)

    assert run.status == RunStatus.INCOMPLETE
    assert run.usage["total_tokens"] == 60
    assert [message["role"] for message in chat.requests[1].body["messages"]] == ["user"]


def test_text_after_a_tool_call_is_kept(chat: ChatServer) -> None:
    chat.reply(tool_call("weather", {"city": "Oslo"}), text("Asking the weather service."))
    run = settled(started(tools=[WEATHER]))

    assert run.status == RunStatus.REQUIRES_ACTION
    said = run.thread.messages.newest_first()[0]
    assert said.text == "Asking the weather service."
    assert said.status == "completed"


def test_parallel_calls_that_a_server_all_numbers_0_are_told_apart(chat: ChatServer) -> None:
    chat.reply(
        tool_call("weather", {"city": "Oslo"}, index=0),
        tool_call("weather", {"city": "Rome"}, index=0),
    )

    run = settled(started("Weather?", tools=[WEATHER]))

    calls = run.required_action["submit_tool_outputs"]["tool_calls"]
    assert [json.loads(call["function"]["arguments"])["city"] for call in calls] == ["Oslo", "Rome"]


def test_a_stream_that_ends_without_a_word_of_its_end_fails_the_run(chat: ChatServer) -> None:
    chat.reply(text("Half an"), end())

    run = settled(started())

    assert run.status == RunStatus.FAILED
    assert "in the middle of its answer" in run.last_error["message"]
    assert run.thread.messages.newest_first()[0].text == "Half an"


def test_token_limits_count_over_all_turns_of_a_run(chat: ChatServer) -> None:
    chat.reply(tool_call("weather", {}), usage(300, 200))
    chat.reply(tool_call("weather", {}), usage(300, 80))
    thread, assistant = make_thread(None, "Hi"), make_assistant(model=MODEL, tools=[WEATHER])
    run = make_run(thread, assistant, max_completion_tokens=256)
    for _ in range(2):
        hand_in(settled(run))

    run = settled(run)

    assert chat.requests[1].body["max_completion_tokens"] == 56
    assert len(chat.requests) == 2
    assert run.status == RunStatus.INCOMPLETE
    assert run.incomplete_details == {"reason": "max_completion_tokens"}


def test_with_last_messages_older_code_is_not_told(chat: ChatServer) -> None:
    chat.reply(tool_call("weather", {}))
    chat.reply(text("Rain."))
    chat.reply(text("Yes."))
    run = settled(hand_in(settled(started("Weather?", tools=[WEATHER]))))

    followed(
        run,
        truncation_strategy={"type": "last_messages", "last_messages": 1},
        additional_messages=[{"role": "user", "content": "Sure?"}],
    )

    assert chat.requests[2].body["messages"] == [{"role": "user", "content": "Sure?"}]


def test_the_question_is_told_however_long_what_follows_it_is(chat: ChatServer) -> None:
    chat.reply(tool_call("weather", {}), usage(10, 10))
    chat.reply(tool_call("weather", {}), usage(10, 10))
    chat.reply(text("Snow."), usage(10, 10))
    run = make_run(
        make_thread(None, "Weather?"),
        make_assistant(model=MODEL, tools=[WEATHER]),
        max_prompt_tokens=2000,
    )
    run = settled(hand_in(settled(run), "rain " * 5000))
    run = hand_in(run, "snow " * 5000)

    assert settled(run).status == RunStatus.COMPLETED

    told = chat.requests[2].body["messages"]
    assert [message["role"] for message in told] == ["user", "assistant", "tool"]
    assert told[0]["content"] == "Weather?"
    assert told[2]["content"].startswith("snow")


def test_a_message_deleted_while_it_is_written_stays_deleted(chat: ChatServer) -> None:
    gate = Gate()
    chat.reply(text("Half"), until(gate), text(" done"))
    run = started()
    wait_for_delta(run)
    messages.delete(run.thread.messages.newest_first()[0])
    gate.open()

    run = settled(run)

    assert run.status == RunStatus.COMPLETED
    assert [message.role for message in run.thread.messages.all()] == ["user"]
    assert_log_tells_the_truth(run.thread)


def test_metadata_changed_while_a_message_is_written_is_kept(chat: ChatServer) -> None:
    gate = Gate()
    chat.reply(text("Half"), until(gate), text(" done"))
    run = started()
    wait_for_delta(run)
    answer = run.thread.messages.newest_first()[0]
    messages.update(answer, validate(MetadataUpdate, {"metadata": {"starred": "yes"}}))
    gate.open()

    run = settled(run)

    answer.refresh_from_db()
    assert answer.metadata == {"starred": "yes"}
    assert answer.text == "Half done"
    assert_log_tells_the_truth(run.thread)


def test_a_file_that_is_no_image_does_not_spoil_the_thread(chat: ChatServer) -> None:
    chat.reply(text("I see."))
    table = files.create(make_project(), BytesIO(b"a,b"), filename="a.png", purpose="vision")
    part = {"type": "image_file", "image_file": {"file_id": table.id}}
    ask = {"role": "user", "content": [part]}

    run = make_run(
        make_thread(None, "Look"), make_assistant(model=MODEL), additional_messages=[ask]
    )

    assert settled(run).status == RunStatus.COMPLETED
    sent = chat.requests[0].body["messages"][-1]["content"]
    assert sent == [{"type": "text", "text": "[not an image that can be shown: a.png]"}]


def test_a_cancel_in_the_moment_of_the_claim_is_heard(
    chat: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.otherwise(text("word " * 400, rate=20))
    claim = execution.claim

    def claim_slowly(run_id: str) -> Run | None:
        run = claim(run_id)
        if run is not None:
            runs.cancel(Run.objects.get(pk=run_id))
            time.sleep(0.1)  # the wish arrives before the claim has returned
        return run

    monkeypatch.setattr(execution, "claim", claim_slowly)
    begun = time.monotonic()

    run = settled(started())

    assert run.status == RunStatus.CANCELLED
    assert time.monotonic() - begun < 2


def test_a_ring_in_the_moment_when_a_run_is_let_go_is_not_lost(
    host: Host, chat: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.reply(tool_call("weather", {}))
    chat.reply(text("Rain."))
    require_action = execution.require_action

    def submitted_at_once(run: Run, *arguments: Any) -> None:
        require_action(run, *arguments)
        hand_in(Run.objects.get(pk=run.pk))
        time.sleep(0.1)  # the ring arrives before the loop has forgotten the run

    monkeypatch.setattr(execution, "require_action", submitted_at_once)
    begun = time.monotonic()
    run = started(tools=[WEATHER])
    while run.status != RunStatus.COMPLETED:
        run.refresh_from_db()
        assert time.monotonic() - begun < 3, run.status
        time.sleep(0.01)


@pytest.mark.parametrize(
    "status, words",
    [
        (400, "registry.ollama.ai/library/gemma does not support tools"),
        (404, "No endpoints found that support tool use."),
        (400, '"auto" tool choice requires --enable-auto-tool-choice to be set'),
        (500, "tools param requires --jinja flag"),
    ],
)
def test_a_model_that_cannot_call_tools_fails_the_run_in_plain_words(
    chat: ChatServer, status: int, words: str
) -> None:
    chat.otherwise(error(status, words))
    run = settled(started(tools=[WEATHER]))
    assert run.status == RunStatus.FAILED
    assert run.last_error["message"] == (
        f"{chat.url}: the model played cannot call tools, and this assistant has some. Turn them "
        f"off, or choose a model that can. The server's words: {words}"
    )


@pytest.mark.parametrize(
    "words",
    [
        "Invalid content type. image_url is only supported by certain models.",
        "image input is not supported - hint: you may need to provide the mmproj",
        "This model does not support image input",
    ],
)
def test_a_model_that_cannot_see_is_asked_without_the_image(chat: ChatServer, words: str) -> None:
    chat.reply(error(400, words))
    chat.otherwise(text("I see nothing."))
    url = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    asked = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, url]}]
    run = settled(
        make_run(make_thread(None), make_assistant(model=MODEL), additional_messages=asked)
    )
    assert run.status == RunStatus.COMPLETED
    first, second = (request.body["messages"][-1]["content"] for request in chat.requests)
    assert [part["type"] for part in first] == ["text", "image_url"]
    assert [part["type"] for part in second] == ["text", "text"]
    # What was learned is kept: the next run does not try again.
    assert followed(run).status == RunStatus.COMPLETED
    assert len(chat.requests) == 3


@pytest.mark.parametrize(
    "words, window",
    [
        ("This model's maximum context length is 2000 tokens, but you sent 9000.", 2000),
        ("the request exceeds the available context size (2000 tokens), try increasing it", 2000),
        ("prompt is too long: 9000 tokens > 2000 maximum", 2000),
        ("The input exceeds the context window of this model.", None),
    ],
)  # fmt: skip
def test_a_model_that_takes_less_than_was_thought_is_told_less(
    chat: ChatServer, words: str, window: int | None
) -> None:
    chat.reply(error(400, words, code="context_length_exceeded"))
    chat.otherwise(text("Yes."))
    asked = [{"role": "user", "content": f"{number} " + "word " * 900} for number in range(6)]
    run = settled(
        make_run(make_thread(None), make_assistant(model=MODEL), additional_messages=asked)
    )
    assert run.status == RunStatus.COMPLETED
    first, second = (request.body["messages"] for request in chat.requests)
    assert len(first) == 6
    assert [message["content"][0] for message in second] == (["5"] if window else ["3", "4", "5"])
    assert followed(run).status == RunStatus.COMPLETED
    assert len(chat.requests) == 3


def test_a_message_that_is_too_long_by_itself_fails_the_run_in_plain_words(
    chat: ChatServer,
) -> None:
    chat.otherwise(error(400, "maximum context length is 10 tokens"))
    run = settled(started("word " * 50))
    assert run.status == RunStatus.FAILED
    assert run.last_error["message"].endswith("more than the model can read. Shorten it.")
    assert len(chat.requests) == 1


def test_cancelling_while_a_provider_is_waited_for_is_quick(chat: ChatServer) -> None:
    chat.otherwise(error(429, "Slow down.", retry_after=50))
    run = started()
    chat.wait(1)
    time.sleep(0.2)
    began = time.monotonic()
    runs.cancel(run)
    assert settled(run).status == RunStatus.CANCELLED
    assert time.monotonic() - began < 1


def test_the_limit_on_a_prompt_counts_what_earlier_turns_used(chat: ChatServer) -> None:
    chat.reply(tool_call("weather", {}), usage(1_500, 10))
    chat.reply(text("Rain."), usage(300, 10))
    asked = [{"role": "user", "content": f"{number} " + "word " * 400} for number in range(5)]
    run = settled(
        make_run(
            make_thread(None),
            make_assistant(model=MODEL, tools=[WEATHER]),
            additional_messages=asked,
            max_prompt_tokens=2_000,
        )
    )
    hand_in(run)
    assert settled(run).status == RunStatus.COMPLETED
    before, after = (request.body["messages"] for request in chat.requests)
    assert [message["content"][0] for message in before] == ["1", "2", "3", "4"]
    # 500 are left: the question, and what was just found out.
    assert [message["role"] for message in after] == ["user", "assistant", "tool"]


def test_log_lines_name_the_run_and_its_thread(chat: ChatServer) -> None:
    lines: list[str] = []

    class Kept(logging.Handler):
        @override
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler = Kept()
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("assistants")
    logger.addHandler(handler)
    try:
        chat.otherwise(error(400, "No."))
        first, second = settled(started()), settled(started())
    finally:
        logger.removeHandler(handler)
    told = [json.loads(line) for line in lines if "failed (" in line]
    assert [(line["run"], line["thread"]) for line in told] == [
        (first.id, first.thread_id),
        (second.id, second.thread_id),
    ]


def test_an_answer_without_end_is_cut_off_and_what_was_said_is_kept(chat: ChatServer) -> None:
    chat.reply(text("", pieces=["around and around " * 10] * 6_000))

    run = settled(started(), seconds=60)

    assert run.status == RunStatus.FAILED
    assert "gave an answer that was too long" in run.last_error["message"]
    said = run.thread.messages.newest_first()[0]
    assert said.status == "incomplete"
    assert 999_000 < len(said.text) <= 1_000_000
    assert set(said.text.split()) <= {"around", "and", "a", "aroun"}


def test_arguments_without_end_are_cut_off_too(chat: ChatServer) -> None:
    chat.reply(tool_call("weather", "x" * 1_100_000, fragments=2_000))

    run = settled(started(tools=[WEATHER]), seconds=60)

    assert run.status == RunStatus.FAILED
    assert "too long" in run.last_error["message"]


def test_a_cancelled_answer_counts_what_it_said(host: Host, chat: ChatServer) -> None:
    chat.reply(text("one two three four five six seven eight", rate=0), until(Gate()))
    run = started("How far?")
    while not run.thread.messages.filter(run_id=run.id).exists():
        time.sleep(0.01)
    time.sleep(0.2)
    runs.cancel(run)

    run = settled(run)

    assert run.status == RunStatus.CANCELLED
    assert run.usage["prompt_tokens"] > 0
    assert 5 < run.usage["completion_tokens"] < 20
    assert run.usage["total_tokens"] == sum(
        run.usage[f"{kind}_tokens"] for kind in ("prompt", "completion")
    )


def test_an_impossible_count_of_a_provider_is_not_believed(chat: ChatServer) -> None:
    chat.reply(text("Fine."), usage(10**20, -3))

    run = settled(started())

    assert run.usage["total_tokens"] < 1_000


def test_a_cancel_while_the_usage_is_written_does_not_count_it_again(
    host: Host, chat: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish_message = steps.finish_message
    chat.reply(text("Here."), usage(10, 5))

    def cancelled_meanwhile(run: Run, *args: Any, **kwargs: Any) -> None:
        finish_message(run, *args, **kwargs)
        runs.cancel(Run.objects.get(pk=run.pk))
        time.sleep(0.2)  # the run hears of it before the write is over

    monkeypatch.setattr(steps, "finish_message", cancelled_meanwhile)
    run = settled(started())

    assert run.status == RunStatus.CANCELLED
    assert run.usage["total_tokens"] == 15


def test_code_that_a_break_cuts_off_is_kept_to_its_last_letter(chat: ChatServer) -> None:
    code = "".join(f"x{number} = {number}\n" for number in range(2_000)) + "the_end = 1"
    arguments = json.dumps({"code": code})
    chat.reply(tool_call("code_interpreter", arguments, fragments=200), stream_error("broken"))

    run = settled(started(tools=[{"type": "code_interpreter"}]))

    (call,) = run.steps.get().step_details["tool_calls"]
    assert run.status == RunStatus.FAILED
    assert call["code_interpreter"]["input"].endswith("the_end = 1")


@pytest.mark.parametrize("counts", [usage(20, 900), no_usage()])
def test_a_limit_on_the_answer_holds_where_the_provider_does_not_know_it(
    chat: ChatServer, counts: Part
) -> None:
    pieces = [f"word{number} " for number in range(3_000)]
    chat.reply(text("", pieces=pieces), counts, finish("stop"))
    thread = make_thread(None, "Tell")
    run = settled(make_run(thread, make_assistant(model=MODEL), max_completion_tokens=256))
    assert run.status == RunStatus.INCOMPLETE
    assert run.incomplete_details == {"reason": "max_completion_tokens"}
    (message,) = run.thread.messages.filter(role="assistant")
    said = message.content[0]["text"]["value"]
    assert said.startswith("word0 word1")
    assert len(said) < len("".join(pieces)) / 4
    assert_log_tells_the_truth(run.thread)


def test_a_count_above_the_limit_leaves_the_run_incomplete(chat: ChatServer) -> None:
    chat.reply(text("Short, by our own count."), usage(20, 900), finish("stop"))
    thread = make_thread(None, "Tell")
    run = settled(make_run(thread, make_assistant(model=MODEL), max_completion_tokens=256))
    assert run.incomplete_details == {"reason": "max_completion_tokens"}


def test_a_model_that_calls_only_what_is_not_there_is_stopped(chat: ChatServer) -> None:
    chat.otherwise(raw(json.dumps({"choices": [{"delta": {"tool_calls": [NAMELESS]}}]})))
    run = settled(started(tools=[WEATHER]))
    assert run.status == RunStatus.FAILED
    assert "called tools that this run does not have" in run.last_error["message"]
    assert len(chat.requests) == 3


NAMELESS = {"index": 0, "id": None, "function": {"name": None, "arguments": "{}"}}


def test_a_filtered_answer_beyond_the_limit_is_a_filtered_one(chat: ChatServer) -> None:
    chat.reply(text("Hm."), usage(20, 900), finish("content_filter"))
    thread = make_thread(None, "Tell")
    run = settled(make_run(thread, make_assistant(model=MODEL), max_completion_tokens=256))
    assert run.status == RunStatus.FAILED


@pytest.mark.sqlite
def test_a_database_that_is_busy_for_longer_than_anybody_waits_does_not_change_the_end(
    chat: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Before the run's threads open their connections.
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.2)
    monkeypatch.setitem(connections.settings["default"]["OPTIONS"], "timeout", 0.2)
    gate = Gate()
    chat.reply(text("Half an "), until(gate), text("answer."))
    run = started()
    wait_for_delta(run)
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    gate.open()
    time.sleep(1.5)
    assert not Run.objects.get(pk=run.pk).ended_at
    other.execute("ROLLBACK")
    other.close()
    assert settled(run).status == RunStatus.COMPLETED
