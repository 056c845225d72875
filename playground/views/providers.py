"""Connecting servers with chat models: adding one, changing, testing, removing it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from assistants.errors import ApiError, Invalid
from assistants.models import ModelProvider, Role
from assistants.models.provider import UPSTREAM
from assistants.operations import connections, providers, trial, upstream_trial, upstreams
from assistants.operations.providers import Provider
from playground import access
from playground.forms.provider import EXAMPLES, ProviderForm
from playground.service_words import refusal


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: access.Request) -> HttpResponse:
    """The form, empty or with one of the examples in it; testing it, and connecting."""
    access.project(request, Role.OWNER)
    if request.method != "POST":
        return _page(request, ProviderForm(example=request.GET.get("like", "")))
    return _sent(request, None)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: access.Request, provider_id: str) -> HttpResponse:
    """The form of a provider; its key is never in it."""
    row = access.provider(request, provider_id)
    if request.method != "POST":
        return _page(request, ProviderForm(provider=row))
    return _sent(request, row)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: access.Request, provider_id: str) -> HttpResponse:
    """Ask, then forget the provider and its key."""
    row = access.provider(request, provider_id)
    back = f"{reverse('settings')}#models"
    if request.method == "POST":
        connections.disconnect(row)
        messages.success(
            request, _("{name} was removed, and its key with it.").format(name=row.label)
        )
        return redirect(back)
    context = {
        "title": _("Remove {name}?").format(name=row.label),
        "text": _(
            "Its key is deleted. Assistants that use its models cannot answer until they have "
            "another model."
        )
        if row.kind != UPSTREAM
        else _(
            "Its key is deleted, and its assistants are not shown here any more. There they stay, "
            "and the threads here too."
        ),
        "action": reverse("provider-remove", args=[row.id]),
        "label": _("Remove provider"),
        "back": back,
        "section": "settings",
    }
    return render(request, "_confirm.html" if request.htmx else "confirm.html", context)


def _sent(request: access.Request, row: ModelProvider | None) -> HttpResponse:
    project = access.project(request)
    form = ProviderForm(request.POST, provider=row)
    if request.POST.get("action") == "kind":
        # Another kind has other fields. What is not filled in yet is not wrong yet.
        form.forgive()
        return _page(request, form)
    report = None
    if form.is_valid():
        try:
            if request.POST.get("action") != "test":
                return _kept(request, form, row)
            tried = connections.tried(project, form.connection(), row)
            report = _tried(tried, request.POST.get("try_model", "").strip()[:256])
        except Invalid as error:
            form.add_error(error.param if error.param in form.fields else None, refusal(error))
    if not request.htmx:
        # Another page, on which the field is empty; a part of one leaves it as it is.
        form.ask_for_the_key_again()
    return _page(request, form, report, status=200 if report else 422)


def _tried(provider: Provider, model: str) -> trial.Report:
    if provider.kind == UPSTREAM:
        return upstream_trial.run(provider)
    return trial.run(provider, model)


def _kept(request: access.Request, form: ProviderForm, row: ModelProvider | None) -> HttpResponse:
    given = form.connection()
    if row:
        connections.change(row, given)
    else:
        row = connections.connect(access.project(request), given)
    if given.kind == UPSTREAM:
        _take_over(request, row)
    else:
        said = _("{name} is connected. Its models can be chosen now.").format(name=given.label)
        messages.success(request, said)
    return redirect(f"{reverse('settings')}#models")


def _take_over(request: access.Request, row: ModelProvider) -> None:
    """Have the server's assistants here, and say what came of it."""
    try:
        taken = upstreams.take_over(row)
    except ApiError as error:
        said = _("{name} is kept, but its assistants were not read. {reason}")
        messages.warning(request, said.format(name=row.label, reason=refusal(error)))
        return
    said = ngettext(
        "{name} is connected. It has {n} assistant, which can be chosen now.",
        "{name} is connected. It has {n} assistants, which can be chosen now.",
        taken.known,
    )
    messages.success(request, said.format(name=row.label, n=taken.known))


def _page(
    request: access.Request,
    form: ProviderForm,
    report: trial.Report | None = None,
    status: int = 200,
) -> HttpResponse:
    row = form.provider
    context = {
        "section": "settings",
        "form": form,
        "provider": row,
        "has_key": bool(row and row.sealed_key),
        "key_is_lost": bool(row and connections.key_is_lost(row)),
        "report": report,
        "examples": EXAMPLES,
        "like": request.GET.get("like", ""),
        "azure_version": providers.AZURE_VERSION,
        "tried_model": request.POST.get("try_model", ""),
    }
    template = "settings/_provider.html" if request.htmx else "settings/provider.html"
    return render(request, template, context, status=status)
