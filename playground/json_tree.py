"""An object of the API as a tree that can be opened, with what a person looks for in it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Node:
    """A value and its name. ``kind`` is "object", "list", "text", "number" or "literal", ``text``
    the value as JSON writes it, of an empty or a single one.
    """

    name: str
    kind: str
    text: str
    children: Sequence["Node"]
    found: bool
    """Whether this name or value has what is looked for."""
    open: bool
    """Whether it shows its children: because it is the first, or something in it was found."""

    @property
    def count(self) -> int:
        """How many names and values in it have what is looked for."""
        return self.found + sum(child.count for child in self.children)


def tree(name: str, value: Any, query: str = "", *, first: bool = True) -> Node:
    """The tree of a JSON value.

    :param query: what to look for in names and values, in any case; empty for nothing
    """
    pairs: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = [(str(place), inner) for place, inner in enumerate(value)]
    children = [tree(key, inner, query, first=False) for key, inner in pairs]
    text = "" if children else json.dumps(value, ensure_ascii=False)
    wanted = query.lower()
    found = bool(wanted) and (wanted in name.lower() or wanted in text.lower())
    inside = any(child.found or child.open for child in children)
    return Node(name, _kind(value), text, children, found, first or bool(wanted and inside))


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "list"
    if isinstance(value, str):
        return "text"
    return "literal" if isinstance(value, bool) or value is None else "number"
