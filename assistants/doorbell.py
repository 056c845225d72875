"""Rings Celery tasks by their names after the commit, so that who writes need not know who
executes.

A ring may be lost: the row is the truth, and the sweep rings again for what nobody picked up.
"""

import logging
from datetime import timedelta

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from assistants import traces

logger = logging.getLogger(__name__)

UNHEARD = timedelta(seconds=10)
"""What waits for longer than this is rung for again."""

EXECUTE_RUN = "assistants.tasks.execute_run"
CLOSE_SESSION = "assistants.tasks.close_session"
INGEST = "assistants.tasks.ingest"
IMPORT = "assistants.tasks.import_some"
DELETE_PROJECT = "assistants.tasks.delete_project"
END_UPSTREAM = "assistants.tasks.end_upstream"
NOTE_REFUSED = "assistants.tasks.note_refused"


def ring(task: str, *ids: str) -> None:
    """Ask a worker to carry out a task for these ids, once the current transaction is committed."""
    transaction.on_commit(lambda: _send(task, ids))


def _send(task: str, ids: tuple[str, ...]) -> None:
    try:
        current_app.send_task(
            task, args=ids, headers=traces.carried(), ignore_result=True, retry=False
        )
    except (OperationalError, OSError) as error:
        told = "nobody hears %s for %s, the sweep will ring again: %s"
        logger.warning(told, task, ", ".join(ids), error)
