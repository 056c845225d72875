"""A proxy that stands before a server and does to chosen requests what networks do: it delays, cuts
and garbles.

    with Proxy(stack.url) as proxy:
        proxy.on("POST", r"/runs$", cut_answer())        # the next such request
        proxy.on("GET", r"/runs/", garble(), times=3)
        OpenAI(base_url=f"{proxy.url}/v1")
        proxy.seen                                       # ("GET", "/v1/..."), in their order
"""

import asyncio
import contextlib
import json
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

PASSED_ON = ("content-type", "openai-poll-after-ms", "retry-after", "openai-version")


@dataclass
class Passage:
    """One request on its way through."""

    proxy: "Proxy"
    request: web.Request
    body: bytes

    async def forward(self) -> aiohttp.ClientResponse:
        """What the server answers to it."""
        headers = {
            name: value
            for name, value in self.request.headers.items()
            if name.lower() not in ("host", "content-length", "accept-encoding")
        }
        return await self.proxy.session.request(
            self.request.method,
            self.proxy.target + self.request.path_qs,
            headers=headers,
            data=self.body,
            allow_redirects=False,
        )

    async def pass_on(
        self, answer: aiohttp.ClientResponse, pieces: AsyncIterator[bytes] | None = None
    ) -> web.StreamResponse:
        headers = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(self.request)
        with contextlib.suppress(ConnectionResetError):  # who asked has left, or was cut off
            async for piece in pieces or answer.content.iter_any():
                await response.write(piece)
            await response.write_eof()
        return response

    def cut(self) -> None:
        """Close the connection, as it is."""
        if self.request.transport is not None:
            self.request.transport.abort()


Rule = Callable[[Passage], Awaitable[web.StreamResponse]]


def as_it_is() -> Rule:
    async def run(passage: Passage) -> web.StreamResponse:
        return await passage.pass_on(await passage.forward())

    return run


def cut_request() -> Rule:
    """The server never hears of it."""

    async def run(passage: Passage) -> web.StreamResponse:
        passage.cut()
        return web.Response()

    return run


def cut_answer() -> Rule:
    """The server does it, but nobody hears that it did."""

    async def run(passage: Passage) -> web.StreamResponse:
        answer = await passage.forward()
        await answer.content.readany()
        passage.cut()
        return web.Response()

    return run


def cut_stream(after: bytes) -> Rule:
    """The answer is broken off when it had this in it."""

    async def run(passage: Passage) -> web.StreamResponse:
        answer = await passage.forward()

        async def pieces() -> AsyncIterator[bytes]:
            heard = b""
            async for piece in answer.content.iter_any():
                heard += piece
                yield piece
                if after in heard:
                    passage.cut()
                    return

        return await passage.pass_on(answer, pieces())

    return run


def delay(seconds: float) -> Rule:
    async def run(passage: Passage) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await passage.pass_on(await passage.forward())

    return run


def garble() -> Rule:
    """Something comes, and is nothing."""

    async def run(passage: Passage) -> web.StreamResponse:
        answer = await passage.forward()
        await answer.read()
        return web.Response(body=b'{"id": "../../secret", "object": \xff', status=200)

    return run


def answer(status: int, body: object = None, **headers: str) -> Rule:
    """An answer of the proxy's own; the server never hears of it."""

    async def run(passage: Passage) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response(body, status=status, headers=named)

    return run


def unstreamed() -> Rule:
    """As a server that knows no streams: what is asked for as one is answered with JSON."""

    async def run(passage: Passage) -> web.StreamResponse:
        if passage.body.startswith(b"{"):
            body = json.loads(passage.body)
            body.pop("stream", None)
            passage.body = json.dumps(body).encode()
        return await passage.pass_on(await passage.forward())

    return run


class Proxy:
    """A thread with a server on a loopback port. Use it in a ``with`` block."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.seen: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []
        self.session: aiohttp.ClientSession
        self._rules: list[tuple[str, re.Pattern[str], Rule, int]] = []
        self._bound: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._bound.result(timeout=10)}"

    def on(self, method: str, path: str, rule: Rule, times: int = 1) -> None:
        """Do this to the next requests whose path matches; the first that was said goes first."""
        self._rules.append((method, re.compile(path), rule, times))

    def count(self, method: str, path: str) -> int:
        """How many such requests came."""
        return sum(m == method and bool(re.search(path, p)) for m, p in self.seen)

    def __enter__(self) -> Self:
        self._thread.start()
        self._bound.result(timeout=10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=256 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._pass)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        async with aiohttp.ClientSession(auto_decompress=True) as self.session:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self._bound.set_result(runner.addresses[0][1])
            await self._stop.wait()
            await runner.cleanup()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.seen.append((request.method, request.path))
        self.bodies.append(body)
        return await self._rule(request)(Passage(self, request, body))

    def _rule(self, request: web.Request) -> Rule:
        for place, (method, path, rule, times) in enumerate(self._rules):
            if method == request.method and path.search(request.path):
                if times == 1:
                    del self._rules[place]
                else:
                    self._rules[place] = (method, path, rule, times - 1)
                return rule
        return as_it_is()
