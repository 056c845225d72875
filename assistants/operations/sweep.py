"""What is looked for every few seconds, so that no run stays behind: silent workers, runs whose
time is over, rings that nobody heard.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from assistants import doorbell
from assistants.doorbell import UNHEARD
from assistants.log_ids import speaking_for_a_moment_of
from assistants.models import Run, RunStatus, clock
from assistants.operations import queue
from assistants.operations.endings import Partial, end, written
from assistants.operations.execution import LEASE, give_back
from assistants.operations.runs import EXPIRES_AFTER

logger = logging.getLogger(__name__)

MOST = 100
"""So many runs are looked after in one go; the next sweep takes the others."""


def set_right() -> int:
    """Bring back what lies further ahead than any clock of ours has put it: the clock was set back
    since. Without this a dead worker's run, or one that waits, would be left until the clock is
    there again. Returns how many.
    """
    now = clock.now()
    active = Run.objects.active()
    return (
        active.filter(lease_until__gt=now + LEASE).update(lease_until=now + LEASE)
        + active.filter(expires_at__gt=now + EXPIRES_AFTER).update(expires_at=now + EXPIRES_AFTER)
        + active.filter(created_at__gt=now).update(created_at=now)
        + active.filter(queued_at__gt=now).update(queued_at=now)
    )


def reap() -> int:
    """Take runs from workers that fell silent: back to the queue if nothing of them was visible
    yet, else ended with what was written. Returns how many.
    """

    def lost(waited: timedelta) -> "QuerySet[Run]":
        # Who could not write for so long could not renew its lease either.
        return Run.objects.filter(
            status__in=(RunStatus.IN_PROGRESS, RunStatus.CANCELLING),
            lease_until__lt=clock.now() - waited,
        )

    return _each(lost, _take)


def _take(run: Run) -> None:
    """From its worker, which may have left no word in any log."""
    give_back(run, written(run))
    with speaking_for_a_moment_of(thread=run.thread_id, run=run.id):
        told = "the worker of %s in %s fell silent, so the run is %s now"
        logger.warning(told, run.id, run.thread_id, run.status)


def expire() -> int:
    """End the runs that passed ``expires_at`` and that no worker is executing; how many. A
    worker watches its own.
    """
    due = Run.objects.filter(
        status__in=(RunStatus.QUEUED, RunStatus.REQUIRES_ACTION), expires_at__lte=clock.now()
    )
    return _each(lambda _: due, lambda run: end(run, RunStatus.EXPIRED, Partial()))


def _each(find: Callable[[timedelta], "QuerySet[Run]"], mend: Callable[[Run], None]) -> int:
    """Mend each run in a transaction of its own, if it is still found then: one that cannot be
    mended keeps no other from it.

    :param find: the runs, given how long the database was waited for
    """
    mended = 0
    for run_id in list(find(timedelta()).values_list("pk", flat=True)[:MOST]):
        try:
            begun = time.monotonic()
            with transaction.atomic():
                waited = timedelta(seconds=time.monotonic() - begun)
                run = find(waited).select_for_update().filter(pk=run_id).first()
                if run is not None:
                    mend(run)
                    mended += 1
        except Exception:
            logger.exception("%s cannot be mended", run_id)
    return mended


def ring_again() -> int:
    """Ring for queued runs that nobody picked up: a lost message loses nothing. Returns how
    many.

    Each project has its oldest rung for, as many as may begin, so that a long queue of one hides no
    run of another.
    """
    waiting = Run.objects.filter(status=RunStatus.QUEUED, queued_at__lt=clock.now() - UNHEARD)
    rung = 0
    for project in list(waiting.values_list("thread__project", flat=True).distinct()):
        oldest = waiting.filter(thread__project=project).oldest_first()
        for run_id in list(oldest.values_list("pk", flat=True)[: queue.room(project)]):
            doorbell.ring(doorbell.EXECUTE_RUN, run_id)
            rung += 1
    return rung
