"""Makes the HTML of a part safe to be looked at: nothing in it sends anything, and its ids are its
own, so that the same part can stand on a page several times.
"""

from collections.abc import Iterable, Mapping
from html import escape
from html.parser import HTMLParser
from typing import Final

from django.templatetags.static import static
from django.utils.safestring import SafeString, mark_safe
from typing_extensions import override

SENDS: Final = frozenset(
    {"action", "formaction", "autofocus", "download", "data-autosave", "data-copy-from"}
    | {"data-discard", "data-submit", "data-upload"}
)
"""Attributes that lead away from the page or take the focus; so does every one of htmx."""

REFERS: Final = frozenset(
    {"for", "form", "list", "headers", "popovertarget", "commandfor", "data-list"}
    | {"data-remove"}
    | {"aria-controls", "aria-describedby", "aria-labelledby"}
)
"""Attributes that name ids."""

MARK: Final = "sample"
"""Ids of objects that are made up for the styleguide contain it: they have no pages."""

IMAGE: Final = "sample.svg"


class Ids:
    """The ids of a page. The first part that has one keeps it; later ones get a number to it."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        """
        :param taken: those that the page has around the parts
        """
        self._taken = set(taken)
        self._parts = 0

    def names(self, found: Iterable[str]) -> dict[str, str]:
        """What the ids of one more part are called on the page."""
        self._parts += 1
        names = {one: f"{one}-{self._parts}" if one in self._taken else one for one in found}
        self._taken |= {*names, *names.values()}
        return names


def specimen(html: str, ids: Ids) -> SafeString:
    """The part as it is looked at.

    :param html: what a template has made, so that it is escaped already
    """
    collector = _Collector()
    collector.feed(html)
    writer = _Writer(ids.names(collector.found))
    writer.feed(html)
    writer.close()
    return mark_safe("".join(writer.written))  # noqa: S308  (it was safe, and attributes are escaped)


class _Collector(HTMLParser):
    """Finds the ids."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name == "id" and value]


class _Writer(HTMLParser):
    """Writes the HTML anew, as it was but for attributes."""

    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__(convert_charrefs=False)
        self._names = names
        self.written: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kept = [
            (name, self._value(tag, name, value or ""))
            for name, value in attrs
            if name not in SENDS and not name.startswith("hx-")
            # What it controls on its page is not here.
            if name != "aria-controls" or value in self._names
        ]
        told = "".join(f' {name}="{escape(value)}"' for name, value in kept)
        self.written.append(f"<{tag}{told}>")

    def _value(self, tag: str, name: str, value: str) -> str:
        if name == "id" or name in REFERS:
            return " ".join(self._names.get(one, one) for one in value.split())
        if tag == "form" and name == "method":
            # Such a form closes the dialog that it is in, and sends nothing.
            return "dialog"
        if MARK in value and name == "src":
            return static(IMAGE)
        if name == "href" and value.startswith("#"):
            return "#" + self._names.get(value[1:], value[1:])
        if MARK in value and name == "href":
            return "#main"
        return value

    @override
    def handle_endtag(self, tag: str) -> None:
        self.written.append(f"</{tag}>")

    @override
    def handle_data(self, data: str) -> None:
        self.written.append(data)

    @override
    def handle_entityref(self, name: str) -> None:
        self.written.append(f"&{name};")

    @override
    def handle_charref(self, name: str) -> None:
        self.written.append(f"&#{name};")
