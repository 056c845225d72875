"""What stands around the API: its addresses, its headers, and its word that every answer is JSON.

It is the outermost middleware and answers for the API itself. What the other middleware is there
for (sessions, forms, messages) concerns pages, all but one thing: a name of this host that nobody
allowed is refused here as it is there.
"""

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from assistants import metrics, refusals
from assistants.api import cors, dialects, dispatch, problems
from assistants.api.request import ApiRequest
from assistants.log_ids import speaking_of
from assistants.traces import named_by_route, of_request

GetResponse = Callable[[HttpRequest], Awaitable[HttpResponseBase]]
READING = ("GET", "HEAD")
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})
PAGES = frozenset({"/v1/docs"})
"""Below the API's addresses, but for people."""
REFERENCE = frozenset({"/v1/openapi.json"})
"""What they are made of, which Ninja gives out whatever the method."""


class ApiMiddleware:
    """Answers what is asked of the API, and passes on what is not."""

    sync_capable = False
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        dialect = dialects.of(request)
        if dialect is None or (request.method in READING and request.path_info in PAGES):
            return await self._get_response(request)
        method = _method(request)
        with of_request(method) as span:
            response = await self._answer(request, dialect)
            if found := request.resolver_match:
                named_by_route(span, method, found.route)
            span.set_attribute("request", response["X-Request-ID"])
            span.set_attribute("http.response.status_code", response.status_code)
            return response

    async def _answer(self, request: HttpRequest, dialect: dialects.Dialect) -> HttpResponseBase:
        begun = time.perf_counter()
        asked = cast("ApiRequest", request)
        asked.dialect = dialect
        asked.request_id = f"req_{secrets.token_hex(16)}"
        speaking_of(request=asked.request_id)
        response: HttpResponseBase
        if refused := _unreadable(request):
            response = problems.answer(asked, problems.understood(asked, refused))
        elif limit := getattr(request, "scope", {}).get(refusals.TOO_LARGE):
            response = problems.answer(asked, refusals.BODY_TOO_LARGE(limit=limit))
        elif preflight := cors.preflight(request):
            response = preflight
        elif (path := dialects.path_inside(request.path_info, request.GET)) is None:
            response = problems.answer(asked, problems.unknown_address(asked))
        elif path in PAGES or (path in REFERENCE and request.method not in READING):
            response = problems.answer(asked, problems.method_not_allowed(asked))
            response["Allow"] = "GET, HEAD"
        else:
            asked.path_info = path
            response = await dispatch.answer(asked)
        if response.status_code == 405:
            # Ninja's own, in plain text.
            allowed = response["Allow"]
            response = problems.answer(asked, problems.method_not_allowed(asked))
            response["Allow"] = allowed
        if isinstance(response, HttpResponse):
            # Without a length the web server sends chunks, which clients of HTTP/1.0 do not know.
            response["Content-Length"] = str(len(response.content))
        response["X-Request-ID"] = asked.request_id
        _guard(request, response)
        response["openai-version"] = "2020-10-01"
        took = time.perf_counter() - begun
        response["openai-processing-ms"] = str(round(took * 1000))
        metrics.requests.labels(_method(request), response.status_code).inc()
        metrics.request_seconds.observe(took)
        if dialect.azure:
            response["apim-request-id"] = asked.request_id
        cors.mark(request, response)
        return response


def _guard(request: HttpRequest, response: HttpResponseBase) -> None:
    """The headers that pages get from Django's own middleware, which these answers do not pass.
    What is said to one caller is for no cache.
    """
    response["X-Content-Type-Options"] = "nosniff"
    response["Referrer-Policy"] = settings.SECURE_REFERRER_POLICY
    if not response.has_header("Cache-Control"):
        response["Cache-Control"] = "no-store"
    if settings.SECURE_HSTS_SECONDS and request.is_secure():
        response["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"


def _method(request: HttpRequest) -> str:
    """One of a few: what callers make up would be a number of its own each."""
    return request.method if request.method in METHODS else "other"


def _unreadable(request: HttpRequest) -> SuspiciousOperation | None:
    """What is wrong with the query, or with the name that the caller has for this server. Without a
    look at that a page could give a name of its own to this machine's address, and then ask under
    it as its own server.
    """
    try:
        request.get_host()
        request.GET  # noqa: B018 - it is read when it is first asked for
    except SuspiciousOperation as error:
        return error
    return None
