"""What of a thread stands in the part that a link shows, as far as files go; and that part as a
thread of somebody else's own.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q

from assistants import refusals
from assistants.errors import Wire
from assistants.events import log
from assistants.events.log import Event
from assistants.models import File, Message, Project, RunStep, Share, Thread
from assistants.models.base import new_id
from assistants.operations import files, messages

MAX_COPY_BYTES: Final = 512 * 1024 * 1024
SLACK_MS: Final = 60_000
"""How far the clocks of the database's writers and of the event log may be apart."""


def image(share: Share, file_id: str) -> bool:
    """Whether the part shows this file as an image: of a message, or of code that is shown."""
    name = f'"{file_id}"'
    contents = share.messages().filter(content__icontains=name).values_list("content", flat=True)
    if file_id in _images(part for content in contents for part in content):
        return True
    if share.shows_steps:
        steps = RunStep.objects.filter(run__in=share.runs(), step_details__icontains=name)
        for details in steps.values_list("step_details", flat=True):
            if file_id in _drawn(details):
                return True
    return share.is_live and file_id in _images_in_progress(share, name)


def linked(share: Share, file_id: str) -> bool:
    """Whether the file is attached to a message of the part, or made by code and linked in one."""
    name = f'"{file_id}"'
    named = Q(content__icontains=name) | Q(attachments__icontains=name)
    for message in share.messages().filter(named):
        if any(attachment["file_id"] == file_id for attachment in message.attachments):
            return True
        for note in _annotations(message.content):
            if note.get("file_path", {}).get("file_id") == file_id:
                return True
    return False


def cites(share: Share, file_id: str, start: int, end: int) -> bool:
    """Whether a message of the part cites exactly this passage of the file."""
    named = share.messages().filter(content__icontains=f'"{file_id}"')
    for content in named.values_list("content", flat=True):
        for note in _annotations(content):
            cited = note.get("file_citation", {})
            if (cited.get("file_id"), cited.get("start"), cited.get("end")) == (
                file_id,
                start,
                end,
            ):
                return True
    return False


@transaction.atomic
def copy(share: Share, project: Project) -> Thread:
    """The messages of the part as a thread of this project, with the images and files that the link
    shows. What its citations quote stays; the cited files are not copied.

    :raises Invalid: the files are too large
    """
    shown = [
        message
        for message in share.messages().oldest_first()
        if message.status != Message.Status.IN_PROGRESS
    ]
    copied = _copied(share, project, shown)
    at_home = project.id == share.project_id
    title = share.shown_title
    thread = Thread.objects.create(
        project=project,
        metadata={"title": title} if title else {},
        assistant_id=share.thread.assistant_id if at_home else "",
        opening=share.thread.opening if shown else "",
    )
    events = [Event.of("thread.created", thread.to_dict())]
    for message in shown:
        message.pk, message.thread, message.run_id = new_id(Message.prefix), thread, None
        message._state.adding = True
        message.metadata = {}
        if not at_home:
            message.author = _author(share, message)
        message.assistant_id = message.assistant_id if at_home else None
        message.content = [
            part for given in message.content for part in _with(given, copied, at_home)
        ]
        message.attachments = _attachments(message.attachments, copied)
        events.append(Event.of("thread.message.created", message.to_dict()))
    Message.objects.bulk_create(shown)
    messages.open_attachments(thread, [one for message in shown for one in message.attachments])
    thread.save(update_fields=["tool_resources"])
    log.publish(thread.id, events)
    return thread


def _author(share: Share, message: Message) -> dict[str, str]:
    """Who wrote it, as far as the link tells."""
    if message.role == "user" and message.author == share.author and share.sharer:
        return {"kind": "guest", "id": "", "name": share.sharer}
    return {}


def _copied(share: Share, project: Project, shown: Iterable[Message]) -> dict[str, str]:
    """The files that are shown, by their ids, as files of the project: copies, or themselves."""
    ids: set[str] = set()
    for message in shown:
        ids |= _images(message.content)
        if share.shows_files:
            ids |= {attachment["file_id"] for attachment in message.attachments}
            notes = _annotations(message.content)
            ids |= {note["file_path"]["file_id"] for note in notes if "file_path" in note}
    found = File.objects.filter(project=share.project_id, pk__in=ids)
    if project.id == share.project_id:
        return {file.id: file.id for file in found}
    if sum(file.bytes for file in found) > MAX_COPY_BYTES:
        raise refusals.COPY_TOO_LARGE(limit=MAX_COPY_BYTES // 1024**2)
    copied: dict[str, str] = {}
    keys: list[str] = []
    try:
        for file in found:
            with files.open_content(file) as content:
                made = files.create(project, content, filename=file.filename, purpose=file.purpose)
            keys.append(made.key)
            copied[file.id] = made.id
    except BaseException:
        # The rows go with the transaction.
        for key in keys:
            default_storage.delete(key)
        raise
    return copied


def _attachments(given: Iterable[Wire], copied: Mapping[str, str]) -> list[Wire]:
    return [
        {**attachment, "file_id": copied[attachment["file_id"]]}
        for attachment in given
        if attachment["file_id"] in copied
    ]


def _with(part: Wire, copied: Mapping[str, str], at_home: bool) -> Iterator[Wire]:
    """The content part with the ids of copies; nothing of an image that is not there any more."""
    if part["type"] == "image_file":
        image_id = copied.get(part["image_file"]["file_id"])
        if image_id:
            yield {**part, "image_file": {**part["image_file"], "file_id": image_id}}
        return
    if part["type"] == "text" and not at_home:
        notes = [
            kept for note in part["text"].get("annotations", []) for kept in _note(note, copied)
        ]
        part = {**part, "text": {**part["text"], "annotations": notes}}
    yield part


def _note(note: Wire, copied: Mapping[str, str]) -> Iterator[Wire]:
    if "file_citation" in note:
        quote = note["file_citation"].get("quote")
        yield {**note, "file_citation": {"file_id": "", **({"quote": quote} if quote else {})}}
    elif note.get("file_path", {}).get("file_id") in copied:
        yield {**note, "file_path": {"file_id": copied[note["file_path"]["file_id"]]}}


def _images(content: Iterable[Wire]) -> set[str]:
    return {part["image_file"]["file_id"] for part in content if part.get("image_file")}


def _drawn(details: Mapping[str, Any]) -> set[str]:
    return {
        output["image"]["file_id"]
        for call in details.get("tool_calls", [])
        for output in call.get("code_interpreter", {}).get("outputs", [])
        if output.get("type") == "image"
    }


def _annotations(content: Iterable[Wire]) -> list[Wire]:
    return [note for part in content for note in part.get("text", {}).get("annotations", [])]


def _images_in_progress(share: Share, name: str) -> set[str]:
    """Those that an active run has shown so far, which only the event log knows."""
    run = share.thread.runs.active().first()
    if run is None:
        return set()
    found: set[str] = set()
    after = f"{max(0, int(run.created_at.timestamp() * 1000) - SLACK_MS)}-0"
    for entry in log.read(run.thread_id, after):
        if entry.run != run.id or name not in entry.data:
            continue
        data = entry.object
        changed = data.get("delta", data)
        if entry.name.startswith("thread.message."):
            found |= _images(changed.get("content", []))
        elif share.shows_steps and entry.name.startswith("thread.run.step."):
            found |= _drawn(changed.get("step_details", {}))
    return found
