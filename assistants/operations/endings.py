"""The end of a run, whichever it is: there is one way to it, and it tells of it once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from assistants import metrics
from assistants.errors import Wire
from assistants.events import log
from assistants.events.fold import fold
from assistants.events.log import Event
from assistants.models import Message, Run, RunStatus, StepStatus, clock
from assistants.operations import budgets, queue, versions


@dataclass
class Partial:
    """What was under way when a run ended: contents of open messages, and details of open steps
    with what ``RunStep`` keeps of those calls that were over; by their ids.
    """

    contents: Mapping[str, list[Wire]] = field(default_factory=dict)
    details: Mapping[str, Wire] = field(default_factory=dict)
    saved_files: Mapping[str, dict[str, str]] = field(default_factory=dict)
    searches: Mapping[str, dict[str, Wire]] = field(default_factory=dict)


_REASONS = {
    RunStatus.CANCELLED: "run_cancelled",
    RunStatus.EXPIRED: "run_expired",
    RunStatus.FAILED: "run_failed",
    RunStatus.INCOMPLETE: "max_tokens",
    RunStatus.COMPLETED: "run_failed",
}
"""Why a message stays incomplete, by how its run ended."""

_AT_THE_END = (
    "status",
    "required_action",
    "last_error",
    "incomplete_details",
    "usage",
    "ended_at",
    "lease",
    "lease_until",
    "expires_at",
    "cancelled_at",
    "failed_at",
    "completed_at",
)
"""The fields of a run that its end changes."""

_STEP_ENDS = {
    RunStatus.CANCELLED: StepStatus.CANCELLED,
    RunStatus.EXPIRED: StepStatus.EXPIRED,
    RunStatus.FAILED: StepStatus.FAILED,
    RunStatus.INCOMPLETE: StepStatus.COMPLETED,
    RunStatus.COMPLETED: StepStatus.COMPLETED,
}


def end(
    run: Run,
    status: RunStatus,
    partial: Partial,
    *,
    error: Wire | None = None,
    incomplete: str | None = None,
    unrecorded: Wire | None = None,
    is_broken_off: bool = False,
) -> None:
    """Close what is still open, free the thread's lock, and publish the terminal event.

    For use inside a transaction that has locked the run's row.

    :param partial: what was under way
    :param error: ``{"code", "message"}`` of a failed run
    :param incomplete: the reason of an incomplete one
    :param unrecorded: usage of a turn that left no step, so that no step has it
    :param is_broken_off: whether its worker is gone, and with it what its last model call used
    """
    now = clock.now()
    taken = list(run.steps.values_list("status", "usage"))
    # A message is written within a step, so most runs have neither to close.
    is_open = any(state == StepStatus.IN_PROGRESS for state, _ in taken)
    events = _close(run, status, partial, now, error) if is_open else []
    run.status = status
    run.required_action = None
    run.last_error = error
    run.incomplete_details = {"reason": incomplete} if incomplete else None
    run.usage = total_usage([*(usage for _, usage in taken), unrecorded])
    run.ended_at = now
    run.lease, run.lease_until = "", None
    if status != RunStatus.EXPIRED:
        run.expires_at = None
    moment: dict[str, datetime] = {f"{status}_at": now}
    for name in ("cancelled_at", "failed_at", "completed_at"):
        setattr(run, name, moment.get(name))
    run.save(update_fields=_AT_THE_END)
    count = budgets.count_broken_off if is_broken_off else budgets.count
    count(run, run.usage)
    if run.replaces:
        events += _what_stood(run)
    events.append(Event.of(f"thread.run.{status}", run.to_dict(), run.id))
    log.publish(run.thread_id, events)
    queue.ring_next(run)
    transaction.on_commit(lambda: _count(run))


def _what_stood(run: Run) -> list[Event]:
    """Have the answer back in whose place this run was put, if it has put none there; the events
    that tell of it.
    """
    if Message.objects.filter(run_id=run.pk).exists():
        return []
    stood = run.thread.runs.filter(pk=run.replaces, replaced_by=run.pk).first()
    return versions.stand_again(stood, run) if stood and stood.replaced_messages else []


def _close(
    run: Run, status: RunStatus, partial: Partial, now: datetime, error: Wire | None
) -> list[Event]:
    """Close the messages and steps that are still open, as ``end`` says; the events that tell of
    it.
    """
    events: list[Event] = []
    for message in Message.objects.filter(run_id=run.id, status=Message.Status.IN_PROGRESS):
        message.content = partial.contents.get(message.id) or _without_its_text(run)
        message.status = Message.Status.INCOMPLETE
        message.incomplete_reason = _REASONS[status]
        message.incomplete_at = now
        message.save()
        events.append(Event.of("thread.message.incomplete", message.to_dict(), run.id))
    for step in run.steps.filter(status=StepStatus.IN_PROGRESS).oldest_first():
        step.step_details = partial.details.get(step.id, step.step_details)
        step.saved_files = partial.saved_files.get(step.id, step.saved_files)
        step.searches = partial.searches.get(step.id, step.searches)
        step.status = _STEP_ENDS[status]
        step.last_error = error if status == RunStatus.FAILED else None
        step.ended_at = now
        setattr(step, f"{step.status}_at", now)
        step.save()
        events.append(Event.of(f"thread.run.step.{step.status}", step.to_dict(), run.id))
    return events


def _count(run: Run) -> None:
    metrics.runs_ended.labels(run.status).inc()
    for kind in ("prompt", "completion"):
        metrics.tokens.labels(kind).inc((run.usage or {}).get(f"{kind}_tokens", 0))


def _without_its_text(run: Run) -> list[Wire]:
    """What is left of an open message of which nobody knows any more: the figures that no other
    message of the run shows, which it began with, and an empty text.

    Readers who saw it grow hold on to the places of its parts, and the SDKs fail at a message that
    ends with fewer.
    """
    steps = run.steps.filter(type="tool_calls").oldest_first()
    drawn = [
        output["image"]["file_id"]
        for step in steps
        for call in step.step_details["tool_calls"]
        if call["type"] == "code_interpreter"
        for output in call["code_interpreter"]["outputs"]
        if output["type"] == "image"
    ]
    shown = {
        part["image_file"]["file_id"]
        for message in Message.objects.filter(run_id=run.id)
        for part in message.content
        if part["type"] == "image_file"
    }
    figures = [
        {"type": "image_file", "image_file": {"file_id": file_id, "detail": "auto"}}
        for file_id in drawn
        if file_id not in shown
    ]
    return [*figures, {"type": "text", "text": {"value": "", "annotations": []}}]


def written(run: Run) -> Partial:
    """What a worker that is silent now had published of its open messages and steps: only the log
    has it.
    """
    state = fold(entry for entry in log.read(run.thread_id) if entry.run == run.id)
    return Partial(
        {name: message["content"] for name, message in state.messages.items()},
        {name: step["step_details"] for name, step in state.steps.items()},
    )


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


def publish(run: Run, *names: str) -> None:
    """Tell of the run as it is now, under these event names."""
    log.publish(run.thread_id, [Event.of(name, run.to_dict(), run.id) for name in names])
