"""What the way through API, queue, worker and event log adds to the time to the first token.

A client asks the chat server itself and then, for a run on a fresh thread, the API; again and
again, one request at a time. The same answers come either way, at the same pace.
"""

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol
from urllib.parse import urlsplit

from openai import OpenAI

from bench import chat_process, hops
from bench.figures import Figure, Report, p99
from bench.hops import Heard
from bench.service import Service

WARM_UP = 20
RUNS = 200
SDK_RUNS = 60
LONG_RUNS = 40
LONG = 200
TARGET_P50_MS = 25.0
QUESTION = "How long does this take?"


@dataclass(frozen=True)
class Pair:
    """The same question, asked directly and through us: nanoseconds to the first token."""

    direct: int
    through: Heard


def measure(service: Service) -> Report:
    raw = pairs(Raw(service), WARM_UP, RUNS)
    service.settle()
    long = pairs(Raw(service, LONG), WARM_UP, LONG_RUNS)
    service.settle()
    sdk = pairs(Sdk(service), WARM_UP, SDK_RUNS)
    return Report(
        [
            *figures("raw HTTP", raw, TARGET_P50_MS),
            *figures("openai package", sdk),
            *figures(f"{LONG} messages before", long),
        ],
        [("To the first token, hop by hop (raw HTTP)", hops.rows([pair.through for pair in raw]))],
    )


def figures(client: str, found: list[Pair], target: float | None = None) -> list[Figure]:
    """What was added, against the median of the direct way, so that its noise is not taken off."""
    direct = median(pair.direct for pair in found) / 1e6
    through = [pair.through.took / 1e6 for pair in found]
    added = [took - direct for took in through]
    return [
        Figure(f"first token, {client}: p50", median(through), "ms", direct=direct),
        Figure(f"first token, {client}: added p50", median(added), "ms", target),
        Figure(f"first token, {client}: added p99", p99(added), "ms"),
    ]


class Client(Protocol):
    """Somebody who can ask both ways."""

    def new_thread(self) -> str: ...
    def direct(self) -> int: ...
    def through(self, thread_id: str) -> Heard: ...


def pairs(client: Client, warm_up: int, runs: int) -> list[Pair]:
    """Ask both ways in turn."""
    found = []
    for _ in range(warm_up + runs):
        thread_id = client.new_thread()
        found.append(Pair(client.direct(), client.through(thread_id)))
    return found[warm_up:]


class Raw:
    """A client that does next to nothing: two connections that stay open, lines that are read."""

    def __init__(self, service: Service, messages: int = 1) -> None:
        """Every thread begins with so many messages."""
        self._messages = [
            {"role": ("user", "assistant")[number % 2], "content": QUESTION}
            for number in reversed(range(messages))
        ]
        self._api = _Connection(f"{service.stack.url}/v1", service.stack.api_key)
        self._chat = _Connection(service.chat_url, "any")
        self._model = service.model
        body = {"model": service.model}
        self._assistant_id = self._api.ask("/assistants", body)["id"]

    def new_thread(self) -> str:
        thread_id: str = self._api.ask("/threads", {"messages": self._messages})["id"]
        return thread_id

    def direct(self) -> int:
        body = {"model": self._model, "stream": True, "messages": self._messages}
        begun = time.time_ns()
        first = 0
        for chunk in self._chat.stream("/chat/completions", body):
            if not first and chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
                first = time.time_ns()
        return first - begun

    def through(self, thread_id: str) -> Heard:
        begun = time.time_ns()
        heard: Heard | None = None
        body = {"assistant_id": self._assistant_id, "stream": True}
        for data in self._api.stream(f"/threads/{thread_id}/runs", body):
            if heard is None and data["object"] == "thread.message.delta":
                now = time.time_ns()
                text = data["delta"]["content"][0]["text"]["value"]
                heard = Heard(thread_id, begun, chat_process.written_at(text), now)
        assert heard
        return heard


class Sdk:
    """The openai package on both sides."""

    def __init__(self, service: Service) -> None:
        self._api = OpenAI(base_url=f"{service.stack.url}/v1", api_key=service.stack.api_key)
        self._chat = OpenAI(base_url=service.chat_url, api_key="any")
        self._model = service.model
        self._assistant_id = self._api.beta.assistants.create(model=service.model).id

    def new_thread(self) -> str:
        message: Any = {"role": "user", "content": QUESTION}
        return self._api.beta.threads.create(messages=[message]).id

    def direct(self) -> int:
        begun = time.time_ns()
        first = 0
        with self._chat.chat.completions.create(
            model=self._model, messages=[{"role": "user", "content": QUESTION}], stream=True
        ) as chunks:
            for chunk in chunks:
                if not first and chunk.choices and chunk.choices[0].delta.content:
                    first = time.time_ns()
        return first - begun

    def through(self, thread_id: str) -> Heard:
        begun = time.time_ns()
        heard: Heard | None = None
        with self._api.beta.threads.runs.create(
            thread_id=thread_id, assistant_id=self._assistant_id, stream=True
        ) as events:
            for event in events:
                if heard is None and event.event == "thread.message.delta":
                    now = time.time_ns()
                    text = event.data.to_dict()["delta"]["content"][0]["text"]["value"]  # type: ignore[index]
                    heard = Heard(thread_id, begun, chat_process.written_at(text), now)
        assert heard
        return heard


class _Connection:
    """One HTTP connection, kept open."""

    def __init__(self, base_url: str, key: str) -> None:
        parts = urlsplit(base_url)
        assert parts.hostname
        self._http = http.client.HTTPConnection(parts.hostname, parts.port)
        self._path = parts.path
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST, and the whole answer."""
        answer: dict[str, Any] = json.loads(self._post(path, body).read())
        return answer

    def stream(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """POST, and the data of the events of the answer as they come."""
        response = self._post(path, body)
        while line := response.readline():
            if line.startswith(b"data: {"):
                yield json.loads(line[6:])

    def _post(self, path: str, body: dict[str, Any]) -> http.client.HTTPResponse:
        self._http.request("POST", self._path + path, json.dumps(body), self._headers)
        response = self._http.getresponse()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {response.read()!r}")
        return response
