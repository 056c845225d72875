"""Runs in each other's place: which of them has its messages in the thread, and which keeps what
it had written to itself.
"""

from datetime import UTC, datetime

from assistants.errors import Wire
from assistants.events.log import Event
from assistants.models import Message, Run
from assistants.operations import audit, messages


def set_aside(run: Run) -> list[str]:
    """Take what the run has written out of the thread; the run keeps it. For use inside a
    transaction that has locked the thread, or that ends its active run.

    :returns: the ids of the messages that went
    """
    gone = list(run.thread.messages.filter(run_id=run.pk).oldest_first())
    run.replaced_messages = [
        {"message": message.to_dict(), "at": message.created_at.isoformat()} for message in gone
    ]
    run.save(update_fields=["replaced_messages"])
    ids = [message.id for message in gone]
    for message in gone:
        messages.take_out(message)
    return ids


def put_in_place(run: Run, of: Run) -> None:
    """Have the run stand where the other stood, and all in whose place that was put."""
    run.thread.runs.filter(replaced_by=of.pk).exclude(pk=run.pk).update(replaced_by=run.pk)
    run.thread.runs.filter(pk=of.pk).update(replaced_by=run.pk)
    of.replaced_by = run.pk


def stand_again(run: Run, of: Run) -> list[Event]:
    """The run that was replaced stands once more in the place of the other, and what it had written
    is in the thread as it was. For use as ``set_aside``.

    :returns: the events that tell of its messages
    """
    back = [as_it_was(run, **kept) for kept in run.replaced_messages]
    for message in back:
        message.save(force_insert=True)
        audit.note(
            "message.restored",
            run.thread.project_id,
            message,
            thread=run.thread_id,
            role=message.role,
        )
    run.replaced_by, run.replaced_messages = "", []
    run.save(update_fields=["replaced_by", "replaced_messages"])
    put_in_place(run, of)
    return [Event.of("thread.message.created", message.to_dict(), run.pk) for message in back]


def as_it_was(run: Run, message: Wire, at: str) -> Message:
    """A message that its run keeps, as a row that is not saved."""
    same = ("id", "assistant_id", "run_id", "status", "role", "content", "attachments", "metadata")
    return Message(
        thread=run.thread,
        created_at=datetime.fromisoformat(at),
        completed_at=_moment(message["completed_at"]),
        incomplete_at=_moment(message["incomplete_at"]),
        incomplete_reason=(message["incomplete_details"] or {}).get("reason", ""),
        **{name: message[name] for name in same},
    )


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
