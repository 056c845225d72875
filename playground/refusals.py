"""Pages for what Django refuses without a word: an address that only takes forms, a name that this
server does not answer to, a request that cannot be read or is too large.
"""

from collections.abc import Callable

from django.core.exceptions import DisallowedHost, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from assistants.refusals import TOO_LARGE


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
        for _, values in (*request.GET.lists(), *request.POST.lists()):
            given += values
        if any("\0" in text for text in given):
            raise SuspiciousOperation("a null character")


class TooLargeMiddleware:
    """Gives a page to a form that is larger than any of ours."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        limit = getattr(request, "scope", {}).get(TOO_LARGE)
        if limit is None:
            return self._get_response(request)
        return render(request, "413.html", {"limit": limit}, status=413)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page for a 400. It repeats nothing of the request and tells nothing of the settings."""
    template = "400_host.html" if isinstance(exception, DisallowedHost) else "400.html"
    return render(request, template, status=400)
