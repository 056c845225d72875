"""Who may see and change what: the first line of every view.

A person works in the project that they are a member of. Whatever belongs to another project does
not exist for them: the answer is 404, never 403, so that ids cannot be probed.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.contrib.sessions.backends.base import SessionBase
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from assistants.errors import Invalid, NotFound
from assistants.models import (
    ApiKey,
    Assistant,
    File,
    ModelProvider,
    Project,
    Run,
    Thread,
    VectorStore,
)
from assistants.models.base import ApiObject, ObjectQuerySet

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)
M = TypeVar("M", bound=ApiObject)


class Request(HttpRequest):
    """A request of a person who is signed in."""

    user: User
    htmx: HtmxDetails


def signed_in(
    view: Callable[Concatenate[Request, P], R],
) -> Callable[Concatenate[HttpRequest, P], R | HttpResponse]:
    """Lets in who is signed in; sends others to the sign-in page, the whole page even when a part
    of one was asked for.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> R | HttpResponse:
        if request.user.is_authenticated:
            return view(cast("Request", request), *args, **kwargs)
        htmx: HtmxDetails = getattr(request, "htmx")  # noqa: B009  (the middleware's)
        if htmx:
            back = redirect_to_login(htmx.current_url_abs_path or "/")
            return HttpResponseClientRedirect(back.url)
        return redirect_to_login(request.get_full_path())

    return guarded


def project(request: Request) -> Project:
    """
    :raises Http404: the person is a member of no project
    """
    found = Project.objects.of_member(request.user.pk).oldest_first().first()
    if found is None:
        raise Http404("You are not a member of any project.")
    return found


def assistant(request: Request, assistant_id: str) -> Assistant:
    """
    :raises Http404: the person's project has no such assistant
    """
    return _fetch(Assistant.objects.in_project(project(request)), assistant_id)


def provider(request: Request, provider_id: str) -> ModelProvider:
    """
    :raises Http404: the person's project has connected no such provider
    """
    return _fetch(ModelProvider.objects.in_project(project(request)), provider_id)


def thread(request: Request, thread_id: str) -> Thread:
    """
    :raises Http404: the person's project has no such thread
    """
    return _fetch(Thread.objects.in_project(project(request)), thread_id)


def run(request: Request, thread_id: str, run_id: str) -> Run:
    """
    :raises Http404: the person's project has no such thread, or the thread no such run
    """
    return _fetch(Run.objects.filter(thread=thread(request, thread_id)), run_id)


def file(request: Request, file_id: str) -> File:
    """
    :raises Http404: the person's project has no such file
    """
    return _fetch(File.objects.in_project(project(request)), file_id)


def vector_store(request: Request, vector_store_id: str) -> VectorStore:
    """
    :raises Http404: the person's project has no such vector store
    """
    return _fetch(VectorStore.objects.in_project(project(request)), vector_store_id)


def api_key(request: Request, key_id: str) -> ApiKey:
    """
    :raises Http404: the person's project has no such key
    """
    return _fetch(ApiKey.objects.filter(project=project(request)), key_id)


def may_still_read(
    sessions: type[SessionBase], session_key: str, user_id: int, project_id: str
) -> bool:
    """Whether who was let in before is still signed in, and a member of the project."""
    members = User.objects.filter(pk=user_id, is_active=True, projects=project_id)
    return sessions().exists(session_key) and members.exists()


def _fetch(known: ObjectQuerySet[M], object_id: str) -> M:
    try:
        return known.fetch(object_id)
    except (NotFound, Invalid) as error:
        raise Http404(error.message) from error
