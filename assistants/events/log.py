"""One Redis Stream per thread; an entry is an event's name, the run it belongs to, and its
JSON.

The database is the truth and is written first: ``publish`` waits for the commit. When Redis does
not answer then, the event is lost and the change is not; followers that hear nothing compare with
the database (see ``hub``).
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import redis
from django.conf import settings
from django.db import transaction

from assistants.errors import Wire
from assistants.redis_commands import answer

logger = logging.getLogger(__name__)

MAX_ENTRIES = 20_000
"""About this many entries are kept per thread; whoever was away for longer gets a snapshot
instead.
"""

RETIRED_SECONDS = 60

START = "0-0"
"""The position before the first entry."""


line: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""An object as one line of JSON."""


@dataclass(frozen=True, slots=True)
class Event:
    """``name`` is the API's event name, ``data`` one line of JSON, ``run`` the id of the run or
    empty.
    """

    name: str
    data: str
    run: str = ""

    @classmethod
    def of(cls, name: str, data: Wire, run: str = "") -> "Event":
        return cls(name, line(data), run)

    def fields(self) -> dict[str, str]:
        """The event as the fields of a stream entry."""
        return {"event": self.name, "run": self.run, "data": self.data}


@dataclass(frozen=True, slots=True)
class Entry(Event):
    """An event at its place in the log."""

    id: str = START

    @classmethod
    def read(cls, entry_id: str, fields: dict[str, str]) -> "Entry":
        return cls(fields["event"], fields["data"], fields["run"], entry_id)

    @property
    def object(self) -> Wire:
        """The event's JSON, parsed."""
        parsed: Wire = json.loads(self.data)
        return parsed

    @property
    def ms(self) -> int:
        """When it was written, in unix milliseconds."""
        return int(self.id.partition("-")[0])


def key(thread_id: str) -> str:
    return f"log:{thread_id}"


def position(entry_id: str) -> tuple[int, int]:
    """An entry id as numbers that compare as the ids do.

    :raises ValueError: it is not an entry id
    """
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)


def publish(thread_id: str, events: Iterable[Event]) -> None:
    """Append the events to the thread's log, in order, once the current transaction is
    committed.
    """
    ready = list(events)
    transaction.on_commit(lambda: _append(thread_id, ready))


def _append(thread_id: str, events: list[Event]) -> None:
    name = key(thread_id)

    def append(client: "redis.Redis") -> None:
        pipeline = client.pipeline(transaction=False)
        for event in events:
            pipeline.xadd(name, event.fields(), maxlen=MAX_ENTRIES, approximate=True)  # type: ignore[arg-type]
        # A thread that was silent for so long loses its log, not its objects.
        pipeline.expire(name, settings.EVENT_DAYS * 24 * 3600)
        pipeline.execute()

    try:
        answer(append)
    except redis.RedisError as error:
        told = ", ".join(event.name for event in events)
        logger.warning("the event log does not take %s: %s", told, error)


def read(thread_id: str, after: str = START, limit: int | None = None) -> list[Entry]:
    """The entries after a position, oldest first. An unreachable Redis reads as an empty log."""
    try:
        rows = answer(lambda client: client.xrange(key(thread_id), min=f"({after}", count=limit))
    except redis.RedisError as error:
        logger.warning("the event log cannot be read: %s", error)
        return []
    return entries(rows)


def entries(rows: Any) -> list[Entry]:
    """What XRANGE answered, as entries (redis-py's types know only of answers in bytes)."""
    return [Entry.read(entry_id, fields) for entry_id, fields in rows]


def tip(thread_id: str) -> str:
    """The id of the newest entry, or the start of an empty log."""
    try:
        rows: Any = answer(lambda client: client.xrevrange(key(thread_id), count=1))
    except redis.RedisError as error:
        logger.warning("the event log cannot be read: %s", error)
        return START
    return str(rows[0][0]) if rows else START


def retire(thread_id: str) -> None:
    """Once the current transaction is committed, keep a deleted thread's log only for as long as
    its followers need to hear of the end: it holds all that was said.
    """
    transaction.on_commit(lambda: _expire(thread_id, RETIRED_SECONDS))


def _expire(thread_id: str, seconds: int) -> None:
    try:
        answer(lambda client: client.expire(key(thread_id), seconds))
    except redis.RedisError as error:
        logger.warning("the log of a deleted thread stays until it expires by itself: %s", error)
