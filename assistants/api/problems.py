"""Refusals and failures as answers: every one in the error envelope, none with a traceback."""

import logging
from typing import cast

from django.core.exceptions import (
    DisallowedHost,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFilesSent,
)
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from assistants.api import dialects
from assistants.api.auth import refusal
from assistants.api.replies import json_response
from assistants.api.request import ApiRequest
from assistants.errors import ApiError, Invalid, RateLimited, TooLarge, Unavailable, echoed
from assistants.params.base import invalid

logger = logging.getLogger(__name__)


class MethodNotAllowed(Invalid):
    status = 405


def answer(request: ApiRequest, error: ApiError) -> HttpResponse:
    """The refusal as a response in the client's dialect."""
    response = json_response(dialects.envelope(request.dialect, error), status=error.status)
    if isinstance(error, RateLimited):
        response["Retry-After"] = str(error.retry_after)
    return response


def unknown_address(request: ApiRequest) -> ApiError:
    return dialects.UnknownAddress(f"Invalid URL ({request.method} {echoed(request.path)})")


def method_not_allowed(request: ApiRequest) -> ApiError:
    return MethodNotAllowed(
        f"Not allowed to {request.method} on {echoed(request.path)}. "
        "(HINT: Perhaps you meant to use a different HTTP method?)",
        code="method_not_supported",
    )


def unexpected(request: ApiRequest) -> ApiError:
    """What a caller is told when the fault is ours; the log has the rest under the request's id."""
    return ApiError(
        "The server had an error while processing your request. Sorry about that! "
        f"The server's log tells more about request {request.request_id}."
    )


def understood(request: ApiRequest, error: Exception) -> ApiError:
    """Any exception as the refusal that it amounts to."""
    match error:
        case ApiError():
            return error
        case ValidationError():
            return invalid(error.errors)  # type: ignore[arg-type]
        case AuthenticationError():
            return refusal(request)
        case HttpError(__cause__=ApiError() as cause):
            # How ninja shows that the body could not be parsed.
            return cause
        case Http404():
            return unknown_address(request)
        case DisallowedHost():
            return Invalid(
                f"This server does not answer to the host name "
                f"'{echoed(request.headers.get('Host', ''))}'. "
                "The setting ALLOWED_HOSTS says to which it does."
            )
        case RequestDataTooBig():
            return TooLarge("The request body is too large.")
        case MultiPartParserError() | TooManyFilesSent() | UnreadablePostError():
            return Invalid(f"We could not parse the multipart body of your request: {error}")
        case SuspiciousOperation():
            return Invalid("The request is malformed.")
        case OperationalError():
            logger.warning("%s: the database does not answer: %s", request.request_id, error)
            return Unavailable("The server is overloaded or not ready yet. Please try again later.")
    logger.error("%s failed", request.request_id, exc_info=error)
    return unexpected(request)


def answered_by(api: NinjaAPI) -> None:
    """Have the API answer every exception in this way."""

    def handler(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
        asked = cast("ApiRequest", request)
        return answer(asked, understood(asked, cast("Exception", error)))

    for kind in (Exception, Http404, HttpError, ValidationError):
        api.add_exception_handler(kind, handler)
