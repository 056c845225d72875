"""How often something that is secret may be tried, counted in Redis for all processes together.

While Redis does not answer, nothing may be tried: what cannot be counted could be guessed.
"""

import hashlib
import logging
import math
from typing import Any

import redis

from assistants import refusals
from assistants.redis_commands import answer

logger = logging.getLogger(__name__)


def count(what: str, limit: int, seconds: int) -> None:
    """Count an attempt, before it is looked whether it is right: many at once are not free either.

    :raises RateLimited: within this time it is one too many
    """
    name = f"attempts:{hashlib.sha256(what.encode()).hexdigest()}"

    def counted(client: redis.Redis) -> Any:
        pipeline = client.pipeline(transaction=True)
        pipeline.set(name, 0, ex=seconds, nx=True)
        pipeline.incr(name)
        pipeline.pttl(name)
        return pipeline.execute()

    try:
        _, tried, left_ms = answer(counted)
    except redis.RedisError as error:
        logger.warning("attempts cannot be counted, so none is allowed: %s", error)
        tried, left_ms = limit + 1, seconds * 1000
    if tried > limit:
        wait = max(1, math.ceil(left_ms / 1000))
        refused = refusals.TOO_MANY_ATTEMPTS(seconds=wait)
        refused.retry_after = wait
        raise refused


def forgive(what: str) -> None:
    """It was right: the attempts before it do not count any more."""
    name = f"attempts:{hashlib.sha256(what.encode()).hexdigest()}"
    try:
        answer(lambda client: client.delete(name))
    except redis.RedisError as error:
        logger.warning("attempts stay counted until their time is over: %s", error)


def take_back(what: str, seconds: int) -> None:
    """It was right: this one attempt does not count.

    :param seconds: as for ``count``
    """
    name = f"attempts:{hashlib.sha256(what.encode()).hexdigest()}"

    def counted(client: redis.Redis) -> Any:
        pipeline = client.pipeline(transaction=True)
        # Were its time over by now, it would be counted down from nothing, and for ever.
        pipeline.set(name, 0, ex=seconds, nx=True)
        pipeline.decr(name)
        return pipeline.execute()

    try:
        answer(counted)
    except redis.RedisError as error:
        logger.warning("an attempt stays counted until its time is over: %s", error)
