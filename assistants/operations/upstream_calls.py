"""Short questions to another Assistants server, asked while somebody waits for a page."""

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

import openai
from pydantic import BaseModel, ValidationError

from assistants import refusals
from assistants.errors import ApiError
from assistants.operations.providers import Provider
from assistants.operations.upstream_failures import UpstreamError, failure, late, nonsense
from assistants.refusals import Ours

S = TypeVar("S", bound=BaseModel)

SECONDS: Final = 12.0
MAX_ANSWER: Final = 32 * 1024 * 1024

Asking = Callable[[], AbstractContextManager[Any]]
"""Makes one request, as the ``with_streaming_response`` methods of the package do."""


def ask(
    provider: Provider,
    shape: type[S],
    asking: Asking,
    seconds: float = SECONDS,
    heard: Callable[[int], None] = lambda size: None,
) -> S:
    """Ask once.

    :param seconds: how long the whole answer may take
    :param heard: is told of each piece of the answer, how many bytes it has

    :raises UpstreamError: the server refused, is gone, slow, or answers nonsense
    """
    import httpx2

    until, pieces, size = time.monotonic() + seconds, [], 0
    try:
        with asking() as response:
            for piece in response.iter_bytes():
                size += len(piece)
                pieces.append(piece)
                heard(len(piece))
                if size > MAX_ANSWER:
                    raise nonsense(provider.label, "an answer without an end")
                if time.monotonic() > until:
                    raise late(provider.label, seconds)
    except (openai.OpenAIError, httpx2.HTTPError, OSError) as error:
        raise failure(provider.label, error, provider.api_key) from error
    return checked(provider.label, shape, b"".join(pieces))


def checked(label: str, shape: type[S], body: bytes) -> S:
    """An answer, if it is one.

    :raises UpstreamError: it is nonsense
    """
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        said = f"{place}: {first['msg']}" if place else first["msg"]
    raise nonsense(label, said)


def refusal(error: UpstreamError) -> ApiError:
    """The same for whoever asked us: what the server refuses is refused, what it cannot is not to
    be had at the moment.
    """
    is_refused = error.status is not None and 400 <= error.status < 500 and error.status != 429
    rule = refusals.UPSTREAM_REFUSED if is_refused else refusals.UPSTREAM_FAILED
    return rule(reason=Ours(error.message))


def checked_id(label: str, told: object) -> str:
    """An id, which may become part of an address.

    :raises UpstreamError: it is none
    """
    if isinstance(told, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", told):
        return told
    raise nonsense(label, "an id that is none")
