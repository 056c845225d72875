"""Adding, changing and deleting the messages of a thread. What a run writes goes through
``steps``.
"""

from typing import Any

from django.db import transaction

from assistants import acting, refusals
from assistants.errors import Wire
from assistants.events import log
from assistants.events.log import Event
from assistants.models import Message, Run, Thread, clock
from assistants.operations import audit, file_types, files, openings, tool_resources
from assistants.params import MessageCreate, MetadataUpdate


@transaction.atomic
def create(thread: Thread, params: MessageCreate, message_id: str = "") -> Message:
    """Add a message to a thread that no run is using.

    :param message_id: under which it is kept, if its sender has made one
    :raises ThreadLocked: a run is active on it
    :raises NotFound: a file that it names is not there
    :raises Invalid: its attachments are more than a thread may have, or of a type that their tool
        does not take
    """
    # Whoever inserts a run locks the same row, so that the check holds until the commit.
    thread = Thread.objects.select_for_update().get(pk=thread.pk)
    if active := thread.runs.active().first():
        raise refusals.MESSAGE_DURING_RUN(thread_id=thread.id, run_id=active.id)
    return append(thread, params, message_id)


def append(thread: Thread, params: MessageCreate, message_id: str = "") -> Message:
    """Add a message within the caller's transaction, lock or no lock: new threads and new runs
    bring messages along.

    :raises NotFound: a file that it names is not there
    :raises Invalid: as ``create``
    """
    given = params.model_dump(mode="json")
    content = _content(given["content"])
    attachments = given["attachments"] or []
    images = [part["image_file"]["file_id"] for part in content if part["type"] == "image_file"]
    attached = [attachment["file_id"] for attachment in attachments]
    files.check_known(thread.project, [*images, *attached])
    file_types.check_images(thread.project, images)
    message = Message.objects.create(
        id=message_id,
        thread=thread,
        role=given["role"],
        content=content,
        attachments=attachments,
        metadata=given["metadata"] or {},
        author=acting.current().kept,
        completed_at=clock.now(),
    )
    open_attachments(thread, attachments)
    thread.opening = thread.opening or openings.of(message.text)
    thread.active_at = message.created_at
    thread.save(update_fields=["opening", "active_at", "tool_resources"])
    log.publish(thread.id, [Event.of("thread.message.created", message.to_dict())])
    return message


@transaction.atomic
def update(message: Message, params: MetadataUpdate) -> Message:
    """A given metadata map replaces the old one; nothing else of a message can change."""
    given = params.model_dump(exclude_unset=True)
    if "metadata" in given:
        message.metadata = given["metadata"] or {}
        message.save(update_fields=["metadata"])
        # Not the whole object: what a run is writing is in the log only, not yet in the row.
        changed = {"id": message.id, "object": "thread.message", "metadata": message.metadata}
        event = Event.of("thread.message.updated", changed, message.run_id or "")
        log.publish(message.thread_id, [event])
        _note("message.changed", message, fields=["metadata"])
    return message


@transaction.atomic
def delete(message: Message) -> None:
    """Take the message out of its thread. If it is an answer, what had stood in its place goes
    too.
    """
    if message.run_id:
        replaced = Run.objects.filter(thread=message.thread_id, replaced_by=message.run_id)
        replaced.update(replaced_messages=[], replaces="")
    take_out(message)


def take_out(message: Message) -> None:
    """Delete the message alone, within the caller's transaction."""
    event = Event.of("thread.message.deleted", deleted(message), message.run_id or "")
    log.publish(message.thread_id, [event])
    _note("message.deleted", message)
    message.delete()


def _note(action: str, message: Message, **details: Any) -> None:
    project_id = message.thread.project_id
    audit.note(action, project_id, message, thread=message.thread_id, role=message.role, **details)


def deleted(message: Message) -> Wire:
    return {"id": message.id, "object": "thread.message.deleted", "deleted": True}


def _content(content: str | list[dict[str, Any]]) -> list[Wire]:
    """Request parts as content parts: a text part carries a plain string in requests and an
    object in answers.
    """
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [
        {"type": "text", "text": {"value": part["text"], "annotations": []}}
        if part["type"] == "text"
        else part
        for part in parts
    ]


def open_attachments(thread: Thread, attachments: list[Wire]) -> None:
    """An attachment is a file of the whole thread from then on: for the code interpreter, in the
    thread's vector store, or both.
    """
    if file_ids := _for_tool("code_interpreter", attachments):
        file_types.check_for_code(thread.project, file_ids)
        known = thread.code_interpreter_file_ids
        merged = list(dict.fromkeys([*known, *file_ids]))
        tool_resources.check_count(merged)
        thread.tool_resources = {
            **thread.tool_resources,
            "code_interpreter": {"file_ids": merged},
        }
    if file_ids := _for_tool("file_search", attachments):
        tool_resources.make_searchable(thread, file_ids)


def _for_tool(tool_type: str, attachments: list[Wire]) -> list[str]:
    return [
        attachment["file_id"]
        for attachment in attachments
        if any(tool["type"] == tool_type for tool in attachment["tools"])
    ]
