"""The event log of a thread as HTML, for the page that shows the thread.

A frame holds elements with ids; the page puts each in the place of its earlier state or, if it is
new, where it belongs. Every element shows a state, never a difference, so a frame that comes twice
does no harm and a reader that missed some needs only the newest. Each connection therefore begins
with the present state of all that can have changed since the reader last heard of the thread, and
goes on with what the log says. It ends when no run is active any more.
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import redis
from django.db import connections
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from assistants.errors import Wire
from assistants.events import log
from assistants.events.fold import Fold
from assistants.events.hub import Idle, Reset, hub
from assistants.events.log import Entry
from assistants.events.sse import PING, EventStream, frame, hand_over
from assistants.models import Message, Run, Thread
from playground import fragments, transcript
from playground.rendering.blocks import Blocks

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.09
"""The least time between two frames: about eleven a second, which no eye can tell from more."""
WORK_SHARE: Final = 4
"""After a frame the reader waits this many times as long as it took to make, so that one long
answer never takes more than a fifth of a processor.
"""
MAX_TICK_SECONDS: Final = 0.5
ACCESS_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 1.0
QUEUE_SIZE: Final = 500
"""More waits at the hub, which sends a reader back to the beginning who is too far behind."""
SLACK: Final = timedelta(milliseconds=transcript.CLOCK_SLACK_MS)

_workers = ThreadPoolExecutor(4, thread_name_prefix="page-stream")
"""For looks at the database and for rendering, so that neither holds up other readers."""

T = TypeVar("T")
Allowed = Callable[[], bool]
Heard = asyncio.Queue[Entry | Idle | Reset | Exception]


class Gone(Exception):
    """The thread was deleted, or the reader may not see it any more."""


class ThreadStream:
    """One reader of one thread.

    :param after: the place in the log that the page shows already
    :param zone: the reader's time zone, or None for that of the settings
    :param allowed: whether the reader may still see the thread; asked every minute
    """

    def __init__(self, thread_id: str, after: str, zone: ZoneInfo | None, allowed: Allowed) -> None:
        self._thread_id = thread_id
        self._last = after
        self._cursor = log.START
        self._zone = zone
        self._allowed = allowed
        self._asked = time.monotonic()
        self._changes = Changes()

    @classmethod
    def of(
        cls, request: HttpRequest, thread: Thread, after: str, zone: ZoneInfo | None
    ) -> EventStream:
        """The response that streams the thread to a reader whose access has been checked.

        :param after: an entry id; anything else stands for the present
        """
        session, members = request.session, thread.project.members
        key, user_id = session.session_key or "", request.user.pk or 0

        def allowed() -> bool:
            return session.exists(key) and members.filter(pk=user_id, is_active=True).exists()

        place = (
            after if re.fullmatch(r"\d{1,16}-\d{1,16}", after) else transcript.place_of(log.START)
        )
        return hand_over(request, cls(thread.id, place, zone, allowed).frames)

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """The frames, up to and including one called "close" after which nothing more will come."""
        try:
            while True:
                try:
                    html, active = await self._work(self._begin)
                    yield self._frame(html)
                    if not active:
                        break
                    async with aclosing(self._follow()) as live:
                        async for data in live:
                            yield data
                    break
                except Lost:
                    await asyncio.sleep(TICK_SECONDS)
                except redis.RedisError as error:
                    logger.warning("the event log does not answer (%s); trying again", error)
                    await asyncio.sleep(RETRY_SECONDS)
        except Gone:
            yield frame("gone", "")
        yield frame("close", "")

    def _frame(self, html: str) -> bytes:
        return frame("message", html, entry_id=self._last)

    async def _work(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(_workers, self._settled, job)

    def _settled(self, job: Callable[[], T]) -> T:
        """The job with the reader's clock, leaving no database connection behind."""
        try:
            with timezone.override(self._zone):
                return job()
        finally:
            connections.close_all()

    def _begin(self) -> tuple[str, bool]:
        """The state of all that can have changed since ``after``, and whether a run is active."""
        thread = self._thread()
        seen = _moment(self._last)
        since = seen - SLACK
        # The log first: what happens while the database is read will be heard again, not missed.
        tip = log.tip(thread.id)
        active = thread.runs.active().first()
        state = transcript.state_of(active, tip)
        messages = thread.messages.filter(
            Q(created_at__gte=since)
            | Q(completed_at__gte=since)
            | Q(incomplete_at__gte=since)
            | Q(status=Message.Status.IN_PROGRESS)
        )
        ended = Q(created_at__gte=since) | Q(ended_at__gte=since)
        changed = thread.runs.filter(ended | Q(pk=active.pk if active else ""))
        runs = list(changed.oldest_first())
        deleted = [
            entry.object["id"]
            for entry in log.read(thread.id, self._last)
            if entry.name == "thread.message.deleted"
        ]
        ids = messages.values_list("pk", flat=True)
        views = transcript.read_items(thread, ids, [run.pk for run in runs], state)
        self._cursor, self._last = tip, transcript.place_of(tip)
        self._changes = Changes(state)
        return (
            "".join(
                [
                    *map(fragments.removed, deleted),
                    fragments.items(views),
                    fragments.title(thread),
                    fragments.composer_actions(active),
                    fragments.stream(thread, self._last, active),
                    fragments.announcement(_standing(runs, state, seen)),
                ]
            ),
            active is not None,
        )

    async def _follow(self) -> AsyncGenerator[bytes, None]:
        """What happens from now on, until no run is active any more.

        :raises Lost: the log does not have this place any more
        :raises Gone: the reader may not go on
        """
        entries: Heard = asyncio.Queue(QUEUE_SIZE)
        listening = asyncio.create_task(self._listen(entries))
        try:
            while True:
                self._take(await entries.get())
                while not entries.empty():
                    self._take(entries.get_nowait())
                await self._check_access()
                html, ended, took = await self._work(self._render)
                yield self._frame(html) if html else PING
                if ended:
                    return
                await asyncio.sleep(min(max(TICK_SECONDS, WORK_SHARE * took), MAX_TICK_SECONDS))
        finally:
            # More than once if need be: before Python 3.12, asyncio.wait_for, with which the Redis
            # client sends, loses a cancellation that comes just as the command has been sent.
            while not listening.done():
                listening.cancel()
                await asyncio.wait([listening], timeout=TICK_SECONDS)

    async def _listen(self, entries: Heard) -> None:
        try:
            async with aclosing(hub().follow(self._thread_id, self._cursor)) as items:
                async for item in items:
                    await entries.put(item)
        except redis.RedisError as error:
            await entries.put(error)

    def _take(self, item: Entry | Idle | Reset | Exception) -> None:
        if isinstance(item, Exception):
            raise item
        if isinstance(item, Reset):
            raise Lost
        if isinstance(item, Entry):
            if log.position(item.id) <= log.position(self._cursor):
                return
            self._cursor = self._last = item.id
            if item.name == "thread.deleted":
                raise Gone
            self._changes.apply(item)
        else:
            # Nothing was heard for a while: the database may know more than the log told.
            self._changes.look()

    async def _check_access(self) -> None:
        if time.monotonic() - self._asked > ACCESS_SECONDS:
            self._asked = time.monotonic()
            if not await self._work(self._allowed):
                raise Gone

    def _render(self) -> tuple[str, bool, float]:
        """All that changed since the last frame, whether the runs are over, and the seconds of
        processor time that it took.
        """
        begun = time.thread_time()
        changes = self._changes
        html: list[str] = [*map(fragments.removed, changes.deleted)]
        if changes.rows:
            thread = self._thread()
            active = thread.runs.active().first()
            if active is None and (changes.runs or changes.looking):
                return *self._end(thread), time.thread_time() - begun
            run_ids = {*changes.runs, *([active.pk] if active and changes.looking else [])}
            views = transcript.read_items(thread, changes.messages, run_ids, changes.state)
            html.append(fragments.items(views))
            if changes.runs or changes.looking:
                html.append(fragments.composer_actions(active))
                html.append(fragments.stream(thread, self._last, active))
            if changes.titled:
                html.append(fragments.title(thread))
        html += changes.parts_as_html()
        if said := changes.said:
            html.append(fragments.announcement(said))
        changes.clear()
        return "".join(html), False, time.thread_time() - begun

    def _end(self, thread: Thread) -> tuple[str, bool]:
        """The state that the last run has left, and whether it still is the last.

        The database knows of the end before the log tells of all that led to it, so this reader,
        who goes now, is told what the database knows.
        """
        html, goes_on = self._begin()
        last = thread.runs.newest_first().first()
        said = _announced(f"thread.run.{last.status}", {}) if last else ""
        return html + fragments.announcement(said), not goes_on

    def _thread(self) -> Thread:
        thread = Thread.objects.filter(pk=self._thread_id).first()
        if thread is None:
            raise Gone
        return thread


class Lost(Exception):
    """The log does not have the reader's place any more: it begins again."""


class Changes:
    """What happened since the last frame: which rows to read again, which texts have grown."""

    def __init__(self, state: Fold | None = None) -> None:
        self.state = state or Fold()
        self.runs: set[str] = set()
        self.messages: set[str] = set()
        self.deleted: set[str] = set()
        self.looking = False
        self.titled = False
        self.said = ""
        self._parts: dict[str, Blocks] = {}
        self._grown: set[str] = set()
        self._calls: dict[str, tuple[str, Wire]] = {}

    @property
    def rows(self) -> bool:
        """Whether anything has to be read from the database."""
        return bool(self.runs or self.messages or self.looking)

    def look(self) -> None:
        """Read the active run again, whatever the log says."""
        self.looking = True

    def apply(self, entry: Entry) -> None:
        """Take in one entry of the log."""
        data = entry.object
        self.state.apply(entry.name, data)
        if entry.name == "thread.message.delta":
            self._grow(data)
        elif entry.name == "thread.run.step.delta":
            self._call(entry.run, data)
        elif entry.name == "thread.message.deleted":
            self.deleted.add(data["id"])
            self.messages.discard(data["id"])
        elif entry.name.startswith("thread.message."):
            self.messages.add(data["id"])
            self.titled = self.titled or data["role"] == "user"
        elif entry.name.startswith("thread.run"):
            self.runs.add(entry.run)
        self.said = _announced(entry.name, data) or self.said

    def clear(self) -> None:
        """Everything has been shown."""
        self.runs.clear()
        self.messages.clear()
        self.deleted.clear()
        self._grown.clear()
        self._calls.clear()
        self.looking = self.titled = False
        self.said = ""

    def parts_as_html(self) -> list[str]:
        """The blocks of texts that have grown, and the calls that have."""
        html = []
        for anchor in self._grown:
            changed = [block.html for block in self._parts[anchor].changes()]
            changed.append(self._parts[anchor].new_footnotes())
            # With its message, the text has been rendered as a whole already.
            if anchor.partition("-")[0] not in self.messages:
                html += [fragments.into(anchor, part) for part in changed if part]
        for run_id, call in self._calls.values():
            if run_id not in self.runs:
                html.append(fragments.call(transcript.call_view(call, {}, running=True)))
        return html

    def _grow(self, data: Wire) -> None:
        message = self.state.messages.get(data["id"])
        if message is None:
            # The stream came in after its beginning: the database or a later event has it whole.
            self.messages.add(data["id"])
            return
        for part in data["delta"]["content"]:
            anchor = f"{data['id']}-{part['index']}"
            if part["type"] != "text":
                self.messages.add(data["id"])
            elif anchor in self._parts:
                text = part["text"]
                self._parts[anchor].feed(text.get("value") or "", text.get("annotations", ()))
                self._grown.add(anchor)
            else:
                self._parts[anchor] = _blocks(anchor, message["content"][part["index"]])
                self._grown.add(anchor)
                # The element that the blocks go into comes with the message.
                self.messages.add(data["id"])

    def _call(self, run_id: str, data: Wire) -> None:
        step = self.state.steps.get(data["id"])
        if step is None:
            self.runs.add(run_id)
            return
        for delta in data["delta"]["step_details"]["tool_calls"]:
            call = step["step_details"]["tool_calls"][delta["index"]]
            outputs = call.get("code_interpreter", {}).get("outputs", [])
            if "id" in delta or any(output["type"] == "image" for output in outputs):
                # A new call, or a file whose name only the database knows.
                self.runs.add(run_id)
            else:
                self._calls[call["id"]] = (run_id, call)


def _blocks(anchor: str, part: Wire) -> Blocks:
    """The text part as it is now."""
    blocks = Blocks(anchor)
    blocks.feed(part["text"]["value"], part["text"].get("annotations", ()))
    return blocks


def _moment(entry_id: str) -> datetime:
    """When an entry was written."""
    return datetime.fromtimestamp(log.position(entry_id)[0] / 1000, UTC)


def _standing(runs: Sequence[Run], state: Fold, seen: datetime) -> str:
    """What a screen reader is told of the last run, if something happened to it since."""
    if not runs or (runs[-1].ended_at and runs[-1].ended_at < seen):
        return ""
    steps = list(state.steps.values())
    if steps and steps[-1]["status"] == "in_progress":
        return _announced("thread.run.step.created", steps[-1])
    return _announced(f"thread.run.{runs[-1].status}", {})


def _announced(name: str, data: Wire) -> str:
    """What a screen reader is told of an event; empty for most."""
    if name == "thread.run.step.created":
        return "Writing the answer" if data["type"] == "message_creation" else "Using a tool"
    return {
        "thread.run.queued": "Run queued",
        "thread.run.in_progress": "Run started",
        "thread.run.requires_action": "The run waits for the outputs of functions",
        "thread.run.cancelling": "Stopping the run",
        "thread.run.cancelled": "Run stopped",
        "thread.run.completed": "Run completed",
        "thread.run.failed": "Run failed",
        "thread.run.incomplete": "Run ended before the answer was complete",
        "thread.run.expired": "Run expired",
    }.get(name, "")
