"""All of a thread, from its first message to its last, some messages at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from assistants.events import log
from assistants.models import Message, Thread, clock
from playground import transcript
from playground.items import FileView, ImageView, Item, MessageView, RunView, TextView

AT_ONCE = 60


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a thread is told: with the steps of its runs or without them, and with its files or
    with their names alone.
    """

    steps: bool = True
    files: bool = True


def read(thread: Thread, until: datetime | None = None) -> Iterator[list[Item]]:
    """The thread's messages and runs in their order.

    :param until: what came later is left out; else what comes while it is read is
    """
    until = until or clock.now()
    tip = log.tip(thread.id)
    active = thread.runs.active().first()
    state = transcript.state_of(active, tip)
    runs = thread.runs.standing().filter(created_at__lte=until).oldest_first()
    last: Message | None = None
    while True:
        messages = thread.messages.filter(created_at__lte=until).oldest_first()
        if last is not None:
            messages = messages.filter(
                Q(created_at__gt=last.created_at) | Q(created_at=last.created_at, pk__gt=last.pk)
            )
        found = list(messages[:AT_ONCE])
        now = runs
        if last is not None:
            now = now.filter(created_at__gt=last.created_at)
        is_last = len(found) < AT_ONCE
        if not is_last:
            now = now.filter(created_at__lte=found[-1].created_at)
        yield transcript.build(thread, found, list(now.prefetch_related("steps")), state)
        if is_last:
            return
        last = found[-1]


def files_of(items: list[Item], wanted: Wanted) -> Iterator[FileView]:
    """The files that what is told of these shows, links to or cites; those that are gone are not
    among them. Some may come more than once.
    """
    for item in items:
        if isinstance(item, MessageView):
            yield from (file for file in item.attachments if not file.is_deleted)
            for part in item.parts:
                if isinstance(part, ImageView):
                    yield from _there(part)
                else:
                    yield from linked(part)
        elif isinstance(item, RunView) and wanted.steps:
            for step in item.steps:
                for call in step.calls:
                    for image in call.images:
                        yield from _there(image)


def _there(image: ImageView) -> Iterator[FileView]:
    if image.file.id and not image.file.is_deleted and image.file.bytes is not None:
        yield image.file


def linked(text: TextView) -> Iterator[FileView]:
    """The files that code has saved and the text links to."""
    for annotation in text.annotations:
        if annotation["type"] == "file_path":
            file = text.files[annotation["file_path"]["file_id"]]
            if not file.is_deleted:
                yield file
