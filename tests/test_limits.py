"""What happens when a container's memory limit is passed: the kernel ends a process, and every run
still ends, once. The limits are real ones, around processes of the whole stack.
"""

import threading
from collections.abc import AsyncIterator, Iterator

import httpx2
import psutil
import pytest
from openai import OpenAI

from tests.cage import Cage, cage
from tests.chat_server import pause, text
from tests.runs import begin, client_of, ended, healthy
from tests.stack import Stack
from tests.tools.code_interpreter.interpreter_process import InterpreterProcess, Session, connected
from tests.until import until

pytestmark = [
    pytest.mark.needs_kernel("memory limits around processes"),
    pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning"),
]

MEGABYTE = 2**20
WORDS = "word " * 400


@pytest.fixture
def client(stack: Stack) -> Iterator[OpenAI]:
    with client_of(stack) as client:
        yield client


def test_a_worker_over_its_limit_is_ended_and_its_runs_go_on_or_keep_what_was_said(
    stack: Stack, client: OpenAI
) -> None:
    """It reads a document that takes more than there is; the next one has room for it."""
    stack.chat.when("slowly", [text(WORDS, rate=10)])
    stack.chat.when("patience", [pause(20), text("Worth the wait.")])
    seen = begin(client, "slowly")
    unseen = begin(client, "patience")
    stack.chat.wait(2)
    lines = "".join(f"Line {number} of many, about tea.\n" for number in range(400_000))
    worker = stack.pid_of("worker")
    with cage(24) as limit:
        limit.take_in(worker)
        document = client.files.create(file=("tea.txt", lines.encode()), purpose="assistants")
        store = client.vector_stores.create(file_ids=[document.id])
        until(lambda: not psutil.pid_exists(worker), "the worker takes no more than it may", 60)
        assert limit.kills

    failed = ended(client, seen[0], seen[2], 60)
    assert failed.status == "failed"
    assert failed.last_error.code == "server_error"
    answer = client.beta.threads.messages.list(seen[0]).data[0]
    assert answer.content[0].text.value.startswith("word word")  # type: ignore[union-attr]
    assert ended(client, unseen[0], unseen[2], 90).status == "completed"

    def read() -> str | None:
        status = client.vector_stores.files.retrieve(document.id, vector_store_id=store.id).status
        return status if status != "in_progress" else None

    assert until(read, "the document is never read", 120) == "completed"


def test_a_web_server_over_its_limit_is_ended_and_no_run_is_lost(
    stack: Stack, client: OpenAI
) -> None:
    stack.chat.when("steady", [text(WORDS, rate=60)])
    thread_id, _, run_id = begin(client, "steady")
    stack.chat.wait(1)
    body = b'{"metadata": {"much": "' + b"x" * (8 * MEGABYTE) + b'"}}'

    def ask() -> None:
        headers = {"Authorization": f"Bearer {stack.api_key}", "Content-Type": "application/json"}
        while not limit.kills:
            try:
                httpx2.post(f"{stack.url}/v1/threads", content=body, headers=headers, timeout=20)
            except httpx2.TransportError:
                return

    before = stack.pid_of("web")
    with cage(24) as limit:
        limit.take_in(before)
        many = [threading.Thread(target=ask) for _ in range(8)]
        for each in many:
            each.start()
        for each in many:
            each.join()
        until(lambda: not psutil.pid_exists(before), "it takes no more than it may", 10)
        assert limit.kills
    until(lambda: healthy(stack), "the web server does not come back", 30)
    assert stack.pid_of("web") != before
    assert ended(client, thread_id, run_id).status == "completed"
    answer = client.beta.threads.messages.list(thread_id).data[0]
    assert answer.content[0].text.value == WORDS  # type: ignore[union-attr]


@pytest.fixture
def around() -> Iterator[Cage]:
    with cage(500) as made:
        yield made


@pytest.fixture
async def interpreter(around: Cage) -> AsyncIterator[InterpreterProcess]:
    process = InterpreterProcess("--warm", "0", within=around.within)
    yield process
    process.remove()


async def test_where_the_interpreter_passes_its_limit_one_session_ends_and_is_told_why(
    around: Cage, interpreter: InterpreterProcess
) -> None:
    """All sessions may have more together than the container."""
    async with connected(interpreter) as client:
        one, other = Session(client, "one"), Session(client, "other")
        await other.run("kept = 1")
        gave = await one.run("much = b'x' * (900 * 2**20)")
        assert around.kills
        assert gave.end.outcome == "died"
        assert gave.note == (
            "The Python session ended: Python was killed, most likely because the server had no "
            "memory left. Its variables are gone; files under /mnt/data are kept."
        )
        assert (await one.run("print('here again')")).logs == "here again\n"
        assert (await other.run("print(kept)")).logs == "1\n"
    assert interpreter.process.poll() is None
