"""A span for each form that a page sends, which the runs that it begins are below."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from assistants.traces import named_by_route, of_request


class SpanMiddleware:
    """As the API has them; pages that are only read begin nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method != "POST":
            return self._get_response(request)
        with of_request("POST") as span:
            response = self._get_response(request)
            if found := request.resolver_match:
                named_by_route(span, "POST", found.route)
            span.set_attribute("http.response.status_code", response.status_code)
            return response
