"""The life of a run, from its creation to its one end. See docs/architecture.md, "The life of a
run".

A run is executed by the worker whose token stands in ``lease``. Everything that the worker writes
carries that token, so a worker that has lost its lease can write nothing. All ends go through
``_end``: it closes what is still open, frees the thread's lock and publishes exactly one terminal
event.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from assistants import doorbell
from assistants.errors import Invalid, ThreadLocked, Wire
from assistants.events import control, log
from assistants.events.fold import fold
from assistants.events.log import Event
from assistants.models import (
    Assistant,
    Message,
    Project,
    Run,
    RunStatus,
    RunStep,
    StepStatus,
    Thread,
    clock,
)
from assistants.models.run import ACTIVE, RunQuerySet
from assistants.operations import assistants, messages, providers, threads, tool_resources
from assistants.params import (
    MetadataUpdate,
    RunCreate,
    ThreadAndRunCreate,
    ThreadCreate,
    ToolOutputsSubmit,
)
from assistants.params.run import RunOptions

EXPIRES_AFTER = timedelta(seconds=600)
LEASE = timedelta(seconds=15)
"""How long a worker may be silent before its run is taken from it; heartbeats come three times
as often.
"""
UNHEARD = timedelta(seconds=10)
"""After this long in the queue the doorbell is rung again."""
MAX_OUTPUT_BYTES = 512 * 1024


class LeaseLost(Exception):
    """The run is no longer this worker's: it ended, or another worker has it. Write nothing
    more.
    """


@dataclass
class Partial:
    """What was under way when a run ended: contents of open messages and details of open steps,
    by their ids.
    """

    contents: Mapping[str, list[Wire]] = field(default_factory=dict)
    details: Mapping[str, Wire] = field(default_factory=dict)


# --- creating -------------------------------------------------------------------------------------


@transaction.atomic
def create(thread: Thread, assistant: Assistant, params: RunCreate) -> Run:
    """Queue a run of the assistant on the thread.

    :raises ThreadLocked: another run is active on the thread
    :raises Invalid: the model does not exist, or the tool choice names a tool that the run does not
        have
    """
    # Whoever adds a message or a run locks this row first, so check and insert are one.
    thread = Thread.objects.select_for_update().get(pk=thread.pk)
    if active := thread.runs.active().values_list("pk", flat=True).first():
        raise ThreadLocked.for_run(thread.id, active)
    for message in params.additional_messages or []:
        messages.append(thread, message)
    instructions = params.instructions
    if instructions is None:
        instructions = assistant.instructions
    if params.additional_instructions:
        instructions = "\n".join(filter(None, [instructions, params.additional_instructions]))
    return _queue(thread, assistant, params, instructions)


@transaction.atomic
def create_with_thread(
    project: Project, assistant: Assistant, params: ThreadAndRunCreate
) -> tuple[Thread, Run]:
    """A new thread and a run on it, in one step.

    :raises Invalid: as ``create``
    :raises NotFound: a file that the thread or its messages name is not there
    """
    given = params.thread or ThreadCreate()
    if params.tool_resources is not None:
        given = given.model_copy(update={"tool_resources": params.tool_resources})
    thread = threads.create(project, given)
    instructions = assistant.instructions if params.instructions is None else params.instructions
    return thread, _queue(thread, assistant, params, instructions)


def _queue(
    thread: Thread, assistant: Assistant, params: RunOptions, instructions: str | None
) -> Run:
    given = params.model_dump(mode="json", by_alias=True)
    tools = assistant.tools if given["tools"] is None else given["tools"]
    assistants.check_function_names(tools)
    model = params.model or assistant.model
    providers.resolve(model)
    tool_choice = given["tool_choice"] or "auto"
    _check_tool_choice(tool_choice, tools)

    def chosen(name: str, fallback: Any) -> Any:
        return fallback if given[name] is None else given[name]

    run = Run(
        thread=thread,
        assistant_id=assistant.id,
        model=model,
        instructions=instructions,
        tools=tools,
        tool_resources=tool_resources.of_run(assistant, thread),
        metadata=given["metadata"] or {},
        temperature=chosen("temperature", assistant.temperature),
        top_p=chosen("top_p", assistant.top_p),
        reasoning_effort=chosen("reasoning_effort", assistant.reasoning_effort),
        max_prompt_tokens=given["max_prompt_tokens"],
        max_completion_tokens=given["max_completion_tokens"],
        truncation_strategy=chosen("truncation_strategy", {"type": "auto", "last_messages": None}),
        response_format=chosen("response_format", assistant.response_format),
        tool_choice=tool_choice,
        parallel_tool_calls=chosen("parallel_tool_calls", True),
    )
    run.expires_at = run.created_at + EXPIRES_AFTER
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError as error:
        # The constraint is the last word, should the database not honour the row lock.
        active = thread.runs.active().first()
        raise ThreadLocked.for_run(thread.id, active.id if active else "") from error
    Thread.objects.filter(pk=thread.pk).update(active_at=run.created_at, assistant_id=assistant.id)
    _publish(run, "thread.run.created", "thread.run.queued")
    doorbell.ring(doorbell.EXECUTE_RUN, run.id)
    return run


def _check_tool_choice(tool_choice: str | Wire, tools: list[Wire]) -> None:
    if isinstance(tool_choice, str):
        return
    if tool_choice["type"] == "function":
        name = tool_choice["function"]["name"]
        there = any(
            tool["type"] == "function" and tool["function"]["name"] == name for tool in tools
        )
    else:
        name = tool_choice["type"]
        there = any(tool["type"] == name for tool in tools)
    if not there:
        raise Invalid(
            f"Invalid 'tool_choice': the run has no tool '{name}'.",
            param="tool_choice",
            code="invalid_value",
        )


# --- changing from outside ------------------------------------------------------------------------


@transaction.atomic
def update(run: Run, params: MetadataUpdate) -> Run:
    """Change the metadata of a run that has ended.

    :raises Invalid: it is active
    """
    row = Run.objects.select_for_update().get(pk=run.pk)
    if row.is_active:
        raise Invalid(f"Cannot update run with status '{row.status}'.")
    given = params.model_dump(exclude_unset=True)
    if "metadata" in given:
        row.metadata = given["metadata"] or {}
        row.save(update_fields=["metadata"])
    return row


@transaction.atomic
def cancel(run: Run) -> Run:
    """Ask for the end of a run; it is ``cancelling`` until its worker has let go. One that no
    worker holds ends at once.

    Where a cancel meets the completion, whichever commits first wins.

    :raises Invalid: it has ended already, or is being cancelled
    """
    row = Run.objects.select_for_update().get(pk=run.pk)
    if row.status not in (RunStatus.QUEUED, RunStatus.IN_PROGRESS, RunStatus.REQUIRES_ACTION):
        raise Invalid(f"Cannot cancel run with status '{row.status}'.")
    held = row.status == RunStatus.IN_PROGRESS
    row.status = RunStatus.CANCELLING
    row.required_action = None
    row.save(update_fields=["status", "required_action"])
    _publish(row, "thread.run.cancelling")
    if held:
        control.cancel(row.id)
        return row
    asked = Run.objects.get(pk=row.pk)
    _end(row, RunStatus.CANCELLED, Partial())
    return asked


@transaction.atomic
def submit_tool_outputs(run: Run, params: ToolOutputsSubmit) -> Run:
    """Hand in the output of every pending call; the run goes back to the queue.

    :raises Invalid: the run waits for none, an id is missing or unknown, or they are too large
    """
    row = Run.objects.select_for_update().get(pk=run.pk)
    if row.status != RunStatus.REQUIRES_ACTION:
        raise Invalid(f'Runs in status "{row.status}" do not accept tool outputs.')
    outputs = {given.tool_call_id: given.output for given in params.tool_outputs}
    calls = (row.required_action or {})["submit_tool_outputs"]["tool_calls"]
    expected = [call["id"] for call in calls]
    got = [given.tool_call_id for given in params.tool_outputs]
    if sorted(got) != sorted(expected):
        raise Invalid(f"Expected tool outputs for call_ids {expected}, got {got}")
    if sum(len(output.encode()) for output in outputs.values()) >= MAX_OUTPUT_BYTES:
        raise Invalid(
            "'tool_outputs' too large: the combined tool outputs must be less than 512kb.",
            param="tool_outputs",
            code="invalid_value",
        )
    step = row.steps.filter(status=StepStatus.IN_PROGRESS, type="tool_calls").newest_first()[0]
    for call in step.step_details["tool_calls"]:
        if call["id"] in outputs:
            call["function"]["output"] = outputs[call["id"]]
    now = clock.now()
    step.status = StepStatus.COMPLETED
    step.completed_at = step.ended_at = now
    step.save()
    row.status = RunStatus.QUEUED
    row.required_action = None
    row.lease, row.lease_until = "", None
    row.save(update_fields=["status", "required_action", "lease", "lease_until"])
    done = Event.of("thread.run.step.completed", step.to_dict(), row.id)
    log.publish(row.thread_id, [done])
    _publish(row, "thread.run.queued")
    doorbell.ring(doorbell.EXECUTE_RUN, row.id)
    return row


# --- what the worker writes -----------------------------------------------------------------------


@transaction.atomic
def claim(run_id: str) -> Run | None:
    """Take a queued run. None when there is nothing to take: gone, ended, or another worker was
    first.
    """
    lease, now = secrets.token_hex(16), clock.now()
    claimed = Run.objects.filter(pk=run_id, status=RunStatus.QUEUED).update(
        status=RunStatus.IN_PROGRESS, started_at=now, lease=lease, lease_until=now + LEASE
    )
    if not claimed:
        return None
    run = Run.objects.select_related("thread__project").get(pk=run_id)
    _publish(run, "thread.run.in_progress")
    return run


def renew(run: Run) -> bool:
    """The heartbeat: keep the lease for a while longer. Whether the run is still wanted; False
    means it is to be cancelled.

    :raises LeaseLost: the run is not this worker's any more
    """
    held = Run.objects.filter(pk=run.pk, lease=run.lease)
    if not held.update(lease_until=clock.now() + LEASE):
        raise LeaseLost
    status = held.values_list("status", flat=True).first()
    return status == RunStatus.IN_PROGRESS


def held_by(run: Run) -> Run:
    """The row of the run, locked, if its worker still holds it. For use inside a transaction.

    :raises LeaseLost: it does not
    """
    row = _held(run).first()
    if row is None:
        raise LeaseLost
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
def complete(run: Run) -> RunStatus:
    """The answer is whole. Where a cancel came first, the run ends cancelled instead; the
    status that it got.

    :raises LeaseLost: the run is not this worker's any more
    """
    row = held_by(run)
    cancelled = row.status == RunStatus.CANCELLING
    status = RunStatus.CANCELLED if cancelled else RunStatus.COMPLETED
    _end(row, status, Partial())
    return status


@transaction.atomic
def end_early(
    run: Run,
    status: RunStatus,
    partial: Partial,
    *,
    error: Wire | None = None,
    incomplete: str | None = None,
) -> None:
    """End as failed, incomplete, cancelled or expired, keeping what was under way.

    :param error: ``{"code", "message"}`` of a failed run
    :param incomplete: the reason of an incomplete one
    :raises LeaseLost: the run is not this worker's any more
    """
    row = held_by(run)
    if row.status == RunStatus.CANCELLING:
        status, error, incomplete = RunStatus.CANCELLED, None, None
    _end(row, status, partial, error=error, incomplete=incomplete)


@transaction.atomic
def let_go(run: Run, partial: Partial) -> None:
    """The worker stops: back to the queue if nothing of the run was visible yet, else failed,
    keeping what was written.

    :raises LeaseLost: the run is not this worker's any more
    """
    _give_back(held_by(run), partial)


@transaction.atomic
def require_action(
    run: Run,
    step: RunStep,
    tool_calls: list[Wire],
    usage: Wire | None,
    saved_files: dict[str, str],
) -> None:
    """Wait for the outputs of these function calls; the worker lets go of the run.

    :param saved_files: ids of the files that code saved in the same step, by their paths
    :raises LeaseLost: the run is not this worker's any more
    """
    row = held_by(run)
    step.step_details = {"type": "tool_calls", "tool_calls": tool_calls}
    step.usage = usage
    step.saved_files = saved_files
    step.save()
    if row.status == RunStatus.CANCELLING:
        _end(row, RunStatus.CANCELLED, Partial())
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
    _publish(row, "thread.run.requires_action")


# --- the sweep ------------------------------------------------------------------------------------


def reap() -> int:
    """Take runs from workers that fell silent: back to the queue if nothing of them was visible
    yet, else ended with what was written. Returns how many.
    """
    now = clock.now()
    lost = Run.objects.filter(
        status__in=(RunStatus.IN_PROGRESS, RunStatus.CANCELLING), lease_until__lt=now
    )
    reaped = 0
    for run_id in lost.values_list("pk", flat=True)[:100]:
        with transaction.atomic():
            run = (
                Run.objects.select_for_update()
                .filter(pk=run_id, status__in=ACTIVE, lease_until__lt=now)
                .first()
            )
            if run is not None:
                _give_back(run, _written(run))
                reaped += 1
    return reaped


def _give_back(run: Run, partial: Partial) -> None:
    if run.status == RunStatus.CANCELLING:
        _end(run, RunStatus.CANCELLED, partial)
    elif not run.steps.exists():
        run.status = RunStatus.QUEUED
        run.lease, run.lease_until = "", None
        run.save(update_fields=["status", "lease", "lease_until"])
        _publish(run, "thread.run.queued")
        doorbell.ring(doorbell.EXECUTE_RUN, run.id)
    else:
        message = (
            "The worker that executed this run stopped. What it had written is kept; "
            "run again to continue."
        )
        _end(
            run,
            RunStatus.FAILED,
            partial,
            error={"code": "server_error", "message": message},
        )


def expire() -> int:
    """End the runs that passed ``expires_at`` and that no worker is executing; how many. A
    worker watches its own.
    """
    now = clock.now()
    due = Run.objects.filter(
        status__in=(RunStatus.QUEUED, RunStatus.REQUIRES_ACTION), expires_at__lte=now
    )
    ended = 0
    for run_id in due.values_list("pk", flat=True)[:100]:
        with transaction.atomic():
            run = (
                Run.objects.select_for_update()
                .filter(pk=run_id, status__in=(RunStatus.QUEUED, RunStatus.REQUIRES_ACTION))
                .first()
            )
            if run is not None:
                _end(run, RunStatus.EXPIRED, Partial())
                ended += 1
    return ended


def ring_again() -> int:
    """Ring for queued runs that nobody picked up: a lost message loses nothing. Returns how
    many.
    """
    waiting = Run.objects.filter(status=RunStatus.QUEUED).filter(
        Q(created_at__lt=clock.now() - UNHEARD)
    )
    ids = list(waiting.oldest_first().values_list("pk", flat=True)[:500])
    for run_id in ids:
        doorbell.ring(doorbell.EXECUTE_RUN, run_id)
    return len(ids)


def _written(run: Run) -> Partial:
    """What a silent worker had published of its open messages and steps: only the log has it."""
    state = fold(entry for entry in log.read(run.thread_id) if entry.run == run.id)
    return Partial(
        {name: message["content"] for name, message in state.messages.items()},
        {name: step["step_details"] for name, step in state.steps.items()},
    )


# --- the end --------------------------------------------------------------------------------------

_REASONS = {
    RunStatus.CANCELLED: "run_cancelled",
    RunStatus.EXPIRED: "run_expired",
    RunStatus.FAILED: "run_failed",
    RunStatus.INCOMPLETE: "max_tokens",
    RunStatus.COMPLETED: "run_failed",
}
"""Why a message stays incomplete, by how its run ended."""

_STEP_ENDS = {
    RunStatus.CANCELLED: StepStatus.CANCELLED,
    RunStatus.EXPIRED: StepStatus.EXPIRED,
    RunStatus.FAILED: StepStatus.FAILED,
    RunStatus.INCOMPLETE: StepStatus.COMPLETED,
    RunStatus.COMPLETED: StepStatus.COMPLETED,
}


def _end(
    run: Run,
    status: RunStatus,
    partial: Partial,
    *,
    error: Wire | None = None,
    incomplete: str | None = None,
) -> None:
    now = clock.now()
    events: list[Event] = []
    for message in Message.objects.filter(run_id=run.id, status=Message.Status.IN_PROGRESS):
        message.content = partial.contents.get(message.id, message.content)
        message.status = Message.Status.INCOMPLETE
        message.incomplete_reason = _REASONS[status]
        message.incomplete_at = now
        message.save()
        events.append(Event.of("thread.message.incomplete", message.to_dict(), run.id))
    for step in run.steps.filter(status=StepStatus.IN_PROGRESS).oldest_first():
        step.step_details = partial.details.get(step.id, step.step_details)
        step.status = _STEP_ENDS[status]
        step.last_error = error if status == RunStatus.FAILED else None
        step.ended_at = now
        setattr(step, f"{step.status}_at", now)
        step.save()
        events.append(Event.of(f"thread.run.step.{step.status}", step.to_dict(), run.id))
    run.status = status
    run.required_action = None
    run.last_error = error
    run.incomplete_details = {"reason": incomplete} if incomplete else None
    run.usage = total_usage(step.usage for step in run.steps.all())
    run.ended_at = now
    run.lease, run.lease_until = "", None
    if status != RunStatus.EXPIRED:
        run.expires_at = None
    moment: dict[str, datetime] = {f"{status}_at": now}
    for name in ("cancelled_at", "failed_at", "completed_at"):
        setattr(run, name, moment.get(name))
    run.save()
    events.append(Event.of(f"thread.run.{status}", run.to_dict(), run.id))
    log.publish(run.thread_id, events)


def total_usage(usages: Iterable[Wire | None]) -> Wire:
    """The sum of step usages, as the run shows it."""
    total: Wire = {
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_tokens": 0,
        "prompt_token_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    for usage in usages:
        if usage is None:
            continue
        for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
            total[name] += usage[name]
        for name, detail in (
            ("prompt_token_details", "cached_tokens"),
            ("completion_tokens_details", "reasoning_tokens"),
        ):
            total[name][detail] += usage.get(name, {}).get(detail, 0)
    return total


def _publish(run: Run, *names: str) -> None:
    log.publish(run.thread_id, [Event.of(name, run.to_dict(), run.id) for name in names])
