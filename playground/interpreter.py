"""What the interpreter process says of itself: whether code can run here, and if not, why."""

import http.client
import json
import socket
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

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
    """The interpreter process does not answer."""


def ask(timeout: float = TIMEOUT_SECONDS) -> Interpreter:
    """What it says now.

    :raises NoAnswer: nothing that makes sense within ``timeout`` seconds
    """
    link = _Link("interpreter", timeout=timeout)
    try:
        link.request("GET", "/health")
        told: dict[str, Any] = json.loads(link.getresponse().read())
        walls = tuple(Wall(**wall) for wall in told["walls"])
        packages = tuple(told["packages"])
        return Interpreter(told["ok"], told["reason"], walls, told["state"], packages)
    except (OSError, ValueError, LookupError, TypeError, http.client.HTTPException) as error:
        raise NoAnswer from error
    finally:
        link.close()


def state() -> Interpreter:
    """The answer, asked for at most every few seconds."""
    return _kept(int(time.monotonic() / KEPT_SECONDS))


@lru_cache(maxsize=1)
def _kept(_moment: int) -> Interpreter:
    try:
        return ask()
    except NoAnswer:
        return Interpreter(ok=False, reason="The interpreter process does not answer.")
