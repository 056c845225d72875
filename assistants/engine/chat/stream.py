"""One answer of a chat model, streamed: Chat Completions chunks in, plain parts out.

Servers differ: empty ``choices``, usage in a last chunk of its own or nowhere, tool calls without
an index or an id, errors in mid-stream. The chunks are parsed here rather than by the client
package, whose objects cost several times as much per token (see docs/performance.md).
"""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
from openai import AsyncOpenAI

from assistants.engine.chat.failures import told, without_key
from assistants.engine.tokens import Usage
from assistants.errors import Wire
from assistants.text import storable, storable_json

logger = logging.getLogger(__name__)


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


class ChatError(Exception):
    """The provider failed. ``code`` is one of a run's error codes; ``message`` is for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


async def answer(client: AsyncOpenAI, label: str, request: Wire) -> AsyncIterator[Part]:
    """Ask, and yield the parts of the answer as they come.

    :param label: the provider's name, for messages
    :param request: a Chat Completions body, without ``stream``
    :raises ChatError: the provider refused, broke off, or sent what is not an answer
    """
    # As `extra_body` the conversation is sent as it is. Given as arguments, the package compares
    # every message with its types: 0.2 ms each, in which no other run of the worker goes on.
    body = {**request, "stream_options": {"include_usage": True}}
    asking = client.chat.completions.with_streaming_response.create(
        model=request["model"], messages=[], stream=True, extra_body=body
    )
    key = client.api_key
    try:
        async with asking as response:
            calls = _Calls()
            ended = False
            async for line in response.iter_lines():
                data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
                if not data:
                    continue
                if data == "[DONE]":
                    ended = True
                    break
                for part in _parts(_chunk(data, label), calls):
                    ended = ended or isinstance(part, Finished)
                    yield part
            if not ended:
                raise ChatError("server_error", f"{label} ended in the middle of its answer.")
    except openai.RateLimitError as error:
        raise ChatError("rate_limit_exceeded", f"{label} says: {_reason(error, key)}") from error
    except openai.APIStatusError as error:
        code = "invalid_prompt" if error.status_code in (400, 413, 422) else "server_error"
        message = f"{label} refused the request ({error.status_code}): {_reason(error, key)}"
        raise ChatError(code, message) from error
    except (openai.APIConnectionError, httpx2.TimeoutException) as error:
        raise ChatError("server_error", told(label, error)) from error
    except (openai.OpenAIError, httpx2.HTTPError, OSError) as error:
        raise ChatError("server_error", f"{label} broke off: {error}") from error


def _chunk(data: str, label: str) -> Wire:
    try:
        # Servers that cut a text between the halves of a character send each half as an escape.
        chunk = json.loads(storable_json(data))
    except ValueError as error:
        raise ChatError("server_error", f"{label} sent what is not JSON.") from error
    if not isinstance(chunk, dict):
        raise ChatError("server_error", f"{label} sent what is not a chat completion.")
    if failure := chunk.get("error"):
        message = failure.get("message", failure) if isinstance(failure, dict) else failure
        raise ChatError("server_error", f"{label} broke off: {message}")
    return chunk


class _Calls:
    """Gives tool calls numbers where the server gives none, and remembers which id has which."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._names: list[str] = []
        self._numbered = True
        """Whether the server's numbers can be trusted."""

    def part(self, delta: Wire) -> ToolCallPart | None:
        function = delta.get("function") or {}
        call_id, name = delta.get("id") or "", function.get("name") or ""
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
        if call_id and call_id in self._ids:
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
    for choice in (chunk.get("choices") or [])[:1]:
        delta = choice.get("delta") or {}
        texts = (delta.get("content"), delta.get("refusal"))
        found += [Text(text) for text in texts if isinstance(text, str) and text]
        parts = [calls.part(call) for call in delta.get("tool_calls") or []]
        found += [part for part in parts if part is not None]
        if reason := choice.get("finish_reason"):
            found.append(Finished(reason))
    if usage := chunk.get("usage"):
        found.append(Usage.of(usage))
    return found


def _reason(error: openai.APIStatusError, key: str) -> str:
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return storable(without_key(str(body["message"]), key))
    return storable(without_key(str(error.message), key))[:500]
