"""A thread as its page shows it: messages and runs in their order, with all that they mention.

Everything is read with a fixed number of queries, however long the thread is. What an active run
has written so far is in no row yet: it is taken from the event log.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

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
from assistants.operations import versions
from playground import outcomes, scopes
from playground.items import (
    CallView,
    FileView,
    HitView,
    ImageView,
    Item,
    MessageView,
    OutcomeView,
    RunView,
    StepView,
    TextView,
)
from playground.rendering.annotations import unmarked
from playground.rendering.logs import fold
from playground.service_words import told

PAGE_SIZE: Final = 30
"""So many messages are shown at once; older ones a page at a time."""

CONTEXT: Final = 10
"""So many later ones stand below an older message that a link leads to."""

CLOCK_SLACK_MS: Final = 60_000
"""How far the clocks of the database's writers and of the event log may be apart."""


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
    runs = thread.runs.standing() if share is None else share.runs()
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
    """Some messages and runs of the thread as they are now; of runs, those that stand."""
    messages = list(thread.messages.filter(pk__in=list(message_ids)))
    runs = list(thread.runs.standing().filter(pk__in=list(run_ids)).prefetch_related("steps"))
    return build(thread, messages, runs, state)


def version(run: Run) -> list[Item]:
    """A run that has ended and what it has written, whether or not another stands in its place."""
    if not run.replaced_by:
        return read_items(run.thread, elements_of(run), [run.pk], Fold())
    messages = [versions.as_it_was(run, **kept) for kept in run.replaced_messages]
    views = build(run.thread, messages, [run], Fold())
    for view in views:
        if isinstance(view, MessageView):
            view.is_replaced = True
    return views


def in_place(items: Sequence[Item], run: Run) -> list[Item]:
    """The items with another version of an answer in the place of the one that stands, if that is
    among them and has ended.
    """
    shown = version(run)
    outcome = next((view for view in shown if isinstance(view, OutcomeView)), None)
    if outcome is None:
        return [*items]  # it was replaced at this moment
    gone = {pk for other in outcome.others for pk in elements_of(other)}
    kept = [item for item in items if item.element_id not in {*gone, outcome.element_id}]
    if len(kept) == len(items) or (outcome.standing or run).is_active:
        return [*items]
    return sorted([*kept, *shown], key=lambda item: item.at)


def elements_of(run: Run) -> list[str]:
    """The ids of a run and of the messages that it has written, which name them on the page."""
    if run.replaced_by:
        return [run.pk, *(kept["message"]["id"] for kept in run.replaced_messages)]
    written = run.thread.messages.filter(run_id=run.pk)
    return [run.pk, *written.values_list("pk", flat=True)]


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
    files = files_of(thread, messages, [step for found in steps.values() for step in found])
    names = _names(thread, messages)
    images = _images(thread, messages, [step for found in steps.values() for step in found], state)
    views: list[Item] = [_message(message, names, files) for message in messages]
    if scopes.shows_steps():
        views += [
            RunView(run, [_step(step, files, images) for step in steps[run.id]]) for run in runs
        ]
    views += _outcomes(thread, runs)
    views.sort(key=lambda view: view.at)
    return views


def _outcomes(thread: Thread, runs: Sequence[Run]) -> list[OutcomeView]:
    """How the runs stand, each with those that have been put in each other's place."""
    stands = {run.replaced_by or run.pk for run in runs}
    replaced: dict[str, list[Run]] = {}
    for one in thread.runs.filter(replaced_by__in=stands).oldest_first() if stands else ():
        replaced.setdefault(one.replaced_by, []).append(one)
    others = thread.runs.in_bulk({run.replaced_by for run in runs if run.replaced_by})
    return [
        OutcomeView(run, replaced.get(run.replaced_by or run.pk, ()), others.get(run.replaced_by))
        for run in runs
    ]


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


def files_of(
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
        unmarked(text) if scopes.shows_files() else "",
        len(text),
        "" if file and file.is_deleted else result.get("file_id", ""),
    )


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
