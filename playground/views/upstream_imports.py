"""Importing from another Assistants server: what is to be brought, and how far it is."""

import re
from typing import Final

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants.errors import Invalid
from assistants.models import ImportItem, ModelProvider, UpstreamImport
from assistants.operations import upstream_imports
from playground import access
from playground.service_words import refusal

SHOWN: Final = 50
"""So many of the objects that were not brought are named."""


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: access.Request, upstream_id: str) -> HttpResponse:
    """Choose what is to be brought; have it brought."""
    row = access.upstream(request, upstream_id)
    if request.method != "POST":
        return _form(request, row)
    ids = re.split(r"[\s,;]+", request.POST.get("thread_ids", "").strip())
    try:
        job = upstream_imports.begin(
            row,
            assistants="assistants" in request.POST,
            vector_stores="vector_stores" in request.POST,
            thread_ids=[one[:200] for one in ids if one],
        )
    except Invalid as error:
        return _form(request, row, refusal(error))
    return redirect("upstream-import", job.id)


@access.signed_in
@require_safe
def show(request: access.Request, import_id: str) -> HttpResponse:
    """How far it is; the whole page, or what changes on it."""
    return _page(request, access.upstream_import(request, import_id))


@access.signed_in
@require_POST
def stop(request: access.Request, import_id: str) -> HttpResponse:
    """Bring no more."""
    job = access.upstream_import(request, import_id)
    upstream_imports.stop(job)
    return redirect("upstream-import", job.id)


@access.signed_in
@require_POST
def resume(request: access.Request, import_id: str) -> HttpResponse:
    """Go on with what was not brought."""
    job = access.upstream_import(request, import_id)
    upstream_imports.resume(job)
    return redirect("upstream-import", job.id)


def _form(request: access.Request, row: ModelProvider, error: str = "") -> HttpResponse:
    before = UpstreamImport.objects.in_project(row.project).filter(provider=row)
    context = {
        "section": "settings",
        "provider": row,
        "error": error,
        "given": request.POST,
        "before": before.newest_first()[:10],
    }
    status = 422 if error else 200
    return render(request, "settings/upstream_import_new.html", context, status=status)


def _page(request: access.Request, job: UpstreamImport) -> HttpResponse:
    failed = job.items.filter(status=ImportItem.Status.FAILED).order_by("rank", "pk")
    compared = upstream_imports.compared(job)
    differing = upstream_imports.differing(job, SHOWN + 1)
    context = {
        "section": "settings",
        "job": job,
        "compared": [(_noun(one.noun), one) for one in compared],
        "failed": failed[:SHOWN],
        "more": max(0, failed.count() - SHOWN),
        "differing": [(_noun(one["noun"]), one) for one in differing[:SHOWN]],
        "more_differ": len(differing) > SHOWN,
        "fits": bool(compared) and all(one.fits for one in compared),
        "back": reverse("settings"),
    }
    name = "_upstream_import" if request.htmx else "upstream_import"
    return render(request, f"settings/{name}.html", context)


def _noun(noun: str) -> str:
    names = {
        "file": _("Files"),
        "vector_store": _("Vector stores"),
        "vector store file": _("Files in vector stores"),
        "assistant": _("Assistants"),
        "thread": _("Threads"),
        "message": _("Messages"),
        "run": _("Runs"),
        "run step": _("Run steps"),
    }
    return names[noun]
