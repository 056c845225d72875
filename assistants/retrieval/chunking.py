"""Cutting a parsed text into overlapping passages of a size in tokens."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assistants.retrieval.passages import Passage
from assistants.tokens import WIDE, reach

BETWEEN_PAGES = "\n\n"
"""What stands between two pages in the parsed text."""

PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
LINE = re.compile(r"\n\s*")
ORDINAL = r"(?<![\s(]\d)(?<![\s(]\d\d)(?<!^\d)(?<!^\d\d)"
"""Not behind a small number: "am 3. Mai", "1. Platz"."""
SENTENCE = re.compile(
    rf"(?:(?<!\.[A-Za-z]){ORDINAL}\.|[!?؟।])[\"'”’)\]]*\s+|[。！？；…][」』”’）】》]*\s*"
)
CLAUSE = re.compile(r"[,;:]\s+|[，、：]\s*")
WORD = re.compile(rf"\s+|(?<={WIDE.pattern})|(?={WIDE.pattern})")
"""Each matches at an end of a paragraph, line, sentence, clause or word, and what follows it."""

HEADINGS = re.compile(r"(?:^ {0,3}#{1,6}[ \t][^\n]*\n\s*)+\Z", re.MULTILINE)
MAX_HEADINGS = 400
"""Of so many characters at the end of a passage it is looked at whether they are headings."""

PROSE = ((PARAGRAPH,), (SENTENCE,), (LINE,)), ((SENTENCE, LINE), (CLAUSE,), (WORD,))
CODE = ((PARAGRAPH,), (LINE,)), ((LINE,), (WORD,))
"""Where to cut, the best first: in the second half of what may be taken, then anywhere in it."""


@dataclass(frozen=True, slots=True)
class Page:
    """The text of one page or slide, or of the whole file, which has no number."""

    text: str
    number: int | None = None


def parsed_text(pages: Sequence[Page]) -> str:
    """The text that the offsets of passages count in."""
    return BETWEEN_PAGES.join(page.text for page in pages)


def passages(
    pages: Sequence[Page], *, size: int, overlap: int, code: bool = False
) -> Iterator[Passage]:
    """Passages of at most ``size`` tokens, each of which repeats at most ``overlap`` tokens.

    Together they hold every character but white space around them. A cut falls between paragraphs,
    sentences or lines (code: lines only) where there are any, else between words, and inside a word
    only when it is longer than a passage. ``overlap`` may be half of ``size`` at most.
    """
    if size < 1 or not 0 <= overlap <= size // 2:
        raise ValueError(f"passages of {size} tokens cannot overlap by {overlap}")
    offset = 0
    for page in pages:
        for start, end in _cuts(page.text, size, overlap, code):
            yield Passage(page.text[start:end], offset + start, offset + end, page.number)
        offset += len(page.text) + len(BETWEEN_PAGES)


def _cuts(text: str, size: int, overlap: int, code: bool) -> Iterator[tuple[int, int]]:
    length = len(text.rstrip())
    start = done = _past_space(text, 0)
    while done < length:
        limit = start + max(reach(text[start : start + size * 5], size), 1)
        if limit >= length:
            yield start, length
            return
        if limit <= done:  # white space, longer than what may be taken beside the overlap
            start = done
            continue
        end = _cut(text, start, done, limit, code)
        yield start, start + len(text[start:end].rstrip())
        done = _past_space(text, end)
        start = min(_past_space(text, _begin(text, start, end, overlap, code)), done)


def _cut(text: str, start: int, done: int, limit: int, code: bool) -> int:
    """Where the passage from ``start`` ends: after ``done``, at ``limit`` at the latest."""
    near, anywhere = CODE if code else PROSE
    half = max((start + limit) // 2, done)
    for low, choices in ((half, near), (done, anywhere)):
        for patterns in choices:
            best = max(_ends(text, patterns, low, limit), default=low)
            if best > low:
                return best if code else _before_headings(text, low, best)
    return limit


def _before_headings(text: str, low: int, end: int) -> int:
    """``end``, or before the headings of Markdown right before it: they belong to what follows."""
    since = max(low, end - MAX_HEADINGS)
    found = HEADINGS.search(text, since, end)
    return found.start() if found and found.start() > since else end


def _begin(text: str, start: int, end: int, overlap: int, code: bool) -> int:
    """Where the next passage begins: up to ``overlap`` tokens before the end of the last."""
    if not overlap:
        return end
    low = max(end - reach(text[max(start, end - overlap * 5) : end][::-1], overlap), start + 1)
    for patterns in ((LINE,), (WORD,)) if code else ((SENTENCE, PARAGRAPH), (LINE,), (WORD,)):
        best = min((place for place in _ends(text, patterns, low - 1, end)), default=end)
        if best < end:
            return best
    return end


def _ends(text: str, patterns: Sequence[re.Pattern[str]], low: int, high: int) -> Iterator[int]:
    """Where matches end after ``low`` and at ``high`` at the latest, white space apart."""
    for pattern in patterns:
        for found in pattern.finditer(text, low, high + 1):
            if found.end() > low and found.start() + len(found[0].rstrip()) <= high:
                yield min(found.end(), high)


def _past_space(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place
