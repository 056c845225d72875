"""The errors that every face of the service renders. What each says stands in ``refusals``."""

from typing import Any

from typing_extensions import override

Wire = dict[str, Any]
"""A JSON object as it crosses the wire."""


class ApiError(Exception):
    """A refusal that a caller can act on; the HTTP API shows it in its error envelope.

    ``text`` is the message of the rule that was broken, with ``{names}`` where it has ``places``:
    by them a face that speaks another language can say the same.
    """

    status = 500
    type = "server_error"
    text = ""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.places: dict[str, object] = {}

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


class ThreadLocked(Invalid):
    """The thread has an active run. Never a 409: the SDKs would retry it by themselves."""


class BadPurpose(Invalid):
    """A recording of the service shows this refusal with its message in one more place."""

    @override
    def to_dict(self) -> Wire:
        return {**super().to_dict(), "detail": {"message": self.message, "code": self.code}}


class InvalidKey(ApiError):
    """No API key, or one that opens nothing."""

    status = 401
    type = "invalid_request_error"


class NotFound(ApiError):
    """There is no such object in the caller's project."""

    status = 404
    type = "invalid_request_error"


class UnknownAddress(NotFound):
    """There is nothing at this address, whoever asks."""


class MethodNotAllowed(Invalid):
    """The address is known, but not for this."""

    status = 405


class TooLarge(ApiError):
    """The request body is larger than the limit that the message names."""

    status = 413
    type = "invalid_request_error"


class RateLimited(ApiError):
    """The key has asked too often; ``retry_after`` says in how many seconds it may again."""

    status = 429
    type = "requests"
    retry_after: int


class OutOfQuota(ApiError):
    """A budget of tokens is used up: asking again is of no use before its period is over.

    :ivar whose: "project" or "key"
    :ivar period: "day" or "month"
    :ivar limit: how many tokens it is
    """

    status = 429
    type = "insufficient_quota"
    whose: str
    period: str
    limit: int


class MissingScope(ApiError):
    """The key may not do this. The service said so with 401."""

    status = 401
    type = "invalid_request_error"


class Unavailable(ApiError):
    """Something that this service needs does not answer at the moment; asking again later may
    work.
    """

    status = 503
    type = "server_error"


class StorageAway(Unavailable, OSError):
    """The file storage fails. Whoever waits for a disk that fails waits for it too."""
