"""How clients of OpenAI and of Azure OpenAI differ on the wire.

Both speak to one API inside, under ``/v1``. An Azure client asks for ``/openai/<path>`` and names
an ``api-version``, or asks for ``/openai/v1/<path>`` without one.

Either may speak the first version of the API, which ``first`` translates.
"""

import re
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import TooManyFieldsSent
from django.http import HttpRequest, QueryDict

from assistants.api.dialects import first
from assistants.errors import ApiError, InvalidKey, UnknownAddress, Wire

V1 = "/v1"
AZURE = "/openai"


_DATED = re.compile(r"\d{4}-\d{2}-\d{2}")
_SECOND_SINCE = "2024-05-01"
"""The first of Azure's API versions that has the second version of the Assistants API."""


@dataclass(frozen=True)
class Dialect:
    """Whose client it is, and whether it speaks the first version of the API."""

    azure: bool = False
    first: bool = False


def of(request: HttpRequest) -> Dialect | None:
    """The dialect of whoever asks, None for a path outside the API.

    The version is told by ``api-version`` where that is asked for, else by ``OpenAI-Beta``: Azure
    clients of today send the header of the second version whatever their ``api-version``.
    """
    path = request.path_info
    azure = _below(path, AZURE)
    if azure and not _below(path.removeprefix(AZURE), V1):
        version = _api_version(request)
        return Dialect(azure=True, first=bool(_DATED.match(version)) and version < _SECOND_SINCE)
    if not azure and not _below(path, V1):
        return None
    betas = [beta.strip() for beta in request.headers.get("OpenAI-Beta", "").split(",")]
    return Dialect(azure, first="assistants=v1" in betas)


def _api_version(request: HttpRequest) -> str:
    """Empty too where the query is one that is refused anyway."""
    try:
        return request.GET.get("api-version", "")
    except TooManyFieldsSent:
        return ""


def path_inside(path: str, query: QueryDict) -> str | None:
    """The path under ``/v1`` that a path of either dialect means, None if it means nothing."""
    if "\0" in path:
        return None
    if _below(path, V1):
        return path
    rest = path.removeprefix(AZURE)
    if _below(rest, V1):
        return rest
    return V1 + rest if query.get("api-version") else None


def envelope(dialect: Dialect, error: ApiError) -> Wire:
    """The body of a refusal. Azure's gateway, which stands before the API, has a form of its own
    for what it refuses.
    """
    if dialect.azure:
        if isinstance(error, InvalidKey):
            message = (
                "Access denied due to invalid subscription key or wrong API endpoint. Make sure to "
                "provide a valid key for an active subscription and use a correct regional API "
                "endpoint for your resource."
            )
            return {"error": {"code": "401", "message": message}}
        if isinstance(error, UnknownAddress):
            return {"error": {"code": "404", "message": "Resource not found"}}
    return error.to_dict()


def has(dialect: Dialect, route: str) -> bool:
    """Whether the dialect knows the route, which is one that ``urls`` has."""
    elsewhere = first.NOT_THERE if dialect.first else first.ONLY_THERE
    return not elsewhere.fullmatch(route)


def understood(dialect: Dialect, route: str, body: Any, searchable: first.Searchable) -> Any:
    """The body of a request to the route, in the words of the second version.

    :param searchable: which of some files can be searched
    :raises Invalid: the body breaks a rule of the first version
    """
    return first.inward(route, body, searchable) if dialect.first else body


def spoken(dialect: Dialect, wire: Wire) -> Wire:
    """An object in the dialect's words: Azure's assistants and messages have always had
    ``file_ids``, and programs print and read them.
    """
    if dialect.first:
        return first.outward(wire)
    if dialect.azure and wire["object"] in ("assistant", "thread.message"):
        return {**wire, "file_ids": []}
    return wire


def _below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")
