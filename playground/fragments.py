"""The parts of a thread's page as HTML: each is one element with an id of its own, so that a part
can take the place of its earlier state, whether a view or the stream sends it.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence

from django.core.cache import cache
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from assistants.models import Run, Thread
from playground import scopes, transcript
from playground.items import CallView, Item, OutcomeView
from playground.presence import Person


def items(views: Iterable[Item]) -> SafeString:
    """Messages, runs and what became of them, in their order."""
    reader = translation.get_language(), timezone.get_current_timezone_name(), scopes.current()
    return mark_safe("".join(_kept(view, reader) for view in views))  # noqa: S308  (templates escape)


def _kept(view: Item, reader: tuple[object, ...]) -> str:
    """One of them. What will not change any more is kept: it is shown again and again, each time to
    readers who may see the same of it.
    """
    depends_on = view.depends_on
    if depends_on is None:
        return _item(view)
    told = repr((depends_on, *reader))
    key = f"fragment:{hashlib.sha256(told.encode()).hexdigest()}"
    kept: str | None = cache.get(key)
    if kept is None:
        kept = _item(view)
        cache.set(key, kept)
    return kept


def mine(html: str, me: str) -> SafeString:
    """HTML that is the same for all, as one person sees it: elements that tell of them say so,
    those that are for all others are hidden, and those that are for them are not.

    :param me: the person as ``data-by`` names them
    """
    told = re.sub(
        rf'<(\w+) data-by="{re.escape(me)}" data-mine="([^"]*)">[^<]*</', r"<\1>\2</", html
    )
    told = told.replace(f'data-not-for="{me}"', "hidden")
    told = told.replace(f'hidden data-only-for="{me}"', "")
    return mark_safe(told)  # noqa: S308  (made of what templates have escaped)


def call(view: CallView) -> str:
    """A tool call with what it has printed and drawn so far."""
    return render_to_string("threads/_call.html", {"call": view})


def into(container: str, html: str) -> str:
    """HTML that goes to the end of an element if it is not on the page yet."""
    return format_html('<template data-into="{}">{}</template>', container, mark_safe(html))  # noqa: S308


def removed(element_id: str) -> str:
    """The sign that an element is no more."""
    return format_html('<template data-remove="{}"></template>', element_id)


def replaced(views: Iterable[Item]) -> str:
    """The signs that what stood in the place of these runs is no more."""
    return "".join(
        removed(element_id)
        for view in views
        if isinstance(view, OutcomeView) and view.standing is None
        for run in view.replaced
        for element_id in (
            scopes.name_of_run(run.pk),
            *transcript.elements_of(run)[1:],
            OutcomeView(run).element_id,
        )
    )


def version(view: OutcomeView, views: Iterable[Item]) -> SafeString:
    """A run with what it has written, in the place of the others that could be shown there."""
    gone = [element_id for run in view.others for element_id in transcript.elements_of(run)]
    return mark_safe("".join(map(removed, gone)) + items(views))  # noqa: S308  (templates escape)


def announcement(text: str) -> str:
    """What a screen reader is told."""
    return format_html('<p class="sr-only" role="status" id="announce">{}</p>', text)


def composer_actions(active: Run | None) -> str:
    """The composer's buttons: to send, or to stop the run that is active; of a shared page none."""
    if scopes.current():
        return ""
    name, by = transcript.writer(active.created_by) if active else ("", "")
    context = {"active": active, "name": name if by else "", "by": by}
    return render_to_string("threads/_composer_actions.html", context)


def here(people: Sequence[Person]) -> str:
    """Who has the page open; a person alone is not told so."""
    return render_to_string("threads/_here.html", {"people": people})


def title(thread: Thread) -> str:
    """The thread's title, wherever the page shows it."""
    if scopes.current():
        return render_to_string("shared/_title.html", {"title": thread.title})
    return render_to_string("threads/_title.html", {"thread": thread})


def stream(thread: Thread, after: str, active: Run | None) -> str:
    """Where the page goes on listening, and whether there is anything to hear."""
    scope = scopes.current()
    address = (
        reverse("shared-events", args=[scope.token])
        if scope
        else reverse("thread-events", args=[thread.id])
    )
    context = {"stream_address": address, "after": after, "active": active}
    return render_to_string("threads/_stream.html", context)


def _item(view: Item) -> str:
    return render_to_string(f"threads/_{view.kind}.html", {"view": view})
