"""What was put on a thread from outside, as a program would say it again."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assistants.errors import Wire
from assistants.models import File, Message, Project, RunStep, Thread

MAX_MESSAGES = 20


@dataclass(frozen=True)
class Said:
    """A message in the form of a request, and the names of the files that come with it."""

    body: Wire
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Turn:
    """Messages, and the options of the run that read them."""

    said: list[Said]
    options: Wire = field(default_factory=dict)


@dataclass(frozen=True)
class Conversation:
    """What was said, run by run; what functions were answered, by their names, in order; the
    thread's own files; how many further messages there are.
    """

    turns: list[Turn]
    outputs: dict[str, list[str]] = field(default_factory=dict)
    tool_resources: Wire = field(default_factory=dict)
    left_out: int = 0


def read(thread: Thread) -> Conversation:
    """The first messages of a thread. Files that were deleted since are left out: a request that
    named them would be refused.
    """
    said = thread.messages.filter(run_id=None).oldest_first()
    first = list(said[: MAX_MESSAGES + 1])
    messages, further = first[:MAX_MESSAGES], first[MAX_MESSAGES:]
    attached = {one["file_id"] for message in messages for one in message.attachments}
    own = [pk for pk in thread.code_interpreter_file_ids if pk not in attached]
    names = names_of(thread.project, [*attached, *own, *_images(messages)])
    code = {"code_interpreter": {"file_ids": own}}
    return Conversation(
        turns=_turns(thread, messages, names),
        outputs=_outputs(thread, further[0].created_at if further else None),
        tool_resources=present({**thread.tool_resources, **code}, names),
        left_out=said.count() - MAX_MESSAGES if further else 0,
    )


def _turns(thread: Thread, messages: Iterable[Message], names: dict[str, str]) -> list[Turn]:
    """The messages by the run that came after them."""
    begun = list(thread.runs.order_by("created_at").values_list("created_at", "overrides"))
    turns: dict[int, Turn] = {}
    for message in messages:
        runs_before = sum(moment <= message.created_at for moment, _ in begun)
        if (said := _said(message, names)).body["content"]:
            _, options = begun[runs_before] if runs_before < len(begun) else (None, {})
            turns.setdefault(runs_before, Turn([], options)).said.append(said)
    return list(turns.values())


def names_of(project: Project, file_ids: Iterable[str]) -> dict[str, str]:
    """The names of those of the files that are still there."""
    known = File.objects.in_project(project).filter(pk__in=set(file_ids))
    return dict(known.values_list("pk", "filename"))


def present(tool_resources: Wire, names: dict[str, str]) -> Wire:
    """Tool resources without the code interpreter's files that are gone, and without empty ones."""
    resources = dict(tool_resources)
    if code := resources.get("code_interpreter"):
        file_ids = [pk for pk in code["file_ids"] if pk in names]
        resources["code_interpreter"] = {"file_ids": file_ids}
    return {tool: given for tool, given in resources.items() if any(given.values())}


def _outputs(thread: Thread, until: datetime | None) -> dict[str, list[str]]:
    """What functions were answered by runs that began before this moment; by all without one."""
    steps = RunStep.objects.filter(run__in=thread.runs.standing(), type="tool_calls")
    if until is not None:
        steps = steps.filter(run__created_at__lt=until)
    found: dict[str, list[str]] = {}
    for step in steps.order_by("run__created_at", "created_at"):
        for call in step.step_details["tool_calls"]:
            function = call.get("function", {})
            if function.get("output") is not None:
                found.setdefault(function["name"], []).append(function["output"])
    return found


def _images(messages: Iterable[Message]) -> list[str]:
    return [
        part["image_file"]["file_id"]
        for message in messages
        for part in message.content
        if part["type"] == "image_file"
    ]


def _said(message: Message, names: dict[str, str]) -> Said:
    images = [pk for pk in _images([message]) if pk in names]
    attachments = [one for one in message.attachments if one["file_id"] in names]
    parts = [
        part
        for part in map(_part, message.content)
        if part["type"] != "image_file" or part["image_file"]["file_id"] in names
    ]
    is_text = len(parts) == 1 and parts[0]["type"] == "text"
    body: Wire = {"role": message.role, "content": parts[0]["text"] if is_text else parts}
    if attachments:
        body["attachments"] = attachments
    file_ids = dict.fromkeys([*images, *(one["file_id"] for one in attachments)])
    return Said(body, [names[file_id] for file_id in file_ids])


def _part(part: dict[str, Any]) -> dict[str, Any]:
    """A part of an answer as it is in a request, where text is a plain string."""
    return {"type": "text", "text": part["text"]["value"]} if part["type"] == "text" else part
