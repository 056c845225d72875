"""What the worker that holds a run does with it, from the claim to the end.

A run is executed by the worker whose token stands in ``lease``. Everything that the worker writes
carries that token, so a worker that has lost its lease can write nothing.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from assistants import doorbell
from assistants.errors import Wire
from assistants.models import Run, RunStatus, RunStep, clock
from assistants.models.run import RunQuerySet
from assistants.operations import queue
from assistants.operations.endings import Partial, end, publish

LEASE = timedelta(seconds=15)
"""How long a worker may be silent before its run is taken from it; heartbeats come three times
as often.
"""


class LeaseLost(Exception):
    """The run is no longer this worker's: it ended, or another worker has it. Write nothing
    more.
    """


@transaction.atomic
def claim(run_id: str) -> Run | None:
    """Take a queued run. None when there is nothing to take: gone, ended, another worker was first,
    or its project has as many runs under way as it may have.
    """
    if not queue.has_room(run_id):
        return None
    lease, now = secrets.token_hex(16), clock.now()
    claimed = Run.objects.filter(pk=run_id, status=RunStatus.QUEUED).update(
        status=RunStatus.IN_PROGRESS, started_at=now, lease=lease, lease_until=now + LEASE
    )
    if not claimed:
        return None
    run = Run.objects.select_related("thread__project", "upstream__provider").get(pk=run_id)
    publish(run, "thread.run.in_progress")
    return run


@dataclass(frozen=True)
class Renewal:
    """What a heartbeat found, as ids of runs."""

    lost: set[str]
    """Not this worker's any more: they ended, or another worker has them."""
    cancelling: set[str]
    """To be cancelled: somebody wishes it, and may not have been heard."""


def renew(held: Mapping[str, str]) -> Renewal:
    """The heartbeat: keep the leases for a while longer, all at once.

    :param held: the leases by the ids of their runs
    """
    mine = Run.objects.filter(lease__in=held.values())
    mine.update(lease_until=clock.now() + LEASE)
    found = dict(mine.values_list("pk", "status"))
    return Renewal(
        lost=set(held) - set(found),
        cancelling={run_id for run_id, status in found.items() if status != RunStatus.IN_PROGRESS},
    )


def held_by(run: Run) -> Run:
    """The row of the run, locked, if its worker still holds it. For use inside a transaction.

    :raises LeaseLost: it does not
    """
    row = _held(run).first()
    if row is None:
        raise LeaseLost
    row.thread = run.thread  # which is known already
    return row


def check_held(run: Run) -> None:
    """As ``held_by``, for a write that needs nothing of the row: reading it costs as much as the
    write.

    :raises LeaseLost: the run is not its worker's any more
    """
    if not _held(run).values_list("pk"):
        raise LeaseLost


def _held(run: Run) -> RunQuerySet:
    return Run.objects.select_for_update().filter(
        pk=run.pk,
        lease=run.lease,
        status__in=(RunStatus.IN_PROGRESS, RunStatus.CANCELLING),
    )


@transaction.atomic
def complete(run: Run, *, unrecorded: Wire | None = None) -> RunStatus:
    """The answer is whole. Where a cancel came first, the run ends cancelled instead; the
    status that it got.

    :param unrecorded: as in ``endings.end``
    :raises LeaseLost: the run is not this worker's any more
    """
    row = held_by(run)
    cancelled = row.status == RunStatus.CANCELLING
    status = RunStatus.CANCELLED if cancelled else RunStatus.COMPLETED
    end(row, status, Partial(), unrecorded=unrecorded)
    return status


@transaction.atomic
def end_early(
    run: Run,
    status: RunStatus,
    partial: Partial,
    *,
    error: Wire | None = None,
    incomplete: str | None = None,
    unrecorded: Wire | None = None,
) -> None:
    """End as failed, incomplete, cancelled or expired, keeping what was under way.

    :param error: ``{"code", "message"}`` of a failed run
    :param incomplete: the reason of an incomplete one
    :param unrecorded: as in ``endings.end``
    :raises LeaseLost: the run is not this worker's any more
    """
    row = held_by(run)
    if row.status == RunStatus.CANCELLING:
        status, error, incomplete = RunStatus.CANCELLED, None, None
    end(row, status, partial, error=error, incomplete=incomplete, unrecorded=unrecorded)


@transaction.atomic
def require_action(
    run: Run,
    step: RunStep,
    tool_calls: list[Wire],
    usage: Wire | None,
    saved_files: dict[str, str],
    searches: dict[str, Wire],
) -> None:
    """Wait for the outputs of these function calls; the worker lets go of the run.

    :param saved_files: ids of the files that code saved in the same step, by their paths
    :param searches: what ``RunStep.searches`` keeps
    :raises LeaseLost: the run is not this worker's any more
    """
    row = held_by(run)
    step.step_details = {"type": "tool_calls", "tool_calls": tool_calls}
    step.usage = usage
    step.saved_files, step.searches = saved_files, searches
    step.save()
    if row.status == RunStatus.CANCELLING:
        end(row, RunStatus.CANCELLED, Partial())
        return
    pending = [
        {
            "id": call["id"],
            "type": "function",
            "function": {
                "name": call["function"]["name"],
                "arguments": call["function"]["arguments"],
            },
        }
        for call in tool_calls
        if call["type"] == "function" and call["function"]["output"] is None
    ]
    row.status = RunStatus.REQUIRES_ACTION
    row.required_action = {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {"tool_calls": pending},
    }
    row.lease, row.lease_until = "", None
    row.save()
    publish(row, "thread.run.requires_action")
    queue.ring_next(row)


@transaction.atomic
def let_go(run: Run, partial: Partial) -> None:
    """The worker stops: back to the queue if nothing of the run was visible yet, else failed,
    keeping what was written.

    :raises LeaseLost: the run is not this worker's any more
    """
    give_back(held_by(run), partial)


def give_back(run: Run, partial: Partial) -> None:
    """Take a run, whose row is locked, from its worker: back to the queue if nothing of it was
    visible yet, else to its end with what was written. One that is executed elsewhere goes on
    there, so that the next worker follows it.
    """
    if run.status == RunStatus.CANCELLING:
        end(run, RunStatus.CANCELLED, partial, is_broken_off=True)
    elif run.mirrored or not run.steps.exists():
        run.status, run.queued_at = RunStatus.QUEUED, clock.now()
        run.lease, run.lease_until = "", None
        run.save(update_fields=["status", "queued_at", "lease", "lease_until"])
        publish(run, "thread.run.queued")
        doorbell.ring(doorbell.EXECUTE_RUN, run.id)
    else:
        message = (
            "The worker that executed this run stopped. What it had written is kept; "
            "run again to continue."
        )
        end(
            run,
            RunStatus.FAILED,
            partial,
            error={"code": "server_error", "message": message},
            is_broken_off=True,
        )
