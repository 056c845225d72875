"""What a person prefers and the server must know before it writes the page: the theme."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST
from django_htmx.http import trigger_client_event

THEMES = ("light", "dark")
THEME_COOKIE = "theme"
YEAR = 365 * 24 * 3600


def theme_of(request: HttpRequest) -> str:
    """The theme that was chosen, or empty for that of the system."""
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember the theme in a cookie, so that the next page comes in it from its first byte on."""
    chosen = request.POST.get("theme", "")
    chosen = chosen if chosen in THEMES else ""
    if request.headers.get("HX-Request"):
        response = HttpResponse()
        trigger_client_event(response, "theme", {"theme": chosen})
    else:
        target = request.POST.get("next", "")
        safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
        response = redirect(target if safe else "/")
    remember_theme(response, chosen)
    return response


def remember_theme(response: HttpResponse, chosen: str) -> None:
    """Have the browser ask for the next page in this theme; in that of the system for none."""
    if chosen:
        secure = settings.SESSION_COOKIE_SECURE
        response.set_cookie(THEME_COOKIE, chosen, max_age=YEAR, samesite="Lax", secure=secure)
    else:
        response.delete_cookie(THEME_COOKIE)
