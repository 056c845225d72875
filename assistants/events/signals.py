"""A word to everybody who listens that something is not as it was: a share link was changed or
revoked, somebody is not a member of a project any more. What it is now is in the database.

A signal is one entry of a log of its own, so that the hub follows it as it does threads. It may be
lost: who listens looks at the database from time to time anyway.
"""

import logging
from typing import Final

import redis
from django.db import transaction

from assistants.events.log import Event, key
from assistants.redis_commands import answer

logger = logging.getLogger(__name__)

KEEP_SECONDS: Final = 3600


def members_of(project_id: str) -> str:
    """The name under which it is told that who may read the project has changed."""
    return f"members:{project_id}"


def ring(name: str) -> None:
    """Once the current transaction is committed, tell whoever follows this name."""
    transaction.on_commit(lambda: _ring(name))


def _ring(name: str) -> None:
    def add(client: redis.Redis) -> None:
        pipeline = client.pipeline(transaction=False)
        pipeline.xadd(key(name), Event("signal", "{}").fields(), maxlen=1)  # type: ignore[arg-type]
        pipeline.expire(key(name), KEEP_SECONDS)
        pipeline.execute()

    try:
        answer(add)
    except redis.RedisError as error:
        logger.warning("nobody hears at once that %s has changed: %s", name, error)
