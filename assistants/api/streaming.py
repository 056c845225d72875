"""A run as a stream of Server-Sent Events.

The events of the log go out as they are: those of the run, from where the caller came in up to the
run's end, or to the point where it waits for tool outputs. Where the log has a gap the database
closes it.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import redis
from django.db import connections

from assistants import refusals
from assistants.api import include
from assistants.api.heard import Heard
from assistants.api.request import ApiRequest
from assistants.api.threads import spelled_out
from assistants.errors import NotFound
from assistants.events import log
from assistants.events.hub import Idle, hub
from assistants.events.log import Entry, Event
from assistants.events.sse import PING, EventStream, frame, hand_over
from assistants.models import Message, Run, RunStatus, RunStep, StepStatus, Thread, clock

logger = logging.getLogger(__name__)

NAMES: Final = frozenset(
    [f"thread.run.{state}" for state in ("created", *RunStatus.values)]
    + [f"thread.run.step.{state}" for state in ("created", "delta", *StepStatus.values)]
    + [f"thread.message.{state}" for state in ("created", "delta", *Message.Status.values)]
)
"""What a client is told of a run. The log has more, for the studio."""

GOES_ON: Final = (RunStatus.QUEUED, RunStatus.IN_PROGRESS, RunStatus.CANCELLING)
LAST: Final = frozenset(
    f"thread.run.{status}" for status in RunStatus.values if status not in GOES_ON
)
"""After one of these the stream is at its end."""

RETRY_SECONDS: Final = 1.0

_readers = ThreadPoolExecutor(2, thread_name_prefix="run-stream")
"""For looks at the database, which are rare."""


@dataclass(frozen=True)
class Place:
    """Where in a thread's log a stream begins: to be taken before the operation that it is to
    tell of.
    """

    entry_id: str
    moment: datetime
    new_thread: bool = False
    """Whether the stream is to tell of the thread's creation as well."""


def here(thread: Thread) -> Place:
    return Place(log.tip(thread.id), clock.now())


def before_a_new_thread() -> Place:
    return Place(log.START, clock.now(), new_thread=True)


def follow(
    request: ApiRequest, run: Run, place: Place, *, result_content: bool = False
) -> EventStream:
    """The response that streams the run from this place on.

    :param result_content: whether its steps show the text of what a file search found
    """
    stream = RunStream(run.thread_id, run.id, place, result_content)
    return hand_over(request, stream.frames)


@dataclass
class RunStream:
    """One reader's way through a run."""

    thread_id: str
    run_id: str
    place: Place
    result_content: bool = False
    _begun: set[str] = field(default_factory=set)
    """Ids of the messages and steps that the reader has heard of."""
    _ended: set[str] = field(default_factory=set)
    """Ids of those whose end the reader has heard."""
    _heard: Heard = field(default_factory=Heard)
    _under_way: set[str] = field(default_factory=set)
    """Ids of those of which the reader has heard that they are in progress."""
    _unknown: set[str] = field(default_factory=set)
    """Ids of those that began unheard, and that the database does not know either."""

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """The stream, up to and including ``done``."""
        try:
            async with aclosing(self._events()) as events:
                async for event in events:
                    if event is None:
                        yield PING
                        continue
                    yield frame(event.name, one_line(self._data(event)))
                    if event.name in LAST:
                        break
        except NotFound as gone:
            # The thread was deleted: no event of the run will ever come. This is the form that
            # makes the SDKs raise.
            yield frame("error", json.dumps(gone.to_dict()))
        yield frame("done", "[DONE]")

    async def _events(self) -> AsyncGenerator[Event | None, None]:
        """Events for the reader, without end; None is a sign of life.

        :raises NotFound: the run is no more
        """
        after, reset_at = self.place.entry_id, ""
        while True:
            try:
                async with aclosing(hub().follow(self.thread_id, after)) as items:
                    async for item in items:
                        if isinstance(item, Entry):
                            after = item.id
                            # Redis was away while something was told.
                            missed = await self._catch_up() if self._shows_a_gap(item) else []
                            for event in [*missed, *self._news(item)]:
                                yield event
                        elif isinstance(item, Idle):
                            yield None
                            for event in await self._catch_up():
                                yield event
                        elif after == reset_at:
                            # The log no longer has this place: on from its newest entry, with what
                            # the database knows in between.
                            after = await asyncio.to_thread(log.tip, self.thread_id)
                            for event in await self._catch_up():
                                yield event
                        else:
                            # This reader was too slow for its queue; the log still has it all.
                            reset_at = after
            except redis.RedisError as error:
                logger.warning("the event log does not answer (%s); trying again", error)
                yield None
                for event in await self._catch_up():
                    yield event
                await asyncio.sleep(RETRY_SECONDS)

    def _shows_a_gap(self, event: Event) -> bool:
        """Whether it cannot follow what the reader has heard: a piece of what has not begun, or
        something new, or the end, before what was begun has ended.
        """
        if event.run != self.run_id or event.name not in NAMES:
            return False
        state = event.name.rpartition(".")[2]
        if state == "delta":
            object_id = json.loads(event.data)["id"]
            if object_id in self._begun | self._ended | self._unknown:
                return False
            self._unknown.add(object_id)
            return True
        left = self._begun - self._ended
        if event.name == "thread.run.requires_action":
            # The step that waits for outputs goes on.
            return any(object_id.startswith(Message.prefix) for object_id in left)
        return bool(left) and (event.name in LAST or event.name == "thread.run.step.created")

    def _news(self, event: Event) -> list[Event]:
        """What the reader is to hear of this event; it counts as heard.

        A message does not end before all of it was heard in pieces.

        :raises NotFound: it tells of the end of the whole thread
        """
        if not self._is_news(event):
            return []
        if event.name not in ("thread.message.completed", "thread.message.incomplete"):
            return [event]
        rest = self._heard.rest(json.loads(event.data))
        return [Event.of("thread.message.delta", rest, event.run), event] if rest else [event]

    def _is_news(self, event: Event) -> bool:
        """Whether the reader is to hear of this; if so, it counts as heard.

        :raises NotFound: it tells of the end of the whole thread
        """
        if event.run != self.run_id:
            if event.name == "thread.deleted":
                raise refusals.not_found("thread", self.thread_id)
            return event.name == "thread.created" and self.place.new_thread
        if event.name not in NAMES:
            return False
        told, state = json.loads(event.data), event.name.rpartition(".")[2]
        object_id = told["id"]
        if object_id == self.run_id:
            return True
        known = {"created": self._begun, "in_progress": self._under_way}
        if object_id in self._ended:
            return False
        if state == "delta":
            # An SDK breaks off at a piece of what it does not know. Its end tells the whole.
            if object_id not in self._begun:
                return False
            if event.name == "thread.message.delta":
                self._heard.take(told)
            return True
        if object_id in known.get(state, ()):
            return False
        known.get(state, self._ended).add(object_id)
        return True

    async def _catch_up(self) -> list[Event]:
        """What the database knows of the run and the reader does not.

        :raises NotFound: the run is no more
        """
        return await asyncio.get_running_loop().run_in_executor(_readers, self._missed)

    def _missed(self) -> list[Event]:
        try:
            run = Run.objects.filter(pk=self.run_id).first()
            if run is None:
                raise refusals.not_found("run", self.run_id)
            # In this order: what ends meanwhile is then a message whose step goes on, never a step
            # whose message does, and the rest comes from the log.
            steps = list(run.steps.select_related("run").oldest_first())
            messages = Message.objects.filter(run_id=run.id).in_bulk()
            events: list[Event] = []
            for step in steps:
                creation = step.step_details.get("message_creation", {})
                message = messages.get(creation.get("message_id", ""))
                opening, closing = self._told(step, step.ended_at)
                if message is not None:
                    ended_at = message.completed_at or message.incomplete_at
                    inner_opening, inner_closing = self._told(message, ended_at)
                    opening, closing = opening + inner_opening, inner_closing + closing
                events += opening + closing
            if run.status not in GOES_ON:
                events.append(_event(run, run.status))
            return [news for event in events for news in self._news(event)]
        finally:
            connections.close_all()

    def _data(self, event: Event) -> str:
        """What the reader is shown of an event."""
        if event.name == "thread.created":
            wire = spelled_out(json.loads(event.data))
        elif _is_step(event) and not self.result_content:
            wire = include.step(json.loads(event.data), result_content=False)
        else:
            return event.data
        return json.dumps(wire, ensure_ascii=False, separators=(",", ":"))

    def _told(
        self, part: RunStep | Message, ended_at: datetime | None
    ) -> tuple[list[Event], list[Event]]:
        """The events that open and close a part of the run, unless it was over before this stream
        began.
        """
        if ended_at is None:
            return _opening(part), []
        if ended_at < self.place.moment:
            return [], []
        return _opening(part), [_event(part, part.status)]


def _opening(part: RunStep | Message) -> list[Event]:
    return [_begun(part, "created"), _begun(part, "in_progress")]


def _begun(part: RunStep | Message, state: str) -> Event:
    """As it was told of when it began, whatever has become of it."""
    wire = part.to_dict() | {"status": "in_progress", "completed_at": None}
    if isinstance(part, Message):
        wire |= {"content": [], "incomplete_at": None, "incomplete_details": None}
    else:
        ends = ("cancelled_at", "failed_at", "expired_at", "last_error", "usage")
        wire |= dict.fromkeys(ends)
        if part.type == "tool_calls":
            wire["step_details"] = {"type": "tool_calls", "tool_calls": []}
    return Event.of(f"{wire['object']}.{state}", wire, wire["run_id"] or "")


def _event(found: Run | RunStep | Message, state: str) -> Event:
    wire = found.to_dict()
    run_id = found.id if isinstance(found, Run) else (wire["run_id"] or "")
    return Event.of(f"{wire['object']}.{state}", wire, run_id)


def _is_step(event: Event) -> bool:
    """Whether it tells of a whole run step."""
    return event.name.startswith("thread.run.step.") and not event.name.endswith("delta")


def one_line(data: str) -> str:
    """JSON without the characters that are line ends to some readers of text, though not to
    JSON.
    """
    for char in "\x85\u2028\u2029":
        if char in data:
            data = data.replace(char, f"\\u{ord(char):04x}")
    return data
