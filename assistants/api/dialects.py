"""How clients of OpenAI and of Azure OpenAI differ on the wire.

Both speak to one API inside, under ``/v1``. An Azure client asks for ``/openai/<path>`` and names
an ``api-version``, or asks for ``/openai/v1/<path>`` without one.
"""

from enum import Enum

from django.http import QueryDict

from assistants.errors import ApiError, InvalidKey, NotFound, Wire

V1 = "/v1"
AZURE = "/openai"


class Dialect(Enum):
    OPENAI = "openai"
    AZURE = "azure"


class UnknownAddress(NotFound):
    """There is nothing at this address, whoever asks."""


def of(path: str) -> Dialect | None:
    """The dialect of whoever asks for this path, None for a path outside the API."""
    if _below(path, AZURE):
        return Dialect.AZURE
    return Dialect.OPENAI if _below(path, V1) else None


def path_inside(path: str, query: QueryDict) -> str | None:
    """The path under ``/v1`` that a path of either dialect means, None if it means nothing."""
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
    if dialect is Dialect.AZURE:
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


def spoken(dialect: Dialect, wire: Wire) -> Wire:
    """An object in the dialect's words: Azure's assistants and messages have always had
    ``file_ids``, and programs print and read them.
    """
    if dialect is Dialect.AZURE and wire["object"] in ("assistant", "thread.message"):
        return {**wire, "file_ids": []}
    return wire


def _below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")
