"""Markdown around text that must stay as it is."""

import re


def fenced(text: str, language: str = "") -> str:
    """A code block, with a fence longer than any inside the text."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}"


def shortened(text: str, most: int) -> str:
    """The beginning of a text, with an ellipsis where something is left out."""
    return text if len(text) <= most else f"{text[:most].rstrip()}…"
