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

from playground.rendering.files import text_address
from playground.rendering.pages import page_name

MARKER: Final = re.compile(r"【\d+(?::\d+)?†[^【】\n]{0,300}】")
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
    """Those of one text, in the order in which they came. ``files`` maps file ids to names."""

    def __init__(
        self, annotations: Iterable[Mapping[str, Any]] = (), files: Mapping[str, str] | None = None
    ) -> None:
        self._files = files or {}
        self._numbers: dict[str, int] = {}
        self._paths: dict[str, str] = {}
        self.notes: list[Note] = []
        for annotation in annotations:
            self.add(annotation)

    def add(self, annotation: Mapping[str, Any]) -> None:
        """Take in an annotation object of the API. Kinds that are not known explain nothing."""
        text = str(annotation.get("text", ""))
        if annotation.get("type") == "file_citation" and text not in self._numbers:
            cited = annotation["file_citation"]
            number = self._numbers[text] = len(self.notes) + 1
            file_id = cited["file_id"]
            name = self._files.get(file_id) or _name_in(text) or file_id
            places = [_number(cited.get(key)) for key in ("page", "start", "end")]
            self.notes.append(Note(number, file_id, name, cited.get("quote") or "", *places))
        elif annotation.get("type") == "file_path":
            self._paths[unquote(text)] = annotation["file_path"]["file_id"]

    def note(self, number: int) -> Note:
        """The footnote with this number."""
        return self.notes[number - 1]

    def file_at(self, path: str) -> str | None:
        """The id of the file that this sandbox address stands for."""
        return self._paths.get(unquote(path).replace(SPACE, " "))

    def prepare(self, text: str) -> str:
        """The text for the Markdown parser: markers and the spaces in sandbox links carried by
        noncharacters.

        Markers without an annotation vanish.
        """
        text = _CARRIERS.sub("", text)
        text = MARKER.sub(self._carried, text)
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

        def written(marker: re.Match[str]) -> str:
            number = self._numbers.get(marker[0])
            return write(number) if number else ""

        return MARKER.sub(written, _CARRIERS.sub("", text))

    def _carried(self, marker: re.Match[str]) -> str:
        number = self._numbers.get(marker[0])
        return f"【{_OPEN}{number}{_CLOSE}】" if number else ""


def _quoted(quote: str) -> str:
    return f": “{' '.join(quote.split())}”" if quote.strip() else ""


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


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
