"""Markdown that is still being written, rendered block by block.

A top-level block is finished when another has begun after it. Finished blocks are rendered once;
only the open tail is rendered again when text arrives. When the text is complete, one rendering of
the whole takes the place of it all, because a few things (reference links, loose lists) are only
known at the end.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from playground.rendering.annotations import Annotations
from playground.rendering.healing import heal
from playground.rendering.markdown import Scope, blocks, footnotes


@dataclass(frozen=True, slots=True)
class Block:
    """One top-level element; ``final`` says that it will not change before the end."""

    index: int
    html: SafeString
    final: bool


class Blocks:
    """The rendering of one growing text.

    :param anchor: what the ids of the elements begin with; unique on the page
    :param filenames: names of files by id; may be filled while the text grows
    """

    def __init__(self, anchor: str, filenames: Mapping[str, str | None] | None = None) -> None:
        self._scope = Scope(anchor, Annotations((), filenames))
        self._env: dict[str, Any] = {"open": True}
        self._finished: list[SafeString] = []
        self._tail = ""
        self._before_tail = 0
        self._shown: list[SafeString] = []
        self._noted = 0

    def feed(self, text: str, annotations: Iterable[Mapping[str, Any]] = ()) -> None:
        """Add what was written since the last call."""
        for annotation in annotations:
            self._scope.annotations.add(annotation)
        self._tail += text

    def changes(self) -> list[Block]:
        """The blocks whose HTML is other than at the last call, in order."""
        first = len(self._finished)
        before = self._shown[first:]
        cited = set(self._scope.cited)
        rendered = list(
            blocks(heal(self._tail), self._scope, first, self._env, offset=self._before_tail)
        )
        changed = []
        for offset, (_, html) in enumerate(rendered):
            final = offset < len(rendered) - 1
            if final or offset >= len(before) or before[offset] != html:
                changed.append(Block(first + offset, html, final))
        self._shown[first:] = [html for _, html in rendered] or before
        self._freeze(rendered, cited)
        return changed

    def new_footnotes(self) -> SafeString:
        """The list of sources if it has grown since the last call, else nothing."""
        count = len(self._scope.annotations.notes)
        if count == self._noted:
            return SafeString("")
        self._noted = count
        return footnotes(self._scope, "".join(self._shown))

    @property
    def html(self) -> SafeString:
        """All that is shown at the moment, footnotes included: what a page begins with that is
        opened now.
        """
        shown = "".join(self._shown)
        return mark_safe(shown + footnotes(self._scope, shown))  # noqa: S308  (sanitised parts)

    def _freeze(self, rendered: list[tuple[int, SafeString]], cited: set[int]) -> None:
        finished = [html for _, html in rendered[:-1]]
        if finished:
            self._finished += finished
            line = rendered[-1][0]
            left = "\n".join(self._tail.split("\n")[line:])
            self._before_tail += len(self._tail) - len(left)
            self._tail = left
        # What the tail cites for the first time will be cited there again.
        self._scope.cited = {
            number
            for number in self._scope.cited
            if number in cited or any(self._first_citation(number) in html for html in finished)
        }

    def _first_citation(self, number: int) -> str:
        return f'id="cite-{self._scope.anchor}-{number}"'
