"""Share links as those see them who may share: the dialog of a thread, the list of a project."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants.errors import ApiError
from assistants.models import Membership, Role, Share, Thread
from assistants.operations import shares
from playground import access, paging
from playground.forms.share import ShareForm
from playground.service_words import refusal


@dataclass(frozen=True)
class Link:
    """A share link and its address; empty if SECRET_KEY is another one since.

    :ivar maker_left: who made it is no member of the project any more
    """

    share: Share
    address: str
    maker_left: bool

    @classmethod
    def all_of(cls, request: HttpRequest, found: Iterable[Share]) -> list["Link"]:
        rows = list(found)
        in_it = set(
            Membership.objects.filter(project__in={share.project_id for share in rows}).values_list(
                "project", "user"
            )
        )
        return [cls._of(request, share, in_it) for share in rows]

    @classmethod
    def _of(cls, request: HttpRequest, share: Share, in_it: set[tuple[str, int]]) -> "Link":
        token = shares.token_of(share)
        address = reverse("shared", args=[token]) if token else ""
        maker = share.maker_id
        left = maker is not None and (share.project_id, maker) not in in_it
        return cls(share, request.build_absolute_uri(address) if address else "", left)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def of_thread(request: access.Request, thread_id: str) -> HttpResponse:
    """The links of a thread, and the form that makes another."""
    thread = access.thread(request, thread_id)
    access.project(request, Role.EDITOR)
    form = ShareForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made, _token = shares.create(thread, form.options())
        except ApiError as problem:
            form.add_error(None, refusal(problem))
        else:
            if not request.htmx:
                return redirect("thread-shares", thread.id)
            return _dialog(request, thread, ShareForm(), made=made)
    return _dialog(request, thread, form)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: access.Request, share_id: str) -> HttpResponse:
    """Change what a link shows to whom."""
    share = access.share(request, share_id)
    form = ShareForm(request.POST or None, share=share)
    if request.method == "POST" and form.is_valid():
        try:
            shares.change(share, form.options())
        except ApiError as problem:
            form.add_error(None, refusal(problem))
        else:
            return _back(request, share.thread)
    return _dialog(request, share.thread, form, changed=share)


@access.signed_in
@require_POST
def revoke(request: access.Request, share_id: str) -> HttpResponse:
    """The link opens nothing from now on."""
    share = access.share(request, share_id)
    shares.revoke(share)
    if request.POST.get("from") == "list":
        messages.success(request, _("The link was revoked."))
        return redirect("shares")
    return _back(request, share.thread)


@access.signed_in
@require_safe
def index(request: access.Request) -> HttpResponse:
    """All links of the project, the newest first."""
    project = access.project(request, Role.EDITOR)
    found = Share.objects.filter(project=project).select_related("thread").newest_first()
    page = paging.page(request, found)
    context = {
        "section": "threads",
        "links": Link.all_of(request, page.rows),
        "more": page.more,
        "any_usable": found.usable().exists(),
    }
    return render(request, "shares/index.html", context)


@access.signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def revoke_all(request: access.Request) -> HttpResponse:
    """Ask, then revoke every link of the project."""
    project = access.project(request, Role.EDITOR)
    if request.method == "POST":
        count = shares.revoke_all(project)
        said = ngettext("{n} link was revoked.", "{n} links were revoked.", count)
        messages.success(request, said.format(n=count))
        return redirect("shares")
    context = {
        "title": _("Revoke all links?"),
        "text": _(
            "None of the links of this project opens anything then, and whoever reads by one is "
            "shut out at once. This cannot be undone."
        ),
        "action": reverse("shares-revoke"),
        "label": _("Revoke all"),
        "back": reverse("shares"),
        "section": "threads",
    }
    return render(request, "_confirm.html" if request.htmx else "confirm.html", context)


def _dialog(
    request: access.Request,
    thread: Thread,
    form: ShareForm,
    *,
    changed: Share | None = None,
    made: Share | None = None,
) -> HttpResponse:
    known = Share.objects.filter(thread=thread).usable().newest_first()
    context = {
        "thread": thread,
        "form": form,
        "changed": changed,
        "made": made,
        "links": Link.all_of(request, known) if changed is None else [],
        "section": "threads",
    }
    template = "shares/_dialog.html" if request.htmx else "shares/dialog.html"
    return render(request, template, context, status=422 if form.errors else 200)


def _back(request: access.Request, thread: Thread) -> HttpResponse:
    if request.htmx:
        return _dialog(request, thread, ShareForm())
    return redirect("thread-shares", thread.id)
