"""Why a chat model's server could not be talked to, in words that say what to do about it."""

import socket
import ssl
from collections.abc import Iterator

import httpx2

_SHORTEST_KEY = 8
"""Shorter ones are no secrets: they stand where a server wants any text at all."""


def told(label: str, error: BaseException) -> str:
    """What a person is told of a connection that did not come about, or brought no answer.

    The client package calls most of these a timeout; what lies beneath says more.

    :param label: the provider's name
    """
    causes = list(_causes(error))
    for cause in reversed(causes):
        match cause:
            case ssl.SSLError():
                reason = getattr(cause, "verify_message", "") or cause.reason
                return (
                    f"{label}: no secure connection (TLS) could be made ({reason}). Check that the "
                    "server speaks https at this address and that its certificate is valid."
                )
            case socket.gaierror():
                return (
                    f"{label}: the host name cannot be resolved. Check the address for typing "
                    "errors, and this machine's network."
                )
            case ConnectionRefusedError():
                return (
                    f"{label} refused the connection: nothing listens at this address and port. "
                    "Check both, and that the server is running."
                )
    if any(isinstance(cause, TimeoutError | httpx2.TimeoutException) for cause in causes):
        return f"{label} did not answer in time. Try again, or choose another model."
    return f"{label} cannot be reached. Check its address and that it is running."


def without_key(text: str, key: str) -> str:
    """Text of a server, in case it repeats the key that it was sent."""
    return text.replace(key, "[key]") if len(key) >= _SHORTEST_KEY else text


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
