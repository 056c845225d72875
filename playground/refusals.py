"""Pages for what Django refuses without a word: an address that only takes forms, a name that this
server does not answer to, a request that cannot be read or is too large.
"""

from collections.abc import Callable, Mapping

from django.core.exceptions import DisallowedHost, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from assistants.errors import StorageAway
from assistants.refusals import TOO_LARGE
from playground import access
from playground.service_words import refusal


class NotAllowedMiddleware:
    """Gives a page to every 405 that has none. Its Allow header stays."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if response.status_code != 405 or not isinstance(response, HttpResponse):
            return response
        page = render(request, "405.html", status=405)
        page["Allow"] = response["Allow"]
        return page


class NullMiddleware:
    """Refuses null characters, which nobody types and PostgreSQL does not hold: a query that has
    one fails.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> None:
        """
        :raises SuspiciousOperation: the address or the form has one
        """
        given = [request.path_info]
        for _name, values in (*request.GET.lists(), *request.POST.lists()):
            given += values
        if any("\0" in text for text in given):
            raise SuspiciousOperation("a null character")


class StorageAwayMiddleware:
    """Gives a page to what a form cannot say by itself: the file storage fails."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, StorageAway):
            return None
        context = {"title": _("Files are out of reach"), "text": refusal(exception)}
        return _told(request, "503.html", exception.status, context)


class TooLargeMiddleware:
    """Gives a page to a form that is larger than any of ours."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        limit = getattr(request, "scope", {}).get(TOO_LARGE)
        if limit is None:
            return self._get_response(request)
        return render(request, "413.html", {"limit": limit}, status=413)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page for a 403: which role it takes, and who can give it."""
    context: dict[str, object] = {}
    if isinstance(exception, access.NeedsRole):
        context = {
            "needs": exception.needs,
            "member": exception.membership,
            "owners": access.owners(exception.membership.project),
        }
    return _told(request, "403.html", 403, {"title": _("This was refused"), **context})


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page for a 404; for who is in no project yet, what to do about that."""
    if isinstance(exception, access.NoAssistant):
        return _without_assistant(request)
    template = "no_project.html" if isinstance(exception, access.NoProject) else "404.html"
    text = _("What you asked for has been deleted, or you may not see it any more.")
    return _told(request, template, 404, {"title": _("There is nothing here"), "text": text})


def _without_assistant(request: HttpRequest) -> HttpResponse:
    """The same for an assistant, which may have been deleted in another tab while its thread is
    open. The composer's script is told as it is of what else a thread refuses; it asks for no part
    of the page.
    """
    text = _(
        "The assistant has been deleted, or you may not see it any more. Choose another one, then "
        "try again."
    )
    headers = request.headers
    if headers.get("HX-Request") and "assistant_id" in request.POST and "HX-Target" not in headers:
        return HttpResponse(text, status=422, content_type="text/plain; charset=utf-8")
    context = {"title": _("This assistant is not there any more"), "text": text, "why": text}
    return _told(request, "404.html", 404, context)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page for a form without the token of this browser."""
    text = _(
        "You have signed in again since this page was opened, or the browser sends no cookies. "
        "Go back, reload the page and try again; what you wrote is still there."
    )
    context = {"title": _("The form was too old"), "text": text}
    return _told(request, "403_csrf.html", 403, context)


def _told(
    request: HttpRequest, template: str, status: int, context: Mapping[str, object]
) -> HttpResponse:
    """The page, or a dialog on the page that asked for a part of one. What a page asks for by
    itself, now and then, is refused in silence.
    """
    if not request.headers.get("HX-Request"):
        return render(request, template, dict(context), status=status)
    pressed = request.method not in access.LOOKS or request.headers.get("HX-Target") == "dialog"
    if not pressed:
        return HttpResponse(status=status, headers={"HX-Reswap": "none"})
    response = render(request, "_refused.html", dict(context), status=status)
    response["HX-Retarget"], response["HX-Reswap"] = "#dialog", "innerHTML"
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page for a 400. It repeats nothing of the request and tells nothing of the settings."""
    template = "400_host.html" if isinstance(exception, DisallowedHost) else "400.html"
    return render(request, template, status=400)
