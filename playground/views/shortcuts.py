"""The keys that do something, as a dialog and as a page."""

from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_safe

from playground import access

SHORTCUTS: Final = (
    (("Enter",), gettext_noop("Add the message and run")),
    (("Shift", "Enter"), gettext_noop("A new line")),
    (("↑",), gettext_noop("What was said last, into an empty message")),
    (("Esc",), gettext_noop("Stop the run, close what is open")),
    (("Ctrl", "Alt", "Enter"), gettext_noop("Submit the outputs of functions")),
    (("End",), gettext_noop("In the messages: to the newest, and on with it")),
    (("?",), gettext_noop("These keys")),
)
"""Keys that are pressed together, and what they do."""


@access.signed_in
@require_safe
def show(request: access.Request) -> HttpResponse:
    """All of them."""
    template = "_shortcuts.html" if request.htmx else "shortcuts.html"
    return render(request, template, {"shortcuts": told()})


def told() -> list[tuple[tuple[str, ...], str]]:
    """All of them, in the reader's language."""
    return [(keys, _(what)) for keys, what in SHORTCUTS]
