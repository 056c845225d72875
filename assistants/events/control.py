"""Wishes for the worker that executes a run. A wish may be lost: the row says the same, and
heartbeats read it.
"""

import logging

import redis
from django.db import transaction

from assistants.redis_commands import answer

logger = logging.getLogger(__name__)

CANCEL_CHANNEL = "control:cancel"


def cancel(run_id: str) -> None:
    """Tell every worker, once the current transaction is committed, that this run is to be
    cancelled.
    """
    transaction.on_commit(lambda: _send(run_id))


def _send(run_id: str) -> None:
    try:
        answer(lambda client: client.publish(CANCEL_CHANNEL, run_id))
    except redis.RedisError as error:
        told = "the wish to cancel %s is not heard, the heartbeat will see it: %s"
        logger.warning(told, run_id, error)
