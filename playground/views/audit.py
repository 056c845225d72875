"""Who did what in the project: a page for its owners, and all of it as lines of JSON."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.db import connections
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from assistants.models import (
    ApiKey,
    Assistant,
    AuditEntry,
    File,
    Membership,
    ModelProvider,
    Project,
    Role,
    Thread,
    VectorStore,
)
from assistants.models.audit import AuditEntryQuerySet
from assistants.operations import audit
from playground import access, audit_words, paging

AT_ONCE: Final = 500
"""So many entries of an export are read at a time."""

PAGES: Final[dict[str, tuple[Any, str]]] = {
    "assistant": (Assistant, "assistant"),
    "thread": (Thread, "thread"),
    "file": (File, "file-text"),
    "vector_store": (VectorStore, "vector-store"),
    "provider": (ModelProvider, "provider"),
    "key": (ApiKey, "key"),
}
"""By the noun of an action, what is looked for and the page that shows it."""


@dataclass(frozen=True)
class Row:
    """An entry as it is shown.

    :ivar who: the name of who did it
    :ivar by: the filter that leaves only what they did; empty where that is nobody in particular
    :ivar page: the address of what it was done to, while it is there
    :ivar details: name and value
    """

    entry: AuditEntry
    who: str
    by: str
    said: str
    page: str
    details: list[tuple[str, str]]


@access.signed_in
@require_safe
def show(request: access.Request) -> HttpResponse:
    """The newest first, or what is left by the filters."""
    project = access.project(request, Role.OWNER)
    chosen = _chosen(request)
    page = paging.page(request, _found(project, chosen).newest_first())
    context = {
        "section": "settings",
        "rows": _rows(project, page.rows),
        "people": _people(project),
        "actions": sorted(
            ((name, audit_words.sentence(name)) for name in audit_words.WORDS),
            key=lambda pair: pair[1],
        ),
        "chosen": chosen,
        "filters": urlencode(chosen),
        "page": page.number,
        "more": page.more,
    }
    return render(request, "settings/audit.html", context)


@access.signed_in
@require_safe
def export(request: access.Request) -> StreamingHttpResponse:
    """What the filters leave, the oldest first, one JSON object a line."""
    project = access.project(request, Role.OWNER)
    found = _found(project, _chosen(request))
    # That it was taken is not part of it.
    newest = found.order_by("pk").last()
    found = found.filter(pk__lte=newest.pk if newest else 0)
    if request.method == "GET":
        audit.note_exported(project)
    return StreamingHttpResponse(
        _lines(found),
        content_type="application/jsonl; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="audit.jsonl"',
            "Cache-Control": "no-store",
        },
    )


async def _lines(found: AuditEntryQuerySet) -> AsyncGenerator[bytes, None]:
    after = 0
    while rows := await asyncio.to_thread(_after, found, after):
        yield "".join(f"{audit.line(entry)}\n" for entry in rows).encode()
        after = rows[-1].pk


def _after(found: AuditEntryQuerySet, last: int) -> list[AuditEntry]:
    try:
        return list(found.filter(pk__gt=last).order_by("pk")[:AT_ONCE])
    finally:
        # The thread is anybody's.
        connections.close_all()


def _chosen(request: access.Request) -> dict[str, str]:
    """The filters that are set: ``by`` (kind and id of who), ``action``, ``object`` (an id)."""
    given = {name: request.GET.get(name, "").strip()[:128] for name in ("by", "action", "object")}
    return {name: value for name, value in given.items() if value}


def _found(project: Project, chosen: dict[str, str]) -> AuditEntryQuerySet:
    found = AuditEntry.objects.in_project(project)
    if by := chosen.get("by"):
        kind, _sep, actor_id = by.partition(":")
        found = found.by(kind, actor_id)
    if action := chosen.get("action"):
        found = found.filter(action=action)
    if object_id := chosen.get("object"):
        found = found.filter(object_id=object_id)
    return found


def _people(project: Project) -> list[tuple[str, str]]:
    """Who can be chosen: members, keys, and the others, as filters and names."""
    members = Membership.objects.filter(project=project).select_related("user").order_by("pk")
    people = [(f"user:{member.user_id}", access.actor(member.user).name) for member in members]
    keys = ApiKey.objects.filter(project=project).newest_first()
    return [
        *people,
        *((f"key:{key.id}", key.name) for key in keys),
        ("key:", _("Key from the environment")),
        ("guest:", _("Guests")),
        ("service:", _("The service")),
    ]


def _rows(project: Project, entries: Iterable[AuditEntry]) -> list[Row]:
    shown = list(entries)
    pages = _pages(project, shown)
    return [
        Row(
            entry,
            audit_words.who(entry),
            f"{entry.actor_kind}:{entry.actor_id}",
            audit_words.sentence(entry.action),
            pages.get(_place(entry)[1], ""),
            audit_words.details(entry),
        )
        for entry in shown
    ]


def _place(entry: AuditEntry) -> tuple[str, str]:
    """The noun and id of what has a page: of a message or run, that is its thread."""
    if "thread" in entry.details and entry.noun in ("message", "run"):
        return "thread", str(entry.details["thread"])
    return entry.noun, entry.object_id


def _pages(project: Project, entries: list[AuditEntry]) -> dict[str, str]:
    """The addresses of what is still there, by its id, in one query a noun."""
    asked: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        noun, object_id = _place(entry)
        asked[noun].add(object_id)
    pages: dict[str, str] = {}
    for noun, ids in asked.items():
        if noun in PAGES:
            model, name = PAGES[noun]
            there = model.objects.filter(project=project, pk__in=ids).values_list("pk", flat=True)
            pages |= {pk: reverse(name, args=[pk]) for pk in there}
    return pages
