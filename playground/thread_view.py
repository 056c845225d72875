"""A thread as HTML, and what has changed of it.

Every element shows a state, never a difference, so a frame that comes twice does no harm and a
reader that missed some needs only the newest.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from django.db import connections
from django.db.models import Q

from assistants.events import log
from assistants.events.fold import Fold
from assistants.events.hub import Idle, Reset
from assistants.events.log import Entry
from assistants.models import Message, Run, Thread
from playground import fragments, transcript
from playground.changes import Changes, announced
from playground.readers import Reader

SLACK: Final = timedelta(milliseconds=transcript.CLOCK_SLACK_MS)

_workers = ThreadPoolExecutor(4, thread_name_prefix="page-stream")
"""For looks at the database and for rendering, so that neither holds up other readers."""

T = TypeVar("T")


class Gone(Exception):
    """The thread was deleted, or the reader may not see it any more."""


class Lost(Exception):
    """The log does not have the place any more: begin again."""


async def work(job: Callable[[], T], reader: Reader) -> T:
    """The job on a thread, in the reader's language and with their clock, leaving no database
    connection behind.
    """
    return await asyncio.get_running_loop().run_in_executor(_workers, _settled, job, reader)


def _settled(job: Callable[[], T], reader: Reader) -> T:
    try:
        with reader.in_force():
            return job()
    finally:
        connections.close_all()


class ThreadView:
    """What a page shows of a thread, up to a place in its log.

    :param last: the place up to which the page shows it already
    """

    def __init__(self, thread_id: str, last: str) -> None:
        self._thread_id = thread_id
        self.last = last
        self.cursor = log.START
        self._changes = Changes()

    def begin(self) -> tuple[str, bool]:
        """The state of all that can have changed since ``after``, and whether a run is active."""
        thread = self._thread()
        seen = _moment(self.last)
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
            for entry in log.read(thread.id, self.last)
            if entry.name == "thread.message.deleted"
        ]
        ids = messages.values_list("pk", flat=True)
        views = transcript.read_items(thread, ids, [run.pk for run in runs], state)
        self.cursor, self.last = tip, transcript.place_of(tip)
        self._changes = Changes(state)
        return (
            "".join(
                [
                    *map(fragments.removed, deleted),
                    fragments.items(views),
                    fragments.title(thread),
                    fragments.composer_actions(active),
                    fragments.stream(thread, self.last, active),
                    fragments.announcement(_standing(runs, state, seen)),
                ]
            ),
            active is not None,
        )

    def take(self, item: Entry | Idle | Reset | Exception) -> None:
        if isinstance(item, Exception):
            raise item
        if isinstance(item, Reset):
            raise Lost
        if isinstance(item, Entry):
            if log.position(item.id) <= log.position(self.cursor):
                return
            self.cursor = self.last = item.id
            if item.name == "thread.deleted":
                raise Gone
            self._changes.apply(item)
        else:
            # Nothing was heard for a while: the database may know more than the log told.
            self._changes.look()

    def render(self) -> tuple[str, bool, float]:
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
                html.append(fragments.stream(thread, self.last, active))
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
        html, goes_on = self.begin()
        last = thread.runs.newest_first().first()
        said = announced(f"thread.run.{last.status}", {}) if last else ""
        return html + fragments.announcement(said), not goes_on

    def _thread(self) -> Thread:
        thread = Thread.objects.filter(pk=self._thread_id).first()
        if thread is None:
            raise Gone
        return thread


def _moment(entry_id: str) -> datetime:
    """When an entry was written."""
    return datetime.fromtimestamp(log.position(entry_id)[0] / 1000, UTC)


def _standing(runs: Sequence[Run], state: Fold, seen: datetime) -> str:
    """What a screen reader is told of the last run, if something happened to it since."""
    if not runs or (runs[-1].ended_at and runs[-1].ended_at < seen):
        return ""
    steps = list(state.steps.values())
    if steps and steps[-1]["status"] == "in_progress":
        return announced("thread.run.step.created", steps[-1])
    return announced(f"thread.run.{runs[-1].status}", {})
