"""Refusals and failures as answers: every one in the error envelope, none with a traceback."""

import errno
import logging
from typing import cast

from django.conf import settings
from django.core.exceptions import (
    DisallowedHost,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from assistants import refusals
from assistants.api import dialects
from assistants.api.auth import refusal
from assistants.api.replies import json_response
from assistants.api.request import ApiRequest
from assistants.errors import ApiError, OutOfQuota, RateLimited
from assistants.params.base import invalid

logger = logging.getLogger(__name__)


def answer(request: ApiRequest, error: ApiError) -> HttpResponse:
    """The refusal as a response in the client's dialect."""
    response = json_response(dialects.envelope(request.dialect, error), status=error.status)
    if isinstance(error, RateLimited):
        response["Retry-After"] = str(error.retry_after)
    if isinstance(error, OutOfQuota):
        # Else the SDKs would ask again by themselves, as after every 429.
        response["x-should-retry"] = "false"
    return response


def unknown_address(request: ApiRequest) -> ApiError:
    return refusals.ADDRESS_UNKNOWN(method=request.method, path=request.path)


def method_not_allowed(request: ApiRequest) -> ApiError:
    return refusals.METHOD_NOT_ALLOWED(method=request.method, path=request.path)


def unexpected(request: ApiRequest) -> ApiError:
    """What a caller is told when the fault is ours; the log has the rest under the request's id."""
    return refusals.UNEXPECTED(request_id=request.request_id)


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
            return refusals.HOST_UNKNOWN(host=request.headers.get("Host", ""))
        case RequestDataTooBig():
            return refusals.BODY_TOO_LARGE(limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        case TooManyFieldsSent():
            return refusals.TOO_MANY_FIELDS(limit=settings.DATA_UPLOAD_MAX_NUMBER_FIELDS)
        case TooManyFilesSent():
            return refusals.NOT_MULTIPART(fault="it has too many files.")
        case MultiPartParserError() if "header size" in str(error):
            return refusals.NOT_MULTIPART(
                fault="the headers of a part are too long. Is the file's name?"
            )
        case MultiPartParserError() | UnreadablePostError():
            return refusals.NOT_MULTIPART(fault=str(error))
        case SuspiciousOperation():
            return refusals.MALFORMED()
        case OSError() | OperationalError() if _is_disk_full(error):
            logger.error("%s: %s", request.request_id, error)
            return refusals.DISK_FULL()
        case OperationalError():
            logger.warning("%s: the database does not answer: %s", request.request_id, error)
            return refusals.UNAVAILABLE()
    logger.error("%s failed", request.request_id, exc_info=error)
    return unexpected(request)


def _is_disk_full(error: Exception) -> bool:
    """Whether there was no room left: for a file, or for the database, which says so in words
    (SQLite "database or disk is full", PostgreSQL "No space left on device").
    """
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return any(words in str(error) for words in ("is full", "No space left on device"))


def answered_by(api: NinjaAPI) -> None:
    """Have the API answer every exception in this way."""

    def handler(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
        asked = cast("ApiRequest", request)
        return answer(asked, understood(asked, cast("Exception", error)))

    for kind in (Exception, Http404, HttpError, ValidationError):
        api.add_exception_handler(kind, handler)
