"""The wire: answers the HTTP requests of an OpenAI client inside this process, no network involved.

openai.AsyncOpenAI(
    base_url="http://demo/v1",
    api_key="demo",
    http_client=openai.DefaultAsyncHttpxClient(transport=DemoTransport()),
)
"""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx2

from assistants.engine.demo.answer import reply_to
from assistants.engine.demo.conversation import Conversation
from assistants.engine.demo.reply import Reply
from assistants.engine.demo.stream import Answer
from assistants.engine.demo.words import LOST

Json = dict[str, Any]
log = logging.getLogger(__name__)

MODEL = "demo"
LABEL = "demo - scripted, no AI"


class DemoTransport(httpx2.AsyncBaseTransport):
    """A Chat Completions server in a transport: `GET /models` and `POST /chat/completions`.

    Answers to any model name. `tokens_per_second` is the pace of streamed text; 0 for no delay.
    """

    def __init__(self, *, tokens_per_second: float = 60) -> None:
        self._tokens_per_second = tokens_per_second

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        match request.method, request.url.path.rstrip("/").rpartition("/v1")[2]:
            case "GET", "/models":
                return httpx2.Response(200, json={"object": "list", "data": [_model()]})
            case "POST", "/chat/completions":
                return self._complete(await request.aread())
            case method, path:
                return _error(404, f"Unknown request URL: {method} {path}.")

    def _complete(self, body: bytes) -> httpx2.Response:
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            return _error(400, "We could not parse the JSON body of your request.")
        if not isinstance(asked, dict) or not isinstance(asked.get("messages"), list):
            return _error(400, "'messages' is a required property.")
        answer = Answer(
            _reply(asked),
            model=str(asked.get("model") or MODEL),
            prompt_tokens=_prompt_tokens(asked),
            most_tokens=_limit(asked),
        )
        if not asked.get("stream"):
            return httpx2.Response(200, json=answer.completion())
        options = asked.get("stream_options")
        with_usage = isinstance(options, dict) and options.get("include_usage") is True
        return httpx2.Response(
            200,
            headers={"content-type": "text/event-stream; charset=utf-8"},
            stream=_Events(answer.chunks(self._tokens_per_second, with_usage=with_usage)),
        )


class _Events(httpx2.AsyncByteStream):
    """The body of a streamed response."""

    def __init__(self, events: AsyncIterator[bytes]) -> None:
        self._events = events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for event in self._events:
            yield event


def _reply(asked: Json) -> Reply:
    """The script's reply. A person always gets an answer, even where the script is wrong."""
    conversation = Conversation.read(asked)
    try:
        return reply_to(conversation)
    except Exception:
        log.exception("the demo model lost its thread")
        return Reply(LOST.say(conversation.language))


def _model() -> Json:
    return {"id": MODEL, "object": "model", "created": 0, "owned_by": "assistants-playground"}


def _prompt_tokens(asked: Json) -> int:
    """Messages and tools as they were sent, in tokens by the rule of thumb.

    Four letters make a token, and so does one Chinese character. Long threads make it matter that
    this costs next to nothing.
    """
    told = [asked["messages"], asked.get("tools") or []]
    text = json.dumps(told, ensure_ascii=False)
    # A Chinese character has two bytes more than a letter; half a surrogate pair cannot be encoded.
    wide = (len(text.encode(errors="replace")) - len(text)) // 2
    return (len(text) - wide) // 4 + wide


def _limit(asked: Json) -> int | None:
    limit = asked.get("max_completion_tokens") or asked.get("max_tokens")
    return limit if isinstance(limit, int) and limit > 0 else None


def _error(status: int, message: str) -> httpx2.Response:
    body = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return httpx2.Response(status, json={"error": body})
