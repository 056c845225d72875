"""Each request begins with nobody known: who asks is found out by its view."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from assistants import acting


class ActorMiddleware:
    """Whoever a request turns out to be from, the next one does not inherit it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with acting.acting():
            return self._get_response(request)
