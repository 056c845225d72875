"""Projects: making one, choosing one, its page, deleting and leaving it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from assistants.errors import Invalid
from assistants.models import Invitation, Membership, Project, Role
from assistants.operations import members, projects, shares
from playground import access
from playground.forms.people import InviteForm
from playground.service_words import refusal


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: access.Request) -> HttpResponse:
    """Ask for a name, and make a project of it. Whoever owns one can make another."""
    if not any(one.may(Role.OWNER) for one in access.memberships(request)):
        # Says who can, or what to do for who is in none.
        access.project(request, Role.OWNER)
    error = ""
    if request.method == "POST":
        try:
            made = projects.create(request.POST.get("name", ""), request.user.pk)
        except Invalid as problem:
            error = refusal(problem)
        else:
            request.session[access.CHOSEN] = made.id
            messages.success(request, _("“{name}” is ready.").format(name=made.name))
            return redirect("project", made.id)
    context = {"section": "account", "name": request.POST.get("name", ""), "error": error}
    return render(request, "projects/new.html", context, status=422 if error else 200)


@access.signed_in
@require_POST
def choose(request: access.Request) -> HttpResponse:
    """From now on work in another project."""
    access.choose(request, request.POST.get("project_id", ""))
    return redirect("home")


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: access.Request, project_id: str) -> HttpResponse:
    """Who is in the project, who was invited, and changing its name."""
    if request.method != "POST":
        return page(request, access.named_project(request, project_id))
    project = access.named_project(request, project_id, Role.OWNER)
    try:
        projects.rename(project, request.POST.get("name", ""))
    except Invalid as problem:
        return page(request, project, name_error=refusal(problem), status=422)
    messages.success(request, _("The project is called “{name}” now.").format(name=project.name))
    return redirect("project", project.id)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: access.Request, project_id: str) -> HttpResponse:
    """Ask for the name, then delete with everything in it."""
    project = access.named_project(request, project_id, Role.OWNER)
    error = ""
    if request.method == "POST":
        if request.POST.get("name", "").strip() != project.name.strip():
            error = _("This is not the project's name.")
        else:
            name = project.name
            try:
                projects.delete(project)
            except Invalid as problem:
                error = refusal(problem)
            else:
                request.session.pop(access.CHOSEN, None)
                messages.success(request, _("“{name}” was deleted.").format(name=name))
                return redirect("account")
    context = {
        "section": "members",
        "project": project,
        "error": error,
        "name": request.POST.get("name", ""),
        "stays": _why_it_stays(project),
    }
    return render(request, "projects/delete.html", context, status=422 if error else 200)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: access.Request, project_id: str) -> HttpResponse:
    """Ask, then leave."""
    member = access.own_membership(request, project_id)
    name = member.project.name
    if request.method == "POST":
        try:
            members.remove(member)
        except Invalid as problem:
            messages.error(request, refusal(problem))
            return redirect("project", project_id)
        request.session.pop(access.CHOSEN, None)
        messages.success(request, _("You have left “{name}”.").format(name=name))
        return redirect("account")
    request.membership = member
    context = {
        "title": _("Leave “{name}”?").format(name=name),
        "text": _("You see nothing of it from then on. What you have made there stays."),
        "more": what_goes(member),
        "action": reverse("project-leave", args=[project_id]),
        "label": _("Leave"),
        "back": reverse("project", args=[project_id]),
        "section": "members",
    }
    return render(request, "_confirm.html" if request.htmx else "confirm.html", context)


def what_goes(member: Membership) -> str:
    """What is to be known before the member goes: that their share links and API keys go too; ""
    if there are none.
    """
    links = len(shares.usable_by(member.project_id, member.user_id))
    of_links = ngettext(
        "{n} share link by {name} is revoked with that.",
        "{n} share links by {name} are revoked with that.",
        links,
    )
    keys = keys_of(member)
    of_keys = ngettext(
        "{n} API key by {name} is revoked with that.",
        "{n} API keys by {name} are revoked with that.",
        keys,
    )
    name = access.name_of(member.user)
    both = ((links, of_links), (keys, of_keys))
    return " ".join(said.format(n=count, name=name) for count, said in both if count)


def keys_of(member: Membership) -> int:
    """How many API keys by the member still open something."""
    return len(projects.usable_keys_by(member.project_id, member.user_id))


def page(
    request: access.Request,
    project: Project,
    *,
    invite: InviteForm | None = None,
    invited: Invitation | None = None,
    link: str = "",
    name_error: str = "",
    status: int = 200,
) -> HttpResponse:
    """The page of a project.

    :param invited: an invitation that has just been made; ``link`` is shown this once
    """
    found = project.memberships.select_related("user").order_by("created_at", "pk")
    pending = Invitation.objects.pending().filter(project=project).select_related("invited_by")
    context = {
        "section": "members",
        "project": project,
        "members": found,
        "roles": Role.choices,
        "invite": invite or InviteForm(),
        "invitations": pending.newest_first(),
        "invited": invited,
        "link": link,
        "name": request.POST.get("name", "") if name_error else project.name,
        "name_error": name_error,
        "stays": _why_it_stays(project),
    }
    response = render(request, "projects/show.html", context, status=status)
    if link:
        response["Cache-Control"] = "no-store"
    return response


def _why_it_stays(project: Project) -> str:
    """Why the project cannot be deleted; empty if it can."""
    try:
        projects.check_deletable(project)
    except Invalid as problem:
        return refusal(problem)
    return ""
