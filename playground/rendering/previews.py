"""Passages of files as a preview shows them in a line or two."""

import re
from typing import Final

from assistants.retrieval.parsing import suffix_of

MARKDOWN: Final = ".md"
_HEADING: Final = re.compile(r"^ {0,3}#{1,6}[ \t]+(\S.*)", re.MULTILINE)
# What is between two signs is bounded: signs that nothing closes are not to be slow.
_PAIRED: Final = re.compile(r"(\*\*|`)(?=\S)(.{1,200}?)(?<=\S)\1")
_LINK: Final = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")


def preview(text: str, filename: str) -> str:
    """The words of a passage of a Markdown file without its signs; a dot parts a heading from what
    comes next. What any other file says stays as it is.
    """
    if suffix_of(filename) != MARKDOWN:
        return text
    text = _HEADING.sub(_heading, text)
    text = _LINK.sub(r"\1", text)
    return _PAIRED.sub(r"\2", text).strip().removesuffix("·").rstrip()


def _heading(found: re.Match[str]) -> str:
    """Its words without the signs that close it, which stand apart."""
    words = found[1].rstrip()
    opened = words.rstrip("#")
    return f"{opened.rstrip() if opened[-1:].isspace() else words} ·"
