"""File search with models that call no tools: the question is searched for them, and they hear of
it in words.
"""

import threading
import time
from typing import Any

import pytest

from assistants.engine.file_search import FileSearch
from assistants.engine.toolless import in_words
from assistants.errors import Wire
from assistants.models import Assistant, Run, RunStatus, VectorStore
from assistants.operations import messages, query_rewriting, runs
from assistants.params import MessageCreate, RunCreate, validate
from tests.chat_server import ChatServer, error, text
from tests.engine.conftest import settled
from tests.engine.test_execute import WEATHER, assert_log_tells_the_truth
from tests.engine.test_file_search import (
    MARKER,
    TOOLS,
    answer,
    foods,
    impatient,
    results,
    search_step,
    started,
)

pytestmark = pytest.mark.usefixtures("host", "impatient")

__all__ = ["foods", "impatient"]

NO_TOOLS = error(400, "registry.ollama.ai/library/gemma does not support tools")


@pytest.fixture(autouse=True)
def asked_again() -> None:
    query_rewriting._quiet.end()


def sent(chat: ChatServer, number: int) -> Wire:
    body: Wire = chat.wait(number)[number - 1].body
    return body


def again(run: Run, words: str) -> Run:
    """Another question to the same assistant in the same thread, answered."""
    return settled(create(run, words))


def create(run: Run, words: str, **options: Any) -> Run:
    messages.create(run.thread, validate(MessageCreate, {"role": "user", "content": words}))
    assistant = Assistant.objects.get(pk=run.assistant_id)
    body = validate(RunCreate, {"assistant_id": assistant.id, **options})
    return runs.create(run.thread, assistant, body)


def test_the_question_is_searched_for_a_model_that_calls_no_tools_and_its_answer_cites(
    chat: ChatServer, foods: VectorStore
) -> None:
    chat.reply(NO_TOOLS)
    chat.reply(text(f"Cake{MARKER}."))
    run = settled(started(foods))
    assert run.status == RunStatus.COMPLETED, run.last_error
    assert [result["file_name"] for result in results(run)] == ["foods.txt"]
    told = sent(chat, 2)
    assert "tools" not in told
    assert all("tool_calls" not in said for said in told["messages"])
    (asked,) = (said for said in told["messages"] if said["role"] == "user")
    assert asked["content"].startswith("What does Filip like?\n\n[file_search(")
    assert MARKER in asked["content"]
    assert "Filip Carola: cake" in asked["content"]
    assert "copy the marker of that passage" in asked["content"]
    (cited,) = answer(run).content[0]["text"]["annotations"]
    assert cited["file_citation"]["quote"] == "- Filip Carola: cake"
    assert_log_tells_the_truth(run.thread)


def test_once_known_it_is_not_offered_tools_again_and_writes_the_query_of_what_follows(
    chat: ChatServer, foods: VectorStore
) -> None:
    for reply in (NO_TOOLS, text("Cake."), text('["Effie favorite food"]'), text("Pizza.")):
        chat.reply(reply)
    run = settled(started(foods))
    second = again(run, "And she?")
    assert second.status == RunStatus.COMPLETED, second.last_error
    (call,) = search_step(second).step_details["tool_calls"]
    queries = search_step(second).searches[call["id"]]["queries"]
    assert queries == ["And she?", "Effie favorite food"]
    assert "What does Filip like?" in sent(chat, 3)["messages"][-1]["content"]
    last = sent(chat, 4)
    roles = [said["role"] for said in last["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert "tools" not in last


def test_a_run_that_is_not_to_call_anything_is_asked_without_a_search(
    chat: ChatServer, foods: VectorStore
) -> None:
    chat.reply(NO_TOOLS)
    chat.reply(text("I like cake."))
    started_run = started(foods)
    settled(started_run)  # learns of it, with a search
    chat.reply(text("Hello."))
    run = settled(create(started_run, "Hi", tool_choice="none"))
    assert run.status == RunStatus.COMPLETED
    assert not run.steps.filter(type="tool_calls").exists()


def test_other_tools_need_a_model_that_calls_them(chat: ChatServer, foods: VectorStore) -> None:
    chat.otherwise(NO_TOOLS)
    run = settled(started(foods, tools=[*TOOLS, WEATHER]))
    assert run.status == RunStatus.FAILED
    assert "cannot call tools" in run.last_error["message"]


def test_a_model_that_refuses_for_ever_ends_the_run(chat: ChatServer, foods: VectorStore) -> None:
    chat.otherwise(NO_TOOLS)
    run = settled(started(foods))
    assert run.status == RunStatus.FAILED
    assert search_step(run).step_details["tool_calls"][0]["file_search"]["results"]


def test_calls_stand_in_words_at_the_end_of_the_message_before_them() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    said: list[Wire] = [
        {"role": "user", "content": [picture]},
        {"role": "assistant", "content": "Let me see.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": "Again"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
    ]
    gave = '[add({"a": 1}) gave:]\n2'
    assert in_words(said) == [
        {"role": "user", "content": [picture]},
        {"role": "assistant", "content": "Let me see."},
        {"role": "user", "content": gave},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": f"Again\n\n{gave}"},
    ]


@pytest.mark.parametrize(
    "words",
    [
        "Tool call validation failed: attempted to call tool 'json' which was not in request.tools",
        "No tool call found for function call output with call_id call_1.",
        "The server is overloaded and cannot process tool calls right now.",
    ],
)
def test_other_complaints_about_a_call_say_nothing_of_the_model(
    chat: ChatServer, foods: VectorStore, words: str
) -> None:
    chat.otherwise(error(400, words))
    run = settled(started(foods))
    assert run.status == RunStatus.FAILED
    assert words.rstrip(".") in run.last_error["message"]
    assert all("tools" in received.body for received in chat.requests)


def test_a_search_for_a_model_that_is_cancelled_keeps_its_step_as_it_was_told(
    chat: ChatServer, foods: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.otherwise(NO_TOOLS)
    searching = threading.Event()

    def slow(*_: Any) -> list[Any]:
        searching.set()
        time.sleep(1)
        return []

    monkeypatch.setattr(FileSearch, "_search", slow)
    run = started(foods)
    assert searching.wait(10)
    runs.cancel(run)
    assert settled(run).status == RunStatus.CANCELLED
    (call,) = search_step(run).step_details["tool_calls"]
    assert call["type"] == "file_search"
    assert_log_tells_the_truth(run.thread)
