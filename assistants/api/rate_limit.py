"""How often a key may ask in a minute: the setting RATE_LIMIT_PER_MINUTE, 0 for as often as it
likes.

Counted in Redis, so that several web processes count together. A minute begins with a key's first
request. While Redis does not answer nobody is refused: a limit is there for fairness, and not worth
an outage.
"""

import hashlib
import logging
import math
from typing import Any, Final

import redis
from django.conf import settings

from assistants import refusals
from assistants.redis_commands import answer

logger = logging.getLogger(__name__)

WINDOW_MS: Final = 60_000


def count(secret: str) -> None:
    """Count a request of the key.

    :raises RateLimited: it is one too many
    """
    limit: int = settings.RATE_LIMIT_PER_MINUTE
    if not limit:
        return
    name = f"rate:{hashlib.sha256(secret.encode()).hexdigest()}"

    def counted(client: redis.Redis) -> Any:
        pipeline = client.pipeline(transaction=True)
        pipeline.set(name, 0, px=WINDOW_MS, nx=True)
        pipeline.incr(name)
        pipeline.pttl(name)
        return pipeline.execute()

    try:
        _, asked, left_ms = answer(counted)
    except redis.RedisError as error:
        logger.warning("requests are not counted, Redis does not answer: %s", error)
        return
    if asked > limit:
        seconds = math.ceil(left_ms / 1000)
        refused = refusals.TOO_MANY_REQUESTS(limit=limit, seconds=seconds)
        refused.retry_after = seconds
        raise refused
