"""Who may see and change what: the first line of every view.

A person works in one of the projects that they are a member of: the one that their page
was shown for, else the one that they chose, else the oldest. An address that names an object
leads to the object's project, if they are a member of it. Whatever belongs to other projects does
not exist for them: the answer is 404, never 403, so that ids cannot be probed.

Whoever may only look is refused by 403 as soon as a request would change something: every view that
touches a project comes past ``_enter``.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from assistants import acting
from assistants.errors import Invalid, NotFound
from assistants.models import (
    ApiKey,
    Assistant,
    File,
    Invitation,
    Membership,
    ModelProvider,
    Project,
    Role,
    Run,
    Share,
    Thread,
    UpstreamImport,
    VectorStore,
)
from assistants.models.base import ObjectQuerySet

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)
M = TypeVar(
    "M",
    ApiKey,
    Assistant,
    File,
    ModelProvider,
    Share,
    Thread,
    UpstreamImport,
    VectorStore,
)

CHOSEN = "project"
"""In the session: the id of the project that the person works in."""
LOOKS = ("GET", "HEAD")


class NeedsRole(PermissionDenied):
    """What the request is for takes a role that the member does not have."""

    def __init__(self, needs: Role, entered: Membership) -> None:
        super().__init__()
        self.needs = needs
        self.membership = entered


class NoProject(Http404):
    """The person is a member of no project."""


class NoAssistant(Http404):
    """There is no such assistant, or not any more."""


class Request(HttpRequest):
    """A request of a person who is signed in.

    :ivar membership: in which project it is made, and what the person may do there; set by the
        first function of this module that the view calls
    :ivar form_project: the id of the project whose page a plain form was on; "" if it says nothing
    """

    user: User
    htmx: HtmxDetails
    membership: Membership
    form_project: str


def signed_in(
    view: Callable[Concatenate[Request, P], R],
) -> Callable[Concatenate[HttpRequest, P], R | HttpResponse]:
    """Lets in who is signed in; sends others to the sign-in page, the whole page even when a part
    of one was asked for.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> R | HttpResponse:
        if request.user.is_authenticated:
            acting.become(actor(request.user))
            asked = cast("Request", request)
            # What stands before the views has read the form already, or refused it.
            asked.form_project = request.POST.get("project", "") if request.method == "POST" else ""
            return view(asked, *args, **kwargs)
        htmx: HtmxDetails = getattr(request, "htmx")  # noqa: B009  (the middleware's)
        if htmx:
            back = redirect_to_login(htmx.current_url_abs_path or "/")
            return HttpResponseClientRedirect(back.url)
        return redirect_to_login(request.get_full_path())

    return guarded


def actor(user: User) -> acting.Actor:
    """The person as what they do is written down."""
    return acting.Actor("user", str(user.pk), name_of(user))


def name_of(user: User) -> str:
    """What others see of the person."""
    return user.get_full_name() or user.get_username()


def me(request: HttpRequest) -> str:
    """Whoever asks, as what they have written names them: see ``transcript.by``."""
    return f"user:{request.user.pk}"


def still_reads(request: Request, project_id: str) -> Callable[[], bool]:
    """Whether whoever asks may still read the project, to be called later, and do there what their
    page offers. It keeps no more of the request than it needs: a reader may stay for hours.
    """
    session = request.session
    return partial(
        may_still_read,
        type(session),
        session.session_key or "",
        request.user.pk or 0,
        project_id,
        Role(request.membership.role),
    )


def memberships(request: HttpRequest) -> list[Membership]:
    """The person's memberships with their projects, the oldest project first; none of a stranger's.
    Read once a request.
    """
    known: list[Membership] | None = getattr(request, "_memberships", None)
    if known is None:
        # Pages of what was refused early are shown before it is known who asks.
        user_id = getattr(getattr(request, "user", None), "pk", None)
        known = list(Membership.objects.of_user(user_id)) if user_id else []
        request._memberships = known  # type: ignore[attr-defined]
    return known


def membership(request: HttpRequest) -> Membership | None:
    """In which project the person works; None if they are a member of no project, or not of the one
    that their page was shown for.
    """
    entered: Membership | None = getattr(request, "membership", None)
    if entered is not None:
        return entered
    known = {one.project_id: one for one in memberships(request)}
    if shown_for := _shown_for(request):
        return known.get(shown_for)
    if len(known) > 1 and (chosen := request.session.get(CHOSEN)) in known:
        return known[chosen]
    return next(iter(known.values()), None)


def _shown_for(request: HttpRequest) -> str:
    """The id of the project that the page was shown for which asks now, if it says so. Whoever is
    no member of it any more works in no other instead: what they send would end up there.
    """
    return str(request.headers.get("X-Project") or getattr(request, "form_project", ""))


def project(request: Request, needs: Role = Role.VIEWER) -> Project:
    """The project that the person works in.

    :param needs: the role that what the view does takes, besides that only editors change something
    :raises Http404: the person is a member of no project
    :raises PermissionDenied: they may look only, or not do what takes this role
    """
    found = membership(request)
    if found is None:
        raise NoProject("You are not a member of any project.")
    return _enter(request, found, needs)


def named_project(request: Request, project_id: str, needs: Role = Role.VIEWER) -> Project:
    """The project with this id.

    :raises Http404: the person is no member of it
    :raises PermissionDenied: they may look only, or not do what takes this role
    """
    return _enter(request, own_membership(request, project_id), needs)


def own_membership(request: Request, project_id: str) -> Membership:
    """What the person is in the project with this id, for what all members may do.

    :raises Http404: they are no member of it
    """
    for one in memberships(request):
        if one.project_id == project_id:
            return one
    raise Http404("There is no such project.")


def member(request: Request, project_id: str, user_id: int) -> Membership:
    """Another member of a project that the person owns.

    :raises Http404: there is no such member, or no such project
    :raises PermissionDenied: they do not own it
    """
    members = named_project(request, project_id, Role.OWNER).memberships
    # A number that is larger than any id would be an error of the database.
    asked = members.filter(user=user_id) if user_id < 2**63 else members.none()
    found = asked.select_related("user", "project").first()
    if found is None:
        raise Http404("There is no such member.")
    return found


def invitation(request: Request, project_id: str, invitation_id: str) -> Invitation:
    """An invitation to a project that the person owns.

    :raises Http404: there is no such invitation, or no such project
    :raises PermissionDenied: they do not own it
    """
    project = named_project(request, project_id, Role.OWNER)
    found = Invitation.objects.filter(project=project, pk=invitation_id).first()
    if found is None:
        raise Http404("There is no such invitation.")
    return found


def owners(project: Project) -> list[User]:
    """Whom a member can ask for what takes an owner."""
    found = project.memberships.filter(role=Role.OWNER, user__is_active=True)
    return [one.user for one in found.select_related("user").order_by("created_at")]


def choose(request: Request, project_id: str) -> None:
    """From now on the person works in this project.

    :raises Http404: they are no member of it
    """
    request.session[CHOSEN] = own_membership(request, project_id).project_id


def assistant(request: Request, assistant_id: str) -> Assistant:
    """
    :raises NoAssistant: none of the person's projects has such an assistant
    """
    try:
        return _fetch(request, Assistant.objects.all(), assistant_id)
    except Http404 as error:
        raise NoAssistant(*error.args) from error


def provider(request: Request, provider_id: str) -> ModelProvider:
    """
    :raises Http404: none of the person's projects has such a provider
    :raises PermissionDenied: they do not own its project
    """
    return _fetch(request, ModelProvider.objects.all(), provider_id, Role.OWNER)


def upstream(request: Request, provider_id: str) -> ModelProvider:
    """
    :raises Http404: none of the person's projects has such a provider with assistants of its own
    """
    return _fetch(request, ModelProvider.objects.upstreams(), provider_id)


def upstream_import(request: Request, import_id: str) -> UpstreamImport:
    """
    :raises Http404: none of the person's projects has such an import
    """
    return _fetch(request, UpstreamImport.objects.all(), import_id)


def thread(request: Request, thread_id: str) -> Thread:
    """
    :raises Http404: none of the person's projects has such a thread
    """
    return _fetch(request, Thread.objects.all(), thread_id)


def run(request: Request, thread_id: str, run_id: str) -> Run:
    """
    :raises Http404: none of the person's projects has such a thread, or the thread no such run
    """
    of_thread = Run.objects.filter(thread=thread(request, thread_id))
    try:
        return of_thread.fetch(run_id)
    except (NotFound, Invalid) as error:
        raise Http404(error.message) from error


def file(request: Request, file_id: str) -> File:
    """
    :raises Http404: none of the person's projects has such a file
    """
    return _fetch(request, File.objects.all(), file_id)


def vector_store(request: Request, vector_store_id: str) -> VectorStore:
    """
    :raises Http404: none of the person's projects has such a vector store
    """
    return _fetch(request, VectorStore.objects.all(), vector_store_id)


def share(request: Request, share_id: str) -> Share:
    """
    :raises Http404: none of the person's projects has such a share link
    :raises PermissionDenied: they may look only
    """
    return _fetch(request, Share.objects.all(), share_id, Role.EDITOR)


def api_key(request: Request, key_id: str) -> ApiKey:
    """
    :raises Http404: none of the person's projects has such a key
    :raises PermissionDenied: they do not own its project
    """
    return _fetch(request, ApiKey.objects.all(), key_id, Role.OWNER)


def _enter(request: Request, entered: Membership, needs: Role = Role.VIEWER) -> Project:
    """
    :raises PermissionDenied: the member's role does not include what the request is for
    """
    if request.method not in LOOKS and needs is Role.VIEWER:
        needs = Role.EDITOR
    if not entered.may(needs):
        raise NeedsRole(needs, entered)
    request.membership = entered
    # A page was opened, not a part or a picture of one: the next page is of this project too.
    if (
        request.headers.get("Sec-Fetch-Dest") == "document"
        and len(memberships(request)) > 1
        and request.session.get(CHOSEN) != entered.project_id
    ):
        request.session[CHOSEN] = entered.project_id
    return entered.project


def may_still_read(
    sessions: type[SessionBase], session_key: str, user_id: int, project_id: str, role: Role
) -> bool:
    """Whether who was let in before is still signed in, under the password of now, and a member of
    the project with that role at least.
    """
    members = Membership.objects.filter(user=user_id, user__is_active=True, project=project_id)
    member = members.select_related("user").first()
    if member is None or not member.may(role):
        return False
    kept = str(sessions(session_key).get(HASH_SESSION_KEY, ""))
    return constant_time_compare(kept, member.user.get_session_auth_hash())


def _fetch(
    request: Request, known: ObjectQuerySet[M], object_id: str, needs: Role = Role.VIEWER
) -> M:
    """The object, if it is in one of the person's projects; that is where they work then, and what
    else the request names is looked for in the same project only.
    """
    within: Membership | None = getattr(request, "membership", None)
    entered = {one.project_id: one for one in ([within] if within else memberships(request))}
    try:
        found = known.filter(project__in=entered).fetch(object_id)
    except (NotFound, Invalid) as error:
        raise Http404(error.message) from error
    found.project = _enter(request, entered[found.project_id], needs)
    return found
