"""A thread of 100,000 messages: reading its newest page, and adding one more.

Asked over HTTP of the running web server, on one connection that stays open, up to the last byte;
the direct way is the same on a thread of 100 messages.
"""

import http.client
import json
import time
from statistics import median
from urllib.parse import urlsplit

from assistants.errors import Wire
from assistants.models import Message, Thread
from assistants.operations import projects, threads
from bench.figures import Figure, Report, p99
from bench.service import Service

FEW, MANY = 100, 100_000
REQUESTS = 100
WARM_UP = 10
AT_ONCE = 2_000
LIST_TARGET_MS = 30.0
CREATE_TARGET_MS = 15.0


def measure(service: Service) -> Report:
    few, many = thread_of(FEW), thread_of(MANY)
    service.settle()
    client = Client(service)
    listed = {thread.id: client.times("GET", thread) for thread in (few, many)}
    said: Wire = {"role": "user", "content": "One more."}
    added = {thread.id: client.times("POST", thread, said) for thread in (few, many)}
    return Report(
        [
            *figures("newest page", listed[few.id], listed[many.id], LIST_TARGET_MS),
            *figures("next message", added[few.id], added[many.id], CREATE_TARGET_MS),
        ]
    )


def figures(what: str, few: list[float], many: list[float], target: float) -> list[Figure]:
    name = f"{what} of {MANY:,} messages"
    return [
        Figure(f"{name}: p50", median(many), "ms", target, direct=median(few)),
        Figure(f"{name}: p99", p99(many), "ms", direct=p99(few)),
    ]


def thread_of(messages: int) -> Thread:
    """A thread of so many short messages."""
    thread = threads.create(projects.ensure_default_project())
    content = [{"type": "text", "text": {"value": "What is new today?", "annotations": []}}]
    for begin in range(0, messages, AT_ONCE):
        Message.objects.bulk_create(
            Message(thread=thread, role="user", content=content)
            for _ in range(min(AT_ONCE, messages - begin))
        )
    return thread


class Client:
    """A program with a key."""

    def __init__(self, service: Service) -> None:
        parts = urlsplit(service.stack.url)
        assert parts.hostname
        self._http = http.client.HTTPConnection(parts.hostname, parts.port)
        self._headers = {
            "Authorization": f"Bearer {service.stack.api_key}",
            "Content-Type": "application/json",
        }

    def times(self, method: str, thread: Thread, body: Wire | None = None) -> list[float]:
        """The milliseconds of request after request on the thread's messages."""
        for _ in range(WARM_UP):
            self._ask(method, thread, body)
        return [self._ask(method, thread, body) for _ in range(REQUESTS)]

    def _ask(self, method: str, thread: Thread, body: Wire | None) -> float:
        sent = json.dumps(body) if body else None
        begun = time.perf_counter()
        self._http.request(method, f"/v1/threads/{thread.id}/messages", sent, self._headers)
        answer = self._http.getresponse()
        content = answer.read()
        took = time.perf_counter() - begun
        if answer.status != 200:
            raise RuntimeError(f"{method} answers {answer.status}: {content[:200]!r}")
        return took * 1e3
