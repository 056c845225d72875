"""What the interpreter process says of itself: whether code can run here, and if not, why."""

import http.client
import json
import socket
import ssl
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from typing_extensions import override

TIMEOUT_SECONDS: Final = 1.0
KEPT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Wall:
    """One wall around code, and what was tried against it."""

    name: str
    ok: bool
    detail: str
    extra: bool = False
    """One that stands behind others: the code interpreter is on without it."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """``reason`` says why no code can run and what to do about it; None when ``ok``.

    ``state``: ``off`` when a wall is missing, ``failing`` when the last Python session did not
    start, ``untried`` until the first has.
    """

    ok: bool
    reason: str | None
    walls: tuple[Wall, ...] = ()
    state: str = "off"
    packages: tuple[str, ...] = ()
    """``name version`` of what code may import beside Python's own library."""


class _Link(http.client.HTTPConnection):
    """HTTP over the interpreter's Unix socket."""

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(settings.INTERPRETER_SOCKET)


class NoAnswer(Exception):
    """The interpreter process does not answer. The message is for whoever runs this server."""


@lru_cache(maxsize=1)
def _tls(authority: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority)


def _link(timeout: float) -> tuple[http.client.HTTPConnection, dict[str, str]]:
    """A connection to wherever the interpreter is, and the headers that it wants."""
    if not settings.INTERPRETER_URL:
        return _Link("interpreter", timeout=timeout), {}
    address = urlsplit(settings.INTERPRETER_URL)
    link = http.client.HTTPSConnection(
        address.hostname or "",
        address.port or 443,
        timeout=timeout,
        context=_tls(settings.INTERPRETER_CA),
    )
    return link, {"Authorization": f"Bearer {settings.INTERPRETER_TOKEN}"}


def ask(timeout: float = TIMEOUT_SECONDS) -> Interpreter:
    """What it says now.

    :raises NoAnswer: nothing that makes sense within ``timeout`` seconds
    """
    link, headers = _link(timeout)
    try:
        link.request("GET", "/health", headers=headers)
        response = link.getresponse()
        told: dict[str, Any] = json.loads(response.read())
        if response.status == http.client.UNAUTHORIZED:
            raise NoAnswer("The code interpreter refuses INTERPRETER_TOKEN.")
        walls = tuple(
            Wall(wall["name"], wall["ok"], wall["detail"], wall.get("extra", False))
            for wall in told["walls"]
        )
        packages = tuple(told["packages"])
        return Interpreter(told["ok"], told["reason"], walls, told["state"], packages)
    except ssl.SSLCertVerificationError as error:
        raise NoAnswer(
            f"The code interpreter's certificate is refused ({error.verify_message})."
        ) from error
    except (OSError, ValueError, LookupError, TypeError, http.client.HTTPException) as error:
        raise NoAnswer("The interpreter process does not answer.") from error
    finally:
        link.close()


def numbers() -> bytes:
    """What it has counted, as Prometheus reads it; empty where it does not answer."""
    link, headers = _link(TIMEOUT_SECONDS)
    try:
        link.request("GET", "/metrics", headers=headers)
        answer = link.getresponse()
        return answer.read() if answer.status == http.HTTPStatus.OK else b""
    except (OSError, http.client.HTTPException):
        return b""
    finally:
        link.close()


def state() -> Interpreter:
    """The answer, asked for at most every few seconds."""
    return _kept(int(time.monotonic() / KEPT_SECONDS))


@lru_cache(maxsize=1)
def _kept(_moment: int) -> Interpreter:
    try:
        return ask()
    except NoAnswer as error:
        return Interpreter(ok=False, reason=str(error))
