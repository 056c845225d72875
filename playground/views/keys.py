"""API keys and budgets: making a key, what it may do and has used, revoking it; how many tokens the
project may use.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods

from assistants.errors import Invalid
from assistants.models import ApiKey, Project, Role, TokenUse
from assistants.operations import budgets, prices, projects
from playground import access, budget_words, usage
from playground.service_words import refusal

SCOPES: Final = {
    "all": gettext_noop("Everything"),
    "read": gettext_noop("Reading only"),
    "runs": gettext_noop("Runs only"),
}
"""What a key may do, as people choose it."""
LIVES: Final = (30, 90, 365)
"""Days after which a new key can be made to expire."""
DAYS_SHOWN: Final = 31


@dataclass(frozen=True)
class Row:
    """A key in the list, with what its runs have used."""

    key: ApiKey
    scope: str
    today: usage.Total
    month: usage.Total


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: access.Request) -> HttpResponse:
    """Make an API key and show its secret, this once."""
    from playground.views import settings

    if request.method != "POST":
        # The page that shows the secret was opened again from its address.
        return redirect(_section("keys"))
    project = access.project(request, Role.OWNER)
    try:
        key, secret = projects.create_api_key(
            project,
            request.POST.get("name", ""),
            request.POST.get("scope", "all"),
            _days(request.POST.get("expires_days", "")),
        )
    except Invalid as error:
        return settings.page(request, {"key_error": refusal(error)}, status=422)
    response = settings.page(request, {"made": key, "secret": secret})
    response["Cache-Control"] = "no-store"
    return response


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: access.Request, key_id: str) -> HttpResponse:
    """What a key may do, its budgets, and what its runs have used day by day."""
    key = access.api_key(request, key_id)
    error = ""
    if request.method == "POST":
        try:
            projects.change_api_key(key, request.POST.get("scope", ""), *_limits(request))
        except Invalid as problem:
            error = refusal(problem)
        else:
            messages.success(request, _("Saved. It holds from the next request on."))
            return redirect("key", key.id)
    since = min(budgets.today() - timedelta(days=DAYS_SHOWN - 1), budgets.beginning("month"))
    uses = TokenUse.objects.in_project(key.project_id).filter(key_id=key.id)
    context = {
        "section": "settings",
        "key": key,
        "scope": _(SCOPES[key.scope]),
        "scopes": _scopes(),
        "meters": budget_words.meters(key.project_id, budgets.of_key(key)),
        "days": usage.by_day(uses.since(since), key.project),
        "error": error,
    }
    return render(request, "settings/key.html", context, status=422 if error else 200)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: access.Request, key_id: str) -> HttpResponse:
    """Ask, then revoke."""
    key = access.api_key(request, key_id)
    if request.method == "POST":
        projects.revoke_api_key(key)
        messages.success(
            request, _("The key “{name}” opens nothing any more.").format(name=key.name)
        )
        return redirect(_section("keys"))
    context = {
        "title": _("Revoke “{name}”?").format(name=key.name),
        "text": _("Programs that use this key are refused from then on. This cannot be undone."),
        "action": reverse("key-revoke", args=[key.id]),
        "label": _("Revoke key"),
        "back": _section("keys"),
        "section": "settings",
    }
    return render(request, "_confirm.html" if request.htmx else "confirm.html", context)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def set_budget(request: access.Request) -> HttpResponse:
    """Say how many tokens the project's runs may use."""
    from playground.views import settings

    project = access.project(request, Role.OWNER)
    if request.method != "POST":
        # The page that shows what was wrong was opened again from its address.
        return redirect(_section("budget"))
    try:
        budgets.set_of_project(project, *_limits(request))
    except Invalid as error:
        return settings.page(request, {"budget_error": refusal(error)}, status=422)
    messages.success(request, _("The budget holds from the next run on."))
    return redirect(_section("budget"))


def context(project: Project) -> dict[str, Any]:
    """What the sections of the settings page show."""
    price_of = prices.at_once(project)
    return {
        "meters": budget_words.meters(project.pk, budgets.of_project(project)),
        "used": usage.total_of(_uses(project, budgets.beginning("month")), price_of),
        "project": project,
        "keys": _rows(project, price_of),
        "scopes": _scopes(),
        "lives": LIVES,
    }


def _rows(project: Project, price_of: prices.PriceOf) -> list[Row]:
    keys = ApiKey.objects.filter(project=project, revoked_at=None).newest_first()
    today, month = (
        _by_key(project, price_of, budgets.beginning(period)) for period in ("day", "month")
    )
    return [Row(key, _(SCOPES[key.scope]), today[key.id], month[key.id]) for key in keys]


def _by_key(
    project: Project, price_of: prices.PriceOf, since: date
) -> defaultdict[str, usage.Total]:
    uses: defaultdict[str, list[TokenUse]] = defaultdict(list)
    for use in _uses(project, since):
        uses[use.key_id].append(use)
    found = {key_id: usage.total_of(of_key, price_of) for key_id, of_key in uses.items()}
    return defaultdict(lambda: usage.total_of((), price_of), found)


def _uses(project: Project, since: date) -> Iterable[TokenUse]:
    return TokenUse.objects.in_project(project.pk).since(since)


def _scopes() -> list[tuple[str, str]]:
    return [(scope, _(text)) for scope, text in SCOPES.items()]


def _limits(request: access.Request) -> tuple[int | None, int | None]:
    """Tokens a day and a month: nothing for no limit, and below zero for what is no number."""

    def limit(name: str) -> int | None:
        given = request.POST.get(name, "").strip()
        if not given:
            return None
        return int(given) if given.isascii() and given.isdigit() and len(given) < 18 else -1

    return limit("day_tokens"), limit("month_tokens")


def _section(name: str) -> str:
    return f"{reverse('settings')}#{name}"


def _days(given: str) -> int | None:
    """After how many days a key is to expire; None for never. What is no number of days is no day
    at all, which is refused.
    """
    if not given:
        return None
    return int(given) if given.isdecimal() and len(given) < 9 else 0
