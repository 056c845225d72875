"""Writing down who has done what. Every operation that others may want to trace says so here, in
the transaction of its change: neither is there without the other.

What is told is who, what and when, never what people or models wrote, and no secret. Messages and
runs that are created are not told: they carry by themselves who made them.
"""

import json
import logging
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any, Final

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import QuerySet

from assistants import acting
from assistants.errors import Wire
from assistants.models import AuditEntry, Membership, Project, clock
from assistants.text import storable, storable_json

logger = logging.getLogger("audit")

MAX_TEXT: Final = 256
"""Characters of a name, and of a text among the details."""
MAX_ITEMS: Final = 20
"""So many ids or names one detail lists."""
AT_ONCE: Final = 500
"""So many old entries go in one sweep."""


def note(
    action: str,
    project: Project | str,
    about: models.Model | str = "",
    name: str | None = None,
    **details: Any,
) -> None:
    """Write down that whoever asks now (``acting.current``) has done this. To be called inside the
    transaction of the change.

    :param action: a noun and what was done to it, ``thread.shared``; ``playground.audit_words``
        has the words for people, a test sees to it
    :param project: the project, or its id
    :param about: what it was done to, or its id
    :param name: what people call it; the object's own ``name`` unless given. Nothing that is
        part of a message
    :param details: numbers, booleans, short texts and lists of those; None is left out. Longer ones
        are cut
    """
    if name is None:
        name = str(getattr(about, "name", None) or "")
    actor = acting.current()
    told = {
        "project_id": project if isinstance(project, str) else project.pk,
        "at": clock.now(),
        "actor_kind": actor.kind,
        "actor_id": actor.id[:64],
        "actor_name": _short(actor.name),
        "action": action,
        "object_id": str(about.pk if isinstance(about, models.Model) else about)[:64],
        "object_name": _short(name),
        "details": {key: _bounded(value) for key, value in details.items() if value is not None},
    }
    _insert(told)
    if logger.isEnabledFor(logging.INFO):
        transaction.on_commit(lambda: _log(AuditEntry(**told)))


def note_everywhere(action: str, user_id: int, **details: Any) -> None:
    """Write down in every project that the user is a member of what is about no one project: that
    they signed in.
    """
    for member in Membership.objects.of_user(user_id).select_related("user"):
        note(action, member.project, f"user_{user_id}", member.user.get_username(), **details)


def note_exported(project: Project) -> None:
    """Write down that somebody has taken the project's entries along."""
    note("audit.exported", project, project)


def due() -> "QuerySet[AuditEntry]":
    """All that is older than AUDIT_DAYS."""
    days: int = settings.AUDIT_DAYS
    if not days:
        return AuditEntry.objects.none()
    return AuditEntry.objects.filter(at__lt=clock.now() - timedelta(days=days))


def delete_due() -> int:
    """Delete all of it, some at a time; how many entries."""
    old = list(due().order_by("pk").values_list("pk", flat=True))
    for begin in range(0, len(old), AT_ONCE):
        AuditEntry.objects.filter(pk__in=old[begin : begin + AT_ONCE]).delete()
    return len(old)


def line(entry: AuditEntry) -> str:
    """The entry as one line of JSON."""
    return json.dumps(entry.to_dict(), ensure_ascii=False)


def _insert(told: Wire) -> None:
    """As ``save`` does, at a fifth of its cost: entries are made with everything else, and are not
    to be felt.
    """
    given = {
        **told,
        "at": connection.ops.adapt_datetimefield_value(told["at"]),
        "details": storable_json(json.dumps(told["details"], ensure_ascii=False)),
    }
    with connection.cursor() as cursor:
        cursor.execute(_statement(tuple(given)), list(given.values()))


@cache
def _statement(columns: tuple[str, ...]) -> str:
    quote = connection.ops.quote_name
    names = ", ".join(map(quote, columns))
    places = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {quote(AuditEntry._meta.db_table)} ({names}) VALUES ({places})"  # noqa: S608


def _log(entry: AuditEntry) -> None:
    logger.info("%s", line(entry))


def _short(text: str) -> str:
    """Cut, and without what no line can hold."""
    text = storable(text)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def _bounded(value: object) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, Iterable) and not isinstance(value, str):
        items = [_bounded(item) for item in value]
        more = len(items) - MAX_ITEMS
        return [*items[:MAX_ITEMS], f"… {more} more"] if more > 0 else items
    return _short(str(value))
