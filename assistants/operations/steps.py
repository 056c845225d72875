"""What a run writes while it is executed: its steps and the messages that they create.

Every write asks first whether the worker still holds the run, so that a worker that was given up
for dead changes nothing.
"""

from django.db import transaction

from assistants.errors import Wire
from assistants.events import log
from assistants.events.log import Event
from assistants.models import Message, Run, RunStep, StepStatus, Thread, clock
from assistants.operations.execution import check_held

_AT_THE_END = (
    "status",
    "completed_at",
    "ended_at",
    "usage",
    "step_details",
    "saved_files",
    "searches",
)
"""The fields of a step that its end changes."""


@transaction.atomic
def begin_message(run: Run) -> tuple[RunStep, Message]:
    """Open a message, empty so far, and the step that creates it.

    :raises LeaseLost: the run is not this worker's any more
    """
    check_held(run)
    message = Message.objects.create(
        thread_id=run.thread_id,
        run_id=run.id,
        assistant_id=run.assistant_id,
        role="assistant",
        status=Message.Status.IN_PROGRESS,
    )
    details = {"type": "message_creation", "message_creation": {"message_id": message.id}}
    step = _insert(run, "message_creation", details)
    # All at once: the model's first words wait for this.
    _publish(run, [*_opening(step), *_opening(message)])
    return step, message


@transaction.atomic
def finish_message(
    run: Run,
    step: RunStep,
    message: Message,
    content: list[Wire],
    usage: Wire | None,
    *,
    incomplete: str | None = None,
) -> None:
    """The message has all its content. ``incomplete`` says why it is not what the model wanted
    to say.

    :raises LeaseLost: the run is not this worker's any more
    """
    check_held(run)
    now = clock.now()
    message.content = content
    if incomplete:
        message.status = Message.Status.INCOMPLETE
        message.incomplete_reason = incomplete
        message.incomplete_at = now
    else:
        message.status = Message.Status.COMPLETED
        message.completed_at = now
    Thread.objects.filter(pk=run.thread_id).update(active_at=now)
    _finish(step, usage)
    told = [_told(step, step.status)]
    if _save_written(message):
        told.insert(0, _told(message, message.status))
    _publish(run, told)


def _save_written(message: Message) -> bool:
    """Save what the run has written, and nothing that others may have changed meanwhile. False
    when the message is gone: somebody has deleted it.
    """
    rows = Message.objects.filter(pk=message.pk)
    message.metadata = rows.values_list("metadata", flat=True).first() or {}
    return bool(
        rows.update(
            content=message.content,
            status=message.status,
            incomplete_reason=message.incomplete_reason,
            incomplete_at=message.incomplete_at,
            completed_at=message.completed_at,
        )
    )


@transaction.atomic
def begin_tool_calls(run: Run) -> RunStep:
    """Open a step for tool calls, without any so far.

    :raises LeaseLost: the run is not this worker's any more
    """
    check_held(run)
    step = _insert(run, "tool_calls", {"type": "tool_calls", "tool_calls": []})
    _publish(run, _opening(step))
    return step


@transaction.atomic
def finish_tool_calls(
    run: Run,
    step: RunStep,
    tool_calls: list[Wire],
    usage: Wire | None,
    saved_files: dict[str, str],
    searches: dict[str, Wire],
) -> None:
    """All calls of the step have their outputs.

    :param saved_files: ids of the files that code saved, by their paths in the sandbox
    :param searches: what ``RunStep.searches`` keeps

    :raises LeaseLost: the run is not this worker's any more
    """
    check_held(run)
    step.step_details = {"type": "tool_calls", "tool_calls": tool_calls}
    step.saved_files, step.searches = saved_files, searches
    _finish(step, usage)
    _publish(run, [_told(step, step.status)])


def _insert(run: Run, kind: str, details: Wire) -> RunStep:
    step = RunStep(run=run, type=kind, step_details=details, expires_at=run.expires_at)
    step.save(force_insert=True)
    return step


def _finish(step: RunStep, usage: Wire | None) -> None:
    step.status = StepStatus.COMPLETED
    step.completed_at = step.ended_at = clock.now()
    step.usage = usage
    step.save(update_fields=_AT_THE_END)


def _opening(begun: RunStep | Message) -> list[tuple[str, Wire]]:
    """What is told of a step or message that begins."""
    return [_told(begun, "created"), _told(begun, "in_progress")]


def _told(changed: RunStep | Message, state: str) -> tuple[str, Wire]:
    wire = changed.to_dict()
    return f"{wire['object']}.{state}", wire


def _publish(run: Run, events: list[tuple[str, Wire]]) -> None:
    log.publish(run.thread_id, [Event.of(name, data, run.id) for name, data in events])
