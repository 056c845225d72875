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
from assistants.models.base import ObjectQuerySet
from playground import fragments, presence, scopes, transcript
from playground.changes import Changes, announced
from playground.items import Item, MessageView, OutcomeView, RunView
from playground.presence import Person
from playground.readers import Reader
from playground.transcript import PAGE_SIZE

ASK_SECONDS: Final = 15.0
"""How often it is looked who is here, if nobody says that it has changed."""
SLACK: Final = timedelta(milliseconds=transcript.CLOCK_SLACK_MS)

_workers = ThreadPoolExecutor(4, thread_name_prefix="page-stream")
"""For looks at the database and for rendering, so that neither holds up other readers."""

T = TypeVar("T")


class Gone(Exception):
    """The thread was deleted, or the reader may not see it any more."""


class Signal:
    """Somebody has come or gone, or who may read has changed."""


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
        self.project_id = ""
        self.last = last
        self.cursor = log.START
        self._changes = Changes()
        self._shown: dict[str, str] = {}
        self._asks = True
        self._asked = 0.0
        self._here: list[Person] = []

    def begin(self) -> str:
        """The state of all that can have changed since ``after``."""
        self._check_scope()
        thread = self._thread()
        self.project_id = thread.project_id
        seen = _moment(self.last)
        since = seen - SLACK
        # The log first: what happens while the database is read will be heard again, not missed.
        tip = log.tip(thread.id)
        active = thread.runs.active().first()
        state = transcript.state_of(active, tip)
        # Of messages there may be any number, and they may be long: only those that are shown are
        # read as a whole.
        known = _messages_since(thread, since).newest_first()
        messages = list(known.values_list("pk", "status", "created_at"))
        changed = _runs_since(thread, since) | thread.runs.filter(pk=active.pk if active else "")
        runs = list(changed.oldest_first())
        self._shown = {pk: status for pk, status, _ in messages}
        self._shown |= {run.pk: run.status for run in runs}
        if len(messages) > PAGE_SIZE:
            # Of what was there already the page shows the newest; so does this.
            begins = min(seen, messages[PAGE_SIZE - 1][2])
            messages = [one for one in messages if one[2] >= begins]
            runs = [run for run in runs if run.created_at >= begins or run.is_active]
        deleted = [
            entry.object["id"]
            for entry in log.read(thread.id, self.last)
            if entry.name == "thread.message.deleted"
        ]
        views = transcript.read_items(
            thread, [pk for pk, *_ in messages], [run.pk for run in runs], state
        )
        self.cursor, self.last = tip, transcript.place_of(tip)
        self._changes = Changes(state)
        return "".join(
            [
                *map(fragments.removed, deleted),
                fragments.replaced(views),
                fragments.items(views),
                fragments.title(thread),
                fragments.composer_actions(active),
                fragments.stream(thread, self.last, active),
                fragments.announcement(_standing(runs, state, seen)),
                self._who_is_here(anew=True),
            ]
        )

    def take(self, item: Entry | Idle | Reset | Signal | Exception) -> None:
        if isinstance(item, Exception):
            raise item
        if isinstance(item, Reset):
            raise Lost
        if isinstance(item, Signal):
            self._asks = True
            return
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
            self._asks = True

    def render(self) -> tuple[str, float]:
        """All that changed since the last frame, and the seconds of processor time that it took."""
        begun = time.thread_time()
        self._check_scope()
        html = self._rendered()
        return html + self._who_is_here(), time.thread_time() - begun

    def _rendered(self) -> str:
        changes = self._changes
        html: list[str] = [*map(fragments.removed, changes.deleted)]
        if changes.rows:
            thread = self._thread()
            active = thread.runs.active().first()
            if active is None and changes.runs:
                return "".join(html) + self._end(thread)
            if active is None and changes.looking and self._knows_more(thread):
                return "".join(html) + self.begin()
            run_ids = {*changes.runs, *([active.pk] if active and changes.looking else [])}
            views = transcript.read_items(thread, changes.messages, run_ids, changes.state)
            if active and any(_has_ended(view, active.pk) for view in views):
                # Since it was asked: its last words are among what the log has not told yet.
                return "".join(html) + self._end(thread)
            self._note(views)
            html += [fragments.replaced(views), fragments.items(views)]
            if changes.runs or (changes.looking and active):
                html.append(fragments.composer_actions(active))
                html.append(fragments.stream(thread, self.last, active))
            if changes.titled:
                html.append(fragments.title(thread))
        html += changes.parts_as_html()
        if said := changes.said:
            html.append(fragments.announcement(said))
        changes.clear()
        return "".join(html)

    def _end(self, thread: Thread) -> str:
        """The state that the last run has left.

        The database knows of the end before the log tells of all that led to it, so what is told
        now is what the database knows.
        """
        html = self.begin()
        last = thread.runs.newest_first().first()
        said = announced(f"thread.run.{last.status}", {}) if last else ""
        return html + fragments.announcement(said)

    def _note(self, views: Sequence[Item]) -> None:
        for view in views:
            if isinstance(view, MessageView):
                self._shown[view.message.pk] = view.message.status
            elif isinstance(view, OutcomeView):
                self._shown[view.run.pk] = view.run.status

    def _knows_more(self, thread: Thread) -> bool:
        """Whether the database has changes of which the log did not tell, as when Redis was away.
        Asked time and again while nothing happens, so that it has to be quick.
        """
        since = _moment(self.last) - SLACK
        found = dict(_messages_since(thread, since).values_list("pk", "status"))
        found |= dict(_runs_since(thread, since).values_list("pk", "status"))
        return any(self._shown.get(pk) != status for pk, status in found.items())

    def _who_is_here(self, *, anew: bool = False) -> str:
        """Who has the page open, if that has changed; of a shared page nobody is told."""
        late = time.monotonic() - self._asked > ASK_SECONDS
        if scopes.current() or not (anew or late or self._asks):
            return ""
        self._asks, self._asked = False, time.monotonic()
        here = presence.people(self._thread_id)
        if here == self._here and not anew:
            return ""
        self._here = here
        return fragments.here(here)

    def _check_scope(self) -> None:
        """
        :raises Gone: the link that the readers came by shows something else now, or nothing
        """
        scope = scopes.current()
        if scope is None or not self._asks:
            return
        if not scope.still_holds():
            raise Gone
        self._asks = False

    def _thread(self) -> Thread:
        thread = Thread.objects.filter(pk=self._thread_id).first()
        if thread is None:
            raise Gone
        return thread


def _messages_since(thread: Thread, since: datetime) -> ObjectQuerySet[Message]:
    """Those that have changed since, or still do."""
    again = _runs_since(thread, since).filter(ended_at__lt=since)
    return thread.messages.filter(
        Q(created_at__gte=since)
        | Q(run_id__in=again.values("pk"))
        | Q(completed_at__gte=since)
        | Q(incomplete_at__gte=since)
        | Q(status=Message.Status.IN_PROGRESS)
    )


def _runs_since(thread: Thread, since: datetime) -> ObjectQuerySet[Run]:
    """Those that stand which have changed since, or in whose place another stood that has."""
    changed = thread.runs.filter(Q(created_at__gte=since) | Q(ended_at__gte=since))
    stands = changed.exclude(replaced_by="").values("replaced_by")
    return thread.runs.standing().filter(Q(pk__in=changed.values("pk")) | Q(pk__in=stands))


def _has_ended(view: Item, run_id: str) -> bool:
    return isinstance(view, RunView) and view.run.pk == run_id and not view.run.is_active


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
