"""A thread as it is read by a share link: the page, its stream, its files and passages, and a copy
of it for somebody's own project.
"""

import re
from functools import partial
from typing import Final

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import check_for_language, get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants.errors import ApiError, RateLimited
from assistants.models import File, Membership, Role
from assistants.operations import shared_part, shares, source_text
from playground import access, fragments, scopes, shared_access, throttle, transcript
from playground.readers import Reader
from playground.rendering.files import image_type
from playground.service_words import refusal
from playground.shared_access import SharedRequest, shared_page
from playground.streaming import ThreadStream
from playground.views import files
from playground.views.preferences import THEMES, remember_theme

PLACE: Final = re.compile("[0-9]{1,9}")
AROUND: Final = 1_000
"""Characters that are shown before and after a passage that is cited."""


@shared_page
@require_safe
def show(request: SharedRequest) -> HttpResponse:
    """The page: what its owner sees of the messages, and nothing else of the studio."""
    share, scope = request.share, request.scope_of
    before = share.messages().filter(pk=request.GET.get("before", "")).first()
    if not before and request.method == "GET" and str(request.user.pk) != scope.sharer_id:
        shares.note_opened(share)
    with scopes.showing(scope):
        read = transcript.read(share.thread, before, share)
        context = {
            "share": share,
            "scope": scope,
            "title": share.shown_title,
            "transcript": read,
            "items": fragments.items(read.items),
            "earlier_address": f"{request.path}/earlier",
            "stream_address": f"{request.path}/stream",
            "follows": share.is_live and not read.has_later,
            "language": get_language(),
        }
        return render(request, "shared/show.html", context)


@shared_access.shared
@require_safe
def earlier(request: SharedRequest) -> HttpResponse:
    """The messages before those that are shown, for the script; the page has them under
    ``?before=``.
    """
    share = request.share
    before = share.messages().filter(pk=request.GET.get("before", "")).first()
    if before is None:
        raise Http404("There is no such message.")
    with scopes.showing(request.scope_of):
        read = transcript.read(share.thread, before, share)
        context = {
            "transcript": read,
            "items": fragments.items(read.items),
            "earlier_address": request.path,
        }
        return render(request, "threads/_earlier_page.html", context)


@shared_access.shared
@require_safe
def events(request: SharedRequest) -> HttpResponse:
    """What happens on the thread, for as long as the link is usable and live."""
    share = request.share
    if not share.is_live:
        raise Http404("This link shows a moment.")
    after = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    reader = Reader.of(request, request.scope_of)
    allowed = partial(shared_access.may_still_open, share.id, request.user.pk or 0)
    return ThreadStream.of(request, share.thread, after, reader, allowed)


@shared_access.shared
@require_safe
def file(request: SharedRequest, file_id: str) -> HttpResponseBase:
    """A file that stands in what is shown: images of messages, and others if files are shared."""
    found = _shown(request, file_id)
    if found is None:
        raise Http404("There is no such file.")
    return files.sent(found)


@shared_access.shared
@require_safe
def large(request: SharedRequest, file_id: str) -> HttpResponse:
    """An image that is shown, with all the room there is, for the dialog."""
    found = _shown(request, file_id)
    if found is None or image_type(found.filename) is None:
        raise Http404("There is no such image.")
    with scopes.showing(request.scope_of):
        return render(request, "files/_large.html", {"file": found})


def _shown(request: SharedRequest, file_id: str) -> File | None:
    """The file, if the part that is shown has it. Whether the project has another is not looked at:
    not even a clock is to tell.
    """
    share = request.share
    is_image_of_it = shared_part.image(share, file_id)
    is_saved = not is_image_of_it and shared_part.saved(share, file_id)
    is_attached = share.shows_files and shared_part.attached(share, file_id)
    if not (is_image_of_it or is_saved or is_attached):
        return None
    found = File.objects.filter(project=share.project_id, pk=file_id).first()
    # Code saves images that a message then shows by its path.
    if found and not (is_image_of_it or share.shows_files):
        return found if image_type(found.filename) is not None else None
    return found


@shared_access.shared
@require_safe
def passage(request: SharedRequest, file_id: str) -> HttpResponse:
    """A passage that a message cites, and a little of what stands around it in its file."""
    share = request.share
    given = [request.GET.get(name, "") for name in ("start", "end")]
    if not share.shows_files or not all(map(PLACE.fullmatch, given)):
        raise Http404("There is no such passage.")
    start, end = map(int, given)
    cited = shared_part.cites(share, file_id, start, end)
    found = File.objects.filter(project=share.project_id, pk=file_id).first() if cited else None
    if found is None:
        raise Http404("There is no such passage.")
    before = min(start, AROUND)
    shown = before + (end - start) + AROUND
    source = source_text.read(found, start, end, before=before, shown=shown)
    context = {
        "file": found,
        "source": source,
        "marked_page": files.marked_page(source),
        "scope": request.scope_of,
    }
    return render(request, "shared/passage.html", context)


@csrf_exempt
@require_POST
def password(request: HttpRequest, token: str) -> HttpResponseBase:
    """Take the link's password, and let the reader in.

    Browsers send no origin from pages without a referrer, so it cannot be checked from where the
    form came; nothing is done here but what whoever has the password may do.
    """
    share = shared_access.find(token)
    if not share.is_usable:
        return shared_access.protected(request, token, shared_access.gone(request))
    if not shared_access.may_open(request, share):
        return shared_access.protected(request, token, shared_access.none(request))
    error, status = _("That is not the password."), 403
    try:
        right = shares.unlock(
            share, request.POST.get("password", ""), throttle.counted_at(request) or ""
        )
    except RateLimited as refused:
        right, error, status = False, refusal(refused), 429
    response: HttpResponse
    if right:
        response = redirect("shared", token)
        shared_access.unlock(response, share, token)
    else:
        context = {"token": token, "error": error}
        response = render(request, "shared/password.html", context, status=status)
    return shared_access.protected(request, token, response)


@csrf_exempt
@require_POST
def preferences(request: HttpRequest, token: str) -> HttpResponseBase:
    """The theme and the language of whoever reads, kept in their browser. See ``password`` for why
    it is not asked from where the form came.
    """
    share = shared_access.find(token)
    if not share.is_usable:
        return shared_access.protected(request, token, shared_access.gone(request))
    if not shared_access.may_open(request, share):
        return shared_access.protected(request, token, shared_access.none(request))
    response: HttpResponse = redirect("shared", token)
    if (theme := request.POST.get("theme")) is not None:
        remember_theme(response, theme if theme in THEMES else "")
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES) and check_for_language(language):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
            samesite="Lax",
        )
    return shared_access.protected(request, token, response)


@shared_access.beside
@require_http_methods(["GET", "HEAD", "POST"])
def copy(request: access.Request, token: str) -> HttpResponseBase:
    """Ask into which of the person's projects, then go on there in a copy.

    A page of the studio, not of the link: what is done here is done with the person's own rights.
    """
    share = shared_access.find(token)
    if not shared_access.may_open(request, share):
        raise Http404("There is no such link.")
    if not shared_access.is_unlocked(request, share):
        return redirect("shared", token)
    if not share.may_copy:
        raise Http404("This link is to be read only.")
    mine = [one for one in access.memberships(request) if one.may(Role.EDITOR)]
    if request.method == "POST":
        target = _chosen(mine, request.POST.get("project", ""))
        try:
            thread = shared_part.copy(share, target.project)
        except ApiError as problem:
            messages.error(request, refusal(problem))
        else:
            access.choose(request, target.project_id)
            return redirect("thread", thread.id)
    current = access.membership(request)
    context = {
        "token": token,
        "title": share.shown_title,
        "sharer": share.sharer,
        "memberships": mine,
        "current": current,
        "files": share.shows_files,
        "section": "threads",
    }
    return render(request, "shared/copy.html", context)


def _chosen(mine: list[Membership], project_id: str) -> Membership:
    """
    :raises Http404: they may not write in such a project
    """
    found = next((one for one in mine if one.project_id == project_id), None)
    if found is None:
        raise Http404("There is no such project.")
    return found
