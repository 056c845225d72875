"""Markdown that is cut off in the middle, made presentable: what is undecided waits, what is open
is closed.

A model's text arrives in pieces. Shown as it is, it would flicker: ``**bo`` before ``**bold**``, a
heading for a moment because a list begins with a dash, half a link. Healed text never shows a piece
whose meaning the next piece may change, save for what cannot be known (a reference link, a heading
that is underlined).
"""

import re
from typing import Final

from playground.rendering.annotations import DANGLING_MARKER

MAX_HELD_LABEL: Final = 120
"""So long an unfinished ``[`` is held back. Most brackets that stay open are no links but
mathematics.
"""
MAX_HELD_TARGET: Final = 2_000
MAX_HELD_FORMULA: Final = 4_000
MAX_HELD_DOLLAR: Final = 120

_BEFORE_CONTENT = re.compile(r"[ \t]*(?:(?:>|[-*+]|\d{1,9}[.)])(?:[ \t]+|$))*")
_FENCE = re.compile(r"(`{3,}|~{3,})(.*)")
_UNDECIDED_LINE = re.compile(r"[\s>]*(?:[-+*_=#~`|:\s]+|\d{1,9}[.)]?)")
"""A line of which it is not yet known whether it is text, a list item, a heading, a rule or a
fence.
"""
_ONLY_MARKS = re.compile(r"[\s>]*[-+*_=#~`|:\s]+")
_DELIMITER_ROW = re.compile(r"[\s|:-]+")
_BARE_SANDBOX = re.compile(r"(?<![\w(])s(?:a(?:n(?:d(?:b(?:o(?:x(?::\S*)?)?)?)?)?)?)?$")
_SPECIAL = re.compile(r"[\\`$\[!*_~<]")
_AUTOLINK = re.compile(r"<[^<>\s]*>")
_DOLLAR = re.compile(r"\$(?![\s$])(?:\\.|[^\\$\n])+?(?<!\s)\$(?!\d)")


def heal(text: str) -> str:
    """The text that can be shown now, given that more may follow."""
    text = DANGLING_MARKER.sub("", text)
    before, newline, last = text.rpartition("\n")
    fence = _open_fence(text)
    if fence is not None:
        opened_here = _open_fence(before) is None
        closing = last.strip() and not last.strip(" >" + fence[0])
        return before + newline if opened_here or closing else text
    if last and _UNDECIDED_LINE.fullmatch(last):
        text, last = before, ""
        if not text.strip():
            return ""
    start = _paragraph_start(text)
    if _is_undecided_table(text[start:]):
        return text[:start]
    start += _inline_start(text[start:])
    return text[:start] + _heal_inline(text[start:])


def close(text: str) -> str:
    """The text of an answer that was cut off for good: nothing waits, what is open is closed."""
    text = DANGLING_MARKER.sub("", text)
    if _open_fence(text) is not None:
        return text
    before, _, last = text.rpartition("\n")
    if _ONLY_MARKS.fullmatch(last):
        text = before
    start = _paragraph_start(text)
    start += _inline_start(text[start:])
    return text[:start] + _heal_inline(text[start:], holds=False)


def _open_fence(text: str) -> str | None:
    """The marks that opened the code block which the text ends in, or None."""
    fence: str | None = None
    for line in text.split("\n"):
        found = _FENCE.match(_BEFORE_CONTENT.sub("", line, count=1))
        if not found:
            continue
        marks, rest = found[1], found[2]
        if fence is None:
            if marks[0] == "~" or "`" not in rest:
                fence = marks
        elif marks[0] == fence[0] and len(marks) >= len(fence) and not rest.strip():
            fence = None
    return fence


def _paragraph_start(text: str) -> int:
    """Where the lines begin that follow the last empty line."""
    start = 0
    for found in re.finditer(r"\n[ \t>]*\n", text):
        start = found.end()
    return start


def _is_undecided_table(paragraph: str) -> bool:
    """A row of cells whose row of dashes has not come yet."""
    lines = paragraph.split("\n")
    if not lines[0].lstrip().startswith("|") or len(lines) > 2:
        return False
    return len(lines) == 1 or _DELIMITER_ROW.fullmatch(lines[1]) is not None or not lines[1]


def _inline_start(paragraph: str) -> int:
    """Where the paragraph's last run of inline text begins: behind a list mark, a heading's marks,
    a cell's border.
    """
    offset = 0
    start = 0
    for line in paragraph.splitlines(keepends=True):
        prefix = _BEFORE_CONTENT.match(line)
        width = prefix.end() if prefix else 0
        content = line[width:]
        if line[:width].strip(" \t>\n"):
            start = offset + width
        if content.startswith("#"):
            start = offset + width + len(content) - len(content.lstrip("# "))
        elif content.startswith("|"):
            start = offset + line.rindex("|") + 1
        offset += len(line)
    return start


def _heal_inline(text: str, *, holds: bool = True) -> str:
    """Close what is open, and leave out the end as far as it is undecided.

    :param holds: whether more may follow; else only marks without meaning are left out
    """
    if holds and (bare := _BARE_SANDBOX.search(text)):
        text = text[: bare.start()]
    open_marks: list[tuple[str, int]] = []
    position, end = 0, len(text)
    while position < end and (special := _SPECIAL.search(text, position, end)):
        position = special.start()
        mark = text[position]
        rest = end - position
        if mark == "\\":
            closer = {"(": "\\)", "[": "\\]"}.get(text[position + 1 : position + 2])
            found = text.find(closer, position + 2) if closer else position
            if holds and (rest == 1 or (found < 0 and rest <= MAX_HELD_FORMULA)):
                end = position
            else:
                position = max(found, position) + 2
        elif mark == "`":
            width = _run(text, position)
            closing = _closing_ticks(text, position + width, width)
            if closing is None and width < rest:
                return text.rstrip() + "`" * width + _closers(open_marks)
            if closing is None:
                end = position
            else:
                position = closing
        elif mark == "$":
            after = _dollar(text, position)
            if after is None and holds:
                end = position
            else:
                position = after or position + 1
        elif mark == "[":
            after = _link(text, position)
            if after is None and holds:
                # The exclamation mark of an image waits with it.
                end = position - (position > 0 and text[position - 1] == "!")
            else:
                position = after or position + 1
        elif mark == "!" and rest == 1 and holds:
            end = position
        elif mark in "*_~":
            width = _run(text, position)
            if width == rest:
                end = position
            else:
                _emphasis(open_marks, text, position, width)
                position += width
        elif mark == "<" and (link := _AUTOLINK.match(text, position)):
            position = link.end()
        else:
            position += 1
    text = text[:end]
    return text.rstrip() + _closers(open_marks) if open_marks else text


def _closers(open_marks: list[tuple[str, int]]) -> str:
    return "".join(mark * width for mark, width in reversed(open_marks))


def _run(text: str, position: int) -> int:
    """How often the character at this place is repeated."""
    end = position
    while end < len(text) and text[end] == text[position]:
        end += 1
    return end - position


def _closing_ticks(text: str, position: int, width: int) -> int | None:
    """The place behind the next run of exactly so many backticks that has an end."""
    while (position := text.find("`", position)) >= 0:
        found = _run(text, position)
        if found == width:
            return position + width
        position += found
    return None


def _dollar(text: str, position: int) -> int | None:
    """The place behind a formula in dollars, or behind a dollar sign that opens none; None is to
    wait.
    """
    rest = len(text) - position
    if text.startswith("$$", position):
        found = text.find("$$", position + 2)
        if found >= 0:
            return found + 2
        return None if rest <= MAX_HELD_FORMULA else position + 2
    if formula := _DOLLAR.match(text, position):
        return formula.end()
    after = text[position + 1 : position + 2]
    before = text[position - 1 : position]
    opens = not (after.isspace() or after.isdigit() or before.isalnum())
    line_goes_on = "\n" not in text[position:]
    return None if opens and line_goes_on and rest <= MAX_HELD_DOLLAR else position + 1


def _link(text: str, position: int) -> int | None:
    """The place behind a link's target, or behind a bracket that begins no link; None is to
    wait.
    """
    rest = len(text) - position
    depth, label = 0, -1
    for index in range(position, len(text)):
        depth += {"[": 1, "]": -1}.get(text[index], 0)
        if depth == 0:
            label = index
            break
    if label < 0:
        return None if rest <= MAX_HELD_LABEL else position + 1
    if label == len(text) - 1:
        return None
    if text[label + 1] != "(":
        return position + 1
    depth = 0
    for index in range(label + 1, len(text)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if depth == 0:
            return index + 1
    return None if rest <= MAX_HELD_TARGET else position + 1


def _emphasis(open_marks: list[tuple[str, int]], text: str, position: int, width: int) -> None:
    """Note what a run of emphasis marks closes and opens."""
    mark = text[position]
    before = text[position - 1] if position else " "
    after = text[position + width]
    opens, closes = not after.isspace(), not before.isspace()
    inside_word = before.isalnum() and after.isalnum()
    if (mark == "_" or width == 1) and inside_word and not any(m == mark for m, _ in open_marks):
        return
    if mark == "_":
        opens, closes = opens and not before.isalnum(), closes and not after.isalnum()
    if mark == "~" and width != 2:
        return
    if closes:
        for index in range(len(open_marks) - 1, -1, -1):
            if open_marks[index][0] == mark and width:
                taken = min(width, open_marks[index][1])
                left = open_marks[index][1] - taken
                width -= taken
                del open_marks[index:]
                if left:
                    open_marks.append((mark, left))
    if opens and width:
        open_marks.append((mark, width))
