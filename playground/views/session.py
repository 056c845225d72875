"""Signing in: with a password, or with the link that the server prints; and signing out."""

from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from assistants.operations import members, people
from playground import throttle


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """Sign in whoever brings a password or the token, as a link or typed in.

    HEAD, which programs send to look at a link before a person opens it, uses nothing up.
    """
    token = request.POST.get("token") or request.GET.get("token") or ""
    username = request.POST.get("username", "")
    refused = ""
    if username:
        user = auth.authenticate(
            request, username=username, password=request.POST.get("password", "")
        )
        refused = "password"
    elif token and request.method != "HEAD":
        user = auth.authenticate(request, token=_token_in(token))
        refused = "token"
    else:
        user = None
    if user is not None:
        # The session gets another key, so that nobody knows it from before.
        auth.login(request, user)
        people.note_sign_in(user, "password" if refused == "password" else "link")
        return redirect(target(request))
    if request.user.is_authenticated:
        # The link was opened a second time; who is in already need not know.
        return redirect(target(request))
    if refused:
        name = username if refused == "password" else people.LOCAL_OWNER
        throttle.note(request, name, "password" if refused == "password" else "link")
    return page(request, refused=refused, status=403 if refused else 200)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """Sign out."""
    user_id = request.user.pk
    auth.logout(request)
    if user_id:
        members.ask_again(user_id)
    return redirect("login")


def page(
    request: HttpRequest,
    *,
    refused: str = "",
    why: str = "",
    wait_minutes: int = 0,
    status: int = 200,
) -> HttpResponse:
    """The sign-in page.

    :param refused: what was wrong: ``token``, ``password``, or ``why`` says it
    :param wait_minutes: how long it takes until it can be tried again
    """
    context = {
        "next": target(request),
        "shared": _shared(target(request)),
        "username": request.POST.get("username", ""),
        "refused": refused,
        "why": why,
        "wait_minutes": wait_minutes,
        "link_hours": settings.LOGIN_LINK_HOURS,
        "single_sign_on": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
    }
    return render(request, "login.html", context, status=status)


def target(request: HttpRequest) -> str:
    """The page of ours that the person wanted to go to."""
    asked = request.POST.get("next") or request.GET.get("next") or "/"
    if url_has_allowed_host_and_scheme(asked, {request.get_host()}, request.is_secure()):
        return asked
    return "/"


def _shared(address: str) -> str:
    """The address of the shared thread that is to be copied there; empty for other pages."""
    try:
        found = resolve(urlsplit(address).path)
    except Resolver404:
        return ""
    return reverse("shared", kwargs=found.kwargs) if found.url_name == "shared-copy" else ""


def _token_in(given: str) -> str:
    """The token, also when the whole link was pasted."""
    given = given.strip()
    return parse_qs(urlsplit(given).query).get("token", [given])[0]
