"""How a thread opens, in plain words: what it is listed as until it is given a title."""

import re
from typing import Final

from assistants.text import MARKER

MAX_LENGTH: Final = 120
_READ: Final = 4000
"""So much of a message is looked at: more never shows."""

_FENCE: Final = re.compile(
    r"^ {0,3}(`{3,}|~{3,})[^\n`]*$(.*?)(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_LINE_BEGINNING: Final = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+)+", re.MULTILINE)
_LINK: Final = re.compile(r"!?\[([^\]\n]{0,200})\]\([^)\s]{0,2000}\)")
_EMPHASIS: Final = re.compile(r"\*\*(?=\S)([^\n]*?\S)\*\*")
_CODE: Final = re.compile(r"(?<!`)`+([^`\n]+)`+")


def of(text: str) -> str:
    """The beginning of a message without its Markdown, at most MAX_LENGTH characters.

    Code between fences is left out where something is said beside it; else it is what is shown.
    """
    # Somebody may have pasted an answer, with its citations.
    text = MARKER.sub("", text[:_READ])
    said = _plain(_FENCE.sub("\n", text))
    said = said or _joined(_FENCE.sub(lambda fenced: fenced[2], text)) or _joined(text)
    return said if len(said) <= MAX_LENGTH else said[: MAX_LENGTH - 1] + "…"


def _plain(text: str) -> str:
    text = _LINE_BEGINNING.sub("", text)
    text = _EMPHASIS.sub(r"\1", _LINK.sub(r"\1", text))
    return _joined(_CODE.sub(r"\1", text))


def _joined(text: str) -> str:
    return " ".join(text.split())
