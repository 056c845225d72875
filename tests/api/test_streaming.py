"""Runs as event streams: what the SDKs see while a played worker executes them."""

import json
import threading
import time
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import redis
from django.db.models import QuerySet
from openai import APIError, AssistantEventHandler, AzureOpenAI, OpenAI
from openai.types.beta import Assistant, Thread
from typing_extensions import override

from assistants.events import hub as hubs
from assistants.events import log
from assistants.models import Message, Run, clock
from assistants.operations import steps, sweep
from tests.api.worker import USAGE, Worker

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

ANSWER = [
    "thread.run.step.created",
    "thread.run.step.in_progress",
    "thread.message.created",
    "thread.message.in_progress",
    "thread.message.delta",
    "thread.message.delta",
    "thread.message.completed",
    "thread.run.step.completed",
]
BEGIN = ["thread.run.created", "thread.run.queued", "thread.run.in_progress"]
CALL = [
    "thread.run.step.created",
    "thread.run.step.in_progress",
    "thread.run.step.delta",
    "thread.run.step.delta",
    "thread.run.requires_action",
]


@pytest.fixture
def assistant(client: OpenAI) -> Assistant:
    function: Any = {"type": "function", "function": {"name": "add"}}
    return client.beta.assistants.create(model="demo", tools=[function])


@pytest.fixture
def thread(client: OpenAI) -> Thread:
    return client.beta.threads.create(messages=[{"role": "user", "content": "What is 2 + 2?"}])


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Followers that count a tenth of a second as silence."""
    monkeypatch.setattr(hubs, "IDLE_SECONDS", 0.1)


def the_run() -> Run:
    return Run.objects.newest_first()[0]


class Frames:
    """A stream as it is on the wire."""

    def __init__(self, http: httpx2.Client, path: str, body: dict[str, Any]) -> None:
        self._context = http.stream("POST", path, json={**body, "stream": True})

    def __enter__(self) -> "Frames":
        self.response = self._context.__enter__()
        assert self.response.status_code == 200
        return self

    def __exit__(self, *_: Any) -> None:
        self._context.__exit__(None, None, None)

    def read(self) -> list[tuple[str, str]]:
        """All frames up to the end: their events and their data; comments have no event."""
        found = []
        for block in self.response.read().decode().removesuffix("\n\n").split("\n\n"):
            if block.startswith(":"):
                found.append(("", block))
                continue
            event, data = block.split("\n")
            found.append((event.removeprefix("event: "), data.removeprefix("data: ")))
        return found


def run_on(http: httpx2.Client, thread: Thread, assistant: Assistant) -> Frames:
    return Frames(http, f"/v1/threads/{thread.id}/runs", {"assistant_id": assistant.id})


def test_an_answer_streams_in_the_order_of_the_service(
    http: httpx2.Client, client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    with run_on(http, thread, assistant) as stream:
        headers = stream.response.headers
        worker = Worker(the_run().id)
        worker.answer("It ", "is 4.")
        worker.complete()
        frames = stream.read()
    assert [name for name, _ in frames] == [*BEGIN, *ANSWER, "thread.run.completed", "done"]
    assert frames[-1] == ("done", "[DONE]")
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-cache, no-transform"
    assert headers["x-request-id"].startswith("req_")

    said = {name: json.loads(data) for name, data in frames[:-1]}
    run_id = said["thread.run.completed"]["id"]
    runs = client.beta.threads.runs
    assert runs.retrieve(run_id, thread_id=thread.id).to_dict() == said["thread.run.completed"]
    (step,) = runs.steps.list(run_id, thread_id=thread.id).data
    assert step.to_dict() == said["thread.run.step.completed"]
    message = said["thread.message.completed"]
    found = client.beta.threads.messages.retrieve(message["id"], thread_id=thread.id)
    assert found.to_dict() == message
    assert said["thread.message.created"]["content"] == []
    assert said["thread.run.created"] == said["thread.run.queued"]
    assert said["thread.run.completed"]["usage"] == USAGE
    assert said["thread.run.completed"]["expires_at"] is None


def test_the_sdks_event_handler_sees_text_grow(
    client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    class Listener(AssistantEventHandler):
        def __init__(self) -> None:
            super().__init__()
            self.deltas: list[str | None] = []

        @override
        def on_text_delta(self, delta: Any, snapshot: Any) -> None:
            self.deltas.append(delta.value)

    listener = Listener()
    with client.beta.threads.runs.stream(
        thread_id=thread.id, assistant_id=assistant.id, event_handler=listener
    ) as stream:
        worker = Worker(the_run().id)
        worker.answer("It ", "is ", "4.")
        worker.complete()
        stream.until_done()
        run = stream.get_final_run()
        messages = stream.get_final_messages()
    assert listener.deltas == ["It ", "is ", "4."]
    assert run.status == "completed"
    assert messages[0].content[0].to_dict()["text"] == {"value": "It is 4.", "annotations": []}


def test_a_stream_ends_where_a_function_is_needed_and_another_goes_on(
    http: httpx2.Client, assistant: Assistant, thread: Thread
) -> None:
    with run_on(http, thread, assistant) as stream:
        run = the_run()
        Worker(run.id).call("add", '{"a":2,"b":2}')
        names = [name for name, _ in stream.read()]
    assert names == [*BEGIN, *CALL, "done"]

    outputs = {"tool_outputs": [{"tool_call_id": "call_1", "output": "4"}]}
    path = f"/v1/threads/{thread.id}/runs/{run.id}/submit_tool_outputs"
    with Frames(http, path, outputs) as stream:
        worker = Worker(run.id)
        worker.answer("It ", "is 4.")
        worker.complete()
        frames = stream.read()
    assert [name for name, _ in frames] == [
        "thread.run.step.completed",
        "thread.run.queued",
        "thread.run.in_progress",
        *ANSWER,
        "thread.run.completed",
        "done",
    ]
    step = json.loads(frames[0][1])
    assert step["step_details"]["tool_calls"][0]["function"]["output"] == "4"


def test_the_sdk_submits_outputs_from_its_handler(
    client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        Worker(the_run().id).call("add", '{"a":2,"b":2}')
        run = stream.get_final_run()
    assert run.status == "requires_action"
    with client.beta.threads.runs.submit_tool_outputs_stream(
        thread_id=thread.id,
        run_id=run.id,
        tool_outputs=[{"tool_call_id": "call_1", "output": "4"}],
    ) as stream:
        worker = Worker(run.id)
        worker.answer("4")
        worker.complete()
        assert "".join(stream.text_deltas) == "4"


def test_a_new_threads_stream_begins_with_the_thread(
    http: httpx2.Client, assistant: Assistant
) -> None:
    body = {
        "assistant_id": assistant.id,
        "thread": {"messages": [{"role": "user", "content": "What is 2 + 2?"}]},
    }
    with Frames(http, "/v1/threads/runs", body) as stream:
        worker = Worker(the_run().id)
        worker.answer("It ", "is 4.")
        worker.complete()
        frames = stream.read()
    names = [name for name, _ in frames]
    assert names == ["thread.created", *BEGIN, *ANSWER, "thread.run.completed", "done"]
    assert json.loads(frames[0][1])["object"] == "thread"


def test_a_stream_tells_of_its_own_run_only(
    http: httpx2.Client, client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    first = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    worker = Worker(first.id)
    worker.answer("Before.", " ")
    worker.complete()
    body = {
        "assistant_id": assistant.id,
        "additional_messages": [{"role": "user", "content": "Again."}],
    }
    (earlier,) = client.beta.threads.messages.list(thread.id, run_id=first.id).data
    with Frames(http, f"/v1/threads/{thread.id}/runs", body) as stream:
        client.beta.threads.messages.update(
            earlier.id, thread_id=thread.id, metadata={"read": "yes"}
        )
        client.beta.threads.update(thread.id, metadata={"title": "Sums"})
        worker = Worker(the_run().id)
        worker.answer("It ", "is 4.")
        worker.complete()
        frames = stream.read()
    assert [name for name, _ in frames] == [*BEGIN, *ANSWER, "thread.run.completed", "done"]


def test_a_failed_run_streams_its_error(
    client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        worker = Worker(the_run().id)
        _, message = worker.begin_message()
        worker.say(message, "It is", first=True)
        worker.fail("The model does not answer.")
        events = [event.event for event in stream]
        run = stream.get_final_run()
    assert events[-3:] == [
        "thread.message.incomplete",
        "thread.run.step.failed",
        "thread.run.failed",
    ]
    assert run.last_error is not None
    assert run.last_error.message == "The model does not answer."


def test_a_cancelled_run_ends_its_stream(
    http: httpx2.Client, client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    with run_on(http, thread, assistant) as stream:
        run = the_run()
        worker = Worker(run.id)
        _, message = worker.begin_message()
        worker.say(message, "It is", first=True)
        client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
        worker.let_go()
        names = [name for name, _ in stream.read()]
    assert names[-5:] == [
        "thread.run.cancelling",
        "thread.message.incomplete",
        "thread.run.step.cancelled",
        "thread.run.cancelled",
        "done",
    ]


def test_a_refused_run_is_no_stream(
    http: httpx2.Client, client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    body = {"assistant_id": assistant.id, "stream": True}
    response = http.post(f"/v1/threads/{thread.id}/runs", json=body)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json"
    assert "already has an active run" in response.json()["error"]["message"]


def test_azure_streams_as_well(azure: AzureOpenAI, assistant: Assistant, thread: Thread) -> None:
    with azure.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        worker = Worker(the_run().id)
        worker.answer("It ", "is 4.")
        worker.complete()
        assert "".join(stream.text_deltas) == "It is 4."


@pytest.mark.parametrize("text", ["a\u2028b\u2029c\x85d", "line\nline\r\nend\r", "𝔘 🌍 你好 \x1e"])
def test_no_character_of_the_text_breaks_a_frame(
    client: OpenAI, http: httpx2.Client, assistant: Assistant, thread: Thread, text: str
) -> None:
    with run_on(http, thread, assistant) as stream:
        worker = Worker(the_run().id)
        worker.answer(text)
        worker.complete()
        lines = list(stream.response.iter_lines())
    deltas = [line for line in lines if "thread.message.delta" in line]
    assert deltas[0] == "event: thread.message.delta"
    (part,) = json.loads(deltas[1].removeprefix("data: "))["delta"]["content"]
    assert part["text"]["value"] == text


def test_a_silent_stream_gives_a_sign_of_life(
    http: httpx2.Client, assistant: Assistant, thread: Thread, impatient: None
) -> None:
    with run_on(http, thread, assistant) as stream:
        time.sleep(0.5)
        worker = Worker(the_run().id)
        worker.answer("It ", "is 4.")
        worker.complete()
        frames = stream.read()
    assert ("", ": ping") in frames
    told = [name for name, _ in frames if name]
    assert told == [*BEGIN, *ANSWER, "thread.run.completed", "done"]


def test_events_that_were_lost_come_from_the_database(
    http: httpx2.Client,
    assistant: Assistant,
    thread: Thread,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with run_on(http, thread, assistant) as stream:
        worker = Worker(the_run().id)
        step, message = worker.begin_message()
        worker.say(message, "It ", first=True)
        worker.say(message, "is 4.", first=False)
        with monkeypatch.context() as lost:
            lost.setattr(log, "_append", lambda *_: None)
            worker.finish_message(step, message, "It is 4.")
            worker.complete()
        frames = stream.read()
    told = [name for name, _ in frames if name]
    # A look at the database may have come before the second piece was read.
    assert told == [*BEGIN, *ANSWER, "thread.run.completed", "done"]
    pieces = [json.loads(data) for name, data in frames if name == "thread.message.delta"]
    said = [piece["delta"]["content"][0]["text"]["value"] for piece in pieces]
    assert "".join(said) == "It is 4."


def test_what_the_log_lost_of_a_message_comes_before_its_end(
    http: httpx2.Client, assistant: Assistant, thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_on(http, thread, assistant) as stream:
        worker = Worker(the_run().id)
        step, message = worker.begin_message()
        worker.say(message, "It ", first=True)
        worker.finish_message(step, message, "It is 4.")
        worker.complete()
        frames = stream.read()
    assert [name for name, _ in frames] == [*BEGIN, *ANSWER, "thread.run.completed", "done"]
    rest = json.loads(frames[8][1])["delta"]["content"]
    assert rest == [{"index": 0, "type": "text", "text": {"value": "is 4."}}]


def test_a_stream_whose_place_is_lost_goes_on_from_the_database(
    http: httpx2.Client,
    assistant: Assistant,
    thread: Thread,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tip = log.tip
    places = iter(["1-1"])
    monkeypatch.setattr(log, "tip", lambda thread_id: next(places, None) or tip(thread_id))
    with run_on(http, thread, assistant) as stream:
        worker = Worker(the_run().id)
        worker.answer("It ", "is 4.")
        worker.complete()
        told = [name for name, _ in stream.read() if name]
    kept = [name for name in told if name.endswith((".created", ".completed", "done"))]
    assert "thread.message.completed" in kept
    assert kept.count("thread.run.completed") == 1
    assert kept[-1] == "done"


def test_a_reader_too_slow_for_its_queue_misses_nothing(
    http: httpx2.Client,
    assistant: Assistant,
    thread: Thread,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hubs, "QUEUE_SIZE", 3)
    pieces = [f"{number} " for number in range(200)]
    with run_on(http, thread, assistant) as stream:
        worker = Worker(the_run().id)
        worker.answer(*pieces)
        worker.complete()
        frames = stream.read()
    said = [
        json.loads(data)["delta"]["content"][0]["text"]["value"]
        for name, data in frames
        if name == "thread.message.delta"
    ]
    assert said == pieces
    assert frames[-2][0] == "thread.run.completed"


def test_a_reader_who_leaves_leaves_nothing_behind_and_the_run_goes_on(
    http: httpx2.Client, client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    await_followers(0)  # those of earlier tests
    with run_on(http, thread, assistant) as stream:
        run = the_run()
        lines = stream.response.iter_lines()
        assert next(lines) == "event: thread.run.created"
        await_followers(1)
    await_followers(0)
    worker = Worker(run.id)
    worker.answer("It ", "is 4.")
    worker.complete()
    assert client.beta.threads.runs.retrieve(run.id, thread_id=thread.id).status == "completed"


def test_the_end_of_the_thread_ends_the_stream_with_an_error(
    client: OpenAI, assistant: Assistant, thread: Thread
) -> None:
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        client.beta.threads.delete(thread.id)
        with pytest.raises(APIError, match=f"No thread found with id '{thread.id}'"):
            stream.until_done()
    assert Message.objects.count() == 0


def await_followers(number: int) -> None:
    deadline = time.monotonic() + 5
    while sum(hub.followers for hub in hubs._hubs.values()) != number:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("pieces", [[], ["Half an "], ["Half an ", "answer"]])
def test_the_sdks_handler_survives_a_message_whose_text_was_lost_with_redis(
    client: OpenAI, assistant: Assistant, thread: Thread, redis_url: str, pieces: list[str]
) -> None:
    with client.beta.threads.runs.stream(
        thread_id=thread.id, assistant_id=assistant.id, event_handler=AssistantEventHandler()
    ) as stream:
        worker = Worker(the_run().id)
        worker.answer_with_figure("file-1", "Look.")
        _, message = worker.begin_message()
        for number, piece in enumerate(pieces):
            worker.say(message, piece, first=number == 0)
        events = iter(stream)
        while next(events).event != (
            "thread.message.delta" if pieces else "thread.message.created"
        ):
            pass
        with redis.Redis.from_url(redis_url) as server:
            server.delete(log.key(thread.id))
        Run.objects.update(lease_until=clock.now() - timedelta(seconds=1))
        assert sweep.reap() == 1
        for _ in events:
            pass
        run = stream.get_final_run()
    assert run.status == "failed"
    (part,) = client.beta.threads.messages.retrieve(message.id, thread_id=thread.id).content
    assert part.to_dict()["text"] == {"value": "", "annotations": []}


def test_a_message_that_came_from_the_database_is_heard_as_text(
    client: OpenAI,
    assistant: Assistant,
    thread: Thread,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        worker = Worker(the_run().id)
        with monkeypatch.context() as lost:
            lost.setattr(log, "_append", lambda *_: None)
            worker.answer("It ", "is 4.")
            worker.complete()
        assert "".join(stream.text_deltas) == "It is 4."


def test_a_message_whose_beginning_was_lost_begins_before_its_first_piece(
    client: OpenAI, assistant: Assistant, thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    with client.beta.threads.runs.stream(
        thread_id=thread.id, assistant_id=assistant.id, event_handler=AssistantEventHandler()
    ) as stream:
        worker = Worker(the_run().id)
        with monkeypatch.context() as lost:
            lost.setattr(log, "_append", lambda *_: None)
            step, message = worker.begin_message()
        worker.say(message, "It ", first=True)
        events = iter(stream)
        told: list[str] = []
        while told[-1:] != ["thread.message.delta"]:
            told.append(next(events).event)
        worker.say(message, "is 4.", first=False)
        worker.finish_message(step, message, "It is 4.")
        worker.complete()
        told += [event.event for event in events]
    assert told == [*BEGIN, *ANSWER, "thread.run.completed"]


def test_a_step_whose_end_was_lost_ends_before_the_next_begins(
    http: httpx2.Client, assistant: Assistant, thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_on(http, thread, assistant) as stream:
        worker = Worker(the_run().id)
        step = steps.begin_tool_calls(worker.run)
        with monkeypatch.context() as lost:
            lost.setattr(log, "_append", lambda *_: None)
            steps.finish_tool_calls(worker.run, step, [], USAGE, {}, {})
        worker.answer("It ", "is 4.")
        worker.complete()
        frames = stream.read()
    called = [f"thread.run.step.{state}" for state in ("created", "in_progress", "completed")]
    told = [name for name, _ in frames if not name.endswith("delta")]
    answered = [name for name in ANSWER if not name.endswith("delta")]
    assert told == [*BEGIN, *called, *answered, "thread.run.completed", "done"]


def test_an_answer_that_ends_during_a_look_at_the_database_ends_before_its_step(
    http: httpx2.Client, assistant: Assistant, thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, whole = threading.Event(), threading.Event()
    in_bulk = QuerySet.in_bulk

    def look(rows: "QuerySet[Any]", *ids: Any, **how: Any) -> Any:
        found = in_bulk(rows, *ids, **how)
        if rows.model is Message:
            looking.set()
            assert whole.wait(15)
        return found

    with run_on(http, thread, assistant) as stream:
        worker = Worker(the_run().id)
        monkeypatch.setattr(QuerySet, "in_bulk", look)
        before = steps.begin_tool_calls(worker.run)
        with monkeypatch.context() as lost:
            lost.setattr(log, "_append", lambda *_: None)
            steps.finish_tool_calls(worker.run, before, [], USAGE, {}, {})
        step, message = worker.begin_message()
        assert looking.wait(15)
        worker.say(message, "It is 4.", first=True)
        worker.finish_message(step, message, "It is 4.")
        worker.complete()
        whole.set()
        told = [name for name, _ in stream.read() if not name.endswith("delta")]
    assert told[-4:] == [
        "thread.message.completed",
        "thread.run.step.completed",
        "thread.run.completed",
        "done",
    ]


def test_pieces_of_a_message_that_nobody_knows_are_left_out(
    http: httpx2.Client, assistant: Assistant, thread: Thread
) -> None:
    with run_on(http, thread, assistant) as stream:
        worker = Worker(the_run().id)
        nobodys = Message(thread_id=thread.id, role="assistant")
        worker.say(nobodys, "Boo", first=True)
        worker.answer("It ", "is 4.")
        worker.complete()
        frames = stream.read()
    # A look at the database may have found the answer whole.
    pieces = [json.loads(data) for name, data in frames if name == "thread.message.delta"]
    said = [piece["delta"]["content"][0]["text"]["value"] for piece in pieces]
    assert "".join(said) == "It is 4."
    assert frames[-2][0] == "thread.run.completed"


def test_a_piece_that_was_lost_in_the_middle_is_not_made_up_for_at_the_end(
    http: httpx2.Client, assistant: Assistant, thread: Thread
) -> None:
    with run_on(http, thread, assistant) as stream:
        worker = Worker(the_run().id)
        step, message = worker.begin_message()
        worker.say(message, "It ", first=True)
        worker.say(message, "4.", first=False)
        worker.finish_message(step, message, "It is 4.")
        worker.complete()
        frames = stream.read()
    assert [name for name, _ in frames] == [*BEGIN, *ANSWER, "thread.run.completed", "done"]
    assert json.loads(frames[-4][1])["content"][0]["text"]["value"] == "It is 4."
