"""The wire: what an OpenAI client gets from the demo model."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from assistants.engine.demo.stream import pieces
from assistants.engine.demo.transport import DemoTransport
from tests.engine.demo.demo_thread import CODE_TOOL

SINE: Any = [{"role": "user", "content": "Create a visualization of a sinewave"}]
HELLO: Any = [{"role": "user", "content": "hello"}]
TOOLS: Any = [CODE_TOOL]


def client_at(tokens_per_second: float) -> AsyncOpenAI:
    http = DefaultAsyncHttpxClient(transport=DemoTransport(tokens_per_second=tokens_per_second))
    return AsyncOpenAI(base_url="http://demo/v1", api_key="demo", http_client=http, max_retries=0)


@pytest.fixture
async def client() -> AsyncIterator[AsyncOpenAI]:
    async with client_at(0) as made:
        yield made


async def test_the_model_is_listed(client: AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["demo"]


async def test_a_stream_has_the_order_of_a_real_one(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="demo",
        messages=SINE,
        tools=TOOLS,
        stream=True,
        stream_options={"include_usage": True},
    )
    first, *middle, last, usage = [chunk async for chunk in stream]
    assert first.choices[0].delta.role == "assistant"
    calls = [chunk.choices[0].delta.tool_calls for chunk in middle]
    assert calls[0] is not None
    assert calls[0][0].id is not None
    assert calls[0][0].function is not None
    assert calls[0][0].function.name == "code_interpreter"
    fragments = [call[0].function.arguments for call in calls[1:] if call and call[0].function]
    assert len(fragments) > 20
    code = json.loads("".join(fragment or "" for fragment in fragments))["code"]
    assert "np.sin" in code
    assert last.choices[0].finish_reason == "tool_calls"
    assert usage.choices == []
    assert usage.usage is not None
    assert usage.usage.total_tokens == usage.usage.prompt_tokens + usage.usage.completion_tokens
    assert len({chunk.id for chunk in [first, *middle, last, usage]}) == 1


async def test_text_comes_in_words_and_ends_with_stop(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model="demo", messages=HELLO, stream=True)
    chunks = [chunk async for chunk in stream]
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices[0].delta.content]
    assert len(texts) > 50
    assert max(map(len, texts)) < 30
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


async def test_without_stream_it_is_the_same_in_one_object(client: AsyncOpenAI) -> None:
    done = await client.chat.completions.create(model="any-name", messages=SINE, tools=TOOLS)
    message = done.choices[0].message
    assert message.content is None
    assert message.tool_calls is not None
    assert message.tool_calls[0].type == "function"
    assert "np.sin" in json.loads(message.tool_calls[0].function.arguments)["code"]
    assert done.choices[0].finish_reason == "tool_calls"
    assert done.model == "any-name"
    assert done.usage is not None
    assert done.usage.completion_tokens > 20


async def test_the_answer_stops_at_the_token_limit(client: AsyncOpenAI) -> None:
    done = await client.chat.completions.create(
        model="demo", messages=HELLO, max_completion_tokens=10
    )
    assert done.choices[0].finish_reason == "length"
    assert done.usage is not None
    assert done.usage.completion_tokens == 10


async def test_text_is_streamed_at_the_set_pace() -> None:
    async with client_at(200) as client:
        began = time.monotonic()
        stream = await client.chat.completions.create(
            model="demo", messages=HELLO, stream=True, max_completion_tokens=60
        )
        assert len([chunk async for chunk in stream]) == 62
        assert 0.28 < time.monotonic() - began < 1.5


async def test_a_long_answer_streams_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistants.engine.demo.stream.LONGEST_SECONDS", 0.5)
    async with client_at(20) as client:
        began = time.monotonic()
        stream = await client.chat.completions.create(model="demo", messages=HELLO, stream=True)
        assert len([chunk async for chunk in stream]) > 50
        assert 0.4 < time.monotonic() - began < 1.5


async def test_a_stream_that_is_closed_early_ends() -> None:
    async with client_at(60) as client:
        began = time.monotonic()
        stream = await client.chat.completions.create(model="demo", messages=HELLO, stream=True)
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                break
        await stream.close()
        assert time.monotonic() - began < 1


async def test_wrong_requests_are_refused_as_a_server_would(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        await client.embeddings.create(model="demo", input="x")
    async with httpx2.AsyncClient(transport=DemoTransport()) as http:
        answer = await http.post("http://demo/v1/chat/completions", content=b"{")
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"
        answer = await http.post("http://demo/v1/chat/completions", json={"messages": "hi"})
        assert answer.status_code == 400


@given(st.text())
def test_pieces_give_the_text_back(text: str) -> None:
    assert "".join(pieces(text)) == text


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
CONTENT = JSON | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": JSON}))
CALL = st.fixed_dictionaries(
    {"id": JSON, "function": st.fixed_dictionaries({"name": JSON, "arguments": JSON}) | JSON}
)
MESSAGE = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "user", "assistant", "tool", "developer"]) | JSON,
        "content": CONTENT,
    },
    optional={"tool_calls": st.lists(CALL, max_size=2) | JSON, "tool_call_id": JSON},
)
REQUEST = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGE | JSON, max_size=4)},
    optional={
        "tools": JSON | st.lists(st.fixed_dictionaries({"function": JSON}), max_size=2),
        "tool_choice": JSON,
        "response_format": JSON,
        "model": JSON,
        "max_tokens": JSON,
        "stream_options": JSON,
    },
)


@settings(deadline=None, max_examples=300)
@given(request=REQUEST)
async def test_any_request_gets_a_valid_answer(request: dict[str, Any]) -> None:
    async with httpx2.AsyncClient(transport=DemoTransport(tokens_per_second=0)) as http:
        answer = await http.post("http://demo/v1/chat/completions", json=request)
    assert answer.status_code == 200
    choice = answer.json()["choices"][0]
    assert choice["message"]["content"] or choice["finish_reason"] == "length"


SPOKEN = """\
plot draw sine x^2 y = 3x + 11 14 solve dark mode red title label the x-axis it code show run csv
file random data save as png average of 80 bar chart convert table from -2 to 5 periods 3 15% ( )
[ ] { } {x} ** ^ \\ ' 畫 正弦波 解 深色 存成 摘要 "a" `1/0` '''"""
WORDS = [*SPOKEN.split(), "\n", "\0", "\u2028"]


@settings(deadline=None, max_examples=400)
@given(told=st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join))
async def test_no_mixture_of_its_words_makes_it_lose_its_thread(told: str) -> None:
    line = '- /mnt/data/file-1 (it\'s "{a}".csv, 3 bytes)'
    messages = [
        {"role": "system", "content": f"Files you can open with code:\n{line}"},
        {"role": "user", "content": "draw"},
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "1",
                    "type": "function",
                    "function": {
                        "name": "code_interpreter",
                        "arguments": json.dumps({"code": "import x\nplt.plot(x, y)\nplt.show()"}),
                    },
                }
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "(no output)"},
        {"role": "user", "content": told},
    ]
    async with httpx2.AsyncClient(transport=DemoTransport(tokens_per_second=0)) as http:
        request = {"messages": messages, "tools": [CODE_TOOL]}
        answer = await http.post("http://demo/v1/chat/completions", json=request)
    message = answer.json()["choices"][0]["message"]
    assert "lost my thread" not in (message["content"] or "")
    for call in message.get("tool_calls", []):
        code = json.loads(call["function"]["arguments"])["code"]
        if "`" not in told:
            compile(code, "<cell>", "exec")
