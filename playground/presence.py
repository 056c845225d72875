"""Who has the page of a thread open: people of the project, told to each other.

Kept in Redis, so that several web processes know of each other's readers, and for a short while
only: a process that ends without a word is forgotten. Each process renews its own people. While
Redis does not answer, nobody is told to be here.
"""

import logging
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import redis

from assistants.redis_commands import answer

logger = logging.getLogger(__name__)

KEEP_SECONDS: Final = 45
RENEW_SECONDS: Final = 15.0


@dataclass(frozen=True, order=True)
class Person:
    """``id`` is what ``data-by`` names them in the pages."""

    name: str
    id: str


_open: Counter[tuple[str, Person]] = Counter()
"""How many pages of a thread somebody has open in this process."""
_renewed: dict[tuple[str, Person], float] = {}


def come(thread_id: str, person: Person) -> bool:
    """One more page of the thread is open to them; whether it is their first here."""
    _open[thread_id, person] += 1
    return _open[thread_id, person] == 1


def go(thread_id: str, person: Person) -> bool:
    """One page less; whether it was their last here."""
    _open[thread_id, person] -= 1
    if _open[thread_id, person] > 0:
        return False
    del _open[thread_id, person]
    _renewed.pop((thread_id, person), None)
    return True


def is_due(thread_id: str, person: Person) -> bool:
    """Whether they have to be renewed; who asks does so, and no other asks again soon."""
    now = time.monotonic()
    if now - _renewed.get((thread_id, person), -RENEW_SECONDS) < RENEW_SECONDS:
        return False
    _renewed[thread_id, person] = now
    return True


def write(thread_id: str, person: Person) -> None:
    """Keep for a while that they are here."""
    now = time.time()

    def put(client: redis.Redis) -> None:
        pipeline = client.pipeline(transaction=False)
        pipeline.zadd(_key(thread_id), {f"{person.id}\n{person.name}": now + KEEP_SECONDS})
        pipeline.zremrangebyscore(_key(thread_id), "-inf", now)
        pipeline.expire(_key(thread_id), KEEP_SECONDS)
        pipeline.execute()

    try:
        answer(put)
    except redis.RedisError as error:
        logger.warning("nobody is told who has come: %s", error)


def erase(thread_id: str, person: Person) -> None:
    try:
        answer(lambda client: client.zrem(_key(thread_id), f"{person.id}\n{person.name}"))
    except redis.RedisError as error:
        logger.warning("nobody is told who has gone: %s", error)


def people(thread_id: str) -> list[Person]:
    """Who is here, by name. Redis may be away: then nobody."""
    try:
        found: Any = answer(
            lambda client: client.zrangebyscore(_key(thread_id), time.time(), "+inf")
        )
    except redis.RedisError:
        return []
    return sorted(Person(name, pk) for pk, _, name in (one.partition("\n") for one in found))


def _key(thread_id: str) -> str:
    return f"here:{thread_id}"
