"""A thread as it streams to its page."""

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db.models.signals import post_init

from assistants.events import log
from assistants.events.hub import hub
from assistants.models import Assistant, Message, Project, Thread, clock
from assistants.operations import messages, runs, shares, steps, threads
from assistants.params import MessageCreate, MetadataUpdate
from playground import changes, live, readers, streaming, transcript
from playground.items import Item
from playground.scopes import Scope
from playground.streaming import ThreadStream
from playground.thread_view import ThreadView
from tests.api.worker import Worker
from tests.factories import make_run, make_thread

pytestmark = pytest.mark.django_db(transaction=True)

OVER = 'data-live=""'
"""What the page is told when no run is active."""

TEXT = "Here is **one** `two`:\n\n- three\n- four\n\n```python\nprint(5)\n```\n\nAnd the end."


@pytest.fixture
def thread(transactional_db: None, project: Project) -> Thread:
    return make_thread(project, "Count to five")


@pytest.fixture
def worker(thread: Thread, assistant: Assistant) -> Worker:
    """Holds a run on the thread."""
    return Worker(make_run(thread, assistant).id)


@pytest.fixture(autouse=True)
async def _hub() -> AsyncIterator[None]:
    """Each test has a loop of its own, and so has its hub."""
    yield
    await hub().aclose()


class Reader:
    """A page that shows the thread: what each element was last, by its id."""

    def __init__(
        self, thread: Thread, after: str = "", allowed: bool = True, language: str = "en"
    ) -> None:
        place = after or transcript.place_of(log.START)
        reader = readers.Reader(language)
        self._stream = ThreadStream(thread.id, place, reader, lambda: allowed)
        self.frames: list[tuple[str, str, str]] = []
        self.done = False

    async def read(self, *, on: bool = False) -> None:
        """Read until no run is active any more; with ``on``, for as long as there is something to
        be heard.
        """
        async with aclosing(self._stream.frames()) as frames:
            async for data in frames:
                self._take(data.decode())
                if not on and OVER in self.frames[-1][2]:
                    break
        self.done = True

    def _take(self, data: str) -> None:
        if data.startswith(":"):
            return
        fields = [line.partition(": ")[::2] for line in data.strip("\n").split("\n")]
        html = "\n".join(value for name, value in fields if name == "data")
        named = dict(fields)
        self.frames.append((named["event"], named.get("id", ""), html))

    @property
    def html(self) -> str:
        """Everything that came."""
        return "\n".join(html for _, _, html in self.frames)

    @property
    def last_id(self) -> str:
        return next(place for _, place, _ in reversed(self.frames) if place)

    def latest(self, element_id: str) -> str:
        """The newest state of an element, from its start to the end of its frame."""
        for _, _, html in reversed(self.frames):
            if (at := html.find(f'id="{element_id}"')) >= 0:
                return html[at:]
        return ""

    async def until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not happened():
                await asyncio.sleep(0.01)


async def play(worker: Worker, *, pause: float = 0.0, size: int = 7) -> None:
    """Write the text in small pieces, and end the run."""
    step, message = await sync_to_async(worker.begin_message)()
    for start in range(0, len(TEXT), size):
        say = sync_to_async(worker.say)
        await say(message, TEXT[start : start + size], first=start == 0)
        await asyncio.sleep(pause)
    await sync_to_async(worker.finish_message)(step, message, TEXT)
    await sync_to_async(worker.complete)()


async def test_a_run_is_seen_from_its_beginning_to_its_end(thread: Thread, worker: Worker) -> None:
    reader = Reader(thread)
    reading = asyncio.create_task(reader.read())
    await reader.until(lambda: bool(reader.frames))
    await play(worker, pause=0.02)
    await asyncio.wait_for(reading, 10)
    message = await sync_to_async(thread.messages.get)(role="assistant")
    shown = reader.latest(message.id)
    assert "<strong>one</strong>" in shown
    assert "And the end." in shown
    assert 'aria-busy="true"' not in shown
    assert 'data-status="completed"' in reader.latest(worker.run.id)
    assert 'data-active=""' in reader.latest("composer-actions")
    assert "Run completed" in reader.latest("announce")


async def test_each_reader_is_told_in_the_language_of_their_page(
    thread: Thread, worker: Worker
) -> None:
    chinese, english = Reader(thread, language="zh-hant"), Reader(thread)
    reading = [asyncio.create_task(reader.read()) for reader in (chinese, english)]
    await chinese.until(lambda: bool(chinese.frames))
    await english.until(lambda: bool(english.frames))
    await play(worker, pause=0.02)
    await asyncio.wait_for(asyncio.gather(*reading), 10)
    assert "已完成" in chinese.latest(worker.run.id)
    assert "執行已完成" in chinese.latest("announce")
    assert "僅" in chinese.latest("composer-actions")
    assert "Completed" not in re.sub(r"<[^>]*>", "", chinese.html)
    assert "Completed" in english.latest(worker.run.id)
    assert "Run completed" in english.latest("announce")
    # What was kept for the one is not shown to the other.
    later = Reader(thread, language="zh-hant")
    await asyncio.wait_for(later.read(), 10)
    assert "已完成" in later.latest(worker.run.id)


async def test_the_text_grows_in_blocks_and_no_mark_is_seen(thread: Thread, worker: Worker) -> None:
    reader = Reader(thread)
    reading = asyncio.create_task(reader.read())
    await reader.until(lambda: bool(reader.frames))
    await play(worker, pause=0.06)
    await asyncio.wait_for(reading, 10)
    message = await sync_to_async(thread.messages.get)(role="assistant")
    blocks = [
        html for _, _, html in reader.frames if f'<template data-into="{message.id}-0">' in html
    ]
    assert len(blocks) > 3
    for _, _, html in reader.frames:
        text = re.sub(r"<[^>]*>", "", html)
        assert "**" not in text
        assert "```" not in text


async def test_at_most_a_dozen_frames_a_second(thread: Thread, worker: Worker) -> None:
    reader = Reader(thread)
    reading = asyncio.create_task(reader.read())
    await reader.until(lambda: bool(reader.frames))
    begun = asyncio.get_running_loop().time()
    await play(worker, pause=0.005, size=1)
    await asyncio.wait_for(reading, 10)
    took = asyncio.get_running_loop().time() - begun
    assert len(reader.frames) <= 12 * took + 4


async def test_who_comes_in_the_middle_begins_with_all_that_was_written(
    thread: Thread, worker: Worker
) -> None:
    _, message = await sync_to_async(worker.begin_message)()
    await sync_to_async(worker.say)(message, "One **two** thr", first=True)
    reader = Reader(thread)
    reading = asyncio.create_task(reader.read())
    await reader.until(lambda: bool(reader.frames))
    assert "One <strong>two</strong> thr" in reader.latest(message.id)
    await sync_to_async(worker.say)(message, "ee", first=False)
    await reader.until(lambda: "One <strong>two</strong> three" in reader.html)
    assert "thrthree" not in reader.html
    assert "threeee" not in reader.html
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def test_who_reconnects_misses_nothing(thread: Thread, worker: Worker) -> None:
    first = Reader(thread)
    reading = asyncio.create_task(first.read())
    playing = asyncio.create_task(play(worker, pause=0.03))
    # A busy machine makes few frames of it.
    await first.until(lambda: "Here" in first.html)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await playing
    second = Reader(thread, first.last_id)
    await asyncio.wait_for(second.read(), 10)
    message = await sync_to_async(thread.messages.get)(role="assistant")
    assert "And the end." in second.latest(message.id)
    assert 'data-status="completed"' in second.latest(worker.run.id)


async def test_code_streams_into_its_step(thread: Thread, worker: Worker) -> None:
    reader = Reader(thread)
    reading = asyncio.create_task(reader.read())
    await reader.until(lambda: bool(reader.frames))
    step = await sync_to_async(steps.begin_tool_calls)(worker.run)

    async def tell(call: dict[str, object]) -> None:
        details = {"type": "tool_calls", "tool_calls": [{"index": 0, **call}]}
        await sync_to_async(worker._delta)("thread.run.step", step.id, {"step_details": details})

    code: dict[str, object] = {"input": "", "outputs": []}
    await tell({"id": "call_1", "type": "code_interpreter", "code_interpreter": code})
    await tell({"type": "code_interpreter", "code_interpreter": {"input": "import num"}})
    await reader.until(lambda: '<span class="k">import</span> num' in reader.latest("call_1"))
    await tell({"type": "code_interpreter", "code_interpreter": {"input": "py\n"}})
    logs = {"index": 0, "type": "logs", "logs": "5 < 6\n"}
    await tell({"type": "code_interpreter", "code_interpreter": {"outputs": [logs]}})
    await reader.until(lambda: "5 &lt; 6" in reader.latest("call_1"))
    assert "numpy" in reader.latest("call_1")
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def test_who_is_slower_than_the_run_is_told_all_of_it_before_the_end(
    thread: Thread, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(thread)
    over = threading.Event()
    render = ThreadView.render

    def render_late(self: ThreadView) -> tuple[str, float]:
        # What it has heard until now is only that something began.
        over.wait(10)
        return render(self)

    monkeypatch.setattr(ThreadView, "render", render_late)
    reading = asyncio.create_task(reader.read())
    await reader.until(lambda: bool(reader.frames))
    await play(worker)
    over.set()
    await asyncio.wait_for(reading, 10)
    message = await sync_to_async(thread.messages.get)(role="assistant")
    assert "And the end." in reader.latest(message.id)
    assert 'data-status="completed"' in reader.latest(worker.run.id)
    assert "Run completed" in reader.latest("announce")


async def test_many_readers_cost_one_rendering(
    thread: Thread, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = []
    render = ThreadView.render

    def counted(self: ThreadView) -> tuple[str, float]:
        rendered.append(self)
        return render(self)

    monkeypatch.setattr(ThreadView, "render", counted)
    readers = [Reader(thread) for _ in range(20)]
    reading = [asyncio.create_task(reader.read()) for reader in readers]
    await readers[0].until(lambda: all(reader.frames for reader in readers))
    await play(worker)
    late = Reader(thread)
    reading.append(asyncio.create_task(late.read()))
    await asyncio.wait_for(asyncio.gather(*reading), 10)
    assert len({id(view) for view in rendered}) == 1
    message = await sync_to_async(thread.messages.get)(role="assistant")
    for reader in (*readers, late):
        assert "And the end." in reader.latest(message.id)
        assert 'data-status="completed"' in reader.latest(worker.run.id)


async def test_a_reader_who_takes_nothing_is_not_waited_for(
    thread: Thread, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.live.KEPT_FRAMES", 2)
    slow, quick = Reader(thread), Reader(thread)
    reading = asyncio.create_task(quick.read())
    frames = slow._stream.frames()
    await anext(frames)
    second = asyncio.create_task(anext(frames))
    await play(worker, pause=0.05)
    await asyncio.wait_for(reading, 10)
    await second
    # It begins again, and sees the end.
    rest = ""
    async with asyncio.timeout(10):
        while OVER not in rest:
            rest += (await anext(frames)).decode()
    await frames.aclose()
    assert "And the end." in rest


async def test_one_link_has_a_thread_rendered_for_a_few_kinds_of_readers(thread: Thread) -> None:
    share, token = await sync_to_async(shares.create)(thread, shares.Options(live=True))
    scope = Scope.of(share, token)
    create = sync_to_async(messages.create)
    open_streams, told = [], []
    for hours in range(live.LINK_LIVES + 3):
        zone = ZoneInfo(f"Etc/GMT+{hours}")
        reader = readers.Reader("en", zone, scope)
        frames = ThreadStream(thread.id, log.START, reader, lambda: True).frames()
        await anext(frames)
        open_streams.append(frames)
        told.append(asyncio.create_task(anext(frames)))
        await asyncio.sleep(0)
    assert sum(other.scope == scope for _, _, other in live._lives) == live.LINK_LIVES
    # Those who came last hear the news as well.
    await create(thread, MessageCreate(role="user", content="From somebody else"))
    async with asyncio.timeout(10):
        for frame in await asyncio.gather(*told):
            assert b"From somebody else" in frame
    for frames in open_streams:
        await frames.aclose()


async def test_with_no_run_active_it_tells_the_state_and_what_comes(
    thread: Thread, assistant: Assistant
) -> None:
    reader = Reader(thread)
    reading = asyncio.create_task(reader.read(on=True))
    await reader.until(lambda: bool(reader.frames))
    assert "Count to five" in reader.html
    assert OVER in reader.html
    create = sync_to_async(messages.create)
    made = await create(thread, MessageCreate(role="user", content="From somebody else"))
    await reader.until(lambda: "From somebody else" in reader.latest(made.id))
    run = await sync_to_async(make_run)(thread, assistant)
    await reader.until(lambda: f'data-active="{run.id}"' in reader.latest("composer-actions"))
    played = await sync_to_async(Worker)(run.id)
    await play(played)
    await reader.until(lambda: 'data-status="completed"' in reader.latest(run.id))
    again = await create(thread, MessageCreate(role="user", content="And again"))
    await reader.until(lambda: "And again" in reader.latest(again.id))
    assert not reading.done()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def test_what_the_log_did_not_tell_is_seen_while_nothing_happens(
    thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistants.events.hub.IDLE_SECONDS", 0.1)
    reader = Reader(thread)
    reading = asyncio.create_task(reader.read(on=True))
    await reader.until(lambda: bool(reader.frames))
    await asyncio.sleep(0.5)
    told = len(reader.frames)
    assert told == 1, "nothing has happened, so nothing is told"
    add = sync_to_async(Message.objects.create)
    text = {"type": "text", "text": {"value": "Nobody said so", "annotations": []}}
    made = await add(thread=thread, role="user", content=[text], completed_at=clock.now())
    await reader.until(lambda: "Nobody said so" in reader.latest(made.id))
    await asyncio.sleep(0.5)
    assert len(reader.frames) == told + 1
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


def test_who_comes_right_after_many_messages_is_told_of_the_newest_only(project: Project) -> None:
    count = transcript.PAGE_SIZE
    thread = make_thread(project, *(f"Early {number}." for number in range(count + 5)))
    seen = transcript.place_of(log.START)
    html = ThreadView(thread.id, seen).begin()
    assert "Early 4." not in html
    assert html.count(">Early ") - html.count(">Early 0.") == count
    # Those that have come since are told of however many they are.
    for number in range(count + 1):
        messages.create(thread, MessageCreate(role="user", content=f"Late {number}."))
    html = ThreadView(thread.id, seen).begin()
    assert html.count(">Late ") == count + 1
    assert "Early 4." not in html


def test_a_run_that_ends_while_a_frame_is_made_is_shown_with_its_last_words(
    thread: Thread, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = ThreadView(thread.id, transcript.place_of(log.START))
    view.begin()
    step, message = worker.begin_message()
    for entry in log.read(thread.id):
        view.take(entry)
    read = transcript.read_items

    def late(*asked: Any) -> list[Item]:
        monkeypatch.setattr(transcript, "read_items", read)
        worker.finish_message(step, message, TEXT)
        worker.complete()
        return read(*asked)

    monkeypatch.setattr(transcript, "read_items", late)
    html, _ = view.render()
    assert 'data-status="completed"' in html
    assert "And the end." in html
    assert 'data-active=""' in html


def test_a_message_that_is_deleted_as_the_run_ends_goes(thread: Thread, worker: Worker) -> None:
    view = ThreadView(thread.id, transcript.place_of(log.START))
    view.begin()
    asked = thread.messages.get().id
    messages.delete(thread.messages.get())
    worker.complete()
    for entry in log.read(thread.id):
        view.take(entry)
    html, _ = view.render()
    assert f'data-remove="{asked}"' in html
    assert 'data-status="completed"' in html


async def test_what_others_add_and_delete_is_told(thread: Thread, worker: Worker) -> None:
    reader = Reader(thread)
    reading = asyncio.create_task(reader.read())
    await reader.until(lambda: bool(reader.frames))
    await sync_to_async(messages.delete)(await sync_to_async(thread.messages.get)(role="user"))
    await reader.until(lambda: '<template data-remove="msg_' in reader.html)
    await sync_to_async(worker.complete)()
    await asyncio.wait_for(reading, 10)


async def test_the_end_of_the_thread_is_told(thread: Thread, worker: Worker) -> None:
    reader = Reader(thread)
    reading = asyncio.create_task(reader.read())
    await reader.until(lambda: bool(reader.frames))
    await sync_to_async(threads.delete)(thread)
    await asyncio.wait_for(reading, 10)
    assert [name for name, _, _ in reader.frames][-2:] == ["gone", "close"]


async def test_who_may_not_see_it_any_more_hears_no_more(
    thread: Thread, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "ACCESS_SECONDS", 0.0)
    reader = Reader(thread, allowed=False)
    reading = asyncio.create_task(reader.read())
    await reader.until(lambda: bool(reader.frames))
    await sync_to_async(worker.begin_message)()
    await asyncio.wait_for(reading, 10)
    assert [name for name, _, _ in reader.frames][-2:] == ["gone", "close"]


async def test_when_the_log_is_lost_the_database_closes_the_gap(
    thread: Thread, worker: Worker
) -> None:
    await sync_to_async(worker.begin_message)()
    reader = Reader(thread)
    reading = asyncio.create_task(reader.read())
    await reader.until(lambda: bool(reader.frames))
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(log.key(thread.id))
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await sync_to_async(runs.cancel)(worker.run)
    await sync_to_async(worker.let_go)()
    later = Reader(thread, reader.last_id)
    await asyncio.wait_for(later.read(), 5)
    assert 'data-status="cancelled"' in later.latest(worker.run.id)


async def test_a_message_that_another_program_adds_appears(
    thread: Thread, worker: Worker, assistant: Assistant
) -> None:
    reader = Reader(thread)
    reading = asyncio.create_task(reader.read())
    await reader.until(lambda: bool(reader.frames))
    await sync_to_async(worker.complete)()
    await asyncio.wait_for(reading, 10)
    made = await sync_to_async(messages.create)(thread, MessageCreate(role="user", content="New"))
    again = Reader(thread, reader.last_id)
    await asyncio.wait_for(again.read(), 5)
    assert made.id in again.html


@pytest.mark.django_db
def test_of_many_messages_only_those_that_are_shown_are_read() -> None:
    thread = make_thread()
    before, now = clock.now() - timedelta(hours=1), clock.now()
    text = {"type": "text", "text": {"value": "Late", "annotations": []}}
    Message.objects.bulk_create(
        Message(
            thread=thread,
            role="user",
            content=[text],
            created_at=before + timedelta(seconds=second),
            completed_at=now,
        )
        for second in range(transcript.PAGE_SIZE + 10)
    )
    read: list[Message] = []

    def note(instance: Message, **_more: Any) -> None:
        read.append(instance)

    post_init.connect(note, Message)
    try:
        half_an_hour_ago = int((now - timedelta(minutes=30)).timestamp() * 1000)
        html = ThreadView(thread.id, f"{half_an_hour_ago}-0").begin()
    finally:
        post_init.disconnect(note, Message)
    assert html.count(">Late") >= transcript.PAGE_SIZE
    assert len(read) == transcript.PAGE_SIZE


async def test_all_are_told_that_an_answer_was_replaced(
    thread: Thread, worker: Worker, assistant: Assistant
) -> None:
    await play(worker)
    reader = Reader(thread)
    reading = asyncio.create_task(reader.read(on=True))
    await reader.until(lambda: bool(reader.frames))
    again, gone = await sync_to_async(runs.replace)(worker.run, assistant)
    await reader.until(lambda: f'id="{again.id}"' in reader.html)
    names = [worker.run.id, f"{worker.run.id}-outcome", *gone]
    await reader.until(lambda: all(f'data-remove="{name}"' in reader.html for name in names))
    reading.cancel()


@pytest.mark.parametrize("is_there", [True, False], ids=["hears it", "comes back"])
async def test_all_are_told_that_a_replaced_answer_stands_again(
    thread: Thread, worker: Worker, assistant: Assistant, is_there: bool
) -> None:
    await play(worker)
    long_ago = clock.now() - timedelta(hours=1)
    answers = thread.messages.filter(run_id=worker.run.id)
    await answers.aupdate(created_at=long_ago, completed_at=long_ago)
    asked = long_ago - timedelta(minutes=1)
    await thread.messages.filter(role="user").aupdate(created_at=asked, completed_at=asked)
    await thread.runs.aupdate(created_at=long_ago, ended_at=long_ago)
    answer = await Message.objects.aget(run_id=worker.run.id)
    again, _ = await sync_to_async(runs.replace)(worker.run, assistant)
    reader = Reader(thread)
    reading = asyncio.create_task(reader.read(on=True))
    if is_there:
        await reader.until(lambda: f'id="{again.id}"' in reader.html)
    failing = await sync_to_async(Worker)(again.id)
    await sync_to_async(failing.fail)("Out of order.")
    back = [answer.id, worker.run.id, f"{worker.run.id}-outcome"]
    await reader.until(lambda: all(f' id="{name}"' in reader.html for name in back))
    gone = [again.id, f"{again.id}-outcome"]
    await reader.until(
        lambda: all(f'data-remove="{name}"' in reader.frames[-1][2] for name in gone)
    )
    assert "Out of order. This version stays." in reader.html
    assert f' id="{again.id}"' not in reader.frames[-1][2]
    reading.cancel()


async def test_a_new_title_is_told_and_no_older_one_comes_after_it(thread: Thread) -> None:
    first = Reader(thread)
    reading = asyncio.create_task(first.read(on=True))
    await first.until(lambda: bool(first.frames))
    await sync_to_async(threads.rename)(thread, "Sums")
    await first.until(lambda: "Sums" in first.latest("thread-title"))
    # Metadata that a program has changed ends nobody's page.
    marked = MetadataUpdate(metadata={"mood": "sunny"})
    message = await sync_to_async(thread.messages.create)(role="user", content=[])
    await sync_to_async(messages.update)(message, marked)
    # Who comes now hears what was told before, too.
    second = Reader(thread)
    also = asyncio.create_task(second.read(on=True))
    await second.until(lambda: bool(second.frames))
    await sync_to_async(threads.rename)(thread, "Products")
    await second.until(lambda: "Products" in second.html)
    titles = re.findall(r'id="thread-title"[^>]*><bdi[^>]*>([^<]*)<', second.html)
    assert set(titles[:-1]) == {"Sums"}
    assert titles[-1] == "Products"
    for task in (reading, also):
        task.cancel()


@pytest.mark.parametrize(
    "name,data",
    [(name, {}) for name in changes.SAID]
    + [
        ("thread.run.step.created", {"type": type_}) for type_ in ("message_creation", "tool_calls")
    ],
)
def test_what_the_log_tells_is_announced_in_the_readers_language(
    monkeypatch: pytest.MonkeyPatch, name: str, data: dict[str, str]
) -> None:
    """It is heard in nobody's language, and said later in theirs."""
    heard = changes.Changes()
    monkeypatch.setattr(heard.state, "apply", lambda _name, _object: None)
    heard.apply(log.Entry(name, json.dumps(data), "run_1", "1-0"))
    in_english = heard.said
    with readers.Reader("zh-hant").in_force():
        assert in_english
        assert in_english.isascii()
        assert heard.said
        assert not re.search("[A-Za-z]", heard.said)
