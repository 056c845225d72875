"""How long the page of a thread takes, and whether that depends on how much was said before.

Asked over HTTP of the running web server, as a browser does, up to the last byte. The queries are
counted in this process, on the same rows.
"""

import http.client
import time
from statistics import median
from urllib.parse import urlsplit

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from assistants.models import Project, Thread
from assistants.operations import assistants, projects
from assistants.operations.people import local_owner as owner
from assistants.params import AssistantCreate, validate
from bench.figures import Figure, Report, p99
from bench.long_thread import laid_out
from bench.service import Service

SHORT, LONG, LONGEST = 20, 500, 5000
VIEWS = 60
WARM_UP = 5
FRESH_THREADS = 8
TARGET_MS = 150.0


def measure(service: Service) -> Report:
    project = projects.ensure_default_project()
    threads = {messages: long_thread(project, messages) for messages in (SHORT, LONG, LONGEST)}
    fresh = [long_thread(project, LONG) for _ in range(FRESH_THREADS)]
    service.settle()
    reader = Reader(service)
    times = view(reader, threads)
    first_views = [reader.open(thread) for thread in fresh]
    queries = {messages: count_queries(thread) for messages, thread in threads.items()}
    most = float(queries[SHORT])
    return Report(
        [
            *(
                Figure(
                    f"thread page, {messages} messages: p50",
                    median(found),
                    "ms",
                    TARGET_MS if messages == LONG else None,
                    None if messages == SHORT else median(times[SHORT]),
                )
                for messages, found in times.items()
            ),
            Figure(f"thread page, {LONG} messages: p99", p99(times[LONG]), "ms", TARGET_MS),
            Figure(
                f"thread page, {LONG} messages, first view: p50",
                median(first_views),
                "ms",
                TARGET_MS,
            ),
            Figure(f"thread page, {SHORT} messages: queries", most, ""),
            Figure(f"thread page, {LONG} messages: queries", queries[LONG], "", most, most),
            Figure(f"thread page, {LONGEST} messages: queries", queries[LONGEST], "", most, most),
        ]
    )


def long_thread(project: Project, messages: int) -> Thread:
    """A thread of so many messages, of an assistant that runs code."""
    body = {"model": "demo", "name": "Plots", "tools": [{"type": "code_interpreter"}]}
    assistant = project.assistants.first() or assistants.create(
        project, validate(AssistantCreate, body)
    )
    return laid_out(project, assistant, messages)


def view(reader: "Reader", threads: dict[int, Thread]) -> dict[int, list[float]]:
    """The milliseconds of view after view, the threads in turn, so that what else the machine does
    meets all of them.
    """
    for thread in threads.values():
        for _ in range(WARM_UP):
            reader.open(thread)
    times: dict[int, list[float]] = {messages: [] for messages in threads}
    for _ in range(VIEWS):
        for messages, thread in threads.items():
            times[messages].append(reader.open(thread))
    return times


def count_queries(thread: Thread) -> int:
    """How often the page asks the database."""
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(owner())
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(f"/threads/{thread.id}")
    assert answer.status_code == 200
    return len(queries)


class Reader:
    """A person who is signed in, on one connection that stays open."""

    def __init__(self, service: Service) -> None:
        parts = urlsplit(service.stack.url)
        assert parts.hostname
        self._http = http.client.HTTPConnection(parts.hostname, parts.port)
        self._http.request("GET", service.stack.login_path)
        answer = self._http.getresponse()
        answer.read()
        given = answer.headers.get_all("Set-Cookie") or []
        self._cookies = "; ".join(cookie.partition(";")[0] for cookie in given)

    def open(self, thread: Thread) -> float:
        """The milliseconds of one view of the thread's page."""
        begun = time.perf_counter()
        self._http.request("GET", f"/threads/{thread.id}", headers={"Cookie": self._cookies})
        answer = self._http.getresponse()
        page = answer.read()
        took = time.perf_counter() - begun
        if answer.status != 200 or f"{thread.title}".encode() not in page:
            raise RuntimeError(f"the page answers {answer.status}: {page[:200]!r}")
        return took * 1e3
