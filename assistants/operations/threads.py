"""Creating, changing and deleting threads."""

import re
from itertools import count
from typing import Any, Final

from django.db import transaction

from assistants import doorbell
from assistants.errors import Wire
from assistants.events import control, log
from assistants.events.log import Event
from assistants.models import Message, Project, Thread
from assistants.models.base import new_id
from assistants.operations import audit, budgets, messages, tool_resources
from assistants.operations.endings import total_usage
from assistants.params import ThreadCreate, ThreadUpdate, validate

MAX_OPENING: Final = 120
"""Characters, as of the column."""
MAX_TITLE: Final = 512
"""Characters, as of any value of metadata."""


@transaction.atomic
def create(project: Project, params: ThreadCreate | None = None) -> Thread:
    """A thread, with its first messages if any are given.

    :raises NotFound: a file or vector store of its tool resources or messages is not there
    :raises Invalid: a file that is to be searched is of a type that is not
    """
    params = params or ThreadCreate()
    given = params.model_dump(mode="json")
    thread = Thread.objects.create(
        project=project,
        metadata=given["metadata"] or {},
        tool_resources=tool_resources.stored(project, given["tool_resources"]),
    )
    log.publish(thread.id, [Event.of("thread.created", thread.to_dict())])
    for message in params.messages or []:
        messages.append(thread, message)
    _note("thread.created", thread)
    return thread


@transaction.atomic
def update(thread: Thread, params: ThreadUpdate) -> Thread:
    """Change what the caller named. A given metadata map replaces the old one.

    :raises NotFound: a file or vector store of its tool resources is not there
    """
    row = Thread.objects.select_for_update().get(pk=thread.pk)
    given = params.model_dump(mode="json", exclude_unset=True)
    before = {"metadata": row.metadata, "tool_resources": row.tool_resources}
    if "metadata" in given:
        row.metadata = given["metadata"] or {}
    if "tool_resources" in given:
        row.tool_resources = tool_resources.stored(
            row.project, given["tool_resources"], before=row.tool_resources
        )
    row.save(update_fields=["metadata", "tool_resources"])
    if changed := [name for name, value in before.items() if getattr(row, name) != value]:
        log.publish(row.id, [Event.of("thread.updated", row.to_dict())])
        _note("thread.changed", row, fields=changed)
    return row


def rename(thread: Thread, title: str) -> Thread:
    """The title is the metadata entry "title", so that programs can read and set it too.

    :raises Invalid: it is longer than a metadata value may be
    """
    title = title.strip()
    rest = {name: value for name, value in thread.metadata.items() if name != "title"}
    metadata = {**rest, "title": title} if title else rest
    return update(thread, validate(ThreadUpdate, {"metadata": metadata}))


@transaction.atomic
def fork(thread: Thread, before: Message) -> Thread:
    """A thread of its own with the messages before this one, as they are, and the same files and
    vector stores, under a title that tells it from this one. Runs are not copied.
    """
    copy = Thread.objects.create(
        project=thread.project,
        metadata=_numbered(thread),
        tool_resources=thread.tool_resources,
        assistant_id=thread.assistant_id,
    )
    kept = list(thread.messages.oldest_first())
    kept = kept[: [message.pk for message in kept].index(before.pk)]
    events = [Event.of("thread.created", copy.to_dict())]
    for message in kept:
        message.pk, message.thread, message.run_id = new_id(Message.prefix), copy, None
        message._state.adding = True
        events.append(Event.of("thread.message.created", message.to_dict()))
    Message.objects.bulk_create(kept)
    copy.opening = _free(thread, "opening", thread.opening, MAX_OPENING) if kept else ""
    copy.save(update_fields=["opening"])
    log.publish(copy.id, events)
    _note("thread.created", copy, copy_of=thread.id)
    return copy


def _numbered(thread: Thread) -> Wire:
    """The metadata of its copy."""
    metadata: Wire = {**thread.metadata}
    if title := str(metadata.get("title") or ""):
        metadata["title"] = _free(thread, "metadata__title", title, MAX_TITLE)
    return metadata


def _free(thread: Thread, field: str, title: str, limit: int) -> str:
    """The title with the first number that no thread of the project has it with: "Plan (2)"."""
    base = re.sub(r" \(\d+\)$", "", title)[: limit - len(" (1000)")]
    alike = Thread.objects.in_project(thread.project).filter(**{f"{field}__startswith": base})
    taken = set(alike.values_list(field, flat=True))
    return next(name for n in count(2) if (name := f"{base} ({n})") not in taken)


@transaction.atomic
def delete(thread: Thread) -> None:
    """The thread with its messages and runs. A worker that executes a run of it finds its lease
    gone and stops.
    """
    # Whoever adds to it at this moment is waited for, and what they add goes too. First the run,
    # then the thread: in this order a worker takes them.
    for run in thread.runs.active().select_for_update():
        control.cancel(run.pk)
        budgets.count_broken_off(run, total_usage(run.steps.values_list("usage", flat=True)))
    Thread.objects.select_for_update().filter(pk=thread.pk).first()
    log.publish(thread.id, [Event.of("thread.deleted", deleted(thread))])
    log.retire(thread.id)
    doorbell.ring(doorbell.CLOSE_SESSION, thread.id)
    _note("thread.deleted", thread)
    thread.delete()


def _note(action: str, thread: Thread, **details: Any) -> None:
    # Its own title alone: how it opens is what somebody wrote.
    name = str(thread.metadata.get("title") or "")
    audit.note(action, thread.project_id, thread, name, **details)


def deleted(thread: Thread) -> Wire:
    return {"id": thread.id, "object": "thread.deleted", "deleted": True}


def note_exported(thread: Thread, form: str, *, steps: bool, files: bool) -> None:
    """Write down that somebody has taken it along.

    :param form: ``markdown``, ``notebook``, ``json`` or ``page``
    :param steps: and ``files``: whether these were in it
    """
    # Its own title alone: how it opens is what somebody wrote.
    name = str(thread.metadata.get("title") or "")
    told = {"format": form, "steps": steps, "files": files}
    audit.note("thread.exported", thread.project_id, thread, name, **told)
