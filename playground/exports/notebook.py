"""A thread as a Jupyter notebook (nbformat 4): messages are Markdown cells, the code that ran is
code cells with what came of it.

Of what others made a notebook holds text and PNG images alone: whoever opens it runs nothing, and
loads nothing.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from assistants.errors import Wire
from assistants.models import File, Thread
from assistants.operations import files
from playground import outcomes
from playground.exports import history
from playground.exports import markdown as document
from playground.exports.harmless import escaped, fenced, markdown
from playground.exports.history import Wanted
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
from playground.rendering.annotations import Annotations

MAX_IMAGE_BYTES: Final = 20 * 1024 * 1024
PNG: Final = b"\x89PNG\r\n\x1a\n"
METADATA: Final[Wire] = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def written(thread: Thread, wanted: Wanted) -> Iterator[str]:
    """The notebook in pieces, a cell each."""
    made = _Notebook(thread, wanted)
    title = f"# {escaped(thread.title) or _('Untitled thread')}\n\n`{thread.id}`"
    yield '{"cells": [\n' + _json(_markdown("title", title))
    for items in history.read(thread):
        for item in items:
            for cell in made.of(item):
                yield ",\n" + _json(cell)
    metadata = {**METADATA, "title": thread.title or thread.id}
    yield f'\n], "metadata": {_json(metadata)}, "nbformat": 4, "nbformat_minor": 5}}\n'


class _Notebook:
    def __init__(self, thread: Thread, wanted: Wanted) -> None:
        self._project = thread.project
        self._wanted = wanted
        self._executed = 0
        self._drawn: set[str] = set()
        """The figures that stand in outputs."""

    def of(self, item: Item) -> Iterator[Wire]:
        match item:
            case MessageView():
                yield self._message(item)
            case RunView() if self._wanted.steps:
                for step in item.steps:
                    for number, call in enumerate(step.calls):
                        yield self._call(f"{step.step.id}-{number}", step.title, call)
            case OutcomeView():
                if said := document.outcome(item):
                    yield _markdown(f"{item.run.id}-outcome", said)

    def _message(self, view: MessageView) -> Wire:
        parts = [f"## {escaped(view.author)} · {document.moment(view.at)}"]
        attached: dict[str, Wire] = {}
        for number, part in enumerate(view.parts):
            if isinstance(part, TextView):
                parts += _text(part)
            else:
                parts.append(self._image(part, f"image-{number}.png", attached))
        if view.attachments:
            names = ", ".join(escaped(file.name) for file in view.attachments)
            parts.append(f"{_('Attachments')}: {names}")
        cell = _markdown(view.message.id, "\n\n".join(filter(None, parts)))
        return {**cell, "attachments": attached} if attached else cell

    def _image(self, view: ImageView, name: str, attached: dict[str, Wire]) -> str:
        if view.url:
            return f"*{_('Image sent with the message')}*"
        # Once is enough: with the code that has drawn it, if that is told.
        png = None if view.file.id in self._drawn else self._png(view.file)
        if png is None:
            return f"*{escaped(view.file.name)}*"
        attached[name] = {"image/png": png}
        return f"![{escaped(view.file.name)}](attachment:{name})"

    def _call(self, cell_id: str, title: str, call: CallView) -> Wire:
        if call.type == "function":
            parts = [f"### {title}: {escaped(call.name)}"]
            parts.append(fenced(document.indented(call.arguments), "json"))
            if call.output is not None:
                parts.append(f"{_('Output')}:\n\n{fenced(call.output)}")
            return _markdown(cell_id, "\n\n".join(parts))
        if call.type == "file_search":
            return _markdown(cell_id, "\n\n".join([f"### {title}", *document.found(call)]))
        self._executed += 1
        return {
            "cell_type": "code",
            "id": cell_id,
            "metadata": {},
            "execution_count": self._executed,
            "source": call.code,
            "outputs": [*_printed(call), *map(self._figure, call.images)],
        }

    def _figure(self, view: ImageView) -> Wire:
        png = self._png(view.file)
        data: Wire = {"text/plain": f"<{' '.join(view.file.name.split())}>"}
        if png is not None:
            data["image/png"] = png
            self._drawn.add(view.file.id)
        return {"output_type": "display_data", "metadata": {}, "data": data}

    def _png(self, view: FileView) -> str | None:
        """The image, if it is a PNG and still there."""
        if not self._wanted.files or view.is_deleted or (view.bytes or 0) > MAX_IMAGE_BYTES:
            return None
        file = File.objects.in_project(self._project).filter(pk=view.id).first()
        if file is None or not default_storage.exists(file.key):
            return None
        with files.open_content(file) as opened:
            content = opened.read(MAX_IMAGE_BYTES)
        return base64.b64encode(content).decode() if content.startswith(PNG) else None


def _text(view: TextView) -> list[str]:
    """Footnotes are not known to notebooks: sources are listed below the text."""
    annotations = Annotations(view.annotations, view.filenames)
    said = markdown(view.text, annotations, r" \[{}\]".format, lambda _file_id: None)
    notes = [rf"\[{note.number}\] {document.note_text(note)}" for note in annotations.notes]
    return [said.strip("\n"), *notes]


def _printed(call: CallView) -> Iterator[Wire]:
    """What the code printed, and the error that ended it, if one did."""
    printed = call.printed
    at = outcomes.error_at(printed) if call.error else None
    before = printed if at is None else printed[:at]
    if before.strip():
        yield {"output_type": "stream", "name": "stdout", "text": before}
    if at is not None:
        traceback = printed[at:].split("\n")
        told = next((line for line in reversed(traceback) if line.strip()), "")
        yield {
            "output_type": "error",
            "ename": call.error,
            "evalue": told.removeprefix(f"{call.error}: "),
            "traceback": traceback,
        }


def _markdown(cell_id: str, text: str) -> Wire:
    return {"cell_type": "markdown", "id": cell_id, "metadata": {}, "source": text}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
