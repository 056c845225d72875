r"""TeX math in Markdown: ``\( \)`` and ``$ $`` in a line, ``\[ \]`` and ``$$ $$`` set apart, as
MathML.

MathML needs no style or script of its own, so it fits a strict content security policy.
"""

import re
from functools import lru_cache
from typing import Final

from django.utils.html import escape
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

MAX_LENGTH: Final = 4_000
"""Longer formulas are shown as their source."""

_LESS = "\ufdd4"
"""Stands for "<" inside the converter, which writes text into its XML without escaping it."""

_UNICODE = re.compile(r"\\unicode\b(?:\s*\[[^\]]*\])?(?:\s*\{\s*(?:x([0-9a-fA-F]+)|(\d+))\s*\})?")
_PAIRS: Final = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}
_DOLLAR = re.compile(r"\$(?![\s$])((?:\\.|[^\\$\n])+?)(?<!\s)\$(?!\d)")


def math_plugin(md: MarkdownIt) -> None:
    """Adds the rules. With ``env["open"]`` a formula that has no end yet takes all text to the
    end.
    """
    md.inline.ruler.before("escape", "math_inline", _inline)
    md.block.ruler.before(
        "fence", "math_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )


@lru_cache(maxsize=2_000)
def mathml(tex: str, display: str) -> str:
    """The formula as MathML, or its source as code when it cannot be read.

    :param display: "inline" or "block"
    """
    try:
        if len(tex) > MAX_LENGTH:
            raise ValueError("too long")
        tex_known = _UNICODE.sub(_character, tex)
        xml = convert(tex_known.replace("<", _LESS), display=display)
    except Exception:  # The converter raises errors of many kinds on what is not TeX.
        return f"<code>{escape(tex)}</code>"
    return xml.replace(f"<mi>{_LESS}</mi>", "<mo>&lt;</mo>").replace(_LESS, "&lt;")


def _character(command: re.Match[str]) -> str:
    """What ``\\unicode{x2713}`` or ``\\unicode{10003}`` stands for: the converter knows neither.

    :raises ValueError: no character, or one that TeX would take for its own
    """
    code = int(command[1], 16) if command[1] else int(command[2] or -1)
    character = chr(code)
    if (code < 0xA0 and not character.isalnum()) or 0xD800 <= code < 0xE000:
        raise ValueError("not a character to show")
    return f"{{{character}}}"


def _inline(state: StateInline, silent: bool) -> bool:
    start = state.pos
    opener = state.src[start : start + 2]
    if closer := _PAIRS.get(opener):
        end = state.src.find(closer, start + 2)
        if end < 0 or not state.src[start + 2 : end].strip():
            return False
        tex, after = state.src[start + 2 : end], end + 2
    elif (found := _DOLLAR.match(state.src, start)) and not _is_money(state.src, start):
        tex, after = found[1], found.end()
    else:
        return False
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.content = tex.strip()
        token.info = "block" if opener in ("\\[", "$$") else "inline"
    state.pos = after
    return True


def _is_money(text: str, start: int) -> bool:
    """ "costs US$5 or 6$" is no formula: a dollar sign right behind a letter or digit does not open
    one.
    """
    return start > 0 and text[start - 1].isalnum()


def _block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    begin = state.bMarks[start_line] + state.tShift[start_line]
    opener = state.src[begin : begin + 2]
    if opener not in ("\\[", "$$") or state.is_code_block(start_line):
        return False
    closer = _PAIRS[opener]
    lines: list[str] = []
    for line in range(start_line, end_line):
        text = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
        if line > start_line and state.sCount[line] < state.blkIndent:
            return False
        if line == start_line:
            text = text[2:]
        elif not text.strip():
            return False
        if closer in text:
            last, rest = text.split(closer, 1)
            if rest.strip(" .,;:"):
                return False
            return _formula(state, start_line, line + 1, "\n".join([*lines, last]), silent)
        lines.append(text)
    if state.env.get("open"):
        return _formula(state, start_line, end_line, None, silent)
    return False


def _formula(
    state: StateBlock, start_line: int, next_line: int, tex: str | None, silent: bool
) -> bool:
    """Take the lines as one formula; None is one whose end has not come yet, which shows
    nothing.
    """
    if silent:
        return True
    if tex is not None:
        token = state.push("math_block", "math", 0)
        token.content = tex.strip()
        token.map = [start_line, next_line]
    else:
        token = state.push("math_open", "math", 0)
        token.map = [start_line, next_line]
    state.line = next_line
    return True
