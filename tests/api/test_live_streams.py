"""Streams of runs that the real worker executes, on the whole stack."""

import json
import re
from typing import Any

import httpx2
import pytest
from openai import AzureOpenAI, OpenAI

from assistants.events.fold import Fold
from tests.chat_server import parallel, text, tool_call
from tests.stack import Stack

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


@pytest.fixture(params=["openai", "azure"])
def client(stack: Stack, request: pytest.FixtureRequest) -> OpenAI:
    stack.chat.forget()
    if request.param == "openai":
        return OpenAI(api_key=stack.api_key, base_url=f"{stack.url}/v1", max_retries=0)
    return AzureOpenAI(
        api_key=stack.api_key,
        azure_endpoint=stack.url,
        api_version="2024-05-01-preview",
        max_retries=0,
    )


def without_dialect(found: Any) -> dict[str, Any]:
    wire: dict[str, Any] = found.to_dict()
    wire.pop("file_ids", None)
    return wire


def test_what_a_stream_told_is_what_the_api_shows(client: OpenAI) -> None:
    """Code that runs, a picture, a file and an answer, folded from the events alone."""
    assistant = client.beta.assistants.create(model="demo", tools=[{"type": "code_interpreter"}])
    run = None
    told = Fold()
    with client.beta.threads.create_and_run_stream(
        assistant_id=assistant.id,
        thread={"messages": [{"role": "user", "content": "Plot a sine wave"}]},
    ) as stream:
        for event in stream:
            told.apply(event.event, event.data.to_dict())
        run = stream.get_final_run()
    assert run.status == "completed"
    thread_id = run.thread_id
    runs = client.beta.threads.runs
    assert told.runs == {run.id: runs.retrieve(run.id, thread_id=thread_id).to_dict()}
    steps = runs.steps.list(run.id, thread_id=thread_id).data
    assert told.steps == {step.id: step.to_dict() for step in steps}
    messages = client.beta.threads.messages.list(thread_id, run_id=run.id).data
    assert told.messages == {message.id: without_dialect(message) for message in messages}
    assert messages[0].content[0].type == "image_file"
    picture = client.files.content(messages[0].content[0].image_file.file_id).read()
    assert picture.startswith(b"\x89PNG")


def test_a_function_is_called_and_answered_in_two_streams(client: OpenAI, stack: Stack) -> None:
    stack.chat.when(
        "weather", [tool_call("get_weather", {"city": "Oslo"})], [text("It is sunny in Oslo.")]
    )
    function: Any = {"type": "function", "function": {"name": "get_weather"}}
    assistant = client.beta.assistants.create(model="played", tools=[function])
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "The weather?"}])
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as asking:
        run = asking.get_final_run()
    assert run.required_action is not None
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    assert call.function.arguments == '{"city": "Oslo"}'
    with client.beta.threads.runs.submit_tool_outputs_stream(
        thread_id=thread.id,
        run_id=run.id,
        tool_outputs=[{"tool_call_id": call.id, "output": "sunny"}],
    ) as answering:
        said = "".join(answering.text_deltas)
        run = answering.get_final_run()
    assert said == "It is sunny in Oslo."
    assert run.status == "completed"


def test_each_parallel_call_opens_in_a_delta_by_itself(client: OpenAI, stack: Stack) -> None:
    """As a recording has it: first what names the call, with no arguments, then their pieces."""
    cities = ["Oslo", "Rome", "Bern"]
    calls = [tool_call("get_weather", {"city": city}) for city in cities]
    stack.chat.when("three", [parallel(*calls)])
    function: Any = {"type": "function", "function": {"name": "get_weather"}}
    assistant = client.beta.assistants.create(model="played", tools=[function])
    with client.beta.threads.create_and_run_stream(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "All three?"}]}
    ) as stream:
        deltas = [
            event.data.to_dict()["delta"]["step_details"]["tool_calls"]  # type: ignore[index]
            for event in stream
            if event.event == "thread.run.step.delta"
        ]
        run = stream.get_final_run()
    assert run.required_action is not None
    asked = run.required_action.submit_tool_outputs.tool_calls
    opening = [items for items in deltas if any("id" in item for item in items)]
    assert opening == [
        [
            {
                "index": place,
                "id": call.id,
                "type": "function",
                "function": {"name": "get_weather", "arguments": "", "output": None},
            }
        ]
        for place, call in enumerate(asked)
    ]
    assert [json.loads(call.function.arguments)["city"] for call in asked] == cities


def test_the_sdk_polls_a_run_to_its_end(client: OpenAI, stack: Stack) -> None:
    stack.chat.otherwise(text("Hello."))
    assistant = client.beta.assistants.create(model="played")
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hi"}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert run.status == "completed"
    (answer,) = client.beta.threads.messages.list(thread.id, run_id=run.id).data
    assert answer.content[0].to_dict()["text"] == {"value": "Hello.", "annotations": []}


def test_a_worker_s_numbers_are_told_by_the_web_server(client: OpenAI, stack: Stack) -> None:
    stack.chat.otherwise(text("Hello."))
    assistant = client.beta.assistants.create(model="played")
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hi"}])
    client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    token = {"Authorization": f"Bearer {stack.metrics_token}"}
    told = httpx2.get(f"{stack.url}/metrics", headers=token).text
    for name in ("run_first_token_seconds", "run_queue_seconds", "api_request_seconds"):
        (count,) = re.findall(rf"^playground_{name}_count (\S+)$", told, re.MULTILINE)
        assert float(count) >= 1, name


def test_a_model_is_told_what_its_code_may_import(client: OpenAI, stack: Stack) -> None:
    stack.chat.otherwise(text("Hello."))
    tools: Any = [{"type": "code_interpreter"}]
    assistant = client.beta.assistants.create(model="played", tools=tools)
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hi"}])
    client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    system = stack.chat.requests[-1].body["messages"][0]
    assert system["role"] == "system"
    assert "Packages: numpy " in system["content"]
