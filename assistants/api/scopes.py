"""Which requests an API key may make, by its scope. What is not named here is for keys that may do
all. The table for people is in docs/api.md, "Keys".
"""

import re
from typing import Any, Final

from assistants import refusals
from assistants.api.request import ApiRequest
from assistants.models import Scope

READS: Final = ("GET", "HEAD")

SEARCH: Final = ("POST", "vector_stores/*/search")
"""Looks only, though it is a POST."""

CONVERSATIONS: Final = frozenset(
    {
        ("GET", "models"),
        ("GET", "models/*"),
        ("GET", "assistants"),
        ("GET", "assistants/*"),
        ("POST", "threads"),
        ("GET", "threads/*"),
        ("GET", "threads/*/messages"),
        ("POST", "threads/*/messages"),
        ("GET", "threads/*/messages/*"),
        ("GET", "threads/*/messages/*/files"),
        ("GET", "threads/*/messages/*/files/*"),
        ("POST", "threads/runs"),
        ("GET", "threads/*/runs"),
        ("POST", "threads/*/runs"),
        ("GET", "threads/*/runs/*"),
        ("POST", "threads/*/runs/*/cancel"),
        ("POST", "threads/*/runs/*/submit_tool_outputs"),
        ("GET", "threads/*/runs/*/steps"),
        ("GET", "threads/*/runs/*/steps/*"),
        ("GET", "files/*"),
        ("GET", "files/*/content"),
    }
)
"""What a key for runs only may ask: method, and route below ``/v1`` with ``*`` for an id."""

NOUNS: Final = {"models": "model"}
"""What the service calls scopes otherwise than their addresses."""


def check(request: ApiRequest, scope: str) -> None:
    """
    :raises MissingScope: the key may not make this request
    """
    if scope == Scope.ALL:
        return
    route = request.resolver_match.route if request.resolver_match else ""
    path = re.sub(r"<[^>]*>", "*", route.removeprefix("v1/"))
    method = "GET" if request.method in READS else str(request.method)
    asked = (method, path)
    allowed = (
        (method == "GET" or asked == SEARCH) if scope == Scope.READ else asked in CONVERSATIONS
    )
    if not allowed:
        noun = path.partition("/")[0]
        kind = "read" if method == "GET" or asked == SEARCH else "write"
        raise refusals.MISSING_SCOPE(scope=f"api.{NOUNS.get(noun, noun)}.{kind}")


def check_body(scope: str, body: Any) -> None:
    """A key for runs only makes no vector store, and puts no file into one: neither with a new
    thread nor with the attachments of a message.

    :param body: of a request that ``check`` has let pass, in the words of the second version
    :raises MissingScope: it would
    """
    if scope == Scope.RUNS and isinstance(body, dict) and any(map(_fills_store, _objects(body))):
        raise refusals.MISSING_SCOPE(scope="api.vector_stores.write")


def _objects(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The body, the thread in it, and the messages in both, as far as they are objects."""
    thread = body.get("thread")
    owners = [body, thread] if isinstance(thread, dict) else [body]
    lists = [owner.get(name) for owner in owners for name in ("messages", "additional_messages")]
    return [*owners, *(message for given in lists for message in _each(given))]


def _fills_store(given: dict[str, Any]) -> bool:
    resources = given.get("tool_resources")
    search = resources.get("file_search") if isinstance(resources, dict) else None
    if isinstance(search, dict) and search.get("vector_stores"):
        return True
    return any(
        tool.get("type") == "file_search"
        for attachment in _each(given.get("attachments"))
        for tool in _each(attachment.get("tools"))
    )


def _each(given: Any) -> list[dict[str, Any]]:
    """The objects of what may be a list. What is none is refused later."""
    return [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []
