"""A person's own account: their name, their password, where they are signed in, their projects."""

from functools import partial

from django.contrib import auth, messages
from django.forms.utils import ErrorList
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from assistants import refusals
from assistants.operations import people
from playground import access, sessions, throttle
from playground.forms.people import AccountForm, FirstPasswordForm, NewPasswordForm
from playground.service_words import refusal


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: access.Request) -> HttpResponse:
    """The page, and changing the name."""
    if request.method != "POST":
        return _page(request)
    form = AccountForm(request.POST)
    if not form.is_valid():
        return _page(request, name=form, status=422)
    people.change_name(request.user, form.cleaned_data["name"])
    messages.success(request, _("Your name was changed."))
    return redirect("account")


@sensitive_post_parameters()
@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: access.Request) -> HttpResponse:
    """Another password, or a first one. All other browsers are signed out by it."""
    if request.method != "POST":
        return redirect(f"{reverse('account')}#password")
    form = _password_form(request)
    valid = form.is_valid()
    if seconds := throttle.closed_for(request):
        refused = refusal(refusals.TOO_MANY_ATTEMPTS(seconds=seconds))
        form.errors["old_password"] = ErrorList([refused])
        page = _page(request, password=form, status=429)
        page["Retry-After"] = str(seconds)
        return page
    if not valid:
        return _page(request, password=form, status=422)
    people.set_password(request.user, form.cleaned_data["new_password1"])
    auth.update_session_auth_hash(request, request.user)
    sessions.end_all(request.user, but=request.session.session_key)
    messages.success(request, _("Your password was changed. All other browsers are signed out."))
    return redirect("account")


@access.signed_in
@require_POST
def end_session(request: access.Request) -> HttpResponse:
    """Sign out of one other browser."""
    sessions.end(request.user, request.POST.get("session", ""))
    messages.success(request, _("That browser is signed out."))
    return redirect(f"{reverse('account')}#sessions")


@access.signed_in
@require_POST
def end_sessions(request: access.Request) -> HttpResponse:
    """Sign out everywhere, here too."""
    sessions.end_all(request.user)
    people.note_sign_out_everywhere(request.user)
    auth.logout(request)
    return redirect("login")


def _password_form(request: access.Request) -> FirstPasswordForm | NewPasswordForm:
    given = request.POST if request.method == "POST" and "new_password1" in request.POST else None
    if request.user.has_usable_password():
        is_right = partial(throttle.is_password, request)
        return NewPasswordForm(request.user, given, is_right=is_right)
    return FirstPasswordForm(request.user, given)


def _page(
    request: access.Request,
    *,
    name: AccountForm | None = None,
    password: FirstPasswordForm | NewPasswordForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "section": "account",
        "name_form": name or AccountForm({"name": request.user.get_full_name()}),
        "password_form": password or _password_form(request),
        "has_password": request.user.has_usable_password(),
        "sessions": sessions.of(request, request.user),
    }
    return render(request, "account/show.html", context, status=status)
