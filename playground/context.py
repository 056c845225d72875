"""What every page is given: the theme, the time zone, the style sheets, what its scripts say, and
what the rail lists.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext, gettext_noop

from assistants.models import Assistant, Role, Thread
from playground import access
from playground.script_words import script_words
from playground.views.preferences import theme_of

STYLE_SHEETS: Final = [
    f"css/{name}.css"
    for name in (
        *("tokens", "base", "layout", "components", "controls", "thread", "inspector"),
        *("prose", "code"),
    )
]
"""In the order of their layers."""

DAYS: Final = {
    "today": gettext_noop("Today"),
    "yesterday": gettext_noop("Yesterday"),
    "earlier": gettext_noop("Earlier"),
}
RAIL_ASSISTANTS: Final = 6
RAIL_THREADS: Final = 14


@dataclass
class ThreadGroup:
    """Threads that were last used on about the same day."""

    key: str
    name: str
    threads: list[Thread] = field(default_factory=list)


@dataclass(frozen=True)
class Rail:
    """The newest assistants and threads. ``all_assistants`` is how many there are if not all are
    listed, else 0; ``more_threads`` whether there are others.
    """

    assistants: list[Assistant]
    threads: list[ThreadGroup]
    all_assistants: int = 0
    more_threads: bool = False


def studio(request: HttpRequest) -> Mapping[str, Any]:
    """The context processor. The rail is read only by templates that show it."""
    member = access.membership(request)
    return {
        "theme": theme_of(request),
        "timezone": timezone.get_current_timezone_name(),
        "style_sheets": STYLE_SHEETS,
        "script_words": script_words,
        "rail": SimpleLazyObject(lambda: rail(request)),
        "member": member,
        "memberships": access.memberships(request),
        "may_edit": bool(member and member.may(Role.EDITOR)),
        "may_own": bool(member and member.may(Role.OWNER)),
        "may_make": any(one.may(Role.OWNER) for one in access.memberships(request)),
    }


def rail(request: HttpRequest) -> Rail:
    """What the rail lists for the person; nothing for a stranger."""
    member = access.membership(request)
    if member is None:
        return Rail([], [])
    project = member.project
    assistants = Assistant.objects.in_project(project).newest_first()
    threads = Thread.objects.in_project(project).last_active_first()
    assistants = assistants.select_related("upstream__provider")
    shown = assistants.only("name", "created_at", "upstream__provider__label")
    newest = list(shown[: RAIL_ASSISTANTS + 1])
    last = list(threads.only("metadata", "opening", "active_at")[: RAIL_THREADS + 1])
    return Rail(
        newest[:RAIL_ASSISTANTS],
        grouped(last[:RAIL_THREADS]),
        all_assistants=assistants.count() if len(newest) > RAIL_ASSISTANTS else 0,
        more_threads=len(last) > RAIL_THREADS,
    )


def grouped(threads: Iterable[Thread]) -> list[ThreadGroup]:
    """Threads in their order, under Today, Yesterday and Earlier."""
    today = timezone.localdate()
    groups: list[ThreadGroup] = []
    for thread in threads:
        days = (today - timezone.localtime(thread.active_at).date()).days
        key = "today" if days < 1 else "yesterday" if days == 1 else "earlier"
        if not groups or groups[-1].key != key:
            groups.append(ThreadGroup(key, gettext(DAYS[key])))
        groups[-1].threads.append(thread)
    return groups
