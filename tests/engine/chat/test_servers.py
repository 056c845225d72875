"""What real chat servers send, and how long they are waited for: against one that is played."""

import asyncio
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from assistants.engine.chat.clients import Clients
from assistants.engine.chat.patience import Patience
from assistants.engine.chat.stream import Finished, Text, ToolCallPart, ask
from assistants.engine.tokens import Usage
from assistants.operations.chat_failures import ChatError
from assistants.operations.providers import Provider
from tests.chat_server import (
    ChatServer,
    Part,
    disconnect,
    empty,
    end,
    error,
    no_usage,
    pause,
    raw,
    reasoning,
    stall,
    stream_error,
    text,
    tool_call,
    whole,
)

PATIENCE = Patience(connect=5, first_token=5, silence=5, retries=2, longest_wait=2)


def asked(
    chat: ChatServer, patience: Patience = PATIENCE
) -> tuple[str, dict[int, tuple[str, str]], str]:
    """The text, the calls by their numbers as name and arguments, and the reason of the end."""
    provider = Provider("openai", "Played", base_url=chat.url, api_key="none")
    request = {"model": "any", "messages": [{"role": "user", "content": "Hi"}]}
    said, reason = "", ""
    calls: dict[int, tuple[str, str]] = {}

    async def go() -> None:
        nonlocal said, reason
        clients = Clients()
        try:
            async for part in ask(clients.of(provider), "Played", request, patience):
                match part:
                    case Text(piece):
                        said += piece
                    case ToolCallPart(index, _, name, arguments):
                        known = calls.get(index, ("", ""))
                        calls[index] = (name, known[1] + arguments)
                    case Finished(why):
                        reason = why
        finally:
            await clients.aclose()

    asyncio.run(go())
    return said, calls, reason


def failed(chat: ChatServer, patience: Patience = PATIENCE) -> ChatError:
    with pytest.raises(ChatError) as caught:
        asked(chat, patience)
    return caught.value


def chunk(delta: Any, **more: Any) -> Part:
    return raw(json.dumps({"choices": [{"index": 0, "delta": delta, **more}]}))


CALL = {"function": {"name": "add", "arguments": '{"a": 1}'}}
OBJECT = {"index": 0, "id": "call_1", "function": {"name": "add", "arguments": {"a": 1}}}
LEGACY = {"function_call": {"name": "add", "arguments": '{"a":'}}
PARTS = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Yes"}]
ADDED = {0: ("add", '{"a": 1}')}


@pytest.mark.parametrize(
    "parts, said, calls, reason",
    [
        pytest.param([empty(), text("Yes")], "Yes", {}, "stop", id="no choices"),
        pytest.param([text("Yes"), no_usage()], "Yes", {}, "stop", id="no usage"),
        pytest.param([reasoning("Hm."), text("Yes")], "Yes", {}, "stop", id="reasoning"),
        pytest.param([chunk({"content": PARTS})], "Yes", {}, "stop", id="content in parts"),
        pytest.param([chunk({"content": "Y"}), chunk({"content": "es"}, finish_reason="eos")],
                     "Yes", {}, "stop", id="a reason of its own"),
        pytest.param([chunk(None), chunk({"content": None}), text("Yes")],
                     "Yes", {}, "stop", id="nulls"),
        pytest.param([whole({"content": "Yes"})], "Yes", {}, "stop", id="in one piece"),
        pytest.param([whole({"content": None, "tool_calls": [CALL, CALL]}, reason="tool_calls")],
                     "", ADDED | {1: ADDED[0]}, "tool_calls", id="calls in one piece"),
        pytest.param([chunk({"tool_calls": [OBJECT]})], "", ADDED, "stop",
                     id="arguments as an object"),
        pytest.param([chunk(LEGACY), chunk({"function_call": {"arguments": " 1}"}})],
                     "", ADDED, "stop", id="function_call"),
        pytest.param([tool_call("add", {"a": 1}, index=None, id=None)], "", ADDED, "tool_calls",
                     id="no index, no id"),
        pytest.param([raw('{"choices": {}, "usage": []}'), raw('{"choices": ["?"]}'),
                      chunk("?"), chunk({"tool_calls": "?", "content": 1}),
                      chunk({"tool_calls": ["?", {"function": "?"}]}), text("Yes")],
                     "Yes", {}, "stop", id="nonsense"),
    ],
)  # fmt: skip
def test_what_servers_send_is_understood(
    chat: ChatServer, parts: list[Part], said: str, calls: Any, reason: str
) -> None:
    chat.reply(*parts)
    found = asked(chat)
    assert found[:2] == (said, calls)
    assert found[2] in (reason, "eos")


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param([error(503)], id="503"),
        pytest.param([error(500)], id="500"),
        pytest.param([error(429, code="rate_limit_exceeded")], id="429"),
        pytest.param([disconnect()], id="broken off"),
        pytest.param([stream_error("Overloaded")], id="error in the stream"),
        pytest.param([chunk({"role": "assistant"}), end()], id="nothing but an end"),
        pytest.param([reasoning("Hm."), disconnect()], id="broken off while it thinks"),
    ],
)
def test_what_may_pass_is_asked_again(chat: ChatServer, trouble: list[Part]) -> None:
    chat.reply(*trouble)
    chat.reply(*trouble)
    chat.reply(text("Yes"))
    assert asked(chat)[0] == "Yes"
    assert len(chat.requests) == 3


def test_it_is_given_up_at_last(chat: ChatServer) -> None:
    chat.otherwise(error(503, "Down for good."))
    assert failed(chat).message == (
        "Played failed (503): Down for good. Try again in a moment; its own log may say more."
    )
    assert len(chat.requests) == 3


@pytest.mark.parametrize(
    "trouble",
    [
        [error(400, "No.")],
        [error(401, "No.")],
        [error(404, "No.")],
        [error(429, "You exceeded your current quota.", code="insufficient_quota")],
        [error(429, "Come back tomorrow.", retry_after=86_400)],
        [text("Half an"), disconnect()],
        [text("Half an"), stream_error()],
        [text("Half an"), end()],
        [tool_call("add", {}), disconnect()],
    ],
)
def test_what_will_not_pass_or_was_shown_in_part_is_asked_once(
    chat: ChatServer, trouble: list[Part]
) -> None:
    chat.otherwise(*trouble)
    failed(chat)
    assert len(chat.requests) == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_provider_is_asked_again_when_it_says(chat: ChatServer, form: str) -> None:
    later = datetime.now(UTC) + timedelta(seconds=2)
    after: Any = 1.2 if form == "seconds" else format_datetime(later, usegmt=True)
    chat.reply(error(429, "Slow down.", retry_after=after))
    chat.reply(text("Yes"))
    began = time.monotonic()
    assert asked(chat)[0] == "Yes"
    assert 0.9 < time.monotonic() - began < 3


def test_a_provider_that_does_not_begin_is_cut_off(chat: ChatServer) -> None:
    chat.otherwise(stall())
    began = time.monotonic()
    told = failed(chat, Patience(5, first_token=0.3, silence=5, retries=2, longest_wait=0)).message
    assert time.monotonic() - began < 2
    assert told.startswith("Played did not begin to answer within 0.3 s. Try again, choose another")
    assert len(chat.requests) == 1


def test_a_provider_that_falls_silent_is_cut_off(chat: ChatServer) -> None:
    chat.otherwise(text("Half an"), stall())
    told = failed(chat, Patience(5, first_token=5, silence=0.3, retries=2, longest_wait=0)).message
    assert told == (
        "Played stopped in the middle of its answer: nothing came for 0.3 s. Try again, or choose "
        "another model. CHAT_SILENCE_SECONDS says how long to wait."
    )
    assert len(chat.requests) == 1


NOTHING = raw(
    '{"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}\n\n: ping'
)
"""What only keeps the line open: an empty chunk, and a comment."""


def test_what_only_keeps_the_line_open_is_no_beginning(chat: ChatServer) -> None:
    chat.otherwise(*(NOTHING, pause(0.1)) * 30)
    began = time.monotonic()
    told = failed(chat, Patience(5, first_token=0.5, silence=5, retries=0, longest_wait=0)).message
    assert time.monotonic() - began < 2
    assert told.startswith("Played did not begin to answer within 0.5 s.")


def test_what_only_keeps_the_line_open_is_silence(chat: ChatServer) -> None:
    chat.otherwise(text("Half an"), *(NOTHING, pause(0.1)) * 30)
    began = time.monotonic()
    told = failed(chat, Patience(5, first_token=5, silence=0.5, retries=0, longest_wait=0)).message
    assert time.monotonic() - began < 2
    assert told.startswith("Played stopped in the middle of its answer: nothing came for 0.5 s.")


def test_thoughts_are_no_silence(chat: ChatServer) -> None:
    chat.reply(reasoning("one two three four five six seven", rate=3.5), text("Eight"))
    patience = Patience(5, first_token=1.5, silence=1.5, retries=0, longest_wait=0)
    assert asked(chat, patience)[0] == "Eight"


def test_a_flood_of_nothing_ends_and_lets_others_get_on(chat: ChatServer) -> None:
    chat.otherwise(*[raw('{"choices": [], "padding": "' + "x" * 50_000 + '"}')] * 400)
    patience = Patience(5, first_token=0.5, silence=0.5, retries=0, longest_wait=0)
    began = time.monotonic()
    assert "did not begin to answer" in failed(chat, patience).message
    assert time.monotonic() - began < 2


def test_calls_that_all_have_the_same_id_are_told_apart_by_their_numbers(chat: ChatServer) -> None:
    chat.reply(tool_call("f", {"a": 1}, id="same"), tool_call("g", {"b": 2}, id="same"))
    assert asked(chat)[1] == {0: ("f", '{"a": 1}'), 1: ("g", '{"b": 2}')}


def test_a_slow_answer_is_as_good_as_a_quick_one(chat: ChatServer) -> None:
    chat.reply(
        *(part for word in ["This", "takes", "its", "time"] for part in (text(word), pause(0.5)))
    )
    patience = Patience(5, first_token=1.5, silence=1.5, retries=0, longest_wait=0)
    assert asked(chat, patience)[0] == "Thistakesitstime"


@pytest.mark.parametrize(
    "status, hint",
    [(401, "Check the key"), (403, "Check the key"), (404, "Check the model's name, any")],
)
def test_a_refusal_says_what_to_check(chat: ChatServer, status: int, hint: str) -> None:
    chat.otherwise(error(status, "No."))
    assert hint in failed(chat).message


def counted() -> Part:
    """A chunk that has a count of tokens alone."""
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    return raw(json.dumps({"choices": [], "usage": usage}))


def ending() -> Part:
    return raw(json.dumps({"choices": [{"delta": {}, "finish_reason": "stop"}]}))


@pytest.mark.parametrize("rest", [stall, disconnect, end])
def test_an_answer_that_said_it_was_over_is_whole_whatever_comes_after(
    chat: ChatServer, monkeypatch: pytest.MonkeyPatch, rest: Any
) -> None:
    monkeypatch.setattr("assistants.engine.chat.stream.AFTERWORD_SECONDS", 0.2)
    chat.reply(text("Yes."), ending(), rest())
    assert asked(chat) == ("Yes.", {}, "stop")


def test_a_server_that_only_counts_has_fallen_silent(chat: ChatServer) -> None:
    counting = [part for _ in range(40) for part in (counted(), pause(0.1))]
    chat.reply(text("Half an"), *counting)
    begun = time.monotonic()
    error = failed(chat, replace(PATIENCE, silence=0.5, retries=0))
    assert "stopped in the middle of its answer" in error.message
    assert time.monotonic() - begun < 2.5


@pytest.mark.parametrize("told", [{}, {"prompt_tokens": "NaN"}, {"prompt_tokens": -1}, {"a": 1}])
def test_a_count_that_counts_nothing_is_none(told: dict[str, Any]) -> None:
    assert Usage.of(told) is None


async def test_a_redirect_is_not_followed_and_told(unused_tcp_port: int) -> None:
    asked_for: list[web.Request] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked_for.append(request)
        raise web.HTTPTemporaryRedirect("http://user:pw@other.example/v1")

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    clients = Clients()
    url = f"http://127.0.0.1:{unused_tcp_port}/v1"
    provider = Provider("openai", "Played", base_url=url, api_key="none")
    request = {"model": "any", "messages": [{"role": "user", "content": "Hi"}]}
    try:
        with pytest.raises(ChatError) as caught:
            async for _ in ask(clients.of(provider), "Played", request, PATIENCE):
                pass
    finally:
        await clients.aclose()
        await runner.cleanup()
    assert caught.value.message == (
        "Played points to other.example (307), where nothing was sent: the conversation and the "
        "key are for the address that was given. Enter the other one if you trust it."
    )
    assert len(asked_for) == 1
