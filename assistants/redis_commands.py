"""Short commands to Redis, which must not keep anybody waiting when it hangs."""

import functools
import time
from collections.abc import Callable
from typing import Final, TypeVar

import redis
from django.conf import settings

T = TypeVar("T")

ANSWER_SECONDS: Final = 2.0
"""How long a command waits for its answer."""

PAUSE_SECONDS: Final = 5.0
"""After one that has waited in vain nobody else waits, for so long: whoever makes a request pays
for a Redis that hangs once, not for each event.
"""

_paused_until = 0.0


def answer(command: Callable[["redis.Redis"], T]) -> T:
    """What Redis answers to a short command.

    :raises redis.RedisError: it does not answer, or has not answered just before
    """
    global _paused_until  # noqa: PLW0603 - one Redis, one state of it
    if time.monotonic() < _paused_until:
        raise redis.TimeoutError("no answer a moment ago")
    try:
        return command(_client())
    except redis.TimeoutError:
        _paused_until = time.monotonic() + PAUSE_SECONDS
        raise


def forget() -> None:
    """Ask again, whatever was before."""
    global _paused_until  # noqa: PLW0603
    _paused_until = 0.0


@functools.cache
def _client() -> "redis.Redis":
    """The process's connection pool. Nothing is sent twice: what was not answered may well have
    been done.
    """
    return redis.Redis.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=None,
    )
