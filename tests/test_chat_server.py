"""The played chat model says what it was told to say, the way real servers say it."""

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, AzureOpenAI, OpenAI
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from tests.chat_server import (
    ChatServer,
    Gate,
    content_filter,
    disconnect,
    empty,
    end,
    error,
    finish,
    no_usage,
    parallel,
    pause,
    raw,
    reasoning,
    refusal,
    stall,
    stream_error,
    text,
    tool_call,
    until,
    usage,
)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


@pytest.fixture
def client(server: ChatServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.url, api_key="any", max_retries=0, timeout=5) as made:
        yield made


def ask(client: OpenAI, prompt: str = "hello") -> list[ChatCompletionChunk]:
    return list(
        client.chat.completions.create(
            model="played",
            messages=[{"role": "user", "content": prompt}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )


def said(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def reasons(chunks: list[ChatCompletionChunk]) -> list[str]:
    found = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    return [reason for reason in found if reason]


def test_text_comes_as_role_words_finish_and_usage(server: ChatServer, client: OpenAI) -> None:
    server.reply(text("Hello there, friend\n"))
    chunks = ask(client)
    assert chunks[0].choices[0].delta.role == "assistant"
    pieces = [chunk.choices[0].delta.content for chunk in chunks[1:4]]
    assert pieces == ["Hello", " there,", " friend\n"]
    assert reasons(chunks) == ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


def test_queued_replies_are_used_in_order_and_then_an_error_says_so(
    server: ChatServer, client: OpenAI
) -> None:
    server.reply(text("one"))
    server.reply(text("two"))
    assert [said(ask(client)), said(ask(client))] == ["one", "two"]
    with pytest.raises(openai.InternalServerError, match="No reply was set"):
        ask(client)


def test_a_token_in_the_prompt_chooses_the_reply_and_tool_rounds_the_next_one(
    server: ChatServer, client: OpenAI
) -> None:
    server.when("weather", [tool_call("get_weather", {"city": "Oslo"})], [text("Sunny.")])
    server.otherwise(text("whatever"))
    assert said(ask(client, "hi")) == "whatever"
    first = ask(client, "the weather please")
    assert reasons(first) == ["tool_calls"]
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    messages = cast(
        "list[ChatCompletionMessageParam]",
        [
            {"role": "user", "content": [{"type": "text", "text": "the weather please"}]},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "sun"},
        ],
    )
    done = client.chat.completions.create(model="played", messages=messages)
    assert done.choices[0].message.content == "Sunny."
    assert done.usage is not None


def test_a_tool_call_comes_as_name_then_fragments(server: ChatServer, client: OpenAI) -> None:
    server.reply(tool_call("add", {"a": 1, "b": 2}, fragments=4))
    calls = [
        chunk.choices[0].delta.tool_calls[0]
        for chunk in ask(client)
        if chunk.choices and chunk.choices[0].delta.tool_calls
    ]
    assert calls[0].id is not None
    assert calls[0].function is not None
    assert calls[0].function.name == "add"
    arguments = [call.function.arguments for call in calls[1:] if call.function]
    assert len(arguments) == 4
    assert "".join(part or "" for part in arguments) == '{"a": 1, "b": 2}'


def test_parallel_calls_interleave_and_keep_their_indexes(
    server: ChatServer, client: OpenAI
) -> None:
    server.reply(parallel(tool_call("f", {"a": 1}), tool_call("g", {"b": 2})))
    order = [
        chunk.choices[0].delta.tool_calls[0].index
        for chunk in ask(client)
        if chunk.choices and chunk.choices[0].delta.tool_calls
    ]
    assert order == [0, 1, 0, 1, 0, 1, 0, 1]


def test_index_and_id_can_be_left_out(server: ChatServer) -> None:
    server.reply(tool_call("f", {}, index=None, id=None))
    body = {"stream": True, "messages": [{"role": "user", "content": "x"}]}
    answer = httpx2.post(f"{server.url}/chat/completions", json=body).text
    assert '"name": "f"' in answer
    assert '"index": 0, "delta": {"tool_calls": [{"type"' in answer
    assert "call_" not in answer


def test_without_stream_the_same_parts_are_one_completion(
    server: ChatServer, client: OpenAI
) -> None:
    server.reply(text("Let me see."), tool_call("f", {"a": 1}), tool_call("g", {"b": 2}))
    done = client.chat.completions.create(
        model="played", messages=[{"role": "user", "content": "x"}]
    )
    message = done.choices[0].message
    assert message.content == "Let me see."
    assert message.tool_calls is not None
    functions = [call.function for call in message.tool_calls if call.type == "function"]
    assert [(made.name, made.arguments) for made in functions] == [
        ("f", '{"a": 1}'),
        ("g", '{"b": 2}'),
    ]
    assert done.choices[0].finish_reason == "tool_calls"


def test_oddities_of_real_servers(server: ChatServer, client: OpenAI) -> None:
    server.reply(empty(), reasoning("hm hm"), text("ok"), usage(7, 3), finish("length"))
    chunks = ask(client)
    assert chunks[0].choices == []
    assert any("reasoning_content" in chunk.to_json() for chunk in chunks)
    assert reasons(chunks) == ["length"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 10
    server.reply(refusal("I will not"), content_filter(), no_usage())
    chunks = ask(client)
    assert reasons(chunks) == ["content_filter"]
    assert all(chunk.usage is None for chunk in chunks)
    assert "refusal" in chunks[1].to_json()


def test_an_error_status_carries_retry_after(server: ChatServer, client: OpenAI) -> None:
    server.reply(error(429, "Slow down.", code="rate_limit_exceeded", retry_after=2))
    with pytest.raises(openai.RateLimitError) as caught:
        ask(client)
    assert caught.value.response.headers["retry-after"] == "2"
    assert caught.value.code == "rate_limit_exceeded"


def test_a_client_that_retries_gets_the_next_reply(server: ChatServer) -> None:
    server.reply(error(429, retry_after=0))
    server.reply(text("at last"))
    with OpenAI(base_url=server.url, api_key="any", max_retries=1) as patient:
        assert said(ask(patient)) == "at last"
    assert len(server.requests) == 2


def test_an_error_inside_the_stream(server: ChatServer, client: OpenAI) -> None:
    server.reply(text("so far"), stream_error("Out of memory."))
    with pytest.raises(openai.APIError, match=r"Out of memory\."):
        ask(client)


def test_a_broken_connection_is_an_error_and_an_early_end_is_not(
    server: ChatServer, client: OpenAI
) -> None:
    server.reply(text("so far"), disconnect())
    with pytest.raises(openai.APIConnectionError):
        ask(client)
    server.reply(text("so far"), end())
    chunks = ask(client)
    assert said(chunks) == "so far"
    assert reasons(chunks) == []


def test_raw_data_goes_out_as_it_is(server: ChatServer) -> None:
    server.reply(raw("{not json"), end())
    body = {"stream": True, "messages": []}
    answer = httpx2.post(f"{server.url}/chat/completions", json=body)
    assert answer.text == "data: {not json\n\n"


def test_a_gate_holds_the_reply_back(server: ChatServer, client: OpenAI) -> None:
    gate = Gate()
    server.reply(text("before "), until(gate), text("after"))
    chunks: list[ChatCompletionChunk] = []
    asking = threading.Thread(target=lambda: chunks.extend(ask(client)))
    asking.start()
    received = server.wait(1)[0]
    assert not received.answered.wait(0.1)
    gate.open()
    asking.join(5)
    assert said(chunks) == "before after"
    assert received.answered.is_set()


def test_a_stalled_stream_notices_that_the_client_left(server: ChatServer) -> None:
    server.reply(text("so far"), stall())
    body = {"stream": True, "messages": [{"role": "user", "content": "x"}]}
    with httpx2.stream("POST", f"{server.url}/chat/completions", json=body) as answer:
        assert "so" in next(line for line in answer.iter_lines() if "so" in line)
    assert server.wait(1)[0].dropped.wait(5)


def test_text_keeps_its_pace(server: ChatServer, client: OpenAI) -> None:
    server.reply(pause(0.1), text("a b c d e f g h i j k", rate=50))
    began = time.monotonic()
    ask(client)
    assert 0.3 <= time.monotonic() - began < 1.5


def test_requests_are_recorded(server: ChatServer, client: OpenAI) -> None:
    server.otherwise(text("ok"))
    ask(client, "remember me")
    received = server.wait(1)[0]
    assert received.prompt == "remember me"
    assert received.headers["Authorization"] == "Bearer any"
    assert received.body["stream_options"] == {"include_usage": True}
    server.forget()
    assert server.requests == []
    with pytest.raises(TimeoutError):
        server.wait(1, timeout=0.05)


def test_models_are_listed_and_azure_addresses_answer(server: ChatServer, client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["played"]
    server.reply(text("from azure"))
    with AzureOpenAI(azure_endpoint=server.origin, api_key="k", api_version="v") as azure:
        done = azure.chat.completions.create(
            model="my-deployment", messages=[{"role": "user", "content": "x"}]
        )
    assert done.choices[0].message.content == "from azure"
    assert "/deployments/my-deployment/" in server.requests[0].path


async def test_many_streams_at_once_keep_their_pace(server: ChatServer) -> None:
    server.otherwise(text("", pieces=["word "] * 20, rate=20))

    async def listen(client: AsyncOpenAI) -> int:
        stream = await client.chat.completions.create(
            model="played", messages=[{"role": "user", "content": "x"}], stream=True
        )
        return len([chunk async for chunk in stream])

    began = time.monotonic()
    async with AsyncOpenAI(base_url=server.url, api_key="any") as client:
        counts = await asyncio.gather(*(listen(client) for _ in range(50)))
    assert set(counts) == {22}
    assert time.monotonic() - began < 10


def test_as_a_process_it_prints_its_address_and_ends_on_a_signal() -> None:
    command = [sys.executable, "-m", "tests.chat_server", "--tokens", "5", "--rate", "0"]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with OpenAI(base_url=url, api_key="any") as client:
            assert said(ask(client)) == "word0 word1 word2 word3 word4 "
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
