"""A chat model that is played: a loopback HTTP server that speaks Chat Completions.

In a test, say what it shall answer, then let the code under test talk to it::

    with ChatServer() as server:
        server.reply(text("Hello there"))                          # the next request gets this
        server.reply(error(429, retry_after=1))                    # and the one after it this
        server.when("weather", [tool_call("get_weather", {"city": "Oslo"})], [text("Sunny.")])
        OpenAI(base_url=server.url, api_key="any")                 # or azure_endpoint=server.origin
        server.wait(1)[0].body["messages"]                         # what was received

Which reply a request gets: the one registered with `when` for a token in its last user message
(the n-th of them once n rounds of tool calls follow that message), else the next one queued with
`reply`, else the one set with `otherwise`, else status 500 with a sentence that says so.

It plays an embedding model too, at `/v1/embeddings`: see `Embeddings`.

A reply is a list of parts, played in order. What the parts leave out is added: the finish reason,
the usage chunk (when asked for with `stream_options`) and `[DONE]`. Requests without `stream` get
the same parts folded into one completion.

As a process, for benchmarks: `python -m tests.chat_server --port 0 --tokens 200 --rate 20` prints
its base URL as its first line and answers every request with that many words at that pace.
"""

import argparse
import asyncio
import itertools
import json
import random
import re
import signal
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

import uvloop
from aiohttp import web

Json = dict[str, Any]
Part = Callable[["Exchange"], Awaitable[None]]
Reply = Sequence[Part]

WORD = re.compile(r"\s*\S+\s*$|\s*\S+")


# What a reply is made of


def text(value: str, *, rate: float = 0, pieces: Sequence[str] = ()) -> Part:
    """Text, a word a chunk (or cut as `pieces` says), `rate` chunks a second; 0: at once."""
    return _streamed("content", pieces or WORD.findall(value) or [value], rate)


def reasoning(value: str, *, rate: float = 0) -> Part:
    """Thinking, as several servers send it: `delta.reasoning_content`."""
    return _streamed("reasoning_content", WORD.findall(value), rate)


def refusal(value: str, *, rate: float = 0) -> Part:
    """A refusal in the model's own words: `delta.refusal`."""
    return _streamed("refusal", WORD.findall(value), rate)


def tool_call(
    name: str,
    arguments: Json | str,
    *,
    index: int | Literal["next"] | None = "next",
    id: str | Literal["new"] | None = "new",  # noqa: A002 - the wire's own word
    fragments: int = 3,
    rate: float = 0,
) -> Part:
    """One tool call: a chunk with its name, then `arguments` in `fragments` chunks.

    `index=None` and `id=None` leave the field out of every chunk, as some servers do.
    """
    whole = arguments if isinstance(arguments, str) else json.dumps(arguments)
    size = max(1, -(-len(whole) // max(1, fragments)))

    async def play(exchange: Exchange) -> None:
        number = next(exchange.calls)
        head: Json = {"type": "function", "function": {"name": name, "arguments": ""}}
        place: Json = {} if index is None else {"index": number if index == "next" else index}
        if id is not None:
            head["id"] = f"call_{exchange.number}_{number}" if id == "new" else id
        pace = Pace(rate)
        await exchange.send({"tool_calls": [place | head]})
        for start in range(0, len(whole), size):
            await pace.beat()
            piece = {"function": {"arguments": whole[start : start + size]}}
            await exchange.send({"tool_calls": [place | piece]})

    return play


def parallel(*parts: Part) -> Part:
    """Plays parts at the same time, so that the chunks of several tool calls interleave."""

    async def play(exchange: Exchange) -> None:
        await exchange.open()
        await asyncio.gather(*(part(exchange) for part in parts))

    return play


def finish(reason: str) -> Part:
    """Stop, length, tool_calls or content_filter. Without it the fitting one is sent."""
    return lambda exchange: exchange.send({}, finish=reason)


def usage(prompt: int, completion: int) -> Part:
    """These token counts in the last chunk, whether or not they were asked for."""

    async def play(exchange: Exchange) -> None:
        exchange.usage = _usage(prompt, completion)

    return play


def no_usage() -> Part:
    """No usage at all, even though it was asked for."""

    async def play(exchange: Exchange) -> None:
        exchange.usage = None

    return play


def empty() -> Part:
    """A chunk whose `choices` is empty, as Azure sends first with the verdict on the prompt."""
    verdict = {"hate": {"filtered": False, "severity": "safe"}}
    prompt = [{"prompt_index": 0, "content_filter_results": verdict}]
    return lambda exchange: exchange.chunk({"choices": [], "prompt_filter_results": prompt})


def content_filter() -> Part:
    """The provider's filter stops the answer here."""
    return finish("content_filter")


def pause(seconds: float) -> Part:
    """Nothing for a while. As the first part: the time to the first token."""

    async def play(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)

    return play


class Gate:
    """Holds a reply back until the test opens it; see `until`."""

    def __init__(self) -> None:
        self._opened: Future[None] = Future()

    def open(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    async def passed(self) -> None:
        await asyncio.shield(asyncio.wrap_future(self._opened))


def until(gate: Gate) -> Part:
    """Goes on when the test calls `gate.open()`."""
    return lambda exchange: gate.passed()


def stall() -> Part:
    """Sends nothing more and keeps the connection open until the client leaves."""

    async def play(exchange: Exchange) -> None:
        await exchange.open()
        await asyncio.Event().wait()

    return play


def disconnect() -> Part:
    """The connection breaks here, in the middle of the stream."""

    async def play(exchange: Exchange) -> None:
        await exchange.open()
        raise DisconnectError

    return play


def end() -> Part:
    """The stream ends properly here, but without finish reason, usage and `[DONE]`."""

    async def play(exchange: Exchange) -> None:
        raise EndOfStreamError

    return play


def error(
    status: int,
    message: str = "The played model says no.",
    *,
    code: str | None = None,
    type: str = "server_error",  # noqa: A002 - the wire's own word
    retry_after: float | None = None,
) -> Part:
    """An HTTP error in place of the stream."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    body = {"error": {"message": message, "type": type, "param": None, "code": code}}

    async def play(exchange: Exchange) -> None:
        raise HttpError(status, body, headers)

    return play


def whole(message: Json, *, reason: str = "stop") -> Part:
    """The answer in one piece, from a server that was asked to stream and does not."""
    body = {"object": "chat.completion", "choices": [{"message": message, "finish_reason": reason}]}

    async def play(exchange: Exchange) -> None:
        raise HttpError(200, body, {})

    return play


def stream_error(message: str = "The server had an error.", *, code: str | None = None) -> Part:
    """An error object inside the stream that has begun; the stream ends after it."""
    body = {"error": {"message": message, "type": "server_error", "param": None, "code": code}}

    async def play(exchange: Exchange) -> None:
        await exchange.event(json.dumps(body))
        raise EndOfStreamError

    return play


def raw(data: str) -> Part:
    """One server-sent event with exactly this data."""
    return lambda exchange: exchange.event(data)


# How it is played


class HttpError(Exception):
    """The reply is JSON with a status, an error as a rule."""

    def __init__(self, status: int, body: Json, headers: dict[str, str]) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers


class DisconnectError(Exception):
    """The reply breaks the connection."""


class EndOfStreamError(Exception):
    """The reply ends before its time."""


class Pace:
    """Beats at `rate` a second, counted from its making, so that delays do not add up."""

    def __init__(self, rate: float) -> None:
        self._step = 1 / rate if rate else 0.0
        self._next = time.monotonic()

    async def beat(self) -> None:
        self._next += self._step
        await asyncio.sleep(max(0.0, self._next - time.monotonic()) if self._step else 0)


def _streamed(key: str, pieces: Sequence[str], rate: float) -> Part:
    async def play(exchange: Exchange) -> None:
        pace = Pace(rate)
        for number, piece in enumerate(pieces):
            if number:
                await pace.beat()
            await exchange.send({key: piece})

    return play


def _usage(prompt: int, completion: int) -> Json:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


@dataclass
class Received:
    """One request as it came, and what became of it."""

    path: str
    headers: dict[str, str]
    body: Json
    at: float = field(default_factory=time.monotonic)
    answered: threading.Event = field(default_factory=threading.Event)
    """The reply was played to its end."""
    dropped: threading.Event = field(default_factory=threading.Event)
    """The client went away before the end."""

    @property
    def messages(self) -> list[Json]:
        messages: list[Json] = self.body.get("messages", [])
        return messages

    @property
    def prompt(self) -> str:
        """The text of the last user message."""
        return self._after_prompt()[0]

    @property
    def rounds(self) -> int:
        """How many rounds of tool calls were made since that message."""
        return self._after_prompt()[1]

    def _after_prompt(self) -> tuple[str, int]:
        rounds = 0
        for message in reversed(self.messages):
            if message.get("role") == "user":
                content = message.get("content") or ""
                if isinstance(content, list):
                    content = "\n".join(part.get("text", "") for part in content)
                return content, rounds
            rounds += bool(message.get("tool_calls"))
        return "", rounds


class Exchange:
    """One request being answered: deltas become chunks on the wire, or one folded object."""

    _numbers = itertools.count(1)

    def __init__(self, request: web.Request, received: Received) -> None:
        self.number = next(self._numbers)
        self.calls = itertools.count()
        options = received.body.get("stream_options") or {}
        self.usage: Json | Literal["count"] | None = (
            "count" if options.get("include_usage") or not received.body.get("stream") else None
        )
        self.finished: str | None = None
        self._request = request
        self._stream: web.StreamResponse | None = None
        self._streaming = bool(received.body.get("stream"))
        self._sent = 0
        self._called = False
        self._envelope: Json = {
            "id": f"chatcmpl-{self.number}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": received.body.get("model", "played"),
        }
        self._message: Json = {"role": "assistant", "content": None}
        self._prompt_tokens = max(1, len(json.dumps(received.messages)) // 4)

    async def open(self) -> None:
        """Sends the headers of a stream; once."""
        if self._stream is None and self._streaming:
            self._stream = web.StreamResponse(
                headers={"Content-Type": "text/event-stream; charset=utf-8"}
            )
            await self._stream.prepare(self._request)

    async def send(self, delta: Json, *, finish: str | None = None) -> None:
        """One chunk with this delta; before the first, the chunk that names the role."""
        if not self._streaming:
            self._fold(delta)
        else:
            if not self._sent:
                self._sent = 1
                await self._choice({"role": "assistant", "content": ""}, None)
            await self._choice(delta, finish)
        self._sent += 1
        self._called = self._called or "tool_calls" in delta
        self.finished = finish or self.finished

    async def _choice(self, delta: Json, finish: str | None) -> None:
        await self.chunk({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    async def chunk(self, fields: Json) -> None:
        await self.event(json.dumps(self._envelope | fields))

    async def event(self, data: str) -> None:
        if self._streaming:
            await self.open()
            assert self._stream is not None
            await self._stream.write(f"data: {data}\n\n".encode())

    async def finish(self) -> None:
        """What every proper stream ends with."""
        if self.finished is None:
            await self.send({}, finish="tool_calls" if self._called else "stop")
        if self.usage == "count":
            self.usage = _usage(self._prompt_tokens, self._sent)
        if self.usage is not None:
            await self.chunk({"choices": [], "usage": self.usage})
        await self.event("[DONE]")

    def break_off(self) -> web.StreamResponse:
        """Closes the connection without a word of farewell."""
        if self._request.transport is not None:
            self._request.transport.abort()
        return self._stream or web.Response()

    async def response(self) -> web.StreamResponse:
        if self._stream is not None:
            await self._stream.write_eof()
            return self._stream
        choice = {"index": 0, "message": self._message, "finish_reason": self.finished}
        return web.json_response(
            self._envelope | {"object": "chat.completion", "choices": [choice], "usage": self.usage}
        )

    def _fold(self, delta: Json) -> None:
        for key in ("content", "reasoning_content", "refusal"):
            if key in delta:
                self._message[key] = (self._message.get(key) or "") + delta[key]
        calls = self._message.setdefault("tool_calls", []) if "tool_calls" in delta else []
        for call in delta.get("tool_calls", []):
            if "name" in call["function"]:
                calls.append({"id": call.get("id"), "type": "function", **call})
            else:
                mine = [made for made in calls if made.get("index") == call.get("index")]
                mine[-1]["function"]["arguments"] += call["function"]["arguments"]


class Embeddings:
    """The embedding model that is played: texts with words in common are near to each other, and
    so are texts with words of one meaning. Every name is another model, whose vectors mean nothing
    to the others.
    """

    synonyms = (("car", "automobile", "vehicle"), ("cost", "price", "charge"), ("buy", "purchase"))
    dull = frozenset(["the", "a", "an", "is", "was", "of", "in", "on", "to", "with", "and", "from"])

    def __init__(self) -> None:
        self.dimensions = 256
        self.longest: int | None = None
        """Texts with more characters are refused, with this status."""
        self.refusal = 400
        self.lacking = 0
        """So many vectors are missing in each answer."""
        self.requests: list[Json] = []
        self._failure: HttpError | None = None
        self._late = 0.0

    @property
    def texts(self) -> list[str]:
        """All that were asked for, in their order."""
        return [text for request in self.requests for text in request["input"]]

    def fail(self, status: int, message: str = "The played model says no.") -> None:
        """Answer every request with this error, until `work`."""
        body = {"error": {"message": message, "type": "server_error", "param": None, "code": None}}
        self._failure = HttpError(status, body, {})

    def be_late(self, seconds: float) -> None:
        """Wait so long before each answer."""
        self._late = seconds

    def work(self) -> None:
        """Answer as a model that is well."""
        self._failure, self._late = None, 0.0

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests.append(body)
        await asyncio.sleep(self._late)
        if self._failure:
            return web.json_response(self._failure.body, status=self._failure.status)
        texts = body["input"]
        if self.longest is not None and max(map(len, texts)) > self.longest:
            told = {"message": f"The input has more than {self.longest} characters."}
            return web.json_response({"error": told}, status=self.refusal)
        width = body.get("dimensions") or self.dimensions
        data = [
            {
                "object": "embedding",
                "index": number,
                "embedding": self._of(body["model"], text, width),
            }
            for number, text in enumerate(texts)
        ]
        # The order is the index's, not that of the list.
        answer = {"object": "list", "model": body["model"], "data": data[self.lacking :][::-1]}
        return web.json_response(answer | {"usage": {"prompt_tokens": 1, "total_tokens": 1}})

    def _of(self, model: str, text: str, width: int) -> list[float]:
        words = [word for word in re.findall(r"\w+", text.lower()) if word not in self.dull]
        total = [0.0] * width
        for word in words or ["nothing"]:
            meaning = next((same[0] for same in self.synonyms if word in same), word)
            draw = random.Random(f"{model} {meaning}")
            total = [number + draw.gauss(0, 1) for number in total]
        return total


async def _nothing(request: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [], "has_more": False})


class ChatServer:
    """The played model: a thread with a server on a loopback port. Use it in a `with` block."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        models: Sequence[str] = ("played",),
        remember: bool = True,
    ) -> None:
        """`port` 0: any free one. Without `remember`, requests are not kept: for benchmarks."""
        self._host = host
        self.requests: list[Received] = []
        self.embeddings = Embeddings()
        self._remember = remember
        self._port = port
        self._models = list(models)
        self._queue: deque[Reply] = deque()
        self._keyed: dict[str, Sequence[Reply]] = {}
        self._default: Reply | None = None
        self._arrived = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="chat server", daemon=True)
        self._bound: Future[int] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:<port>`; an Azure endpoint."""
        return f"http://{self._host}:{self._bound.result(timeout=10)}"

    @property
    def url(self) -> str:
        """The base URL for an OpenAI client."""
        return f"{self.origin}/v1"

    def reply(self, *parts: Part) -> None:
        """Queues the answer to one request."""
        self._queue.append(parts)

    def when(self, token: str, *replies: Reply) -> None:
        """Answers requests whose last user message holds `token`; a reply per tool round."""
        self._keyed[token] = replies

    def otherwise(self, *parts: Part) -> None:
        """Answers every request that nothing else was said for."""
        self._default = parts

    def forget(self) -> None:
        """Back to how it was made: no replies, no requests."""
        self._queue.clear()
        self._keyed.clear()
        self._default = None
        self.embeddings.work()
        self.embeddings.requests.clear()
        self.requests.clear()

    def wait(self, count: int = 1, *, timeout: float = 10) -> list[Received]:
        """The requests so far, once there are `count`. `TimeoutError` if they do not come."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.requests) >= count, timeout):
                raise TimeoutError(f"{len(self.requests)} of {count} requests after {timeout} s")
            return list(self.requests)

    def start(self) -> Self:
        self._thread.start()
        self._bound.result(timeout=10)
        return self

    def stop(self) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_get("/v1/models", self._list_models)
        app.router.add_get("/openai/models", self._list_models)
        # As a server with assistants, it has none.
        app.router.add_get("/v1/assistants", _nothing)
        app.router.add_get("/v1/vector_stores", _nothing)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_post("/openai/deployments/{model}/chat/completions", self._complete)
        app.router.add_post("/v1/embeddings", self.embeddings.answer)
        app.router.add_post("/openai/deployments/{model}/embeddings", self.embeddings.answer)
        runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port, backlog=2048)
        try:
            await site.start()
            self._bound.set_result(runner.addresses[0][1])
            await self._stop.wait()
        except OSError as problem:
            self._bound.set_exception(problem)
        finally:
            await runner.cleanup()

    async def _list_models(self, request: web.Request) -> web.Response:
        models = [{"id": name, "object": "model", "owned_by": "tests"} for name in self._models]
        return web.json_response({"object": "list", "data": models})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        received = Received(
            path=request.path_qs, headers=dict(request.headers), body=await request.json()
        )
        if self._remember:
            with self._arrived:
                self.requests.append(received)
                self._arrived.notify_all()
        exchange = Exchange(request, received)
        try:
            for part in self._reply_to(received):
                await part(exchange)
            await exchange.finish()
        except HttpError as refusal:
            return web.json_response(refusal.body, status=refusal.status, headers=refusal.headers)
        except DisconnectError:
            received.answered.set()
            return exchange.break_off()
        except EndOfStreamError:
            pass
        except (ConnectionResetError, asyncio.CancelledError):
            received.dropped.set()
            raise
        received.answered.set()
        return await exchange.response()

    def _reply_to(self, received: Received) -> Reply:
        prompt, rounds = received.prompt, received.rounds
        for token, replies in self._keyed.items():
            if token in prompt:
                return replies[min(rounds, len(replies) - 1)]
        if self._queue:
            return self._queue.popleft()
        if self._default is not None:
            return self._default
        return [error(500, f"No reply was set for this request: {prompt[:200]!r}")]


def main() -> None:
    """`python -m tests.chat_server`: one reply for every request, until it is told to end."""
    options = argparse.ArgumentParser(description="A chat model that is played.")
    options.add_argument("--port", type=int, default=0, help="0: any free one")
    options.add_argument("--tokens", type=int, default=100, help="words in every answer")
    options.add_argument("--rate", type=float, default=20, help="words a second; 0: at once")
    options.add_argument("--first-after", type=float, default=0, help="seconds before the first")
    chosen = options.parse_args()
    words = [f"word{number} " for number in range(chosen.tokens)]
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with ChatServer(port=chosen.port, remember=False) as server:
        server.otherwise(pause(chosen.first_after), text("", pieces=words, rate=chosen.rate))
        print(server.url, flush=True)
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
