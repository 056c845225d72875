"""What a message's annotations say: citation markers become numbered footnotes, sandbox paths
become downloads.

The API leaves markers such as ``【4:0†guide.pdf】`` and paths such as
``sandbox:/mnt/data/a.csv`` in the text and explains them in the annotations. Nobody should ever see
a marker, explained or not.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote

from django.utils.translation import gettext as _

from assistants.text import MARKER
from playground.rendering.files import text_address
from playground.rendering.pages import page_name

DANGLING_MARKER: Final = re.compile(
    r"【(?:\d+(?::(?:\d+(?:†[^【】\n]{0,300})?)?|†[^【】\n]{0,300})?)?$"
)
"""A marker at the end of a text that is still being written, cut off anywhere."""

SANDBOX: Final = "sandbox:"
_SANDBOX_LINK = re.compile(r"(?<=\]\()sandbox:(?:[^()\n]|\([^()\n]*\))*(?=\))")

# Noncharacters of Unicode, which no text may contain: they carry what we found through the Markdown
# parser.
_OPEN, _CLOSE, SPACE = "\ufdd0", "\ufdd1", "\ufdd2"
_CARRIERS = re.compile("[\ufdd0-\ufdef]")
_MARKERS_AND_CARRIERS = re.compile(f"{MARKER.pattern}|{_CARRIERS.pattern}")
_CITATION = re.compile(f"【{_OPEN}(\\d+){_CLOSE}】")
_ENCODED_CITATION = re.compile(quote(f"【{_OPEN}") + r"(\d+)" + quote(f"{_CLOSE}】"))
_ANY_CITATION = re.compile(f"{_CITATION.pattern}|{_ENCODED_CITATION.pattern}")
PLACES: Final = re.compile(
    f"【{_OPEN}(?P<citation>\\d+){_CLOSE}】|(?P<path>sandbox:/[^\\s()\\[\\]<>\"'`*]+)"
)
"""In prepared text: the citations, and the paths that stand in the text by themselves."""


@dataclass(frozen=True, slots=True)
class Note:
    """A footnote: its number, and the file and passage that it names.

    ``page`` is the page or slide; ``start`` and ``end`` are where the quote stands in the file's
    text.
    """

    number: int
    file_id: str
    filename: str
    quote: str
    page: int | None = None
    start: int | None = None
    end: int | None = None

    @property
    def address(self) -> str:
        """Where the pages show the file's text, at the passage if it is known."""
        return text_address(self.file_id, self.start, self.end)

    @property
    def label(self) -> str:
        """What it points at, in a line: "guide.pdf, page 3"."""
        if not self.page_name:
            return self.filename
        return _("{filename}, {page}").format(filename=self.filename, page=self.page_name)

    @property
    def page_name(self) -> str:
        """The page or slide in words; empty where there is none."""
        return page_name(self.filename, self.page)


class Annotations:
    """Those of one text, in the order in which they came. ``files`` maps file ids to names, None
    for a file that was deleted since.
    """

    def __init__(
        self,
        annotations: Iterable[Mapping[str, Any]] = (),
        files: Mapping[str, str | None] | None = None,
    ) -> None:
        self._files = files or {}
        self._numbers: dict[tuple[object, ...], int] = {}
        self._first: dict[str, int] = {}
        self._places: dict[tuple[int, str], int] = {}
        self._paths: dict[str, str] = {}
        self.notes: list[Note] = []
        for annotation in annotations:
            self.add(annotation)

    def add(self, annotation: Mapping[str, Any]) -> None:
        """Take in an annotation object of the API. Kinds that are not known explain nothing."""
        text = str(annotation.get("text", ""))
        if annotation.get("type") == "file_citation":
            number = self._number(text, annotation["file_citation"])
            self._first.setdefault(text, number)
            if (start := annotation.get("start_index")) is not None:
                self._places[start, text] = number
        elif annotation.get("type") == "file_path":
            self._paths[unquote(text)] = annotation["file_path"]["file_id"]

    def _number(self, marker: str, cited: Mapping[str, Any]) -> int:
        """Of the footnote that names this passage. A marker may stand for several passages of its
        file, each in its place; a passage that is cited twice has one footnote.
        """
        file_id, quoted = cited["file_id"], unmarked(cited.get("quote") or "")
        places = [_whole(cited.get(key)) for key in ("page", "start", "end")]
        passage = (marker, file_id, quoted, *places)
        if passage not in self._numbers:
            self._numbers[passage] = len(self.notes) + 1
            name = self._files.get(file_id) or _name_in(marker) or file_id
            if self._files.get(file_id, name) is None:
                file_id, name = "", _("a deleted file")
            self.notes.append(Note(len(self.notes) + 1, file_id, name, quoted, *places))
        return self._numbers[passage]

    def note(self, number: int) -> Note:
        """The footnote with this number."""
        return self.notes[number - 1]

    def file_at(self, path: str) -> str | None:
        """The id of the file that this sandbox address stands for."""
        return self._paths.get(unquote(path).replace(SPACE, " "))

    def prepare(self, text: str, offset: int = 0) -> str:
        """The text for the Markdown parser: markers and the spaces in sandbox links carried by
        noncharacters.

        Markers without an annotation vanish.

        :param offset: where in the annotated text this piece of it begins
        """
        text = self._written(text, f"【{_OPEN}{{}}{_CLOSE}】".format, offset)
        return _SANDBOX_LINK.sub(lambda link: link[0].replace(" ", SPACE), text)

    def footnoted(self, text: str) -> str:
        """The text with footnotes as Markdown writes them, for places where nothing is rendered."""
        said = self.referring(text, "[^{}]".format)
        notes = [f"[^{note.number}]: {note.label}{_quoted(note.quote)}" for note in self.notes]
        return "\n\n".join([said, "\n".join(notes)]) if notes else said

    def referring(self, text: str, write: Callable[[int], str]) -> str:
        """The text with what is written for the number of each citation in the place of its marker.
        Markers without an annotation vanish.
        """

        return self._written(text, write)

    def _written(self, text: str, write: Callable[[int], str], offset: int = 0) -> str:
        def written(found: re.Match[str]) -> str:
            number = self._places.get((offset + found.start(), found[0]))
            number = number or self._first.get(found[0])
            return write(number) if number else ""

        # Once more for markers that a noncharacter had hidden.
        return MARKER.sub("", _MARKERS_AND_CARRIERS.sub(written, text))


def _quoted(quote: str) -> str:
    return f": “{' '.join(quote.split())}”" if quote.strip() else ""


def unmarked(text: str) -> str:
    """What a file or a person wrote, without what looks like a marker: nothing explains it."""
    return MARKER.sub("", _CARRIERS.sub("", text))


def cited_in(text: str) -> list[int]:
    """The numbers of the footnotes in prepared text, as it is or in an address."""
    return [int(number) for found in _ANY_CITATION.findall(text) for number in found if number]


def without_citations(address: str) -> str:
    """An address as the Markdown parser gives it, without the markers that were in it."""
    return _ENCODED_CITATION.sub("", address)


def restore(text: str) -> str:
    """Prepared text where nothing is resolved, as in code: as it was, without markers."""
    return _CITATION.sub("", text).replace(SPACE, " ")


def _name_in(marker: str) -> str:
    """The file name that newer markers carry behind the dagger; older ones say "source"."""
    name = marker.partition("†")[2].rstrip("】")
    return "" if name == "source" else name


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
