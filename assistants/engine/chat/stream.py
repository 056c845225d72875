"""One answer of a chat model, streamed: Chat Completions chunks in, plain parts out.

Servers differ: empty ``choices``, usage in a last chunk of its own or nowhere, tool calls without
an index or an id, errors in mid-stream, answers in one piece. The chunks are parsed here rather
than by the client package, whose objects cost several times as much per token (see
docs/performance.md).
"""

import asyncio
import contextlib
import itertools
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import httpx2
import jiter
import openai
from openai import AsyncOpenAI

from assistants import metrics
from assistants.deadline import Deadline
from assistants.engine.chat.lines import MAX_LINE_BYTES, Lines, LineTooLong
from assistants.engine.chat.patience import Patience
from assistants.engine.tokens import Usage
from assistants.errors import Wire
from assistants.operations.chat_failures import (
    MAX_REASON,
    TRY_AGAIN,
    ChatError,
    endless,
    refused,
    unreachable,
)
from assistants.text import storable, storable_json

logger = logging.getLogger(__name__)


MAX_BYTES: Final = 100_000_000
"""Of one stream, with all that is around its words; an answer of the largest size that is taken
has two thirds of it.
"""

FULL_PIECE: Final = 8_192
"""Bytes that come at once only where there are more to be read."""

AFTERWORD_SECONDS: Final = 5.0
"""How long the count of tokens is waited for once the answer is whole. Some servers send none, and
leave the line open.
"""

BROKEN: Final = (openai.OpenAIError, httpx2.HTTPError, aiohttp.ClientError, OSError)
"""A connection that ends before the answer. Not all of aiohttp's own errors are translated for the
package.
"""

MAX_RATE: Final = 1_000_000
"""Bytes a second, where more comes than could be read: some 4,000 words. The other runs of the
worker have to get on as well.
"""


@dataclass(frozen=True, slots=True)
class Text:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """The next piece of the arguments of call number ``index``; id and name are complete when
    it first shows.
    """

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Why the model stopped: stop, length, tool_calls or content_filter."""

    reason: str


Part = Text | ToolCallPart | Finished | Usage


async def ask(
    client: AsyncOpenAI, label: str, request: Wire, patience: Patience
) -> AsyncGenerator[Part, None]:
    """Ask until an answer begins, and yield its parts as they come. Once a piece of it was yielded,
    nothing is asked again.

    :param label: the provider's name, for messages
    :param request: a Chat Completions body, without ``stream``
    :raises ChatError: the provider refused, broke off, fell silent, or sent what is not an answer
    """
    for attempt in itertools.count():
        has_begun = False
        try:
            async with aclosing(answer(client, label, request, patience)) as parts:
                async for part in parts:
                    has_begun = has_begun or isinstance(part, Text | ToolCallPart)
                    yield part
            return
        except ChatError as error:
            wait = None if has_begun else patience.wait(attempt, error)
            again = "no" if wait is None else "yes"
            metrics.chat_failures.labels(error.code, again).inc()
            if wait is None:
                raise
            logger.info("asking again in %.1f s: %s", wait, error.message)
            await asyncio.sleep(wait)


async def answer(
    client: AsyncOpenAI, label: str, request: Wire, patience: Patience
) -> AsyncGenerator[Part, None]:
    """Ask once; as ``ask``."""
    # As `extra_body` the conversation is sent as it is. Given as arguments, the package compares
    # every message with its types: 0.2 ms each, in which no other run of the worker goes on.
    body = {**request, "stream_options": {"include_usage": True}}
    asking = client.chat.completions.with_streaming_response.create(
        model=request["model"], messages=[], stream=True, extra_body=body
    )
    deadline = asyncio.get_running_loop().time() + patience.first_token
    try:
        async with contextlib.AsyncExitStack() as stack:
            # Only waiting is timed, never what is done with a part: a deadline that passes there
            # would look like a wish to cancel the run.
            async with asyncio.timeout_at(deadline):
                response = await stack.enter_async_context(asking)
            kind = response.headers.get("content-type", "")
            if kind.startswith("application/json"):
                async with asyncio.timeout_at(deadline):
                    whole = await _whole(response.iter_bytes(), label)
                for part in _parts(_chunk(whole, label), _Calls()):
                    yield part
                return
            if kind.startswith("text/html"):
                message = (
                    f"{label} sent a web page instead of an answer. Check that the address is that "
                    "of its API; most end in /v1."
                )
                raise ChatError("server_error", message)
            moving = Deadline(deadline)
            stack.callback(moving.close)
            streamed = _streamed(response.iter_bytes(), label, moving, patience)
            async with aclosing(streamed) as parts:
                async for part in parts:
                    yield part
    except TimeoutError as error:
        message = (
            f"{label} did not begin to answer within {patience.first_token:g} s. Try again, choose "
            "another model, or give it more time with CHAT_FIRST_TOKEN_SECONDS."
        )
        raise ChatError("server_error", message) from error
    except openai.APIStatusError as error:
        raise refused(label, request, error, client.api_key) from error
    except (openai.APIConnectionError, httpx2.TimeoutException) as error:
        raise unreachable(label, error) from error
    except BROKEN as error:
        message = f"{label} broke off: {_why(error)}. {TRY_AGAIN}"
        raise ChatError("server_error", message, may_pass=True) from error


def _why(error: Exception) -> str:
    match error:
        case aiohttp.ClientResponseError():
            return "what it sent is not HTTP"
        case httpx2.ReadError() | aiohttp.ClientPayloadError() | ConnectionResetError():
            return "its connection was closed before the end"
    return storable(str(error))[:MAX_REASON]


async def _whole(pieces: AsyncIterator[bytes], label: str) -> str:
    """An answer that comes in one piece."""
    found = bytearray()
    async for piece in pieces:
        found += piece
        if len(found) > MAX_LINE_BYTES:
            raise endless(label, f"{MAX_LINE_BYTES:,} bytes")
    return found.decode(errors="replace")


async def _streamed(
    pieces: AsyncIterator[bytes], label: str, deadline: Deadline, patience: Patience
) -> AsyncGenerator[Part, None]:
    """The parts of a stream.

    :param deadline: when its first piece must have come
    """
    calls, lines, time = _Calls(), Lines(), asyncio.get_running_loop().time
    has_begun = is_news = ended = is_over = False
    received = 0
    while not is_over:
        if is_news:
            # From here on: what was done with the last piece is no silence of the provider.
            wait = min(patience.silence, AFTERWORD_SECONDS) if ended else patience.silence
            deadline.at, is_news = time() + wait, False
        try:
            if time() > deadline.at:  # what comes without a pause lets no timer run off
                raise TimeoutError
            piece = await deadline.wait(anext(pieces, None))
            is_over = piece is None
            whole = lines.end() if piece is None else lines.feed(piece)
        except TimeoutError as error:
            if ended:
                break
            if not has_begun:
                raise
            message = (
                f"{label} stopped in the middle of its answer: nothing came for "
                f"{patience.silence:g} s. Try again, or choose another model. "
                "CHAT_SILENCE_SECONDS says how long to wait."
            )
            raise ChatError("server_error", message, may_pass=True) from error
        except BROKEN:
            if ended:
                break
            raise
        except LineTooLong as error:
            raise endless(label, f"{MAX_LINE_BYTES:,} bytes in a line") from error
        for line in whole:
            # What has no data is empty, or a comment that only keeps the line open.
            if not (line.startswith(b"data:") and (data := line[5:].strip())):
                continue
            if data == b"[DONE]":
                has_begun = ended = is_over = True
                break
            chunk = _chunk(data.decode(errors="replace"), label)
            is_news = is_news or _says_something(chunk)
            has_begun = has_begun or is_news
            for part in _parts(chunk, calls):
                ended = ended or isinstance(part, Finished)
                yield part
        received += len(piece or b"")
        if received > MAX_BYTES:
            raise endless(label, f"{MAX_BYTES:,} bytes")
        if piece and len(piece) >= FULL_PIECE:
            await asyncio.sleep(len(piece) / MAX_RATE)
    if not has_begun:
        # As llama-cpp-python's server does with a conversation that is too long for its model.
        message = (
            f"{label} ended its answer before the first word. Its own log should say why. If the "
            "conversation is too long for the model, PLAYGROUND_MODEL_WINDOWS can say how much it "
            "takes."
        )
        raise ChatError("server_error", message, may_pass=True)
    if not ended:
        message = f"{label} ended in the middle of its answer. {TRY_AGAIN}"
        raise ChatError("server_error", message, may_pass=True)


def _chunk(data: str, label: str) -> Wire:
    try:
        # Servers that cut a text between the halves of a character send each half as an escape.
        chunk = jiter.from_json(storable_json(data).encode())
    except ValueError as error:
        message = (
            f"{label} sent what is not JSON. Try again. If it happens each time, check that the "
            "address is that of an API for chat completions."
        )
        raise ChatError("server_error", message) from error
    if not isinstance(chunk, dict):
        message = f"{label} sent what is not a chat completion. {TRY_AGAIN}"
        raise ChatError("server_error", message)
    if failure := chunk.get("error"):
        told = failure.get("message", failure) if isinstance(failure, dict) else failure
        message = f"{label} broke off: {storable(str(told))[:MAX_REASON]}"
        raise ChatError("server_error", message, may_pass=True)
    return chunk


class _Calls:
    """Gives tool calls numbers where the server gives none, and remembers which id has which."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._names: list[str] = []
        self._numbered = True
        """Whether the server's numbers can be trusted."""

    def part(self, delta: Wire) -> ToolCallPart | None:
        function = _object(delta.get("function"))
        call_id, name = _text(delta.get("id")), _text(function.get("name"))
        index = self._place(delta.get("index"), call_id, name)
        if index is None:
            return None
        if index == len(self._ids):
            self._ids.append(call_id)
            self._names.append(name)
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments)
        return ToolCallPart(index, self._ids[index], self._names[index], arguments)

    def _place(self, index: Any, call_id: str, name: str) -> int | None:
        """The call's number: that of its id, or the server's own, or a new one for a new name."""
        is_next = self._numbered and index == len(self._ids) and bool(name)
        if call_id and call_id in self._ids and not is_next:  # some servers give all the same id
            return self._ids.index(call_id)
        if isinstance(index, int) and 0 <= index < len(self._ids) and call_id and name:
            # Some servers number every call of a parallel answer 0.
            self._numbered = False
        if self._numbered and isinstance(index, int) and 0 <= index <= len(self._ids):
            return index
        if name:
            return len(self._ids)
        return len(self._ids) - 1 if self._ids else None


def _parts(chunk: Wire, calls: _Calls) -> list[Part]:
    found: list[Part] = []
    choices = chunk.get("choices")
    for choice in choices[:1] if isinstance(choices, list) else []:
        if not isinstance(choice, dict):
            continue
        # A server that does not stream sends the whole as a message.
        delta = _object(choice.get("delta")) or _object(choice.get("message"))
        texts = (_text(delta.get("content")), _text(delta.get("refusal")))
        found += [Text(text) for text in texts if text]
        asked = delta.get("tool_calls")
        asked = (
            [call for call in asked if isinstance(call, dict)] if isinstance(asked, list) else []
        )
        if legacy := _object(delta.get("function_call")):
            asked.append({"index": 0, "function": legacy})
        parts = [calls.part(call) for call in asked if call]
        found += [part for part in parts if part is not None]
        if reason := choice.get("finish_reason"):
            found.append(Finished(str(reason)))
    if usage := Usage.of(_object(chunk.get("usage"))):
        found.append(usage)
    return found


def _says_something(chunk: Wire) -> bool:
    """Whether a chunk is more than a sign that the line is open, thoughts included. A count of
    tokens is none: some servers send one with every chunk.
    """
    choices = chunk.get("choices")
    for choice in choices[:1] if isinstance(choices, list) else []:
        delta = _object(_object(choice).get("delta")) or _object(_object(choice).get("message"))
        said = [value for name, value in delta.items() if name != "role"]
        if any(said) or _object(choice).get("finish_reason"):
            return True
    return False


def _object(value: Any) -> Wire:
    return value if isinstance(value, dict) else {}


def _text(content: Any) -> str:
    """The text of a delta, which some servers send in parts."""
    if isinstance(content, list):
        parts = [_object(part) for part in content]
        return "".join(_text(part.get("text")) for part in parts if part.get("type") == "text")
    return content if isinstance(content, str) else ""
