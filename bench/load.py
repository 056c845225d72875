"""Many runs at once, and many who watch: how late each word is, how soon a wish to cancel is heard,
and what a thousand readers cost.

Every word of the played model is its number and the time at which it was written, so a reader
knows how long each was under way, and that none is lost or comes twice. The same number of clients
then reads the same streams from the chat server itself.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from http.client import HTTPConnection
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

import psutil
import uvloop

from bench.chat_process import LOAD_QUESTION, LOAD_WORDS
from bench.figures import Figure, Report, p99
from bench.service import Service

RUNS: Final = {100: 50.0, 200: 100.0, 300: 150.0}
"""How many runs at once, and how late a word may be with them, in ms."""
FIRST_MS: Final = 500.0
PAGES, PAGES_MS = 100, 250.0
START_SECONDS: Final = 10.0
"""In which the runs are started, evenly."""
FOLLOWERS, FOLLOWERS_MB, REACH_MS = 1000, 100.0, 200.0
CANCELS, CANCEL_MS = 100, 1000.0

WORD: Final = re.compile(rb"(\d+):(\d{19}) ")


@dataclass
class Reading:
    """What one client read: when each word was there, and how late, in ms."""

    first: float = 0.0
    lags: list[tuple[float, float]] = field(default_factory=list)
    next: int = 0

    def take(self, line: bytes) -> None:
        """
        :raises RuntimeError: a word is missing, or came before
        """
        now = time.time_ns()
        for number, written in WORD.findall(line):
            if int(number) != self.next:
                raise RuntimeError(f"word {int(number)} came in the place of {self.next}")
            self.next += 1
            self.lags.append((time.monotonic(), (now - int(written)) / 1e6))


def measure(service: Service) -> Report:
    figures: list[Figure] = []
    for runs, target in RUNS.items():
        figures += uvloop.run(many(service, runs, target))
        service.settle()
    figures += uvloop.run(many(service, PAGES, PAGES_MS, pages=True))
    service.settle()
    figures += uvloop.run(followers(service))
    service.settle()
    figures += uvloop.run(cancels(service))
    return Report(figures)


async def many(service: Service, runs: int, target: float, *, pages: bool = False) -> list[Figure]:
    """So many runs at once; with ``pages`` each has a page of the studio open on it, and it is the
    page that is read.
    """
    api = api_of(service)
    assistant_id = (await api.ask("/assistants", {"model": service.model}))["id"]
    message = {"role": "user", "content": LOAD_QUESTION}
    threads = [(await api.ask("/threads", {"messages": [message]}))["id"] for _ in range(runs)]
    cookie = login(service) if pages else ""

    async def through(thread_id: str) -> Reading:
        if pages:
            await api.ask(f"/threads/{thread_id}/runs", {"assistant_id": assistant_id})
            return await page(service, thread_id, cookie)
        reading, begun = Reading(), time.monotonic()
        body = {"assistant_id": assistant_id, "stream": True}
        name = b""
        async for line in api.stream(f"/threads/{thread_id}/runs", body):
            if line.startswith(b"event: "):
                name = line[7:]
            elif name == b"thread.message.delta":
                reading.first = reading.first or (time.monotonic() - begun) * 1000
                reading.take(line)
        return reading

    async def direct(_: str) -> Reading:
        reading, begun = Reading(), time.monotonic()
        body = {"model": service.model, "stream": True, "messages": [message]}
        async for line in chat.stream("/chat/completions", body):
            if WORD.search(line):
                reading.first = reading.first or (time.monotonic() - begun) * 1000
                reading.take(line)
        return reading

    found = await started_evenly(threads, through)
    await asyncio.sleep(1)
    chat = api_of(service, service.chat_url)
    plain = await started_evenly(threads, direct)
    if any(reading.next != LOAD_WORDS for reading in found):
        raise RuntimeError("some words never came")
    late, plainly = steady(found), steady(plain)
    what = f"{runs} runs" if not pages else f"{runs} runs, each with a page of the studio open"
    figures = [
        Figure(
            f"{what}: a word is late, p99",
            p99(late) - median(plainly),
            "ms",
            target,
            direct=p99(plainly),
        )
    ]
    if not pages:
        first = [reading.first for reading in found]
        directly = [reading.first for reading in plain]
        figures += [
            Figure(
                f"{what}: first token, p99",
                p99(first) - median(directly),
                "ms",
                FIRST_MS,
                direct=p99(directly),
            ),
        ]
    return figures


async def started_evenly(
    threads: list[str], read: Callable[[str], Awaitable[Reading]]
) -> list[Reading]:
    async def one(number: int, thread_id: str) -> Reading:
        await asyncio.sleep(START_SECONDS * number / len(threads))
        return await read(thread_id)

    return await asyncio.gather(*(one(*pair) for pair in enumerate(threads)))


def steady(found: list[Reading]) -> list[float]:
    """How late words were from when all had begun to when the first had ended."""
    begun = max(reading.lags[0][0] for reading in found)
    ended = min(reading.lags[-1][0] for reading in found)
    return [lag for reading in found for at, lag in reading.lags if begun <= at <= ended]


async def page(service: Service, thread_id: str, cookie: str) -> Reading:
    """The stream of the thread's page; each frame shows the whole of a block, so only words that
    were not there before count.
    """
    reading = Reading()
    api = api_of(service, service.stack.url, {"Cookie": cookie})
    async for line in api.stream(f"/threads/{thread_id}/stream", None):
        now = time.time_ns()
        for number, written in WORD.findall(line.replace(b"</p>", b" ")):
            if int(number) > reading.next:
                raise RuntimeError(f"word {reading.next} is missing")
            if int(number) == reading.next:
                reading.next += 1
                reading.lags.append((time.monotonic(), (now - int(written)) / 1e6))
        # The page goes on listening when its run is over.
        if b'data-live=""' in line:
            break
    return reading


async def followers(service: Service) -> list[Figure]:
    """A thousand pages open on one thread whose run waits, and then one event."""
    api, cookie = api_of(service), login(service)
    function = {"type": "function", "function": {"name": "wait"}}
    assistant = {"model": service.model, "tools": [function]}
    assistant_id = (await api.ask("/assistants", assistant))["id"]
    message = {"role": "user", "content": "call wait"}
    thread_id = (await api.ask("/threads", {"messages": [message]}))["id"]
    run = await api.ask(f"/threads/{thread_id}/runs", {"assistant_id": assistant_id})
    path = f"/threads/{thread_id}/runs/{run['id']}"
    while (await api.ask(path, None))["status"] != "requires_action":
        await asyncio.sleep(0.05)
    web = web_process(service)
    open_now, heard = set[int](), []
    asked = asyncio.Event()

    async def follow(number: int) -> None:
        await asyncio.sleep(number / 200)
        reader = api_of(service, service.stack.url, {"Cookie": cookie})
        async for line in reader.stream(f"/threads/{thread_id}/stream", None):
            if line.startswith(b"data:") and asked.is_set():
                heard.append(time.monotonic())
                return
            if line.startswith(b"event: message"):
                open_now.add(number)

    following = [asyncio.create_task(follow(number)) for number in range(FOLLOWERS)]
    while len(open_now) < FOLLOWERS:
        await asyncio.sleep(0.1)
    await asyncio.sleep(3)
    resident = web.memory_info().rss / 2**20
    asked.set()
    begun = time.monotonic()
    await api.ask(f"{path}/cancel", {})
    await asyncio.gather(*following)
    return [
        Figure(f"{FOLLOWERS} idle readers: the web process", resident, "MB", FOLLOWERS_MB),
        Figure(
            f"{FOLLOWERS} readers: one event reaches the last after",
            (max(heard) - begun) * 1000,
            "ms",
            REACH_MS,
        ),
    ]


async def cancels(service: Service) -> list[Figure]:
    """From the wish to the event that the run is cancelled, while the model streams."""
    api = api_of(service)
    assistant_id = (await api.ask("/assistants", {"model": service.model}))["id"]
    message = {"role": "user", "content": LOAD_QUESTION}
    took = []
    for _ in range(CANCELS):
        thread_id = (await api.ask("/threads", {"messages": [message]}))["id"]
        body = {"assistant_id": assistant_id, "stream": True}
        wish: Coroutine[Any, Any, Any] | None = None
        begun, run_id = 0.0, ""
        async for line in api.stream(f"/threads/{thread_id}/runs", body):
            if line.startswith(b"event: thread.run.cancelled"):
                took.append((time.monotonic() - begun) * 1000)
            elif not run_id and b'"object":"thread.run"' in line:
                run_id = json.loads(line[5:])["id"]
            elif line.startswith(b"event: thread.message.delta") and wish is None:
                begun = time.monotonic()
                wish = api.ask(f"/threads/{thread_id}/runs/{run_id}/cancel", {})
                asyncio.get_running_loop().create_task(wish)
    return [Figure(f"{CANCELS} cancels: p99", p99(took), "ms", CANCEL_MS)]


def login(service: Service) -> str:
    """The cookies of somebody who has signed in."""
    parts = urlsplit(service.stack.url)
    http = HTTPConnection(str(parts.hostname), parts.port)
    http.request("GET", service.stack.login_path)
    response = http.getresponse()
    cookies = [value for name, value in response.getheaders() if name.lower() == "set-cookie"]
    return "; ".join(cookie.split(";")[0] for cookie in cookies)


def web_process(service: Service) -> psutil.Process:
    (web,) = (
        process
        for process in service.stack.processes()
        if process.cmdline()[1:3] == ["-m", "playground.web"]
    )
    return web


def api_of(service: Service, url: str = "", headers: dict[str, str] | None = None) -> "Api":
    """A client of the service's API, or of another address."""
    key = {"Authorization": f"Bearer {service.stack.api_key}"}
    return Api(url or f"{service.stack.url}/v1", headers or key)


class Api:
    """Next to nothing of an HTTP client: a connection a request."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._path = str(parts.hostname), parts.port, parts.path
        self._headers = headers

    async def ask(self, path: str, body: Any) -> Any:
        """GET without a body, else POST; the answer."""
        lines = [line async for line in self.stream(path, body)]
        return json.loads(b"".join(lines))

    async def stream(self, path: str, body: Any) -> AsyncIterator[bytes]:
        """The lines of the answer as they come.

        :raises RuntimeError: the answer is an error
        """
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=2**22)
        try:
            content = b"" if body is None else json.dumps(body).encode()
            head = [
                f"{'GET' if body is None else 'POST'} {self._path}{path} HTTP/1.1",
                f"Host: {self._host}:{self._port}",
                *(f"{name}: {value}" for name, value in self._headers.items()),
                *(["Content-Type: application/json"] if content else []),
                f"Content-Length: {len(content)}",
            ]
            writer.write("\r\n".join([*head, "", ""]).encode() + content)
            status = await reader.readline()
            length = None
            while header := (await reader.readline()).strip():
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            if b" 200 " not in status:
                raise RuntimeError(f"{path}: {status!r} {await reader.read(500)!r}")
            if length is not None:
                yield await reader.readexactly(length)
                return
            # What has no length comes in chunks.
            rest = b""
            while size := int(await reader.readline(), 16):
                *lines, rest = (rest + await reader.readexactly(size)).split(b"\n")
                await reader.readline()
                for line in lines:
                    yield line
            yield rest
        finally:
            writer.close()
