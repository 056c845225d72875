"""Connections to PostgreSQL, on the whole stack: none is lost, and a server that was killed is used
again as soon as it is back, by processes that nobody starts anew.
"""

import contextlib
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import psycopg
import pytest
from openai import APIError, OpenAI

from tests import postgres
from tests.chat_server import pause, text
from tests.stack import Stack

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning"),
    pytest.mark.timeout(240),
]

CONNECTIONS = 12
"""So many a process may have: the fewest that can be set."""
REQUESTS = 1000
AT_ONCE = 24
TERMINAL = {"completed", "failed", "cancelled", "expired", "incomplete"}


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    """A PostgreSQL of our own, which may be killed: what it has confirmed is written."""
    with postgres.server(synchronous_commit="on") as server:
        yield server


@pytest.fixture(scope="module")
def url(server: postgres.Server) -> Iterator[str]:
    with postgres.database(server.folder, "connections") as url:
        yield url


@pytest.fixture(scope="module")
def own_stack(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("own")
    few = str(CONNECTIONS)
    with Stack(folder, DATABASE_URL=url, DATABASE_CONNECTIONS=few, WORKER_RUNS="50") as stack:
        yield stack


@pytest.fixture
def client(own_stack: Stack) -> Iterator[OpenAI]:
    own_stack.chat.forget()
    base_url = f"{own_stack.url}/v1"
    with OpenAI(api_key=own_stack.api_key, base_url=base_url, max_retries=0) as client:
        yield client


def until(what: Callable[[], Any], seconds: float, why: str) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, why
        time.sleep(0.1)
    return found


def healthy(stack: Stack) -> bool:
    try:
        with urllib.request.urlopen(f"{stack.url}/healthz", timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def completed(client: OpenAI, assistant_id: str, words: str) -> str:
    """How a run on a new thread ends."""
    run = client.beta.threads.create_and_run(
        assistant_id=assistant_id, thread={"messages": [{"role": "user", "content": words}]}
    )

    def end() -> Any:
        found = client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
        return found.status if found.status in TERMINAL else None

    return str(until(end, 40, "the run does not end"))


def open_connections(url: str) -> "Counter[str]":
    """Those to the database beside our own, by their state."""
    asked = "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"
    with psycopg.connect(url) as here:
        return Counter(state for (state,) in here.execute(asked, [here.info.backend_pid]))


def test_a_thousand_requests_leave_no_connection_behind(
    own_stack: Stack, client: OpenAI, url: str
) -> None:
    own_stack.chat.when("hello", [text("Hello.")])
    assistant_id = client.beta.assistants.create(model="played").id
    thread_id = client.beta.threads.create(messages=[{"role": "user", "content": "hi"}]).id
    people = httpx2.Client(base_url=own_stack.url, follow_redirects=True, timeout=60)
    people.get(own_stack.login_path)
    programs = httpx2.Client(
        base_url=own_stack.url,
        headers={"Authorization": f"Bearer {own_stack.api_key}"},
        timeout=60,
    )
    asked: list[Callable[[], httpx2.Response]] = [
        lambda: people.get("/threads"),
        lambda: people.get(f"/threads/{thread_id}"),
        lambda: people.get("/nothing"),
        lambda: people.get("/healthz"),
        lambda: programs.get("/v1/assistants"),
        lambda: programs.post("/v1/threads", json={}),
        lambda: programs.get("/v1/threads/thread_nothing"),
        lambda: programs.post("/v1/assistants", json={"model": 7}),
        lambda: programs.post(
            "/v1/threads/runs",
            json={
                "assistant_id": assistant_id,
                "stream": True,
                "thread": {"messages": [{"role": "user", "content": "hello"}]},
            },
        ),
    ]

    def ask(number: int) -> int:
        return asked[number % len(asked)]().status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = Counter(pool.map(ask, range(REQUESTS)))
    assert set(statuses) == {200, 400, 404}
    assert statuses[200] > REQUESTS * 6 / len(asked) - 1
    until(lambda: set(open_connections(url)) <= {"idle"}, 10, "transactions stay open")
    # Web and worker; beat has nothing to do with the database.
    assert open_connections(url).total() <= 2 * CONNECTIONS

    # Readers who go in the middle of a stream leave nothing behind either.
    own_stack.chat.when("slowly", [text("word " * 40, rate=40)])
    body = {
        "assistant_id": assistant_id,
        "stream": True,
        "thread": {"messages": [{"role": "user", "content": "slowly"}]},
    }

    def leave(_: int) -> None:
        with programs.stream("POST", "/v1/threads/runs", json=body) as response:
            next(response.iter_lines())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(leave, range(3 * CONNECTIONS)))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = Counter(pool.map(lambda _: asked[1]().status_code, range(3 * CONNECTIONS)))
    assert set(statuses) == {200}
    people.close()
    programs.close()


def test_web_and_worker_go_on_when_postgresql_was_killed(
    own_stack: Stack, client: OpenAI, server: postgres.Server, url: str
) -> None:
    own_stack.chat.when("hello", [text("Hello.")])
    own_stack.chat.when("patience", [pause(3), text("It was worth it.")])
    assistant_id = client.beta.assistants.create(model="played").id
    # Many connections are in the pools when it dies.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda _: client.beta.assistants.list(), range(60)))
    assert completed(client, assistant_id, "hello") == "completed"
    processes = {name: own_stack.pid_of(name) for name in ("web", "worker", "beat")}
    asked = client.beta.threads.create_and_run(
        assistant_id=assistant_id, thread={"messages": [{"role": "user", "content": "patience"}]}
    )
    until(lambda: open_connections(url).total() > 2, 10, "nobody is connected")

    server.kill()
    try:
        begun = time.monotonic()
        with pytest.raises(APIError) as refused:
            client.beta.assistants.list()
        # Who asks meanwhile is told so, and in time.
        assert time.monotonic() - begun < 15
        assert "503" in str(refused.value)
        assert not healthy(own_stack)
        # Long enough for the pools to have tried, and waited, and given up.
        time.sleep(8)
    finally:
        server.start()
    back = time.monotonic()

    until(lambda: healthy(own_stack), 12, "the stack does not recover")
    client.beta.assistants.list()
    assert completed(client, assistant_id, "hello") == "completed"
    # Nobody meets a connection that died.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda _: client.beta.assistants.list(), range(60)))
    assert time.monotonic() - back < 30
    # The run that was under way ends too.
    until(
        lambda: (
            client.beta.threads.runs.retrieve(asked.id, thread_id=asked.thread_id).status
            in TERMINAL
        ),
        60,
        "the run that was under way does not end",
    )
    # And files are ingested.
    store = client.vector_stores.create()
    with contextlib.suppress(APIError):
        client.vector_stores.files.upload_and_poll(
            vector_store_id=store.id, file=("a.txt", b"Bread and salt."), poll_interval_ms=100
        )
    assert client.vector_stores.search(store.id, query="salt").data
    assert processes == {name: own_stack.pid_of(name) for name in processes}
