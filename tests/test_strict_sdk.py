"""OpenAI's package for Python, told to believe nothing: it holds every answer of every operation
against its own types. (Those of vector stores: ``tests/api/test_vector_store_files.py``.)

Where the service sends null and the package's types have text, as for a run without instructions,
the recordings are right; so everything has its text here.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from tests.stack import Stack

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@pytest.fixture
def strict(stack: Stack) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=f"{stack.url}/v1",
        api_key=stack.api_key,
        max_retries=0,
        _strict_response_validation=True,
    ) as made:
        yield made


def test_files_and_models(strict: OpenAI) -> None:
    made = strict.files.create(
        file=("größe.txt", b"97 metres"),
        purpose="assistants",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert strict.files.retrieve(made.id) == made
    assert made in list(strict.files.list(purpose="assistants"))
    assert strict.files.content(made.id).read() == b"97 metres"
    assert strict.files.delete(made.id).deleted
    assert strict.models.retrieve("demo") in list(strict.models.list())


def test_assistants_threads_and_messages(strict: OpenAI) -> None:
    beta = strict.beta
    assistant = beta.assistants.create(
        model="demo",
        name="Strict",
        description="Everything set",
        instructions="Answer.",
        tools=[{"type": "code_interpreter"}, {"type": "file_search"}, WEATHER],
        temperature=0.5,
        top_p=0.5,
        metadata={"a": "1"},
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": {}}},
    )
    assert beta.assistants.retrieve(assistant.id) == assistant
    assert beta.assistants.update(assistant.id, name="Stricter").name == "Stricter"
    assert assistant.id in [found.id for found in beta.assistants.list()]
    thread = beta.threads.create(messages=[{"role": "user", "content": "What is 6 * 7?"}])
    assert beta.threads.retrieve(thread.id).id == thread.id
    assert beta.threads.update(thread.id, metadata={"b": "2"}).metadata == {"b": "2"}
    file = strict.files.create(file=("a.txt", b"1"), purpose="assistants")
    message = beta.threads.messages.create(
        thread.id,
        role="user",
        content=[
            {"type": "text", "text": "And this?"},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        ],
        attachments=[{"file_id": file.id, "tools": [{"type": "code_interpreter"}]}],
    )
    assert beta.threads.messages.retrieve(message.id, thread_id=thread.id) == message
    changed = beta.threads.messages.update(message.id, thread_id=thread.id, metadata={"c": "3"})
    assert changed.metadata == {"c": "3"}
    assert len(list(beta.threads.messages.list(thread.id))) == 2
    assert beta.threads.messages.delete(message.id, thread_id=thread.id).deleted
    assert beta.threads.delete(thread.id).deleted
    assert beta.assistants.delete(assistant.id).deleted


def test_runs_and_their_steps(strict: OpenAI) -> None:
    threads = strict.beta.threads
    assistant = strict.beta.assistants.create(
        model="demo", instructions="Compute.", tools=[{"type": "code_interpreter"}]
    )
    run = threads.create_and_run_poll(
        assistant_id=assistant.id,
        thread={"messages": [{"role": "user", "content": "What is 6 * 7?"}]},
    )
    thread_id = run.thread_id
    assert run.status == "completed"
    assert threads.runs.retrieve(run.id, thread_id=thread_id) == run
    assert threads.runs.update(run.id, thread_id=thread_id, metadata={"d": "4"}).metadata
    assert [found.id for found in threads.runs.list(thread_id)] == [run.id]
    steps = list(threads.runs.steps.list(run.id, thread_id=thread_id))
    assert {step.type for step in steps} == {"tool_calls", "message_creation"}
    for step in steps:
        found = threads.runs.steps.retrieve(step.id, run_id=run.id, thread_id=thread_id)
        assert found == step
    threads.messages.create(thread_id, role="user", content="What is 6 * 8?")
    with threads.runs.stream(thread_id=thread_id, assistant_id=assistant.id) as stream:
        stream.until_done()
        assert stream.get_final_run().status == "completed"

    waiting = threads.create_and_run_poll(
        assistant_id=assistant.id,
        tools=[WEATHER],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        thread={"messages": [{"role": "user", "content": "How is the weather in Paris?"}]},
    )
    assert waiting.required_action is not None
    (call,) = waiting.required_action.submit_tool_outputs.tool_calls
    ended = threads.runs.submit_tool_outputs_and_poll(
        run_id=waiting.id,
        thread_id=waiting.thread_id,
        tool_outputs=[{"tool_call_id": call.id, "output": "18 degrees"}],
    )
    assert ended.status == "completed"
    stopped = threads.create_and_run_poll(
        assistant_id=assistant.id,
        tools=[WEATHER],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        thread={"messages": [{"role": "user", "content": "How is the weather in Rome?"}]},
    )
    assert threads.runs.cancel(stopped.id, thread_id=stopped.thread_id).status in (
        "cancelling",
        "cancelled",
    )
