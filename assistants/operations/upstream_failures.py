"""Why another Assistants server did not do what it was asked, in words that name it."""

from typing import Final

import openai

from assistants.operations.chat_failures import (
    PASSING,
    ChatError,
    reason_of,
    retry_after_of,
    sentence,
    unreachable,
)

LONGEST_TOLD: Final = 120
"""Characters of what is wrong with an answer that are told."""


class UpstreamError(ChatError):
    """``status`` is that of the refusal; None when no answer came, or none that makes sense.

    ``was_done`` is False where it is sure that nothing was done, None where that is not known.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        reason: str = "",
        was_done: bool | None = None,
        may_pass: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, message, may_pass=may_pass, retry_after=retry_after)
        self.status = status
        self.reason = reason
        self.was_done = was_done


def failure(label: str, error: BaseException, key: str) -> UpstreamError:
    """What the client package, or the connection below it, has raised.

    :param label: the server's name
    :param key: its key, which no message repeats
    """
    if isinstance(error, openai.APIStatusError):
        return _refused(label, error, key)
    told = unreachable(label, error)
    # A connection that was refused has carried nothing.
    sent = "refused the connection" not in told.message and "host name" not in told.message
    return UpstreamError(
        told.code,
        told.message.replace(", or choose another model", ""),
        was_done=None if sent else False,
        may_pass=True,
    )


def nonsense(label: str, what: str) -> UpstreamError:
    """An answer that is none of the Assistants API."""
    return UpstreamError(
        "server_error",
        f"{label} sent what is no answer of the Assistants API ({what[:LONGEST_TOLD]}). Check its "
        "address; its own log may say more.",
        may_pass=True,
    )


def too_long(label: str, megabytes: int, objects: int) -> UpstreamError:
    """A thread of more than so much. It will be no less the next time."""
    message = (
        f"{label} has more of this thread than is brought ({megabytes} MB, {objects} objects at "
        "most)."
    )
    return UpstreamError("server_error", message, may_pass=False)


def late(label: str, seconds: float) -> UpstreamError:
    """No answer, or no whole one, in this time."""
    return UpstreamError(
        "server_error",
        f"{label} did not answer within {seconds:.0f} s. Its own log may say more.",
        may_pass=True,
    )


def _refused(label: str, error: openai.APIStatusError, key: str) -> UpstreamError:
    reason, status = reason_of(error, key), error.status_code
    if 300 <= status < 400:
        message = (
            f"{label} points to another address ({status}), where nothing was sent: the "
            "conversation and the key are for the address that was given."
        )
        return UpstreamError("server_error", message, status=status, was_done=False)
    did = "refused the request" if status < 500 else "failed"
    message = f"{label} {did} ({status}): {sentence(reason)}"
    if status in (401, 403):
        message += " Check the key of this provider."
    if status >= 500:
        message += " Its own log may say more."
    return UpstreamError(
        "rate_limit_exceeded" if status == 429 else "server_error",
        message,
        status=status,
        reason=reason,
        was_done=None if status >= 500 or status == 408 else False,
        may_pass=status in PASSING and not (status == 429 and error.code == "insufficient_quota"),
        retry_after=retry_after_of(error),
    )
