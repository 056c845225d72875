"""Request bodies as Python values, before anything is known of what they should hold."""

import json
import math
import re
from functools import partial
from typing import Any, TypeVar, cast

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja.parser import Parser
from typing_extensions import override

from assistants import refusals
from assistants.api import dialects, scopes
from assistants.api.request import ApiRequest
from assistants.errors import Invalid
from assistants.operations import vector_store_files

N = TypeVar("N", int, float)

_ODD_ESCAPE = re.compile(rb"\\u(?:0000|d[89a-f])", re.IGNORECASE)
"""An escape that may stand for a null character or for half a character. Neither can be stored as
text in every database.
"""


class BodyParser(Parser):
    """Reads bodies for ninja, which shows any exception as an ``HttpError`` caused by it."""

    @override
    def parse_body(self, request: HttpRequest) -> Any:
        """
        :raises Invalid: the body is not JSON, or not said to be, or breaks a rule of the first
            version of the API where that is spoken
        """
        if request.content_type != "application/json":
            raise content_type_refused(request, "application/json")
        asked = cast("ApiRequest", request)
        route = asked.resolver_match.route if asked.resolver_match else ""
        searchable = partial(vector_store_files.searchable, asked.project)
        body = dialects.understood(asked.dialect, route, parse(request.body), searchable)
        scopes.check_body(asked.key_scope, body)
        return body

    @override
    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        """
        :raises Invalid: a form is not said to be one, or a value cannot be stored
        """
        if data is request.POST and request.content_type != "multipart/form-data":
            raise content_type_refused(request, "multipart/form-data")
        found = super().parse_querydict(data, list_fields, request)
        for name, value in found.items():
            if isinstance(value, str) and "\0" in value:
                raise refusals.FIELD_WITH_NULL(path=name)
        return found


def parse(body: bytes) -> Any:
    """
    :raises Invalid: the body is not JSON, or holds text that cannot be stored
    """
    try:
        # JSON is UTF-8; given bytes, Python would guess, and let halves of characters pass.
        value = json.loads(
            body.decode("utf-8-sig"),
            parse_constant=_refuse,
            parse_int=partial(_finite, int),
            parse_float=partial(_finite, float),
        )
        if _ODD_ESCAPE.search(body):
            text = json.dumps(value, ensure_ascii=False)
            text.encode()
            if "\\u0000" in text.replace("\\\\", ""):
                raise refusals.BODY_WITH_NULL()
    except (ValueError, RecursionError) as error:
        raise refusals.NOT_JSON() from error
    return value


def content_type_refused(request: HttpRequest, accepted: str) -> Invalid:
    given = request.headers.get("Content-Type", "")
    return refusals.CONTENT_TYPE(given=given, accepted=accepted)


def _finite(kind: type[N], number: str) -> N:
    """
    :raises Invalid: it is more than a number can be here, such as ``1e999``
    """
    value = kind(number)
    if math.isinf(float(number)):
        raise refusals.NUMBER_TOO_LARGE(number=number)
    return value


def _refuse(constant: str) -> None:
    """NaN and Infinity, which Python would read though they are not JSON."""
    raise ValueError(constant)
