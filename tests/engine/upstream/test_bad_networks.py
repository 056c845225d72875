"""What networks and servers do wrong: a run is created there once all the same, ends here within
its deadline, and says whose fault it was.
"""

import time
from datetime import timedelta
from typing import Any

import pytest
from openai import OpenAI
from pytest_django import Settings

from assistants.engine.host import Host
from assistants.engine.upstream import beginning
from assistants.models import ModelProvider, Run, RunStatus, UpstreamFile, clock
from assistants.operations import connections, messages, runs, sweep, upstream_mirrors
from assistants.params import MessageCreate, ToolOutputsSubmit, validate
from tests.chat_server import Gate, text, tool_call
from tests.chat_server import until as opened
from tests.engine.conftest import settled
from tests.engine.upstream.conftest import connected, living_there
from tests.engine.upstream.test_mirrored_runs import WEATHER, asked, mirror
from tests.factories import make_file, make_project, make_run, make_thread
from tests.proxy import (
    Proxy,
    answer,
    cut_answer,
    cut_request,
    cut_stream,
    delay,
    garble,
    unstreamed,
)
from tests.stack import Stack
from tests.until import until

pytestmark = [
    pytest.mark.usefixtures("host"),
    pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning"),
]

CREATE = r"^/v1/threads/[^/]+/runs$"
NO_STREAMS = {"error": {"message": "Unknown parameter: 'stream'."}}
LOOK = r"^/v1/threads/[^/]+/runs/[^/]+$"


@pytest.fixture(autouse=True)
def impatient(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long."""
    settings.CHAT_RETRY_SECONDS = 3
    monkeypatch.setattr(beginning, "SETTLING_SECONDS", 0.5)


def is_whole(run: Run, there: OpenAI, words: str) -> None:
    """It has its one answer, and there is one run of it there, with as many messages."""
    assert run.status == RunStatus.COMPLETED, run.last_error
    thread_there, run_there = mirror(run)
    created = there.beta.threads.runs.list(thread_there).data
    assert [one.id for one in created] == [run_there]
    said = there.beta.threads.messages.list(thread_there, order="asc").data
    assert [one.role for one in said] == ["user", "assistant"]
    assert [message.role for message in run.thread.messages.oldest_first()] == ["user", "assistant"]
    assert run.thread.messages.newest_first()[0].text == words


@pytest.mark.parametrize(
    "method, path, rule",
    [
        pytest.param("POST", CREATE, cut_answer(), id="created, and nobody heard"),
        pytest.param("POST", CREATE, cut_request(), id="never heard of it"),
        pytest.param("POST", CREATE, garble(), id="created, and what was heard is nothing"),
        pytest.param("POST", CREATE, answer(500, {}), id="failed to create"),
        pytest.param("POST", CREATE, answer(429, {}, Retry_After="0.2"), id="too many at once"),
        pytest.param("POST", CREATE, delay(0.7), id="slow to create"),
        pytest.param("POST", CREATE, answer(400, NO_STREAMS), id="knows no streams"),
        pytest.param("POST", CREATE, cut_stream(b"word word"), id="broken off in the answer"),
        pytest.param("POST", CREATE, cut_stream(b"thread.run.created"), id="broken off at once"),
        pytest.param("POST", r"/messages$", cut_answer(), id="message sent, and nobody heard"),
        pytest.param("POST", r"/v1/threads$", cut_answer(), id="thread made, and nobody heard"),
        pytest.param("GET", LOOK, garble(), id="nonsense once"),
        pytest.param("GET", LOOK, answer(503, {}), id="away for a moment"),
        pytest.param("GET", r"/steps", cut_answer(), id="steps are cut"),
    ],
)
def test_a_run_is_created_once_and_copied_whole(
    method: str, path: str, rule: Any, row: ModelProvider, there: OpenAI, stack: Stack, proxy: Proxy
) -> None:
    words = "word " * 20 + "end."
    stack.chat.when("Hi", [text(words)])
    proxy.on(method, path, rule)
    run = settled(asked(living_there(row, there), "Hi"), 20)

    is_whole(run, there, words)


@pytest.mark.parametrize(
    "path, rule, said",
    [
        (LOOK, garble(), "sent what is no answer of the Assistants API"),
        (LOOK, cut_request(), "closed the connection without an answer"),
        (r"/steps", answer(500, {"error": {"message": "Out of paper."}}), "(500): Out of paper."),
        (LOOK, answer(302, {}, Location="http://127.0.0.1:1/"), "points to another address"),
    ],
)
def test_a_server_that_does_not_come_back_fails_the_run_and_is_named(
    path: str,
    rule: Any,
    said: str,
    row: ModelProvider,
    there: OpenAI,
    stack: Stack,
    proxy: Proxy,
    settings: Settings,
) -> None:
    settings.CHAT_RETRY_SECONDS = 1
    stack.chat.otherwise(text("Never heard."))
    proxy.on("GET", path, rule, times=99)
    begun = time.monotonic()
    run = settled(asked(living_there(row, there), "Hi"), 20)

    assert run.status == RunStatus.FAILED
    assert run.last_error["message"].startswith("Team server")
    assert said in run.last_error["message"]
    assert time.monotonic() - begun < 10


def test_a_server_that_is_gone_fails_the_run_and_is_named(
    row: ModelProvider, there: OpenAI, stack: Stack, settings: Settings
) -> None:
    settings.CHAT_RETRY_SECONDS = 1
    assistant = living_there(row, there)
    ModelProvider.objects.filter(pk=row.pk).update(base_url="http://127.0.0.1:9/v1")
    run = settled(asked(assistant, "Hi"), 20)

    assert run.status == RunStatus.FAILED
    assert run.last_error["message"].startswith("Team server refused the connection")


def test_a_run_whose_time_is_over_expires_here_and_is_cancelled_there(
    row: ModelProvider, there: OpenAI, stack: Stack, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    stack.chat.when("late", [opened(gate), text("Too late.")])
    monkeypatch.setattr(runs, "EXPIRES_AFTER", timedelta(seconds=2))
    run = settled(asked(living_there(row, there), "late"), 20)

    assert run.status == RunStatus.EXPIRED
    assert upstream_mirrors.left_running() == 1
    host.end_upstream(run.id)
    thread_there, run_there = mirror(run)
    until(
        lambda: (
            there.beta.threads.runs.retrieve(run_there, thread_id=thread_there).status
            == "cancelled"
        ),
        "it goes on there",
    )
    gate.open()
    until(lambda: upstream_mirrors.left_running() == 0, "nobody takes note of it")


def test_the_server_says_how_soon_it_is_asked_again(
    row: ModelProvider, there: OpenAI, stack: Stack, proxy: Proxy
) -> None:
    stack.chat.when("patient", [text("word " * 10, rate=20)])
    proxy.on("POST", CREATE, unstreamed())
    active = {
        "id": "run_x", "thread_id": "thread_x", "status": "in_progress", "object": "thread.run"
    }  # fmt: skip
    proxy.on("GET", LOOK, answer(200, active, openai_poll_after_ms="1200"))
    begun = time.monotonic()
    run = settled(asked(living_there(row, there), "patient"), 20)

    assert run.status == RunStatus.COMPLETED, run.last_error
    assert time.monotonic() - begun > 1.2
    assert proxy.count("GET", LOOK) == 2


def test_a_key_is_told_to_nobody(
    row: ModelProvider,
    there: OpenAI,
    stack: Stack,
    proxy: Proxy,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assistant = living_there(row, there)
    body = {"error": {"message": f"The key {stack.api_key} is not mine."}}
    proxy.on("POST", r"/v1/threads$", answer(401, body))
    run = settled(asked(assistant, "Hi"), 20)

    assert run.status == RunStatus.FAILED
    assert "[key] is not mine. Check the key of this provider." in run.last_error["message"]
    assert stack.api_key not in caplog.text
    assert stack.api_key not in repr(connections.tried(row.project, _given(row), row))


def _given(row: ModelProvider) -> connections.Connection:
    return connections.Connection("assistants", row.label, row.base_url)


def test_a_file_of_another_project_is_never_named(
    row: ModelProvider, there: OpenAI, stack: Stack, proxy: Proxy
) -> None:
    stack.chat.when("Hi", [text("Never heard.")])
    theirs = make_file(make_project("Strangers"), "secret")
    image: Any = {"type": "image_file", "image_file": {"file_id": theirs.id}}
    said = {"id": "msg_1", "status": "completed", "content": [image]}
    proxy.on("POST", CREATE, unstreamed())
    proxy.on("GET", r"/messages/[^/]+$", answer(200, said))
    run = settled(asked(living_there(row, there), "Hi"), 20)

    assert run.status == RunStatus.COMPLETED, run.last_error
    (part,) = run.thread.messages.newest_first()[0].content
    assert part["image_file"]["file_id"] == "file-notcopied"


# Workers that die


def die(host: Host, run: Run) -> None:
    """The worker says no more about the run, as one that was killed, and is found out."""
    host._loop.call_soon_threadsafe(host._interrupt, run.id, "lost")
    until(lambda: run.id not in host._active, "it goes on")
    Run.objects.filter(pk=run.pk).update(lease_until=clock.now() - timedelta(minutes=1))
    assert sweep.reap() == 1


def test_a_worker_that_dies_before_it_hears_of_the_run_leaves_it_to_be_found(
    row: ModelProvider, there: OpenAI, stack: Stack, proxy: Proxy, host: Host
) -> None:
    stack.chat.when("Hi", [text("Here.")])
    assistant = living_there(row, there)
    proxy.on("POST", CREATE, _created_then_silent())
    run = asked(assistant, "Hi")
    until(lambda: proxy.count("POST", CREATE), "it is not created")
    until(lambda: stack.chat.requests, "it does not begin")
    die(host, run)
    run = settled(run, 20)

    is_whole(run, there, "Here.")
    assert proxy.count("POST", CREATE) == 1


def test_a_worker_that_dies_in_the_middle_is_followed_by_another(
    row: ModelProvider, there: OpenAI, stack: Stack, proxy: Proxy, host: Host
) -> None:
    gate = Gate()
    stack.chat.when("Hi", [text("First words. "), opened(gate), text("Last words.")])
    run = asked(living_there(row, there), "Hi")
    until(lambda: run.thread.messages.filter(role="assistant").exists(), "nothing is said")
    die(host, run)
    gate.open()
    run = settled(run, 20)

    is_whole(run, there, "First words. Last words.")
    assert run.steps.count() == 1
    assert proxy.count("POST", CREATE) == 1


def moved(row: ModelProvider, stack: Stack, other: Proxy) -> None:
    """Somebody enters another address for the server."""
    given = connections.Connection(
        "assistants", "Team server", f"{other.url}/v1", api_key=stack.api_key
    )
    connections.change(ModelProvider.objects.get(pk=row.pk), given)


def test_a_run_that_was_asked_for_is_not_asked_for_again_at_another_address(
    row: ModelProvider, there: OpenAI, stack: Stack, proxy: Proxy, host: Host
) -> None:
    stack.chat.when("Hi", [text("Here.")])
    assistant = living_there(row, there)
    proxy.on("POST", CREATE, _created_then_silent())
    run = asked(assistant, "Hi")
    until(lambda: proxy.count("POST", CREATE), "it is not created")
    until(lambda: stack.chat.requests, "it does not begin")
    with Proxy(stack.url) as other:
        moved(row, stack, other)
        die(host, run)
        run = settled(run, 20)
        host.end_upstream(run.id)
        until(lambda: upstream_mirrors.to_end(run.id) is None, "it is looked for still")

        assert run.status == RunStatus.FAILED
        assert run.last_error["message"] == (
            "Team server has another address now than when the run was created there, so it "
            "cannot go on. Run again."
        )
        assert other.seen == []


def test_a_run_goes_on_where_it_began_and_the_next_at_the_other_address(
    row: ModelProvider, there: OpenAI, stack: Stack, proxy: Proxy, host: Host
) -> None:
    gate = Gate()
    stack.chat.when("Hi", [opened(gate), text("Here.")])
    assistant = living_there(row, there)
    run = asked(assistant, "Hi")
    until(lambda: mirror(run)[1], "it is not created")
    with Proxy(stack.url) as other:
        moved(row, stack, other)
        gate.open()
        run = settled(run, 20)
        is_whole(run, there, "Here.")
        assert other.seen == []
        again = settled(make_run(run.thread, assistant), 20)

        assert again.status == RunStatus.COMPLETED, again.last_error
        assert mirror(again)[0] != mirror(run)[0]
        assert other.count("POST", r"/messages$") == 2
        assert other.count("POST", CREATE) == 1


def test_outputs_are_handed_in_by_the_next_worker_where_one_has_died(
    row: ModelProvider, there: OpenAI, stack: Stack, proxy: Proxy, host: Host
) -> None:
    gate = Gate()
    call = tool_call("weather", {"city": "Oslo"})
    stack.chat.when("weather", [call], [opened(gate), text("It rains.")])
    run = settled(asked(living_there(row, there, tools=[WEATHER]), "weather"))
    calls = run.required_action["submit_tool_outputs"]["tool_calls"]
    outputs = [{"tool_call_id": one["id"], "output": "rain"} for one in calls]
    proxy.on("POST", r"/submit_tool_outputs$", cut_answer())
    runs.submit_tool_outputs(run, validate(ToolOutputsSubmit, {"tool_outputs": outputs}))
    until(lambda: proxy.count("POST", r"/submit_tool_outputs$"), "they are not handed in")
    die(host, run)
    gate.open()
    run = settled(run, 20)

    is_whole(run, there, "It rains.")
    assert run.steps.count() == 2
    assert proxy.count("POST", CREATE) == 1


def test_a_thread_that_was_deleted_there_is_made_anew(
    row: ModelProvider, there: OpenAI, stack: Stack
) -> None:
    stack.chat.when("One", [text("First.")])
    assistant = living_there(row, there)
    run = settled(asked(assistant, "One"))
    there.beta.threads.delete(mirror(run)[0])
    again = settled(make_run(run.thread, assistant))

    assert again.status == RunStatus.COMPLETED, again.last_error
    said = there.beta.threads.messages.list(mirror(again)[0], order="asc").data
    assert [one.role for one in said] == ["user", "assistant", "assistant"]


def test_a_file_that_was_deleted_there_is_sent_again(
    row: ModelProvider, there: OpenAI, stack: Stack, proxy: Proxy
) -> None:
    stack.chat.when("Hi", [text("Read.")])
    file = make_file(None, "mine", "mine.txt")
    gone = there.files.create(file=("mine.txt", b"mine"), purpose="assistants").id
    there.files.delete(gone)
    UpstreamFile.objects.create(provider=row, file=file, upstream_id=gone)
    assistant = living_there(row, there, tools=[{"type": "code_interpreter"}])
    thread = make_thread()
    tools = [{"type": "code_interpreter"}]
    attached = [{"file_id": file.id, "tools": tools}]
    body = {"role": "user", "content": "Hi", "attachments": attached}
    messages.create(thread, validate(MessageCreate, body))
    run = settled(make_run(thread, assistant), 30)

    assert run.status == RunStatus.COMPLETED, run.last_error
    known = UpstreamFile.objects.get(provider=row, file=file).upstream_id
    assert known != gone
    assert there.files.retrieve(known).filename == "mine.txt"


def test_an_azure_style_address_is_spoken_to_as_azure_is(
    transactional_db: None, there: OpenAI, stack: Stack, proxy: Proxy
) -> None:
    stack.chat.when("Hi", [text("By way of Azure.")])
    row = connected(stack, proxy, base_url=proxy.url, api_version="2024-05-01-preview")
    run = settled(asked(living_there(row, there), "Hi"))

    is_whole(run, there, "By way of Azure.")
    assert proxy.count("POST", r"^/openai/threads/[^/]+/runs$") == 1


def _created_then_silent() -> Any:
    """The server creates it; the answer does not come while anybody waits."""
    import asyncio

    async def run(passage: Any) -> Any:
        await passage.forward()
        await asyncio.sleep(30)
        return await answer(500, {})(passage)

    return run
