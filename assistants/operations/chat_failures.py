"""Why a chat model's server did not answer, in words that say what to do about it."""

import math
import re
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp
import httpx2
import openai

from assistants.errors import Wire
from assistants.text import storable

_CLOSED = (
    httpx2.RemoteProtocolError,
    aiohttp.ServerDisconnectedError,
    ConnectionResetError,
    BrokenPipeError,
)
"""The server has left before it had answered."""

_SHORTEST_KEY = 8
"""Shorter ones are no secrets: they stand where a server wants any text at all."""

MAX_REASON = 500
"""Characters of what a server says of itself that are passed on."""

PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""What a server answers that may well do the same request a moment later."""


class ChatError(Exception):
    """The provider failed. ``code`` is one of a run's error codes; ``message`` is for a person.

    ``may_pass`` is whether asking again may help, ``retry_after`` in how many seconds the provider
    wants to be asked again, None if it does not say.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        may_pass: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.may_pass = may_pass
        self.retry_after = retry_after


class TooLong(ChatError):
    """The conversation is more than the model can read; ``window`` is how many tokens it can, None
    if the provider does not say.
    """

    def __init__(self, code: str, message: str, window: int | None) -> None:
        super().__init__(code, message)
        self.window = window


class NoImages(ChatError):
    """The model cannot see."""


class NoTools(ChatError):
    """The model cannot call tools."""


# What servers say, by the servers that were seen to say it; all say it with a status of 4xx or 5xx.
_TOO_LONG = re.compile(
    r"context.{0,12}(length|size|window|limit)"  # OpenAI, Azure, vLLM, llama.cpp, LM Studio
    r"|prompt is too long"  # Anthropic
    r"|exceeds the maximum number of tokens"  # Gemini
    r"|too large for model"  # Mistral
    r"|must have less than \d+ tokens",  # Text Generation Inference
    re.IGNORECASE,
)
_WINDOW = re.compile(
    r"(?:maximum|context)[^.\d]{0,60}?(\d{3,8})\b"
    r"|(?:context (?:size|length|window)|maximum)\D{0,20}(\d{3,8})"
    r"|> (\d{3,8}) maximum"
    r"|\b(\d{3,8}) maximum context",
    re.IGNORECASE,
)
# Only that it has none: a server may have other complaints about a call.
_NO_TOOLS = re.compile(
    r"(not|n't) (yet |currently )?(support|allow|accept|have)\w*\b.{0,40}"
    r"\b(tools?|tool.use|tool.calls?|tool.calling|function.?call\w*)\b"
    r"|\b(tools?|tool.use|tool.calls?|tool.calling|function.?call\w*)\b.{0,30}"
    r"\b((is|are) (not|n't) (supported|available|enabled)|unsupported|not supported)"
    r"|no endpoints found that support tool|enable-auto-tool-choice|requires --jinja",
    re.IGNORECASE,
)
_NO_IMAGES = re.compile(
    r"(not|n't|no\b|only|invalid|unknown).{0,60}\b(image|vision|multimodal|image_url|mmproj)"
    r"|\b(image|vision|image_url|mmproj).{0,60}\b(not|n't|unsupported)\b",
    re.IGNORECASE,
)


def unreachable(label: str, error: BaseException) -> ChatError:
    """A connection that did not come about, or brought no answer.

    The client package calls most of these a timeout; what lies beneath says more.

    :param label: the provider's name
    """
    causes = list(_causes(error))
    for cause in reversed(causes):
        match cause:
            case ssl.SSLError():
                reason = getattr(cause, "verify_message", "") or cause.reason
                return ChatError(
                    "server_error",
                    f"{label}: no secure connection (TLS) could be made ({reason}). Check that the "
                    "server speaks https at this address and that its certificate is valid.",
                )
            case socket.gaierror():
                return ChatError(
                    "server_error",
                    f"{label}: the host name cannot be resolved. Check the address for typing "
                    "errors, and this machine's network.",
                )
            case ConnectionRefusedError():
                return ChatError(
                    "server_error",
                    f"{label} refused the connection: nothing listens at this address and port. "
                    "Check both, and that the server is running.",
                    may_pass=True,
                )
    if any(isinstance(cause, _CLOSED) for cause in causes):
        message = (
            f"{label} closed the connection without an answer. Try again. If it happens each time, "
            "check that the address is that of its API; its own log may say more."
        )
    elif any(isinstance(cause, TimeoutError | httpx2.TimeoutException) for cause in causes):
        message = f"{label} did not answer in time. Try again, or choose another model."
    else:
        message = f"{label} cannot be reached. Check its address and that it is running."
    return ChatError("server_error", message, may_pass=True)


TRY_AGAIN = "Try again; what was said is kept. Its own log may say more."


def endless(label: str, limit: str) -> ChatError:
    """An answer that goes on beyond what any model means to say.

    :param limit: which it has passed, as in "1,000,000 characters"
    """
    message = (
        f"{label} gave an answer that was too long (more than {limit}), so it was cut off. A model "
        "that repeats itself does this: try again, choose another model, or set "
        "max_completion_tokens."
    )
    return ChatError("server_error", message)


def refused(label: str, request: Wire, error: openai.APIStatusError, key: str) -> ChatError:
    """An answer with an error's status.

    :param request: what was asked
    :param key: the provider's key, which no message repeats
    """
    reason, status = reason_of(error, key), error.status_code
    if status == 429:
        lasting, after = error.code == "insufficient_quota", retry_after_of(error)
        if lasting:
            hint = "Look at the account's plan and balance."
        elif after:
            hint = f"It wants to be asked again after {math.ceil(after):,} s."
        else:
            hint = "Try again in a moment, or choose another model."
        return ChatError(
            "rate_limit_exceeded",
            f"{label} refused the request (429): {sentence(reason)} {hint}",
            may_pass=not lasting,
            retry_after=after,
        )
    if 300 <= status < 400:
        there = _host(error.response.headers.get("location", "")) or "another address"
        message = (
            f"{label} points to {storable(there)[:MAX_REASON]} ({status}), where nothing was sent: "
            "the conversation and the key are for the address that was given. Enter the other one "
            "if you trust it."
        )
        return ChatError("server_error", message)
    code = "invalid_prompt" if status in (400, 413, 422) else "server_error"
    did = "refused the request" if status < 500 else "failed"
    message = f"{label} {did} ({status}): {sentence(reason)}"
    name = request["model"]
    if _TOO_LONG.search(reason):
        hint = "The newest message and what it needs are more than the model can read. Shorten it."
        return TooLong(code, f"{message} {hint}", _window(error, reason))
    if request.get("tools") and status != 401 and _NO_TOOLS.search(reason):
        return NoTools(
            code,
            f"{label}: the model {name} cannot call tools, and this assistant has some. Turn them "
            f"off, or choose a model that can. The server's words: {reason}",
        )
    if _has_images(request) and status != 401 and _NO_IMAGES.search(reason):
        return NoImages(code, message)
    if status >= 500:
        message += " Try again in a moment; its own log may say more."
    elif not reason and status not in (401, 403, 404):
        message += " Check that the address is that of its API; its own log may say more."
    if status in (401, 403):
        message += " Check the key of this provider."
    if status == 404:
        message += (
            f" Check the model's name, {name}, and that the provider's address ends as in /v1."
        )
    passing = status in PASSING
    return ChatError(code, message, may_pass=passing, retry_after=retry_after_of(error))


def _host(address: str) -> str:
    """Of an address that a server names; empty when it is none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def sentence(reason: str) -> str:
    """What a server says, so that another sentence can follow."""
    reason = reason.strip() or "it does not say why"
    return reason if reason[-1] in ".!?" else f"{reason}."


def without_key(text: str, key: str) -> str:
    """Text of a server, in case it repeats the key that it was sent."""
    return text.replace(key, "[key]") if len(key) >= _SHORTEST_KEY else text


def reason_of(error: openai.APIStatusError, key: str) -> str:
    """Why a server says that it refused, without the key; empty if it does not say."""
    body = error.body
    told = body.get("message") if isinstance(body, dict) else None
    if told is None and error.message == f"Error code: {error.status_code}":
        return ""  # the package's own words for an answer without any, or for a web page
    return storable(without_key(str(told or error.message), key))[:MAX_REASON]


def _window(error: openai.APIStatusError, reason: str) -> int | None:
    body = error.body if isinstance(error.body, dict) else {}
    told = body.get("n_ctx")  # llama.cpp's server
    if isinstance(told, int) and told > 0:
        return told
    found = _WINDOW.search(reason)
    return int(next(filter(None, found.groups()))) if found else None


def retry_after_of(error: openai.APIStatusError) -> float | None:
    """Seconds, from any of the three forms in which servers say it."""
    headers = error.response.headers
    try:
        if ms := headers.get("retry-after-ms"):
            return max(0.0, float(ms) / 1000)
        told = headers.get("retry-after", "")
        if told.strip().replace(".", "", 1).isdecimal():
            return float(told)
        if told:
            moment = parsedate_to_datetime(told)
            return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        pass
    return None


def _has_images(request: Wire) -> bool:
    return any(
        part.get("type") == "image_url"
        for message in request["messages"]
        if isinstance(message.get("content"), list)
        for part in message["content"]
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
