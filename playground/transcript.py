"""A thread as its page shows it: messages and runs in their order, with all that they mention.

Everything is read with a fixed number of queries, however long the thread is. What an active run
has written so far is in no row yet: it is taken from the event log.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assistants.errors import Wire
from assistants.events import log
from assistants.events.fold import Fold
from assistants.models import (
    Assistant,
    File,
    FileStatus,
    Message,
    Run,
    RunStatus,
    RunStep,
    Share,
    Thread,
    VectorStoreFile,
    clock,
)
from playground import chat_models, outcomes, scopes, words
from playground.outcomes import Outcome
from playground.rendering.annotations import without_markers
from playground.rendering.blocks import Blocks
from playground.rendering.files import text_address
from playground.rendering.healing import close
from playground.rendering.logs import Logs, fold
from playground.rendering.markdown import render
from playground.service_words import told

_THE_END: Final = datetime.max.replace(tzinfo=UTC)
PAGE_SIZE: Final = 30
"""So many messages are shown at once; older ones a page at a time."""

CONTEXT: Final = 10
"""So many later ones stand below an older message that a link leads to."""

CLOCK_SLACK_MS: Final = 60_000
"""How far the clocks of the database's writers and of the event log may be apart."""


@dataclass(frozen=True, slots=True)
class FileView:
    """A file that is mentioned. Of one that was deleted since, nothing is left to link to."""

    id: str
    name: str
    bytes: int | None = None
    is_deleted: bool = False
    problem: str = ""
    """Why what is in it could not be read, so that no search finds it."""

    @property
    def is_withheld(self) -> bool:
        """Whether the reader sees its name and no more."""
        return not scopes.shows_files()


@dataclass
class TextView:
    """A text part of a message; ``anchor`` is the id of its element."""

    anchor: str
    text: str
    annotations: Sequence[Wire]
    files: Mapping[str, FileView]
    """Those that the annotations name, by id."""
    open: bool
    cut: bool = False
    """Whether the answer ended before it was complete."""

    kind = "text"

    @property
    def plain(self) -> str:
        """What a person has written, as it is shown: what they have pasted may have markers."""
        return without_markers(self.text)

    @property
    def filenames(self) -> dict[str, str | None]:
        """None for a file that was deleted since."""
        return {
            file_id: None if file.is_deleted else file.name for file_id, file in self.files.items()
        }

    @cached_property
    def html(self) -> SafeString:
        """The text as HTML, as far as it has been written."""
        if not self.open:
            text = close(self.text) if self.cut else self.text
            return render(text, self.annotations, self.filenames, anchor=self.anchor)
        blocks = Blocks(self.anchor, self.filenames)
        blocks.feed(self.text, self.annotations)
        blocks.changes()
        return blocks.html


@dataclass
class ImageView:
    """An image part of a message, or a figure that code has made."""

    file: FileView
    url: str = ""
    in_message: bool = False
    """Whether a message shows the figure: then its step only names it."""

    kind = "image"

    @property
    def is_link(self) -> bool:
        """Whether the image lies on another site; else it came whole with the message."""
        return self.url.startswith(("https://", "http://"))


@dataclass
class MessageView:
    """A message and its author's name."""

    message: Message
    author: str
    parts: list[TextView | ImageView]
    attachments: list[FileView]
    by: str = ""
    """Who has written it, for pages that say "You" to them: kind and id, as ``user:7``."""

    kind = "message"

    @property
    def is_shared(self) -> bool:
        """Whether it is shown to somebody who came by a link, and can do nothing with it."""
        return scopes.current() is not None

    @property
    def at(self) -> datetime:
        """Its place in the thread."""
        return self.message.created_at

    @property
    def is_open(self) -> bool:
        return self.message.status == Message.Status.IN_PROGRESS

    @property
    def depends_on(self) -> tuple[object, ...] | None:
        """What tells it from any other state of itself, or None while it may still change."""
        if self.is_open:
            return None
        files = [part.filenames if isinstance(part, TextView) else part for part in self.parts]
        return self.message.id, self.author, self.by, files, self.attachments


@dataclass(frozen=True, slots=True)
class HitView:
    """A passage that a file search has found.

    :ivar text: what is shown of it
    :ivar length: of the passage itself
    :ivar file_id: "" if the file was deleted since
    """

    filename: str
    score: float
    text: str
    length: int
    file_id: str = ""
    page: int | None = None
    start: int | None = None
    end: int | None = None

    @property
    def address(self) -> str:
        """Where the pages show the passage. Guests are shown those alone that a message cites."""
        return "" if scopes.current() else text_address(self.file_id, self.start, self.end)


@dataclass
class CallView:
    """A tool call: code with what it printed and drew, a function with its arguments, or a file
    search with what it found.
    """

    id: str
    type: str
    code: str = ""
    logs: Logs | None = None
    queries: Sequence[str] = ()
    hits: Sequence[HitView] = ()
    images: list[ImageView] = field(default_factory=list)
    name: str = ""
    arguments: str = ""
    output: str | None = None
    running: bool = False
    error: str = ""
    """The kind of the error that ended the code, if one did."""

    @property
    def printed(self) -> str:
        """All that the code has printed, as it is shown."""
        parts = (self.logs.folded, self.logs.shown) if self.logs else ()
        return "\n".join(filter(None, parts))

    @property
    def output_note(self) -> str:
        """How much the code has printed and drawn: "1 line, 2 images"."""
        lines = self.logs.lines if self.logs else 0
        told = []
        if lines:
            told.append(ngettext("{n} line", "{n} lines", lines).format(n=lines))
        if images := len(self.images):
            told.append(ngettext("{n} image", "{n} images", images).format(n=images))
        return words.listed(told) or _("none")


@dataclass
class StepView:
    """A run step."""

    step: RunStep
    calls: list[CallView]
    images: int = 0
    """How many images the message of a message_creation step shows."""

    def __post_init__(self) -> None:
        for call in self.calls:
            searched = self.step.searches.get(call.id, {})
            call.queries = searched.get("queries", ())
            call.hits = [_placed(hit, at, searched) for at, hit in enumerate(call.hits)]

    @property
    def waits(self) -> bool:
        """Whether the run goes on only once the outputs of this step's functions are there."""
        if scopes.current():
            return False
        is_open = self.step.status == "in_progress" and self.icon == "function"
        return is_open and self.step.run.status == RunStatus.REQUIRES_ACTION

    @property
    def icon(self) -> str:
        if self.step.type == "message_creation":
            return "answer"
        if self.calls and self.calls[0].type == "file_search":
            return "file-search"
        return "function" if self.calls and self.calls[0].type == "function" else "code"

    @property
    def title(self) -> str:
        if self.step.type == "message_creation":
            return _("Message")
        if self.icon == "file-search":
            return _("File search")
        if self.calls and self.calls[0].type == "function":
            return _("Functions") if len(self.calls) > 1 else _("Function")
        return _("Code interpreter")

    @property
    def short_title(self) -> str:
        """The title where there is little room."""
        short = {"file-search": _("Search"), "code": _("Code")}
        return short.get(self.icon, self.title)

    @property
    def error(self) -> str:
        """The kind of the error that ended the step's code, if one did."""
        return next((call.error for call in self.calls if call.error), "")

    @property
    def note(self) -> str:
        """What is worth saying beside the title."""
        if self.step.status == "in_progress":
            notes = {
                "answer": _("writing"),
                "file-search": _("searching"),
                "function": _("waiting"),
            }
            return notes.get(self.icon, _("running"))
        if self.step.status != "completed":
            return words.within(str(self.step.status))
        if self.error:
            return _("raised {error}").format(error=self.error)
        if self.images:
            return ngettext("with {n} image", "with {n} images", self.images).format(n=self.images)
        if self.icon == "file-search":
            found = sum(len(call.hits) for call in self.calls)
            return ngettext("{n} passage", "{n} passages", found).format(n=found)
        if len(self.calls) > 1:
            return ngettext("{n} call", "{n} calls", len(self.calls)).format(n=len(self.calls))
        return ""


@dataclass
class RunView:
    """A run with its steps."""

    run: Run
    steps: list[StepView]

    kind = "run"

    @property
    def at(self) -> datetime:
        """Its place in the thread."""
        return self.run.created_at

    @property
    def is_shared(self) -> bool:
        """Whether it is shown to somebody who came by a link, and can do nothing with it."""
        return scopes.current() is not None

    @property
    def model_label(self) -> str:
        return chat_models.of_run(self.run)

    @property
    def is_thinking(self) -> bool:
        """Whether the model was asked and has not said anything yet that a step shows."""
        running = self.run.status == RunStatus.IN_PROGRESS
        return running and not any(step.step.status == "in_progress" for step in self.steps)

    @property
    def overrides(self) -> list[tuple[str, str]]:
        """What the run was given in place of the assistant's own: names and values, in words. For
        those who came by a link, nothing: instructions are among it.
        """
        if self.is_shared:
            return []
        return [(words.within(name), _told(value)) for name, value in self.run.overrides.items()]

    @property
    def seconds_to_first_word(self) -> float | None:
        """From the run's creation until the model said or called anything; None if it has not."""
        if not self.steps:
            return None
        return (self.steps[0].step.created_at - self.run.created_at).total_seconds()

    @property
    def depends_on(self) -> tuple[object, ...] | None:
        """What tells it from any other state of itself, or None while it may still change."""
        if self.run.is_active:
            return None
        images = [image for step in self.steps for call in step.calls for image in call.images]
        shown = [step.images for step in self.steps]
        return self.run.id, self.model_label, images, shown


@dataclass
class OutcomeView:
    """How a run stands, below all that it has written."""

    run: Run

    kind = "outcome"

    @property
    def at(self) -> datetime:
        """Its place in the thread: while the run is active, the end."""
        return self.run.ended_at or _THE_END

    @property
    def element_id(self) -> str:
        """What names it on the page."""
        return f"{scopes.name_of_run(self.run.id)}-outcome"

    @property
    def is_shared(self) -> bool:
        return scopes.current() is not None

    @property
    def outcome(self) -> Outcome | None:
        return outcomes.for_guests(self.run) if self.is_shared else outcomes.of_run(self.run)

    @property
    def depends_on(self) -> tuple[object, ...] | None:
        """What tells it from any other state of itself, or None while it may still change."""
        return None if self.run.is_active else (self.run.id, self.kind)


Item = MessageView | RunView | OutcomeView


@dataclass
class Transcript:
    """What the page begins with.

    ``place`` is that in the event log up to which it shows what happened.
    """

    items: list[Item]
    active: Run | None
    place: str
    has_earlier: bool
    has_later: bool = False
    """Whether it ends before the newest message: then nothing that happens is added to it."""

    @property
    def runs(self) -> list[RunView]:
        return [item for item in self.items if isinstance(item, RunView)]

    @property
    def first_message_id(self) -> str:
        """Where the page before this one ends."""
        return next(item.message.id for item in self.items if isinstance(item, MessageView))


def read(thread: Thread, before: Message | None = None, share: Share | None = None) -> Transcript:
    """The newest messages of the thread with their runs, or those before a message.

    :param share: the link of whose part of the thread it is; of all of it, None
    """
    # The log first: what happens while the database is read will be heard again, not missed.
    tip = log.tip(thread.id)
    place = place_of(tip)
    messages = thread.messages.all() if share is None else share.messages()
    runs = thread.runs.all() if share is None else share.runs()
    if before is not None:
        messages = messages.filter(created_at__lt=before.created_at)
        runs = runs.filter(created_at__lt=before.created_at)
    shown = list(messages.newest_first()[: PAGE_SIZE + 1])
    has_earlier = len(shown) > PAGE_SIZE
    shown = shown[:PAGE_SIZE][::-1]
    if has_earlier:
        runs = runs.filter(created_at__gt=shown[0].created_at)
    shown_runs = list(runs.oldest_first().prefetch_related("steps"))
    active = next((run for run in shown_runs if run.is_active), None)
    views = build(thread, shown, shown_runs, state_of(active, tip))
    if before is not None and (share is None or share.is_live):
        active = thread.runs.active().first()
    return Transcript(views, active, place, has_earlier, has_later=before is not None)


def page_with(thread: Thread, message: Message) -> str:
    """The message before which a page of the thread ends that shows this one; empty where the
    newest page does.
    """
    later = thread.messages.filter(created_at__gt=message.created_at).oldest_first()
    ids = list(later.values_list("pk", flat=True)[:PAGE_SIZE])
    return "" if len(ids) < PAGE_SIZE else ids[CONTEXT]


def read_items(
    thread: Thread, message_ids: Iterable[str], run_ids: Iterable[str], state: Fold
) -> list[Item]:
    """Some messages and runs of the thread as they are now."""
    messages = list(thread.messages.filter(pk__in=list(message_ids)))
    runs = list(thread.runs.filter(pk__in=list(run_ids)).prefetch_related("steps"))
    return build(thread, messages, runs, state)


def place_of(tip: str) -> str:
    """The newest entry of the log or, of an empty log, the present."""
    return f"{int(clock.now().timestamp() * 1000)}-0" if tip == log.START else tip


def state_of(run: Run | None, tip: str) -> Fold:
    """What the events of an active run, up to this one, tell of its open messages and steps."""
    state = Fold()
    if run is not None:
        after = f"{max(0, int(run.created_at.timestamp() * 1000) - CLOCK_SLACK_MS)}-0"
        for entry in log.read(run.thread_id, after):
            if log.position(entry.id) > log.position(tip):
                break
            if entry.run == run.id:
                state.apply(entry.name, entry.object)
    return state


def build(
    thread: Thread, messages: Sequence[Message], runs: Sequence[Run], state: Fold
) -> list[Item]:
    """The views of these rows, in the order of the thread."""
    for message in messages:
        if message.status == Message.Status.IN_PROGRESS and message.id in state.messages:
            message.content = state.messages[message.id]["content"]
    steps = {run.id: _steps(run, state) for run in runs}
    files = _files(thread, messages, [step for found in steps.values() for step in found])
    names = _names(thread, messages)
    images = _images(thread, messages, [step for found in steps.values() for step in found], state)
    views: list[Item] = [_message(message, names, files) for message in messages]
    if scopes.shows_steps():
        views += [
            RunView(run, [_step(step, files, images) for step in steps[run.id]]) for run in runs
        ]
    views += [OutcomeView(run) for run in runs]
    views.sort(key=lambda view: view.at)
    return views


def _told(value: Any) -> str:
    """An option's value in few words."""
    match value:
        case {"type": "last_messages", "last_messages": int(count)}:
            return ngettext("the last message", "the last {n} messages", count).format(n=count)
        case {"type": "function", "function": {"name": str(name)}}:
            return name
        case {"type": str(kind)}:
            return words.within(kind)
        case list():
            return words.listed([_told(part) for part in value]) or _("none")
    return str(value)


def annotated(annotations: Iterable[Wire]) -> list[str]:
    """The ids of the files that annotations name."""
    return [
        annotation[kind]["file_id"]
        for annotation in annotations
        for kind in ("file_citation", "file_path")
        if kind in annotation
    ]


def _steps(run: Run, state: Fold) -> list[RunStep]:
    steps = sorted(run.steps.all(), key=lambda step: (step.created_at, step.id))
    # While functions are waited for, the row has all of them, even if the log is gone.
    grows = run.status != RunStatus.REQUIRES_ACTION
    for step in steps:
        if grows and step.status == "in_progress" and step.id in state.steps:
            step.step_details = state.steps[step.id]["step_details"]
    return steps


def _files(
    thread: Thread, messages: Iterable[Message], steps: Iterable[RunStep]
) -> dict[str, FileView]:
    """Every file that is mentioned anywhere, by id."""
    ids: set[str] = set()
    for message in messages:
        ids.update(attachment["file_id"] for attachment in message.attachments)
        for part in message.content:
            if part["type"] == "image_file":
                ids.add(part["image_file"]["file_id"])
            ids.update(annotated(part.get("text", {}).get("annotations", [])))
    for step in steps:
        for call in step.step_details.get("tool_calls", []):
            for output in call.get("code_interpreter", {}).get("outputs", []):
                if output["type"] == "image":
                    ids.add(output["image"]["file_id"])
            found = call.get("file_search", {}).get("results", [])
            ids.update(result["file_id"] for result in found)
    views = {file_id: FileView(file_id, _("a deleted file"), is_deleted=True) for file_id in ids}
    if ids:
        kept = File.objects.filter(project=thread.project_id, pk__in=ids)
        # Guests are not told in which folders files lay.
        named = "place" if scopes.current() is None else "filename"
        problems = _problems(thread, messages)
        views |= {
            file.pk: FileView(
                file.pk, getattr(file, named), file.bytes, problem=problems.get(file.pk, "")
            )
            for file in kept
        }
    return views


def _problems(thread: Thread, messages: Iterable[Message]) -> dict[str, str]:
    """Why files that messages attach for file search could not be read, by their ids."""
    attached = {
        attachment["file_id"]
        for message in messages
        for attachment in message.attachments
        if {"type": "file_search"} in (attachment.get("tools") or [])
    }
    if not attached or scopes.current():
        return {}
    failed = VectorStoreFile.objects.filter(
        vector_store__in=thread.vector_store_ids, file__in=attached, status=FileStatus.FAILED
    )
    found = failed.values_list("file_id", "last_error")
    return {file_id: told((error or {}).get("message")) for file_id, error in found}


def _images(
    thread: Thread, messages: Iterable[Message], steps: Iterable[RunStep], state: Fold
) -> dict[str, list[str]]:
    """The files that each message shows as images: those given, and those that steps have made."""
    contents = {message.id: message.content for message in messages}
    made = {_message_id(step) for step in steps} - {"", *contents}
    if made:
        contents |= dict(thread.messages.filter(pk__in=made).values_list("pk", "content"))
        contents |= {pk: state.messages[pk]["content"] for pk in made & state.messages.keys()}
    return {
        message_id: [part["image_file"]["file_id"] for part in content if "image_file" in part]
        for message_id, content in contents.items()
    }


def _message_id(step: RunStep) -> str:
    """The message that a message_creation step has made; empty for other steps."""
    return str(step.step_details.get("message_creation", {}).get("message_id", ""))


def _names(thread: Thread, messages: Iterable[Message]) -> dict[str, str]:
    """The assistants' names by id."""
    ids = {message.assistant_id for message in messages if message.assistant_id}
    if not ids:
        return {}
    found = Assistant.objects.filter(project=thread.project_id, pk__in=ids)
    return {pk: name for pk, name in found.values_list("pk", "name") if name}


def _message(
    message: Message, names: Mapping[str, str], files: Mapping[str, FileView]
) -> MessageView:
    parts: list[TextView | ImageView] = []
    for index, part in enumerate(message.content):
        if part["type"] == "text":
            annotations = part["text"].get("annotations", [])
            parts.append(
                TextView(
                    anchor=f"{message.id}-{index}",
                    text=part["text"]["value"],
                    annotations=annotations,
                    files={
                        file_id: files[file_id] for file_id in annotated(annotations) if file_id
                    },
                    open=message.status == Message.Status.IN_PROGRESS,
                    cut=message.status == Message.Status.INCOMPLETE,
                )
            )
        elif part["type"] == "image_file":
            parts.append(ImageView(files[part["image_file"]["file_id"]]))
        elif part["type"] == "image_url":
            parts.append(ImageView(FileView("", _("image")), part["image_url"]["url"]))
    author, by = names.get(message.assistant_id or "", _("Assistant")), ""
    if message.role == "user":
        author, by = writer(message.author)
    return MessageView(
        message,
        author,
        parts,
        [files[attachment["file_id"]] for attachment in message.attachments],
        by,
    )


def writer(kept: Mapping[str, str]) -> tuple[str, str]:
    """What the author of a message is called, and who they are, if a page may tell.

    :param kept: what ``Actor.kept`` gave
    """
    scope = scopes.current()
    if scope:
        is_sharer = kept.get("kind") == "user" and kept.get("id") == scope.sharer_id
        return (scope.sharer if is_sharer else "") or _("User"), ""
    if not kept:
        return _("You"), ""
    return kept.get("name") or _("User"), f"{kept['kind']}:{kept['id']}"


def _step(
    step: RunStep, files: Mapping[str, FileView], images: Mapping[str, list[str]]
) -> StepView:
    running = step.status == "in_progress"
    shown = {file_id for file_ids in images.values() for file_id in file_ids}
    calls = [
        call_view(call, files, running, shown) for call in step.step_details.get("tool_calls", [])
    ]
    return StepView(step, calls, len(images.get(_message_id(step), ())))


def _hit(result: Wire, files: Mapping[str, FileView]) -> HitView:
    text, file = result["content"][0]["text"], files.get(result.get("file_id", ""))
    return HitView(
        result["file_name"],
        result["score"],
        without_markers(text) if scopes.shows_files() else "",
        len(text),
        "" if file and file.is_deleted else result.get("file_id", ""),
    )


def _placed(hit: HitView, at: int, searched: Mapping[str, Any]) -> HitView:
    """The hit with where in its file it stands, as far as that is kept."""
    page = searched.get("pages", {}).get(str(at))
    start = searched.get("starts", {}).get(str(at))
    end = None if start is None else start + hit.length
    return replace(hit, page=page, start=start, end=end)


def call_view(
    call: Mapping[str, Any],
    files: Mapping[str, FileView],
    running: bool,
    shown: Container[str] = (),
) -> CallView:
    """A tool call as far as it is known. Files that are not in ``files`` have no name but their
    id; those in ``shown`` are images of messages.
    """
    if call["type"] == "function":
        function = call["function"]
        return CallView(
            call["id"],
            "function",
            name=function["name"],
            arguments=function["arguments"],
            output=function.get("output"),
            running=running,
        )
    if call["type"] == "file_search":
        hits = [_hit(result, files) for result in call["file_search"]["results"]]
        return CallView(call["id"], "file_search", hits=hits, running=running)
    interpreter = call.get("code_interpreter", {})
    outputs = interpreter.get("outputs", [])
    logs = "".join(output.get("logs", "") for output in outputs if output["type"] == "logs")
    return CallView(
        call["id"],
        call["type"],
        code=interpreter.get("input", ""),
        logs=fold(logs) if logs.strip() else None,
        images=[
            ImageView(files.get(file_id) or FileView(file_id, file_id), in_message=file_id in shown)
            for output in outputs
            if output["type"] == "image" and (file_id := output["image"]["file_id"])
        ],
        running=running,
        error=outcomes.error_in(logs),
    )
