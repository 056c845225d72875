"""What stands in a thread as its page shows it: messages, runs with their steps, outcomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from assistants.errors import Wire
from assistants.models import Message, Run, RunStatus, RunStep
from playground import chat_models, outcomes, scopes, words
from playground.outcomes import Outcome
from playground.rendering.annotations import unmarked
from playground.rendering.blocks import Blocks
from playground.rendering.files import text_address
from playground.rendering.healing import close
from playground.rendering.logs import Logs
from playground.rendering.markdown import render

LONG_TEXT: Final = 20_000
"""A message of more characters is folded, so that it can be passed by."""
BEGINNING: Final = 400

_THE_END: Final = datetime.max.replace(tzinfo=UTC)


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
        return unmarked(self.text)

    @property
    def filenames(self) -> dict[str, str | None]:
        """None for a file that was deleted since."""
        return {
            file_id: None if file.is_deleted else file.name for file_id, file in self.files.items()
        }

    @property
    def beginning(self) -> str:
        """How a text begins that is too long to be shown as a whole unasked; else empty."""
        return "" if self.open or len(self.text) <= LONG_TEXT else self.plain[:BEGINNING]

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
    is_replaced: bool = False
    """Whether another answer stands in its place: it can be read and copied, and that is all."""

    kind = "message"

    @property
    def element_id(self) -> str:
        """What names it on the page."""
        return self.message.id

    @property
    def is_shared(self) -> bool:
        """Whether it is shown to somebody who came by a link, and can do nothing with it."""
        return scopes.current() is not None

    @property
    def at(self) -> datetime:
        """Its place in the thread."""
        return self.message.created_at

    @property
    def plain(self) -> str:
        """All of its texts, one below the other."""
        return "\n".join(part.plain for part in self.parts if isinstance(part, TextView))

    @property
    def is_open(self) -> bool:
        return self.message.status == Message.Status.IN_PROGRESS

    @property
    def depends_on(self) -> tuple[object, ...] | None:
        """What tells it from any other state of itself, or None while it may still change."""
        if self.is_open:
            return None
        files = [part.filenames if isinstance(part, TextView) else part for part in self.parts]
        return self.message.id, self.author, self.by, files, self.attachments, self.is_replaced


@dataclass(frozen=True, slots=True)
class HitView:
    """A passage that a file search has found.

    :ivar text: what is shown of it
    :ivar length: of the passage itself
    :ivar file_id: "" if the file was deleted since
    :ivar is_beginning: whether the document was asked for as a whole; then the score says little
    """

    filename: str
    score: float
    text: str
    length: int
    file_id: str = ""
    page: int | None = None
    start: int | None = None
    end: int | None = None
    is_beginning: bool = False

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
        if self.calls and self.calls[0].type == "function":
            return "function"
        return "failed" if self.is_empty else "code"

    @property
    def is_empty(self) -> bool:
        """Whether the model has called nothing but what its run does not have. Of that the API
        keeps nothing.
        """
        return not self.calls and self.step.status == "completed"

    @property
    def title(self) -> str:
        if self.step.type == "message_creation":
            return _("Message")
        if self.icon == "file-search":
            return _("File search")
        if self.calls and self.calls[0].type == "function":
            return _("Functions") if len(self.calls) > 1 else _("Function")
        if not self.calls:  # which tool it is, nothing tells yet, or ever if it was broken off
            return _("Unknown function") if self.is_empty else _("Tools")
        return _("Code interpreter")

    @property
    def short_title(self) -> str:
        """The title where there is little room."""
        short = {"file-search": _("Search"), "code": _("Code")}
        return short.get(self.icon, self.title) if self.calls else self.title

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
        if self.icon == "failed":
            return _("the model called what the assistant does not have")
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
    def element_id(self) -> str:
        """What names it on the page."""
        return self.run.id

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
    def error(self) -> Wire | None:
        """Why the run failed, unless one of its steps tells."""
        told = any(step.step.last_error for step in self.steps)
        return None if told else self.run.last_error

    @property
    def went_on(self) -> bool:
        """Whether outputs of functions have come: the API tells of the start after those alone."""
        return bool(self.steps) and self.steps[0].step.created_at < self.run.queued_at

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
    """How a run stands, below all that it has written, and the way to the others that have been put
    in each other's place.

    :param replaced: those of them that do not stand any more, the oldest first
    :param standing: the one that stands, if it is not this one
    """

    run: Run
    replaced: Sequence[Run] = ()
    standing: Run | None = None

    kind = "outcome"

    @property
    def at(self) -> datetime:
        """Its place in the thread, whichever of the runs is shown: below all of them, and while
        one is active, the end.
        """
        ends = [run.ended_at for run in (*self.replaced, self.standing or self.run)]
        return max(end or _THE_END for end in ends)

    @property
    def element_id(self) -> str:
        """What names it on the page; whichever of the runs is shown, it is the same element."""
        return f"{scopes.name_of_run((self.standing or self.run).id)}-outcome"

    @property
    def versions(self) -> list[str]:
        """The ids of the runs that can be shown here, this one among them; none if that is all.
        What has gone out of the thread is not for those who came by a link.
        """
        if self.is_shared or self.run.is_active:
            return []
        kept = [run for run in self.replaced if run.is_kept]
        stands = self.standing or self.run
        found = sorted([*kept, stands], key=lambda run: (run.created_at, run.pk))
        return [run.id for run in found] if kept else []

    @property
    def standing_number(self) -> int:
        """Which of the versions the next run reads, from 1 on."""
        return self.versions.index((self.standing or self.run).id) + 1

    @property
    def attempt(self) -> Run | None:
        """The newest run that was to take the place of this one and wrote nothing."""
        if not self.versions or self.standing:
            return None
        newest = self.replaced[-1]
        is_later = newest.created_at > self.run.created_at
        return newest if is_later and not newest.replaced_messages else None

    @property
    def why_it_stays(self) -> str:
        """What became of that run."""
        outcome = outcomes.of_run(self.attempt) if self.attempt else None
        return outcome.text if outcome else _(outcomes.NOTHING)

    @property
    def others(self) -> list[Run]:
        """The runs in whose place this one is shown."""
        stands = self.standing or self.run
        return [run for run in (*self.replaced, stands) if run.pk != self.run.pk]

    @property
    def number(self) -> int:
        """Which one of the versions is shown, from 1 on."""
        return self.versions.index(self.run.id) + 1

    @property
    def before(self) -> str:
        """The version before this one, or empty."""
        return self.versions[self.number - 2] if self.number > 1 else ""

    @property
    def after(self) -> str:
        """The version after this one, or empty."""
        return "".join(self.versions[self.number : self.number + 1])

    @property
    def is_shared(self) -> bool:
        return scopes.current() is not None

    @property
    def outcome(self) -> Outcome | None:
        return outcomes.for_guests(self.run) if self.is_shared else outcomes.of_run(self.run)

    @property
    def depends_on(self) -> tuple[object, ...] | None:
        """What tells it from any other state of itself, or None while it may still change."""
        stands = self.standing.id if self.standing else ""
        return None if self.run.is_active else (self.run.id, self.kind, stands, self.versions)


Item = MessageView | RunView | OutcomeView


def _placed(hit: HitView, at: int, searched: Mapping[str, Any]) -> HitView:
    """The hit with where in its file it stands, as far as that is kept."""
    page = searched.get("pages", {}).get(str(at))
    start = searched.get("starts", {}).get(str(at))
    end = None if start is None else start + hit.length
    is_beginning = at in searched.get("beginnings", ())
    return replace(hit, page=page, start=start, end=end, is_beginning=is_beginning)


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
