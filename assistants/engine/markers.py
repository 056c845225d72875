"""Markers in what a model writes: each names a passage that a file search has found, and becomes
a citation of its file.

A passage has the marker ``【M:N†name】``: result N, from 0, of the search at place M of the
conversation. Models are loose with it, so some habits of theirs are understood, and every citation
comes out in that one form.

What is told to a model from elsewhere, such as the passages themselves, has its markers taken out
first (``defused``), so that nobody but us says what stands where.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from assistants.engine.code_spans import CodeSpans
from assistants.tokens import WIDE

MAX_NAME = 120

BEGINNING = "from the beginning of the file"
"""What a model is told beside a marker, in the place of a score: the document was asked for as a
whole.
"""

_SEPARATOR = r"[,;、，；]"
_NUMBERS = rf"(?:\d|[:：–-]|{_SEPARATOR}|[ ]){{0,60}}"
_FOREIGN = r"t(?:u(?:r(?:n\w{0,24})?)?)?"
"""``turn0file0``, as some models have learned to name what they found elsewhere."""
_WIDE = {
    closing: rf"{opening}(?:{_FOREIGN}|{_NUMBERS}(?:†[^{opening}{closing}\n]{{0,400}})?)"
    for opening, closing in ("【】", "［］", "〔〕")
}
_NARROW = rf"\d{_NUMBERS}(?:†[^\[\]\n]{{0,400}})?"
_WRAPPED = "\ue200[^\ue200\ue201\n]{0,200}"
"""``filecite`` and the name of a find between characters that no font has: some models have learned
to write so.
"""
_WHOLE = re.compile(
    "|".join([*(begun + closing for closing, begun in _WIDE.items()), rf"\[{_NARROW}\]"])
    + rf"|{_WRAPPED}\ue201"
)
_BEGUN = re.compile(rf"{'|'.join(_WIDE.values())}|\[(?:{_NARROW})?|{_WRAPPED}")
"""Whatever is the beginning of a whole one matches this, so that it is known when to wait."""
_OPENING = re.compile("[【［〔\\[\ue200]")
_BETWEEN = re.compile(rf"\s*{_SEPARATOR}\s*(?=\d+:\d)")
_AFTER_NAME = re.compile(r"[\w)\]]")
_NUMBER = r"(?:0|[1-9]\d{0,5})"
_ITEM = re.compile(
    rf"\s*(?P<number>{_NUMBER})(?:[:：](?P<place>{_NUMBER})(?:[–-]\d+)?)?\s*(?:†(?P<name>.*))?"
)
_SURELY = re.compile(r"\s*\d+[:：]\d(?!\d)|turn\d+\w+\d|.*†", re.DOTALL)
"""What stands in wide brackets so is a marker, though it names nothing that was found. With two
digits it is a time.
"""
_HALF = re.compile(r"[【［〔][ \d:：–-]{1,20}†?")
"""The beginning of a marker that does not end as one; its name follows."""
_HALF_WRAPPED = re.compile("\ue200[\\w:\ue202]*")
_SPACED = re.compile(rf"( ?)({_WHOLE.pattern})")
_ALL_BRACKETS = re.compile("[【】［］〔〕†\ue200-\ue203]")


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that may be cited."""

    number: int
    """The M of its marker."""
    place: int
    """The N of its marker."""
    file_id: str
    filename: str
    text: str
    page: int | None = None
    """The page or slide that it is on, from 1."""
    start: int | None = None
    """Where it begins in the text that was read from the file, in code points."""

    @property
    def marker(self) -> str:
        return f"【{self.number}:{self.place}†{_plain(self.filename)}】"


Sources = Mapping[tuple[int, int], Source]
"""Passages by the numbers of their markers."""


class Markers:
    """Takes the markers out of one text that comes in pieces.

    However the text is cut, the same comes out: a marker is held back until it is whole.

    :param sources: what may be cited; it may still grow
    :param expected: whether the model was told of markers, so that one without a source is of its
        own invention
    """

    def __init__(self, sources: Sources, *, expected: bool) -> None:
        self._sources = sources
        self._expected = expected
        self._held = ""
        self._before = ""
        """The character before what is held."""
        self._gap = False
        """Whether a marker was removed behind a space: one that comes after it goes with it."""
        self._spans = CodeSpans()
        """What was said before what is held."""

    def feed(self, text: str) -> Iterator[str | Source]:
        """The next pieces of the answer: text as it is, and sources in the place of markers."""
        if not (self._expected or self._sources):
            yield text
            return
        self._held += text
        while opening := _OPENING.search(self._held):
            yield from self._text(opening.start())
            if whole := _WHOLE.match(self._held):
                yield from self._marker(whole)
            elif _BEGUN.fullmatch(self._held):
                return
            elif self._held[0] != "[" and (half := self._half(whole=False)):
                self._remove(len(half))
            else:
                yield from self._text(1)
        yield from self._text(len(self._held))

    def end(self) -> Iterator[str]:
        """What is left when the text is over. Half a marker is dropped, not what came after it."""
        if not self._held.startswith("[") and (half := self._half()):
            self._remove(len(half))
        yield from self._text(len(self._held))

    def _half(self, *, whole: bool = True) -> str:
        """The part of what is held that belongs to a marker which has no end: up to another
        bracket, or the name of a file that was found, or one word.

        :param whole: whether the text is over; else only what is no text for sure
        """
        if wrapped := _HALF_WRAPPED.match(self._held):
            return wrapped[0]
        begun = _HALF.match(self._held)
        if not whole and not (begun and begun[0].endswith("†")):
            return ""
        if begun is None:
            return self._held if re.fullmatch(rf"【{_FOREIGN}|【", self._held) else ""
        if not begun[0].endswith("†"):
            return begun[0]
        rest = self._held[begun.end() :]
        names = {_plain(source.filename) for source in self._sources.values()}
        known = max((name for name in names if name and rest.startswith(name)), key=len, default="")
        name = known or re.match(r"[^\s\[\]【】［］〔〕\ue200\ue201]{0,400}", rest)[0]  # type: ignore[index]  # matches nothing too
        after = rest[len(name) :]
        return begun[0] + name + ("]" if after.startswith("]") else "")

    def _text(self, length: int) -> Iterator[str]:
        """Let go of so much of what is held."""
        text, self._held = self._held[:length], self._held[length:]
        if text and self._gap:
            self._gap = False
            text = text.removeprefix(" ")
        if text:
            self._before = text[-1]
            self._spans.feed(text)
            yield text

    def _remove(self, length: int) -> None:
        """Forget so much of what is held."""
        self._held = self._held[length:]
        self._gap = self._gap or not self._before.strip()

    def _marker(self, whole: re.Match[str]) -> Iterator[str | Source]:
        marker = whole[0]
        items = _items(marker)
        named = [self._source(item) if item else None for item in items]
        found = list(dict.fromkeys(source for source in named if source))
        told = _is_told(marker)
        if marker[0] == "[" and not told:
            bare = self._may_be_bare()
            found = found if bare and all(named) else []
            # Numbers alone are a marker only where passages have been told that have them.
            told = (
                bare
                and bool(self._sources)
                and all(item and _SURELY.match(item[0]) for item in items)
            )
        if not found and not told:
            yield from self._text(len(marker))
            return
        if not found:
            self._remove(len(marker))
            return
        self._held = self._held[len(marker) :]
        self._gap = False
        self._before = "】"
        self._spans.feed(self._before)
        yield from found

    def _may_be_bare(self) -> bool:
        """Whether ``[4:2]`` can be a marker here. It is also how code slices a list, and at the
        start of a line how a time is given.
        """
        return not (_is_name(self._before) or self._spans.in_code or self._spans.at_line_start)

    def _source(self, item: re.Match[str]) -> Source | None:
        number = int(item["number"])
        if item["place"] is not None:
            return self._sources.get((number, int(item["place"])))
        if item["name"] is None:
            return None
        # 【4†name】: the search without the result, or, as it was once written, the other way.
        known = [source for source in self._sources.values() if source.number == number]
        called = [source for source in known if _plain(source.filename) == item["name"].strip()]
        if known:
            return (called or known)[0]
        last = max((source.number for source in self._sources.values()), default=0)
        return self._sources.get((last, number))


def defused(text: str) -> str:
    """A text that models are told without what would be understood as a marker if they said it
    again. What may as well be a time, a range or a ratio stays, in round brackets.
    """
    for _ in range(3):
        text, before = _SPACED.sub(_harmless, text), text
        if text == before:
            return text
    # Markers inside markers: that is not written by chance.
    return _ALL_BRACKETS.sub(" ", text)


def _harmless(found: re.Match[str]) -> str:
    space, marker = found.groups()
    if _is_told(marker):
        after = found.string[found.end() : found.end() + 1]
        return space if after.isalnum() else ""
    before = space or found.string[max(found.start() - 1, 0) : found.start()]
    numbers = all(item and item["place"] for item in _items(marker))
    if not numbers or (marker[0] == "[" and _is_name(before)):
        return found[0]
    return f"{space}({marker[1:-1]})"


def _is_told(marker: str) -> bool:
    """Whether it is a marker even if it names nothing that was found."""
    if marker[0] == "\ue200" or "†" in marker:
        return True
    return marker[0] != "[" and bool(_SURELY.match(marker, 1))


def _items(marker: str) -> list[re.Match[str] | None]:
    """What stands in it, one for each find."""
    inside = marker[1:-1]
    if marker[0] == "\ue200":
        _, *names = inside.split("\ue202")
        return [_ITEM.fullmatch(name) for name in names]
    return [_ITEM.fullmatch(item) for item in _BETWEEN.split(inside)]


def _is_name(before: str) -> bool:
    """Whether brackets behind this character are those of code. Where words are written without
    spaces, a marker follows its word at once.
    """
    return bool(_AFTER_NAME.fullmatch(before)) and not WIDE.fullmatch(before)


def _plain(filename: str) -> str:
    """The name without what would end the marker."""
    return " ".join(re.sub(r"[【】\[\]†]", " ", filename).split())[:MAX_NAME]
