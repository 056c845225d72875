"""The errors that every face of the service renders: one class a rule, raised where the rule is
found broken.

Texts follow the Assistants API word for word, because client programs match on them.
"""

from collections.abc import Iterable
from typing import Any

Wire = dict[str, Any]
"""A JSON object as it crosses the wire."""

MAX_ECHO = 256
"""Characters of what a caller has sent that a message repeats: as many as a model's name has."""


class ApiError(Exception):
    """A refusal that a caller can act on; the HTTP API shows it in its error envelope."""

    status = 500
    type = "server_error"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code

    def to_dict(self) -> Wire:
        """The envelope: ``{"error": {"message", "type", "param", "code"}}``."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }


class Invalid(ApiError):
    """What was asked breaks a rule; asking again unchanged will fail again."""

    status = 400
    type = "invalid_request_error"


class InvalidKey(ApiError):
    """No API key, or one that opens nothing."""

    status = 401
    type = "invalid_request_error"


class NotFound(ApiError):
    """There is no such object in the caller's project."""

    status = 404
    type = "invalid_request_error"

    @classmethod
    def of(cls, noun: str, object_id: str) -> "NotFound":
        """The service's own words for an unknown id; files have a sentence of their own."""
        if noun == "file":
            return cls(f"No such File object: {echoed(object_id)}", param="id")
        return cls(f"No {noun} found with id '{echoed(object_id)}'.")


class TooLarge(ApiError):
    """The request body is larger than the limit that the message names."""

    status = 413
    type = "invalid_request_error"


class RateLimited(ApiError):
    """The key has asked too often; ``retry_after`` says in how many seconds it may again."""

    status = 429
    type = "requests"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message, code="rate_limit_exceeded")
        self.retry_after = retry_after

    @classmethod
    def of_requests(cls, limit: int, retry_after: int) -> "RateLimited":
        return cls(
            f"Rate limit reached on requests per min (RPM): Limit {limit}. "
            f"Please try again in {retry_after}s.",
            retry_after=retry_after,
        )


class Unavailable(ApiError):
    """Something that this service needs does not answer at the moment; asking again later may
    work.
    """

    status = 503
    type = "server_error"


class ThreadLocked(Invalid):
    """The thread has an active run. Never a 409: the SDKs would retry it by themselves."""

    @classmethod
    def for_message(cls, thread_id: str, run_id: str) -> "ThreadLocked":
        return cls(f"Can't add messages to {thread_id} while a run {run_id} is active.")

    @classmethod
    def for_run(cls, thread_id: str, run_id: str) -> "ThreadLocked":
        return cls(f"Thread {thread_id} already has an active run {run_id}.")


def echoed(given: str) -> str:
    """What a caller has sent, as a message repeats it: enough to recognise it by."""
    return given if len(given) <= MAX_ECHO else f"{given[:MAX_ECHO]}…"


def listed(values: Iterable[str]) -> str:
    """``'a', 'b' and 'c'``: how the service lists the values it would have accepted."""
    quoted = [f"'{value}'" for value in values]
    if len(quoted) < 2:
        return "".join(quoted)
    head = ", ".join(quoted[:-1])
    return f"{head}{',' if len(quoted) > 2 else ''} and {quoted[-1]}"
