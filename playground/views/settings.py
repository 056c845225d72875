"""The settings page: which models there are and their aliases, API keys and budgets (``keys``), the
walls around code, health.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants.errors import Invalid, NotFound
from assistants.models import Role
from assistants.operations import aliases, providers, upstreams
from playground import access, interpreter, words
from playground.health import report
from playground.service_words import refusal
from playground.views import keys


@access.signed_in
@require_safe
def show(request: access.Request) -> HttpResponse:
    """The whole page."""
    return page(request)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def set_alias(request: access.Request) -> HttpResponse:
    """Let a model answer under one name more."""
    back = f"{reverse('settings')}#aliases"
    if request.method != "POST":
        # The page that shows what was wrong was opened again from its address.
        return redirect(back)
    name, model = request.POST.get("name", ""), request.POST.get("model", "")
    try:
        alias = aliases.set_alias(access.project(request, Role.OWNER), name, model)
    except Invalid as error:
        found = {"alias_name": name, "alias_model": model, "alias_error": refusal(error)}
        return page(request, found, status=422)
    said = _("“{name}” is answered by {model}.").format(name=alias.name, model=alias.model)
    messages.success(request, said)
    return redirect(back)


@access.signed_in
@require_POST
def delete_alias(request: access.Request) -> HttpResponse:
    """Take an alias back. It can be set again, so nothing is asked."""
    name = request.POST.get("name", "")
    # It may be gone already: a second press, another page.
    with suppress(NotFound):
        aliases.delete_alias(access.project(request, Role.OWNER), name)
    messages.success(request, _("“{name}” is no alias any more.").format(name=name))
    return redirect(f"{reverse('settings')}#aliases")


@access.signed_in
@require_safe
def health_strip(request: access.Request) -> HttpResponse:
    """One line: is everything answering?"""
    parts = async_to_sync(report)()
    missing = [words.within(name) for name, part in parts.items() if not part.ok]
    said = _("All services answer")
    if missing:
        said = _("Not answering: {parts}").format(parts=words.listed(missing))
    return render(request, "_health.html", {"missing": missing, "said": said})


def page(
    request: access.Request, found: Mapping[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """The whole page.

    :param found: what a form on it has led to: ``alias_name``, ``alias_model``, ``alias_error``;
        ``made``, ``secret``, ``key_error``; ``budget_error``
    """
    project = access.project(request)
    context = {
        "section": "settings",
        "owners": access.owners(project),
        "providers": [(one, providers.names(one)) for one in providers.configured(project)],
        "upstreams": upstreams.found_in(project),
        "aliases": aliases.list_aliases(project),
        "offered": providers.offered(project),
        "base_url": request.build_absolute_uri("/v1"),
        "azure_url": request.build_absolute_uri("/").rstrip("/"),
        "interpreter": interpreter.state(),
        "parts": async_to_sync(report)(),
        **keys.context(project),
        **(found or {}),
    }
    return render(request, "settings/show.html", context, status=status)
