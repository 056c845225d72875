"""Passages of files as a preview shows them in a line or two."""

import re
from typing import Final

from assistants.retrieval.parsing import CODE_EXTENSIONS, suffix_of

_HEADING: Final = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$", re.MULTILINE)
_PAIRED: Final = re.compile(r"(\*\*|`)(?=\S)(.+?)(?<=\S)\1")
_LINK: Final = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")


def preview(text: str, filename: str) -> str:
    """The words of a passage without the signs of Markdown; a dot parts a heading from what comes
    next. Source code stays as it is.
    """
    if suffix_of(filename) in CODE_EXTENSIONS:
        return text
    text = _HEADING.sub(r"\1 ·", text)
    text = _LINK.sub(r"\1", text)
    return _PAIRED.sub(r"\2", text).strip().removesuffix("·").rstrip()
