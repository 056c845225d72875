"""The settings page: which models there are and their aliases, API keys, the walls around code,
health.
"""

from contextlib import suppress

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants.errors import Invalid, NotFound
from assistants.models import ApiKey
from assistants.operations import aliases, projects, providers
from playground import access, interpreter, words
from playground.service_words import refusal
from playground.views.health import report


@access.signed_in
@require_safe
def show(request: access.Request) -> HttpResponse:
    """The whole page."""
    return _page(request)


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
        alias = aliases.set_alias(access.project(request), name, model)
    except Invalid as error:
        return _page(request, alias=(name, model), alias_error=refusal(error), status=422)
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
        aliases.delete_alias(access.project(request), name)
    messages.success(request, _("“{name}” is no alias any more.").format(name=name))
    return redirect(f"{reverse('settings')}#aliases")


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def create_key(request: access.Request) -> HttpResponse:
    """Make an API key and show its secret, this once."""
    if request.method != "POST":
        # The page that shows the secret was opened again from its address.
        return redirect(f"{reverse('settings')}#keys")
    project = access.project(request)
    try:
        key, secret = projects.create_api_key(project, request.POST.get("name", ""))
    except Invalid as error:
        return _page(request, error=refusal(error), status=422)
    return _page(request, made=key, secret=secret)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def revoke_key(request: access.Request, key_id: str) -> HttpResponse:
    """Ask, then revoke."""
    key = access.api_key(request, key_id)
    back = f"{reverse('settings')}#keys"
    if request.method == "POST":
        projects.revoke_api_key(key)
        messages.success(
            request, _("The key “{name}” opens nothing any more.").format(name=key.name)
        )
        return redirect(back)
    context = {
        "title": _("Revoke “{name}”?").format(name=key.name),
        "text": _("Programs that use this key are refused from then on. This cannot be undone."),
        "action": reverse("key-revoke", args=[key.id]),
        "label": _("Revoke key"),
        "back": back,
        "section": "settings",
    }
    return render(request, "_confirm.html" if request.htmx else "confirm.html", context)


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


def _page(
    request: access.Request,
    *,
    made: ApiKey | None = None,
    secret: str = "",
    error: str = "",
    alias: tuple[str, str] = ("", ""),
    alias_error: str = "",
    status: int = 200,
) -> HttpResponse:
    project = access.project(request)
    context = {
        "section": "settings",
        "providers": [(one, providers.names(one)) for one in providers.configured(project)],
        "aliases": aliases.list_aliases(project),
        "alias_name": alias[0],
        "alias_model": alias[1],
        "alias_error": alias_error,
        "offered": providers.offered(project),
        "keys": ApiKey.objects.filter(project=project, revoked_at=None).newest_first(),
        "made": made,
        "secret": secret,
        "error": error,
        "base_url": request.build_absolute_uri("/v1"),
        "azure_url": request.build_absolute_uri("/").rstrip("/"),
        "interpreter": interpreter.state(),
        "parts": async_to_sync(report)(),
    }
    response = render(request, "settings/show.html", context, status=status)
    if secret:
        response["Cache-Control"] = "no-store"
    return response
