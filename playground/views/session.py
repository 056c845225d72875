"""Signing in with the link that the server prints, and signing out."""

from urllib.parse import parse_qs, urlsplit

from django.contrib import auth
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from assistants.models import Role
from assistants.operations import projects
from playground import login as login_token

OWNER = "owner"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """Sign in whoever brings the token, as a link or typed in; without one, say where it is.

    HEAD, which programs send to look at a link before a person opens it, uses nothing up.
    """
    given = request.POST.get("token") or request.GET.get("token") or ""
    if request.method == "HEAD":
        given = ""
    target = request.POST.get("next") or request.GET.get("next") or "/"
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure()):
        target = "/"
    if given and login_token.consume(_token_in(given)):
        auth.login(request, owner(), backend="django.contrib.auth.backends.ModelBackend")
        return redirect(target)
    if request.user.is_authenticated:
        # The link was opened a second time; who is in already need not know.
        return redirect(target)
    context = {"next": target, "refused": bool(given)}
    return render(request, "login.html", context, status=403 if given else 200)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """Sign out."""
    auth.logout(request)
    return redirect("login")


@transaction.atomic
def owner() -> User:
    """The local owner: a user without a password, and a member of the default project."""
    user, made = User.objects.get_or_create(username=OWNER)
    if made:
        user.set_unusable_password()
        user.save()
    projects.add_member(projects.ensure_default_project(), user.pk, Role.OWNER)
    return user


def _token_in(given: str) -> str:
    """The token, also when the whole link was pasted."""
    given = given.strip()
    return parse_qs(urlsplit(given).query).get("token", [given])[0]
