"""A thread as Markdown: what was said, with footnotes, and what the runs did in between."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from django.core.files.storage import default_storage
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from assistants.models import File, Thread
from assistants.operations import files
from playground import words
from playground.exports import archive, history
from playground.exports.harmless import escaped, fenced, markdown
from playground.exports.history import Wanted
from playground.exports.names import Places
from playground.items import (
    CallView,
    FileView,
    ImageView,
    Item,
    MessageView,
    OutcomeView,
    RunView,
    TextView,
)
from playground.rendering.annotations import Annotations, Note
from playground.rendering.files import image_type
from playground.rendering.pages import page_name

FOLDER: Final = "files"
_UNSAFE: Final = re.compile(r"[\s<>]")


def has_files(thread: Thread, wanted: Wanted) -> bool:
    """Whether there are files that lie beside the text."""
    return wanted.files and any(
        True for items in history.read(thread) for _file in history.files_of(items, wanted)
    )


def written(thread: Thread, wanted: Wanted, places: Places | None = None) -> Iterator[str]:
    """The document in pieces.

    :param places: is told of the files that the document leads to; without it, it leads to none
    """
    yield f"# {escaped(thread.title) or _('Untitled thread')}\n\n`{thread.id}`\n"
    document = _Document(wanted, places)
    for items in history.read(thread):
        for item in items:
            if said := document.of(item):
                yield f"\n{said}\n"


def with_files(thread: Thread, wanted: Wanted, name: str) -> Iterator[archive.Entry]:
    """The document and the files that it leads to, as they are put into an archive."""
    places = Places(FOLDER)
    yield name, (piece.encode() for piece in written(thread, wanted, places))
    found = File.objects.in_project(thread.project)
    for file_id, place in places.items():
        file = found.filter(pk=file_id).first()
        if file is not None and default_storage.exists(file.key):
            yield place, content(file)


def content(file: File) -> Iterator[bytes]:
    """A stored file in pieces."""
    with files.open_content(file) as opened:
        yield from archive.in_pieces(opened.read)


def moment(at: datetime) -> str:
    return date_format(localtime(at), "LONG_DAY_TIME")


class _Document:
    def __init__(self, wanted: Wanted, places: Places | None) -> None:
        self._wanted = wanted
        self._places = places
        self._notes = 0
        """How many footnotes there are so far: they are numbered through the document."""

    def of(self, item: Item) -> str:
        match item:
            case MessageView():
                return self._message(item)
            case RunView():
                return self._run(item)
            case OutcomeView():
                return outcome(item)

    def _message(self, view: MessageView) -> str:
        parts = [f"## {escaped(view.author)} · {moment(view.at)}"]
        if view.message.status == "incomplete":
            parts.append(f"*{_('Incomplete')}*")
        for part in view.parts:
            parts += self._text(part) if isinstance(part, TextView) else [self._image(part)]
        if view.attachments:
            names = words.listed([self._link(file) for file in view.attachments])
            parts.append(f"{_('Attachments')}: {names}")
        return "\n\n".join(filter(None, parts))

    def _text(self, view: TextView) -> list[str]:
        annotations = Annotations(view.annotations, view.filenames)
        for file in history.linked(view):
            self._place(file)
        before = self._notes
        said = markdown(
            view.text, annotations, lambda number: f"[^{before + number}]", self._place_of
        )
        self._notes += len(annotations.notes)
        notes = [f"[^{before + note.number}]: {note_text(note)}" for note in annotations.notes]
        return [said.strip("\n"), *notes]

    def _run(self, view: RunView) -> str:
        if not self._wanted.steps:
            return ""
        parts: list[str] = []
        for step in view.steps:
            for call in step.calls:
                parts += [f"### {step.title}", *self._call(call)]
        return "\n\n".join(parts)

    def _call(self, call: CallView) -> Iterator[str]:
        if call.type == "function":
            yield f"**{escaped(call.name)}**"
            yield fenced(indented(call.arguments), "json")
            if call.output is not None:
                yield f"{_('Output')}:\n\n{fenced(call.output)}"
        elif call.type == "file_search":
            yield from found(call)
        else:
            yield fenced(call.code, "python")
            if call.logs:
                yield f"{_('Output')}:\n\n{fenced(call.printed)}"
            for image in call.images:
                if not image.in_message:
                    yield self._image(image)

    def _image(self, view: ImageView) -> str:
        if view.url:
            sent = f"*{_('Image sent with the message')}*"
            return f"<{_UNSAFE.sub('', view.url)}>" if view.is_link else sent
        at = self._place(view.file)
        if at is None or image_type(view.file.name) is None:
            return self._link(view.file)
        return f"![{escaped(view.file.name)}]({_quoted(at)})"

    def _link(self, file: FileView) -> str:
        at, name = self._place(file), escaped(file.name)
        return f"[{name}]({_quoted(at)})" if at else name

    def _place(self, file: FileView) -> str | None:
        if self._places is None or file.is_deleted or file.bytes is None:
            return None
        self._places.add(file.id, file.name)
        return self._places.get(file.id)

    def _place_of(self, file_id: str) -> str | None:
        return self._places.get(file_id) if self._places else None


def outcome(view: OutcomeView) -> str:
    """What became of a run, if that is not that it is complete."""
    found = view.outcome
    if found is None or view.run.is_active:
        return ""
    return f"> **{escaped(found.title)}** {escaped(found.text)}"


def note_text(note: Note) -> str:
    """What a footnote says: "guide.pdf, page 3: “…”"."""
    name = escaped(note.label)
    # Where footnotes are not known, a name alone would be the target of a link.
    name = f"“{name}”" if ":" in name else name
    said = " ".join(note.quote.split())
    return f"{name}: “{escaped(said)}”" if said else name


def found(call: CallView) -> Iterable[str]:
    """What was searched for, and the passages that it found."""
    if call.queries:
        yield words.listed([escaped(query) for query in call.queries])
    for hit in call.hits:
        page = page_name(hit.filename, hit.page)
        name = ", ".join(filter(None, [escaped(hit.filename), page]))
        yield f"{name} ({hit.score:.2f})\n\n{fenced(hit.text)}"


def indented(arguments: str) -> str:
    """JSON as people read it; what is none stays as it is."""
    try:
        return json.dumps(json.loads(arguments), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return arguments


def _quoted(place: str) -> str:
    return place.replace(" ", "%20")
