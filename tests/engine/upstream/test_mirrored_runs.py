"""Runs that are executed on another Assistants server, streamed and polled, and what is here of
them in the end.
"""

import json
import time
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from openai import OpenAI

from assistants.events import log
from assistants.events.fold import fold
from assistants.models import Assistant, File, ModelProvider, Run, RunStatus
from assistants.operations import assistants, files, messages, runs
from assistants.params import AssistantUpdate, MessageCreate, ToolOutputsSubmit, validate
from tests.chat_server import Gate, text, tool_call, until
from tests.chat_server import error as refusing
from tests.engine.conftest import settled
from tests.engine.upstream.conftest import living_there
from tests.factories import make_file, make_project, make_run, make_thread
from tests.proxy import Passage, Proxy, Rule, answer, unstreamed
from tests.stack import Stack
from tests.until import until as settles

pytestmark = [
    pytest.mark.usefixtures("host"),
    pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning"),
]

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@pytest.fixture(params=["streamed", "polled"])
def way(request: pytest.FixtureRequest, proxy: Proxy) -> str:
    """How the worker hears of the run."""
    if request.param == "polled":
        proxy.on("POST", r"/runs$|/submit_tool_outputs$", unstreamed(), times=99)
    return str(request.param)


def asked(assistant: Assistant, words: str, **fields: Any) -> Run:
    return make_run(make_thread(None, words), assistant, **fields)


def mirror(run: Run) -> tuple[str, str]:
    """The ids of the thread and the run there."""
    run.refresh_from_db()
    return run.upstream.thread_upstream_id, run.upstream.upstream_id


def as_followed(run: Run) -> dict[str, Any]:
    """The messages of the run, as who followed its events knows them."""
    return fold(log.read(run.thread_id)).messages


def test_an_answer_is_copied_with_its_steps_and_its_usage(
    way: str, row: ModelProvider, there: OpenAI, stack: Stack, proxy: Proxy
) -> None:
    stack.chat.when("Hello", [text("Hello from upstairs, at your service.")])
    run = settled(asked(living_there(row, there), "Hello"))

    assert run.status == RunStatus.COMPLETED, run.last_error
    answer = run.thread.messages.newest_first()[0]
    assert answer.text == "Hello from upstairs, at your service."
    assert as_followed(run)[answer.id] == answer.to_dict()
    thread_there, run_there = mirror(run)
    original = there.beta.threads.runs.retrieve(run_there, thread_id=thread_there)
    assert run.usage["total_tokens"] == original.usage.total_tokens  # type: ignore[union-attr]
    (step,) = run.steps.all()
    assert step.status == "completed"
    assert step.usage["total_tokens"] == original.usage.total_tokens  # type: ignore[union-attr]
    deltas = [entry for entry in log.read(run.thread_id) if entry.name == "thread.message.delta"]
    assert deltas, "nothing was told while it was said"
    assert proxy.count("POST", r"/runs$") == 1


def test_a_conversation_goes_on_in_the_same_thread_there(
    way: str, row: ModelProvider, there: OpenAI, stack: Stack
) -> None:
    assistant = living_there(row, there)
    stack.chat.when("One", [text("First.")])
    stack.chat.when("Two", [text("Second.")])
    first = settled(asked(assistant, "One"))
    messages.create(first.thread, validate(MessageCreate, {"role": "user", "content": "Two"}))
    second = settled(make_run(first.thread, assistant, additional_instructions="Be brief."))

    assert second.status == RunStatus.COMPLETED, second.last_error
    assert mirror(first)[0] == mirror(second)[0]
    said = there.beta.threads.messages.list(mirror(second)[0], order="asc").data
    assert [one.content[0].text.value for one in said] == ["One", "First.", "Two", "Second."]  # type: ignore[union-attr]
    system = stack.chat.requests[-1].body["messages"][0]["content"]
    assert "Be brief." in system


def test_what_is_deleted_here_is_deleted_there_before_it_runs_again(
    row: ModelProvider, there: OpenAI, stack: Stack
) -> None:
    assistant = living_there(row, there)
    stack.chat.when("Again", [text("Said.")])
    run = settled(asked(assistant, "Again"))
    again, _ = runs.replace(run, assistant)
    again = settled(again)

    assert again.status == RunStatus.COMPLETED, again.last_error
    said = there.beta.threads.messages.list(mirror(again)[0]).data
    assert [one.role for one in said] == ["assistant", "user"]


def test_functions_pause_here_and_their_outputs_go_there(
    way: str, row: ModelProvider, there: OpenAI, stack: Stack, proxy: Proxy
) -> None:
    call = tool_call("weather", {"city": "Oslo"})
    stack.chat.when("weather", [call], [text("It rains in Oslo.")])
    run = settled(asked(living_there(row, there, tools=[WEATHER]), "weather"))

    assert run.status == RunStatus.REQUIRES_ACTION, run.last_error
    (pending,) = run.required_action["submit_tool_outputs"]["tool_calls"]
    assert json.loads(pending["function"]["arguments"]) == {"city": "Oslo"}
    outputs = {"tool_outputs": [{"tool_call_id": pending["id"], "output": "rain"}]}
    run = settled(runs.submit_tool_outputs(run, validate(ToolOutputsSubmit, outputs)))

    assert run.status == RunStatus.COMPLETED, run.last_error
    assert run.thread.messages.newest_first()[0].text == "It rains in Oslo."
    assert stack.chat.requests[-1].body["messages"][-1]["content"] == "rain"
    thread_there, run_there = mirror(run)
    original = there.beta.threads.runs.retrieve(run_there, thread_id=thread_there)
    assert run.usage["total_tokens"] == original.usage.total_tokens  # type: ignore[union-attr]
    assert proxy.count("POST", r"/runs$") == 1
    assert proxy.count("POST", r"/submit_tool_outputs$") == 1


def test_figures_and_files_that_code_makes_are_copied(
    way: str, row: ModelProvider, there: OpenAI, stack: Stack
) -> None:
    code = (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n"
        "open('/mnt/data/sums.csv', 'w').write('a,b\\n1,2\\n')\nprint('done')"
    )
    call = tool_call("code_interpreter", {"code": code})
    said = text("Here: [sums](sandbox:/mnt/data/sums.csv)")
    stack.chat.when("draw", [call], [said])
    assistant = living_there(row, there, tools=[{"type": "code_interpreter"}])
    run = settled(asked(assistant, "draw"), 60)

    assert run.status == RunStatus.COMPLETED, run.last_error
    first, _ = run.steps.oldest_first()
    (call_here,) = first.step_details["tool_calls"]
    assert call_here["code_interpreter"]["input"] == code
    kinds = {output["type"] for output in call_here["code_interpreter"]["outputs"]}
    assert kinds == {"logs", "image"}
    image, words = run.thread.messages.newest_first()[0].content
    drawn = File.objects.in_project(run.thread.project).get(pk=image["image_file"]["file_id"])
    with files.open_content(drawn) as content:
        assert content.read(4) == b"\x89PNG"
    (annotation,) = words["text"]["annotations"]
    saved = File.objects.in_project(run.thread.project).get(pk=annotation["file_path"]["file_id"])
    with files.open_content(saved) as content:
        assert content.read() == b"a,b\n1,2\n"
    assert saved.filename == "sums.csv"


def test_a_file_that_was_attached_here_is_searched_there_and_cited_here(
    row: ModelProvider, there: OpenAI, stack: Stack
) -> None:
    file = make_file(None, "The warehouse opens at seven in the morning.", "hours.txt")
    call = tool_call("file_search", {"queries": ["warehouse opens"]})
    stack.chat.when("opens", [call], [text("At seven【4:0†hours.txt】.")])
    assistant = living_there(row, there, tools=[{"type": "file_search"}])
    thread = make_thread()
    body = {
        "role": "user",
        "content": "When does it opens?",
        "attachments": [{"file_id": file.id, "tools": [{"type": "file_search"}]}],
    }
    messages.create(thread, validate(MessageCreate, body))
    run = settled(make_run(thread, assistant), 40)

    assert run.status == RunStatus.COMPLETED, run.last_error
    step = run.steps.oldest_first()[0]
    (result,) = step.step_details["tool_calls"][0]["file_search"]["results"]
    assert result["file_id"] == file.id
    (part,) = run.thread.messages.newest_first()[0].content
    cited = [one["file_citation"]["file_id"] for one in part["text"]["annotations"]]
    assert cited == [file.id]


def test_files_that_an_assistant_was_given_here_are_given_to_it_there(
    row: ModelProvider, there: OpenAI, stack: Stack
) -> None:
    native = there.files.create(file=("theirs.txt", b"theirs"), purpose="assistants").id
    assistant = living_there(
        row,
        there,
        tools=[{"type": "code_interpreter"}, {"type": "file_search"}],
        tool_resources={"code_interpreter": {"file_ids": [native]}},
    )
    mine, searched = make_file(None, "mine", "mine.txt"), make_file(None, "The key is red.", "k.md")
    given = {"tool_resources": {"code_interpreter": {"file_ids": [mine.id]}}}
    assistant = assistants.update(assistant, validate(AssistantUpdate, given))
    assistants.change_searched_files(assistant, [searched.id], [])
    stack.chat.when("Hi", [text("Hello.")])
    run = settled(asked(assistant, "Hi"), 30)

    assert run.status == RunStatus.COMPLETED, run.last_error
    resources = there.beta.assistants.retrieve(assistant.upstream.upstream_id).tool_resources
    assert resources is not None
    first, second = resources.code_interpreter.file_ids  # type: ignore[union-attr,misc]
    assert first == native
    assert there.files.content(second).read() == b"mine"
    (store_id,) = resources.file_search.vector_store_ids  # type: ignore[union-attr,misc]
    store = there.vector_stores.retrieve(store_id)
    assert (store.file_counts.completed, store.file_counts.total) == (1, 1)


def test_a_cancel_is_passed_on(way: str, row: ModelProvider, there: OpenAI, stack: Stack) -> None:
    gate = Gate()
    stack.chat.when("slowly", [text("One word. "), until(gate), text("Never said.")])
    run = asked(living_there(row, there), "slowly")
    stack.chat.wait(1)
    while not (run_there := mirror(run)[1]):
        time.sleep(0.02)
    runs.cancel(run)
    run = settled(run)
    gate.open()

    assert run.status == RunStatus.CANCELLED
    original = there.beta.threads.runs.retrieve(run_there, thread_id=mirror(run)[0])
    assert original.status == "cancelled"
    assert run.upstream.is_over


def test_a_cancel_is_asked_after_at_once_and_often(
    row: ModelProvider, there: OpenAI, stack: Stack, proxy: Proxy
) -> None:
    gate = Gate()
    stack.chat.when("slowly", [text("One word. "), until(gate), text("Never said.")])
    run = asked(living_there(row, there), "slowly")
    settles(lambda: mirror(run)[1], "it is not created")
    stack.chat.wait(1)
    looked: list[float] = []
    thread_there, run_there = mirror(run)
    told = {"id": run_there, "thread_id": thread_there, "status": "cancelling"}
    proxy.on("GET", rf"/runs/{run_there}$", noting(looked, answer(200, told)), times=5)
    runs.cancel(run)
    run = settled(run)
    gate.open()

    assert run.status == RunStatus.CANCELLED
    assert run.upstream.is_over
    # Who follows a run that goes on looks after 0.3 s at the soonest.
    assert min(after - before for before, after in pairwise(looked)) < 0.25


def noting(moments: list[float], rule: Rule) -> Rule:
    async def run(passage: Passage) -> web.StreamResponse:
        moments.append(time.monotonic())
        return await rule(passage)

    return run


def test_a_run_that_fails_there_says_so_in_the_words_of_that_server(
    way: str, row: ModelProvider, there: OpenAI, stack: Stack
) -> None:
    stack.chat.when("broken", [refusing(400, message="This model is closed today.")])
    run = settled(asked(living_there(row, there), "broken"))

    assert run.status == RunStatus.FAILED
    original = there.beta.threads.runs.retrieve(mirror(run)[1], thread_id=mirror(run)[0])
    assert original.last_error is not None
    assert run.last_error == original.last_error.to_dict()
    assert "This model is closed today." in run.last_error["message"]
    assert "thread.run.failed" in {entry.name for entry in log.read(run.thread_id)}


def test_a_run_goes_to_another_project_s_server_never(
    row: ModelProvider, there: OpenAI, stack: Stack
) -> None:
    assistant = living_there(row, there)
    stranger = make_project("Strangers")

    assert not ModelProvider.objects.in_project(stranger).exists()
    assert not Assistant.objects.in_project(stranger).filter(pk=assistant.pk).exists()
