"""What of a thread stands in the part that a link shows, as far as files go; and that part as a
thread of somebody else's own.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from django.db import transaction

from assistants import refusals
from assistants.errors import Wire
from assistants.events import log
from assistants.events.log import Event
from assistants.models import File, Message, Project, RunStep, Share, Thread
from assistants.models.base import new_id
from assistants.operations import audit, files, messages, openings

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


def attached(share: Share, file_id: str) -> bool:
    """Whether the file is attached to a message of the part."""
    found = share.messages().filter(attachments__icontains=f'"{file_id}"')
    return any(
        attachment["file_id"] == file_id
        for attachments in found.values_list("attachments", flat=True)
        for attachment in attachments
    )


def saved(share: Share, file_id: str) -> bool:
    """Whether code has saved the file, and a message of the part links it."""
    found = share.messages().filter(content__icontains=f'"{file_id}"')
    return any(
        note.get("file_path", {}).get("file_id") == file_id
        for content in found.values_list("content", flat=True)
        for note in _annotations(content)
    )


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
    if project.id == share.project_id:
        there = File.objects.filter(project=project, pk__in=_files(share, shown))
        return _insert(share, project, shown, {file.id: file.id for file in there}, [])
    # The bytes first: nobody is to wait for them at the database.
    made: list[File] = []
    try:
        copied = _store(share, project, shown, made)
        return _insert(share, project, shown, copied, made)
    except BaseException:
        files.discard_unused(file.key for file in made)
        raise


@transaction.atomic
def _insert(
    share: Share,
    project: Project,
    shown: list[Message],
    copied: Mapping[str, str],
    made: Iterable[File],
) -> Thread:
    """
    :param copied: the ids of files in the project, by those of the files that are shown
    :param made: the files whose bytes were stored for it
    """
    for file in made:
        files.insert(file)
    at_home = project.id == share.project_id
    title = share.shown_title
    thread = Thread.objects.create(
        project=project,
        metadata={"title": title} if title else {},
        assistant_id=share.thread.assistant_id if at_home else "",
        # That of the thread may come from what the link does not show.
        opening=next(filter(None, (openings.of(message.text) for message in shown)), ""),
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
    audit.note("thread.created", project, thread, title)
    return thread


def _author(share: Share, message: Message) -> dict[str, str]:
    """Who wrote it, as far as the link tells; nobody here is taken for them."""
    if message.role != "user":
        return {}
    name = share.sharer if message.author == share.author else ""
    return {"kind": "guest", "id": "", "name": name}


def _files(share: Share, shown: Iterable[Message]) -> set[str]:
    """The files that are shown."""
    ids: set[str] = set()
    for message in shown:
        ids |= _images(message.content)
        if share.shows_files:
            ids |= {attachment["file_id"] for attachment in message.attachments}
            notes = _annotations(message.content)
            ids |= {note["file_path"]["file_id"] for note in notes if "file_path" in note}
    return ids


def _store(
    share: Share, project: Project, shown: Iterable[Message], made: list[File]
) -> dict[str, str]:
    """Copy the bytes of the files that are shown: the ids of the copies, by theirs.

    :param made: takes the copies, whose rows are still to be inserted
    :raises Invalid: they are too large
    """
    found = list(File.objects.filter(project=share.project_id, pk__in=_files(share, shown)))
    if sum(file.bytes for file in found) > MAX_COPY_BYTES:
        raise refusals.COPY_TOO_LARGE(limit=MAX_COPY_BYTES // 1024**2)
    copied: dict[str, str] = {}
    for file in found:
        with files.open_content(file) as content:
            made.append(files.stored(project, content, file.filename, file.purpose))
        copied[file.id] = made[-1].id
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
