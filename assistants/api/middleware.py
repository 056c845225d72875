"""What stands around the API: its addresses, its headers, and its word that every answer is JSON.

It is the outermost middleware, so that it has the last word over what Django and other middleware
answer about an address of the API.
"""

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from assistants.api import dialects, problems
from assistants.api.dialects import Dialect
from assistants.api.request import ApiRequest
from assistants.errors import Invalid

GetResponse = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class ApiMiddleware:
    """Passes requests for anything but the API on as they are."""

    sync_capable = False
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        dialect = dialects.of(request.path_info)
        if dialect is None:
            return await self._get_response(request)
        begun = time.perf_counter()
        asked = cast("ApiRequest", request)
        asked.dialect = dialect
        asked.request_id = f"req_{secrets.token_hex(16)}"
        path = dialects.path_inside(request.path_info, request.GET)
        if path is None or "\0" in path:
            response: HttpResponseBase = problems.answer(asked, problems.unknown_address(asked))
        else:
            request.path_info = path
            response = _in_json(asked, await self._get_response(asked))
        _head(asked, response, begun)
        return response


def _in_json(request: ApiRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Refusals that are not the API's own, but Django's or another middleware's, in the
    envelope.
    """
    if response.status_code < 400 or response["Content-Type"].startswith("application/json"):
        return response
    match response.status_code:
        case 404:
            error = problems.unknown_address(request)
        case 405:
            error = problems.method_not_allowed(request)
        case status if status < 500:
            error = Invalid("The request is malformed.")
        case _:
            error = problems.unexpected(request)
    answer = problems.answer(request, error)
    if "Allow" in response:
        answer["Allow"] = response["Allow"]
    return answer


def _head(request: ApiRequest, response: HttpResponseBase, begun: float) -> None:
    response["X-Request-ID"] = request.request_id
    response["openai-version"] = "2020-10-01"
    response["openai-processing-ms"] = str(round((time.perf_counter() - begun) * 1000))
    if request.dialect is Dialect.AZURE:
        response["apim-request-id"] = request.request_id
