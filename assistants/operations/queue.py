"""Whose turn it is: how many runs a project may have under way, and who waits.

A run that may not begin yet stays ``queued``. The place that another one leaves goes to the oldest.
"""

from typing import Final

from django.conf import settings

from assistants import doorbell
from assistants.models import Run, RunStatus
from assistants.models.run import RunQuerySet

MOST_RUNG: Final = 500
UNDER_WAY = (RunStatus.IN_PROGRESS, RunStatus.CANCELLING)


def has_room(run_id: str) -> bool:
    """Whether the run's project has fewer runs under way than it may have.

    Two who ask in the same moment may both find the last place, and both go: the limit keeps one
    project from taking all places, so one more does no harm.
    """
    if not settings.PROJECT_RUNS:
        return True
    project = Run.objects.filter(pk=run_id).values("thread__project")[:1]
    under_way = Run.objects.filter(thread__project__in=project, status__in=UNDER_WAY)
    return under_way.count() < settings.PROJECT_RUNS


def room(project_id: str) -> int:
    """How many runs of a project may begin now; of one without a limit, as many as a sweep rings
    for.
    """
    if not settings.PROJECT_RUNS:
        return MOST_RUNG
    under_way = Run.objects.filter(thread__project=project_id, status__in=UNDER_WAY)
    return max(int(settings.PROJECT_RUNS) - under_way.count(), 0)


def ring_next(run: Run) -> None:
    """Have a worker look for the oldest run of the project that waits, now that this one has left
    its place.
    """
    if not settings.PROJECT_RUNS:
        return
    project = run.thread.project_id
    waiting = Run.objects.filter(thread__project=project, status=RunStatus.QUEUED)
    oldest = waiting.exclude(pk=run.pk).oldest_first().values_list("pk", flat=True).first()
    if oldest is not None:
        doorbell.ring(doorbell.EXECUTE_RUN, oldest)


def waits_for_its_project(run: Run) -> bool:
    """Whether it is the project's own runs that a queued one waits for, not a worker."""
    return room(run.thread.project_id) == 0


def before(run: Run) -> int:
    """How many runs wait longer than this one: of its project where that is full, else whoever's
    they are.
    """
    waiting = _waiting().filter(created_at__lt=run.created_at)
    if waits_for_its_project(run):
        waiting = waiting.filter(thread__project=run.thread.project_id)
    return waiting.count()


def _waiting() -> RunQuerySet:
    return Run.objects.filter(status=RunStatus.QUEUED)
