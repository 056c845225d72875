"""What dies, comes back; and every run still ends, once. On the whole stack, as real processes.

Tests that kill the same process stand apart: one that had not run for 30 s when it ended again is
started again later each time.
"""

import contextlib
import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from openai import APIError, AssistantEventHandler, BadRequestError, OpenAI
from pytest_django import Settings

from assistants.engine.host import Host
from tests.chat_server import Gate, pause, text, tool_call
from tests.chat_server import until as passed
from tests.runs import MODEL, TERMINAL, begin, client_of, ended, healthy
from tests.stack import Stack
from tests.until import until

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

WORDS = "word " * 60


@pytest.fixture
def client(stack: Stack) -> Iterator[OpenAI]:
    with client_of(stack) as client:
        yield client


def kill(stack: Stack, name: str) -> None:
    """As the kernel does when memory runs out: nothing can be said any more."""
    os.kill(stack.pid_of(name), signal.SIGKILL)


KILLED = ("worker", "web", "redis", "interpreter", "beat")


def whatever_dies_every_run_ends_once(stack: Stack, client: OpenAI, seed: int) -> None:
    """People go on asking while processes are killed, some of them before they have come back."""
    chance = random.Random(seed)
    stack.chat.when("chaos", [text(WORDS, rate=20)])
    assistant_id = client.beta.assistants.create(model=MODEL).id
    asked: dict[str, list[str]] = {}
    """The messages of each thread that were answered with 200."""
    over = threading.Event()

    def go_on_asking() -> None:
        number = 0
        while not over.is_set():
            number += 1
            with contextlib.suppress(APIError):
                thread_id = client.beta.threads.create().id
                asked[thread_id] = []
                words = f"chaos {number}"
                client.beta.threads.messages.create(thread_id, role="user", content=words)
                asked[thread_id].append(words)
                client.beta.threads.runs.create(thread_id, assistant_id=assistant_id)
            over.wait(0.3)

    asking = threading.Thread(target=go_on_asking)
    asking.start()
    try:
        for _ in range(6):
            time.sleep(chance.uniform(0.2, 3))
            with contextlib.suppress(LookupError):  # it is being started again
                kill(stack, chance.choice(KILLED))
        until(lambda: len(asked) > 10, "nobody gets through any more", 60)
    finally:
        over.set()
        asking.join()
    until(lambda: healthy(stack), "the stack does not recover", 60)

    last_thread, _, last_run = begin(client, "chaos at the end")
    assert ended(client, last_thread, last_run).status == "completed"
    runs = [
        (thread_id, run.id)
        for thread_id in asked
        for run in client.beta.threads.runs.list(thread_id).data
    ]
    deadline = time.monotonic() + 60
    statuses = Counter(
        ended(client, *pair, seconds=max(1, deadline - time.monotonic())).status for pair in runs
    )
    assert set(statuses) <= {"completed", "failed"}
    events = redis.Redis.from_url(stack.redis_url, decode_responses=True)
    for thread_id, words in asked.items():
        messages = client.beta.threads.messages.list(thread_id, order="asc", limit=100).data
        told = [
            (message.role, message.status, message.content[0].text.value)  # type: ignore[union-attr]
            for message in messages
        ]
        # What was answered with 200 is there once; what was not may be there, once.
        users = [value for role, _, value in told if role == "user"]
        assert len(users) == len(set(users))
        assert users[: len(words)] == words
        for role, status, value in told:
            assert role == "user" or WORDS.startswith(value)
            assert role == "user" or (value == WORDS) >= (status == "completed")
        entries: Any = events.xrange(f"log:{thread_id}")
        ends = [
            fields["run"]
            for _, fields in entries
            if fields["event"].removeprefix("thread.run.") in TERMINAL
        ]
        assert len(ends) == len(set(ends))
        # The lock is free.
        client.beta.threads.messages.create(thread_id, role="user", content="still there?")
    events.close()


@pytest.mark.timeout(240)
def test_whatever_dies_in_the_first_order_every_run_ends_once(stack: Stack, client: OpenAI) -> None:
    whatever_dies_every_run_ends_once(stack, client, seed=1)


def test_two_people_who_write_to_one_thread_at_once(stack: Stack, client: OpenAI) -> None:
    stack.chat.when("first", [text("word " * 40, rate=20)])
    thread_id, assistant_id, run_id = begin(client, "first")

    with pytest.raises(BadRequestError) as refused:
        client.beta.threads.messages.create(thread_id, role="user", content="me too")
    assert refused.value.body == {
        "message": f"Can't add messages to {thread_id} while a run {run_id} is active.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    results: list[str] = []

    def start() -> None:
        try:
            results.append(client.beta.threads.runs.create(thread_id, assistant_id=assistant_id).id)
        except BadRequestError as error:
            results.append(str(error.body["message"]))  # type: ignore[index]

    people = [threading.Thread(target=start) for _ in range(6)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert set(results) == {f"Thread {thread_id} already has an active run {run_id}."}
    assert ended(client, thread_id, run_id).status == "completed"


def test_cancelling_takes_less_than_a_second_and_keeps_the_text(
    stack: Stack, client: OpenAI
) -> None:
    stack.chat.when("long", [text("word " * 600, rate=20)])
    thread_id, _, run_id = begin(client, "long")
    stack.chat.wait(1)
    time.sleep(1)

    begun = time.monotonic()
    assert client.beta.threads.runs.cancel(run_id, thread_id=thread_id).status == "cancelling"
    run = ended(client, thread_id, run_id, 5)

    assert time.monotonic() - begun < 1
    assert run.status == "cancelled"
    answer = client.beta.threads.messages.list(thread_id).data[0]
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "run_cancelled"
    assert answer.content[0].text.value.startswith("word")  # type: ignore[union-attr]


def test_cancelling_stops_code_that_runs(stack: Stack, client: OpenAI) -> None:
    endless = tool_call("code_interpreter", {"code": "print('begun')\nwhile True: pass"})
    stack.chat.when("endless", [endless], [text("never")])
    thread_id, _, run_id = begin(client, "endless", tools=[{"type": "code_interpreter"}])
    stack.chat.wait(1)
    time.sleep(2)

    begun = time.monotonic()
    client.beta.threads.runs.cancel(run_id, thread_id=thread_id)
    run = ended(client, thread_id, run_id, 5)

    assert time.monotonic() - begun < 1
    assert run.status == "cancelled"
    step = client.beta.threads.runs.steps.list(run_id, thread_id=thread_id).data[0]
    assert step.status == "cancelled"
    call = step.step_details.tool_calls[0]  # type: ignore[union-attr]
    assert call.code_interpreter.outputs[0].logs.startswith("begun")  # type: ignore[union-attr]


def test_a_client_that_leaves_does_not_stop_the_run(stack: Stack, client: OpenAI) -> None:
    stack.chat.when("leave", [text("word " * 40, rate=20)])
    assistant = client.beta.assistants.create(model=MODEL)
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "leave"}])
    stream = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, stream=True)
    run_id = ""
    for event in stream:
        if event.event == "thread.run.created":
            run_id = event.data.id
        if event.event == "thread.message.delta":
            break
    stream.close()

    assert ended(client, thread.id, run_id).status == "completed"


@pytest.mark.django_db(transaction=True)
def test_what_a_lost_wish_to_close_a_session_left_is_tidied_up(
    stack: Stack, settings: Settings
) -> None:
    left = stack.data_dir / "sessions" / "thread_thatisgone"
    left.mkdir()
    yesterday = time.time() - 25 * 3600
    os.utime(left, (yesterday, yesterday))
    settings.INTERPRETER_SOCKET = str(stack.data_dir / "run" / "interpreter.sock")
    host = Host()
    try:
        host.close_orphaned_sessions()

        until(lambda: not left.exists(), "the session stays", 10)
    finally:
        host.stop()


def test_a_text_is_searchable_within_moments_while_a_run_goes_on(
    stack: Stack, client: OpenAI
) -> None:
    stack.chat.when("meanwhile", [text("word " * 60, rate=20)])
    thread_id, _, run_id = begin(client, "meanwhile")
    store = client.vector_stores.create()
    client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("w.txt", b"warm"))

    begun = time.monotonic()
    done = client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=("a.txt", b"Bread and salt."), poll_interval_ms=10
    )
    seconds = time.monotonic() - begun

    assert done.status == "completed"
    assert seconds < 1
    assert client.vector_stores.search(store.id, query="salt").data
    client.vector_stores.files.delete(done.id, vector_store_id=store.id)
    assert client.vector_stores.search(store.id, query="salt").data == []
    assert ended(client, thread_id, run_id).status == "completed"


@pytest.mark.sqlite
def test_a_database_that_is_busy_for_a_while_loses_nothing(stack: Stack, client: OpenAI) -> None:
    stack.chat.when("busy", [text(WORDS, rate=40)])
    thread_id, _, run_id = begin(client, "busy")
    stack.chat.wait(1)
    (path,) = stack.data_dir.glob("*.sqlite3")
    holding = sqlite3.connect(path, isolation_level=None)
    holding.execute("BEGIN IMMEDIATE")
    time.sleep(6)
    holding.execute("ROLLBACK")
    holding.close()
    assert ended(client, thread_id, run_id).status == "completed"
    answer = client.beta.threads.messages.list(thread_id).data[0]
    assert answer.content[0].text.value == WORDS  # type: ignore[union-attr]


def test_a_redis_that_hangs_holds_up_a_request_once_and_no_run_for_good(
    stack: Stack, client: OpenAI
) -> None:
    stack.chat.otherwise(text("Here I am."))
    thread_id, assistant_id, first = begin(client, "hello")
    ended(client, thread_id, first)
    pid = stack.pid_of("redis")
    os.kill(pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        run = client.beta.threads.runs.create(thread_id, assistant_id=assistant_id)
        # Once for the event log and once for the broker, 2 s each.
        assert time.monotonic() - begun < 6
        begun = time.monotonic()
        client.beta.threads.create(messages=[{"role": "user", "content": "hello"}])
        client.beta.threads.retrieve(thread_id)
        assert time.monotonic() - begun < 3
    finally:
        os.kill(pid, signal.SIGCONT)
    assert ended(client, thread_id, run.id).status == "completed"


def test_a_full_redis_lets_old_event_logs_go_and_runs_go_on(stack: Stack, client: OpenAI) -> None:
    stack.chat.otherwise(text(WORDS))
    with redis.Redis.from_url(stack.redis_url) as store:
        before = store.config_get("maxmemory")["maxmemory"]
        room = store.info("memory")["used_memory"] + 4_000_000
        store.config_set("maxmemory", room)
        try:
            for number in range(200):  # 20 MB
                store.xadd(f"log:thread_old{number}", {"data": "x" * 100_000})
                store.expire(f"log:thread_old{number}", 600)
            # What a write has no time to let go of goes right after it.
            until(lambda: store.info("memory")["used_memory"] <= room, "Redis stays full", 5)
            thread_id, _, run_id = begin(client, "hello")
            assert ended(client, thread_id, run_id).status == "completed"
            assert store.exists(f"log:{thread_id}")
            assert 0 < len(store.keys("log:thread_old*")) < 200
            assert healthy(stack)
        finally:
            store.config_set("maxmemory", before)
            store.delete(*store.keys("log:thread_old*"))


@pytest.mark.timeout(240)
def test_whatever_dies_in_the_second_order_every_run_ends_once(
    stack: Stack, client: OpenAI
) -> None:
    whatever_dies_every_run_ends_once(stack, client, seed=2)


@dataclass
class Left:
    """What a worker was doing when it was killed, once all of it is over."""

    half_said: tuple[str, str, str]
    """The ids of the thread, the assistant and the run."""
    unseen: tuple[str, str, str]
    store_id: str
    batch_id: str
    file_ids: list[str]
    text: str


@pytest.fixture(scope="module")
def left(stack: Stack) -> Left:
    """All at once, so that the leases run out side by side."""
    stack.chat.forget()
    gate = Gate()
    stack.chat.when("slowly", [text("word " * 600, rate=20)])
    stack.chat.when("patience", [passed(gate), text("Worth the wait.")])
    long = "\n\n".join(f"Paragraph {number} is about bread and salt." for number in range(60_000))
    with OpenAI(api_key=stack.api_key, base_url=f"{stack.url}/v1", max_retries=0) as client:
        file_ids = [
            client.files.create(file=(f"{number}.txt", long.encode()), purpose="assistants").id
            for number in range(3)
        ]
        half_said = begin(client, "slowly")
        unseen = begin(client, "patience")
        stack.chat.wait(2)
        time.sleep(1)
        store = client.vector_stores.create()
        batch = client.vector_stores.file_batches.create(store.id, file_ids=file_ids)
        time.sleep(0.5)
        assert client.vector_stores.retrieve(store.id).status == "in_progress"

        kill(stack, "worker")

        gate.open()
        for thread_id, _, run_id in (half_said, unseen):
            ended(client, thread_id, run_id)

        def ingested() -> bool:
            found = client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store.id)
            return found.status != "in_progress"

        until(ingested, "the files stay in progress", 60)
    return Left(half_said, unseen, store.id, batch.id, file_ids, long)


def test_a_run_whose_worker_is_killed_fails_and_keeps_what_was_said(
    stack: Stack, left: Left, client: OpenAI
) -> None:
    thread_id, assistant_id, run_id = left.half_said
    run = client.beta.threads.runs.retrieve(run_id, thread_id=thread_id)
    assert run.status == "failed"
    assert run.last_error is not None
    assert run.last_error.code == "server_error"
    answer = client.beta.threads.messages.list(thread_id).data[0]
    assert answer.status == "incomplete"
    assert answer.content[0].text.value.startswith("word word")  # type: ignore[union-attr]

    # The thread is free again, and the worker that was started anew takes the next run.
    stack.chat.when("again", [text("Here I am.")])
    client.beta.threads.messages.create(thread_id, role="user", content="again")
    again = client.beta.threads.runs.create(thread_id, assistant_id=assistant_id)
    assert ended(client, thread_id, again.id).status == "completed"


def test_a_run_of_which_nothing_was_seen_is_executed_by_the_next_worker(
    left: Left, client: OpenAI
) -> None:
    thread_id, _, run_id = left.unseen
    assert client.beta.threads.runs.retrieve(run_id, thread_id=thread_id).status == "completed"
    answers = client.beta.threads.messages.list(thread_id, run_id=run_id).data
    assert [part.text.value for part in answers[0].content] == ["Worth the wait."]  # type: ignore[union-attr]
    assert len(answers) == 1


def test_files_whose_worker_is_killed_are_ingested_by_the_next_one(
    left: Left, client: OpenAI
) -> None:
    store_id = left.store_id
    batch = client.vector_stores.file_batches.retrieve(left.batch_id, vector_store_id=store_id)
    assert batch.file_counts.completed == 3
    query = "Paragraph 59999"
    found = client.vector_stores.search(store_id, query=query, max_num_results=50).data
    ids = {one.file_id for one in found if query in one.content[0].text}
    assert ids == set(left.file_ids)
    content = client.vector_stores.files.content(left.file_ids[0], vector_store_id=store_id).data
    assert content[0].text == left.text


def test_a_run_survives_the_web_process(stack: Stack, client: OpenAI) -> None:
    stack.chat.when("steady", [text("word " * 60, rate=20)])
    thread_id, _, run_id = begin(client, "steady")
    stack.chat.wait(1)

    kill(stack, "web")
    until(lambda: healthy(stack), "the web process does not come back", 30)

    assert ended(client, thread_id, run_id).status == "completed"
    answer = client.beta.threads.messages.list(thread_id).data[0]
    assert answer.content[0].text.value == "word " * 60  # type: ignore[union-attr]


def test_a_killed_interpreter_is_told_and_comes_back(stack: Stack, client: OpenAI) -> None:
    tools = [{"type": "code_interpreter"}]
    sleep = tool_call("code_interpreter", {"code": "import time\ntime.sleep(30)"})
    add = tool_call("code_interpreter", {"code": "print(40 + 2)"})
    stack.chat.when("sleep", [sleep], [text("It broke.")])
    stack.chat.when("add", [add], [text("It works.")])
    thread_id, assistant_id, run_id = begin(client, "sleep", tools=tools)

    def running() -> bool:
        steps = client.beta.threads.runs.steps.list(run_id, thread_id=thread_id).data
        return any(step.type == "tool_calls" for step in steps)

    until(running, "the code does not start", 20)
    time.sleep(1)
    kill(stack, "interpreter")

    assert ended(client, thread_id, run_id).status == "completed"
    until(lambda: healthy(stack), "the interpreter does not come back", 40)
    client.beta.threads.messages.create(thread_id, role="user", content="add")
    again = client.beta.threads.runs.create(thread_id, assistant_id=assistant_id)
    assert ended(client, thread_id, again.id).status == "completed"
    steps = client.beta.threads.runs.steps.list(again.id, thread_id=thread_id).data
    call = steps[-1].step_details.tool_calls[0]  # type: ignore[union-attr]
    assert "42" in call.code_interpreter.outputs[0].logs  # type: ignore[union-attr]


def test_runs_go_on_when_redis_was_killed(stack: Stack, client: OpenAI) -> None:
    stack.chat.when("onward", [text("word " * 60, rate=20)])
    thread_id, assistant_id, run_id = begin(client, "onward")
    stack.chat.wait(1)

    kill(stack, "redis")

    assert ended(client, thread_id, run_id).status == "completed"
    answer = client.beta.threads.messages.list(thread_id).data[0]
    assert answer.content[0].text.value == "word " * 60  # type: ignore[union-attr]
    until(lambda: healthy(stack), "the stack does not recover", 40)
    stack.chat.when("after", [text("Fine.")])
    client.beta.threads.messages.create(thread_id, role="user", content="after")
    again = client.beta.threads.runs.create(thread_id, assistant_id=assistant_id)
    assert ended(client, thread_id, again.id).status == "completed"


def test_streams_of_an_sdk_go_on_when_redis_is_killed_around_the_first_word(
    stack: Stack, client: OpenAI
) -> None:
    """What was told meanwhile is lost to the log: an SDK breaks off at a piece of a message whose
    beginning it has not heard. Three streams hear the same end of Redis, each at another moment.
    """
    moments = (1.8, 1.2, 0.6)
    """The seconds from the beginning of a stream to the end of Redis."""
    assistant = client.beta.assistants.create(model=MODEL)
    thread_ids: dict[float, str] = {}
    for after in moments:
        words = f"around {after}"
        stack.chat.when(words, [pause(1.2), text(f"{words} {WORDS}", rate=40)])
        message: Any = {"role": "user", "content": words}
        thread_ids[after] = client.beta.threads.create(messages=[message]).id
    heard: dict[float, tuple[str, str]] = {}

    def listen(after: float) -> None:
        time.sleep(max(moments) - after)
        with client.beta.threads.runs.stream(
            thread_id=thread_ids[after],
            assistant_id=assistant.id,
            event_handler=AssistantEventHandler(),
        ) as stream:
            said = "".join(stream.text_deltas)
            heard[after] = stream.get_final_run().status, said

    listening = [threading.Thread(target=listen, args=[after]) for after in moments]
    for one in listening:
        one.start()
    time.sleep(max(moments))
    kill(stack, "redis")
    for one in listening:
        one.join()
    assert heard == {after: ("completed", f"around {after} {WORDS}") for after in moments}


@pytest.mark.timeout(240)
def test_whatever_dies_in_the_third_order_every_run_ends_once(stack: Stack, client: OpenAI) -> None:
    whatever_dies_every_run_ends_once(stack, client, seed=3)
