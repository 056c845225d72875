"""The headers that keep a page to itself: a content security policy that starts from nothing.

Everything that a page loads comes from this server; nothing in it is inline. A view that sends
something other than a page, such as a stored file, sets a policy of its own, which stays.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def written(policy: Mapping[str, str]) -> str:
    """The policy as its header has it."""
    return "; ".join(f"{name} {value}" for name, value in policy.items())


HEADERS: Final = {
    "Content-Security-Policy": written(POLICY),
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Response = HttpResponseBase | Awaitable[HttpResponseBase]


class ContentSecurityPolicyMiddleware:
    """Adds the headers to every answer that does not bring its own."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Response]) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Response:
        response = self._get_response(request)
        if isinstance(response, HttpResponseBase):
            return _protected(response)
        return self._later(response)

    async def _later(self, response: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        return _protected(await response)


def _protected(response: HttpResponseBase) -> HttpResponseBase:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
