"""Who is in a project: inviting, roles, removing; and coming in by an invitation."""

from django.conf import settings
from django.contrib import auth, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from assistants import acting
from assistants.errors import Invalid
from assistants.models import Invitation, Role
from assistants.operations import members, people
from playground import access, words
from playground.forms.people import InviteForm, JoinForm, RoleForm
from playground.service_words import refusal
from playground.views import projects

PASSWORDS = "django.contrib.auth.backends.ModelBackend"


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: access.Request, project_id: str) -> HttpResponse:
    """Make an invitation, and show its link and the text of a letter, this once."""
    project = access.named_project(request, project_id, Role.OWNER)
    if request.method != "POST":
        # The page that shows the link was opened again from its address.
        return redirect(f"{reverse('project', args=[project_id])}#invitations")
    form = InviteForm(request.POST)
    if not form.is_valid():
        return projects.page(request, project, invite=form, status=422)
    given = form.cleaned_data
    made, secret = members.invite(
        project, Role(given["role"]), email=given["email"], name=given["name"]
    )
    link = request.build_absolute_uri(reverse("join", args=[made.id, secret]))
    return projects.page(request, project, invited=made, link=link)


@access.signed_in
@require_POST
def revoke(request: access.Request, project_id: str, invitation_id: str) -> HttpResponse:
    """Take an invitation back. Another can be made, so nothing is asked."""
    members.revoke(access.invitation(request, project_id, invitation_id))
    messages.success(request, _("The invitation lets nobody in any more."))
    return redirect(f"{reverse('project', args=[project_id])}#invitations")


@access.signed_in
@require_POST
def change_role(request: access.Request, project_id: str, user_id: int) -> HttpResponse:
    """Have a member do more, or less."""
    member = access.member(request, project_id, user_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        keys = projects.keys_of(member)
        try:
            members.change_role(member, role)
        except Invalid as problem:
            messages.error(request, refusal(problem))
        else:
            said = _("{name}: {role}.").format(
                name=access.name_of(member.user), role=words.word(role)
            )
            messages.success(request, said)
            if keys and not projects.keys_of(member):
                revoked = ngettext(
                    "{n} API key by {name} was revoked with that.",
                    "{n} API keys by {name} were revoked with that.",
                    keys,
                )
                messages.info(request, revoked.format(n=keys, name=access.name_of(member.user)))
    return redirect("project", project_id)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: access.Request, project_id: str, user_id: int) -> HttpResponse:
    """Ask, then remove a member."""
    member = access.member(request, project_id, user_id)
    name = access.name_of(member.user)
    if request.method == "POST":
        try:
            members.remove(member)
        except Invalid as problem:
            messages.error(request, refusal(problem))
        else:
            messages.success(request, _("{name} is no member any more.").format(name=name))
        return redirect("project", project_id)
    context = {
        "title": _("Remove {name}?").format(name=name),
        "text": _("They see nothing of the project from then on. What they have made stays."),
        "more": projects.what_goes(member),
        "action": reverse("member-remove", args=[project_id, user_id]),
        "label": _("Remove"),
        "back": reverse("project", args=[project_id]),
        "section": "members",
    }
    return render(request, "_confirm.html" if request.htmx else "confirm.html", context)


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, invitation_id: str, secret: str) -> HttpResponse:
    """Come in by an invitation: with a new account, or with the one that is signed in. Looking at
    the page uses nothing up.
    """
    invitation = Invitation.objects.filter(pk=invitation_id).select_related("project").first()
    if invitation is None or not invitation.has(secret):
        return _over(request, 404)
    if not invitation.is_pending:
        return _over(request, 410)
    user = request.user if request.user.is_authenticated else None
    form = None if user else JoinForm(request.POST or None, initial={"name": invitation.name})
    error = ""
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            if user is not None:
                acting.become(access.actor(user))
                members.accept(invitation, user.pk)
            elif form is not None:
                given = form.cleaned_data
                user = people.join(invitation, given["username"], given["password1"], given["name"])
                auth.login(request, user, backend=PASSWORDS)
                people.note_sign_in(user, "invitation")
        except Invalid as problem:
            error = refusal(problem)
        else:
            request.session[access.CHOSEN] = invitation.project_id
            said = _("Welcome to “{name}”.").format(name=invitation.project.name)
            messages.success(request, said)
            return redirect("threads")
    context = {
        "invitation": invitation,
        "form": form,
        "error": error,
        "single_sign_on": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
    }
    response = render(request, "join.html", context, status=422 if error or _wrong(form) else 200)
    response["X-Robots-Tag"] = "noindex"
    return response


def _wrong(form: JoinForm | None) -> bool:
    return bool(form and form.errors)


def _over(request: HttpRequest, status: int) -> HttpResponse:
    return render(request, "join_over.html", status=status)
