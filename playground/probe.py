"""``python -m playground.probe worker``: whether that process of this host or container does its
work. Without a name it is the one that the container was started with, or all of them together.

For whoever keeps it running: exit code 0, or 1 and a line that says what is wrong. Each looks at
its own process alone, since another start of this one mends nothing that is wrong with another.
Whether all of them answer is what GET /healthz says.
"""

import http.client
import json
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import redis

from assistants import workers
from playground import settings

SECONDS: Final = 5.0
BEAT_SECONDS: Final = 20.0
"""It rings the sweep every 5."""


WHOLE: Final = "whole"
RUNNER: Final = "playground.runner"
FIRST: Final = Path("/proc/1/cmdline")
"""Of a container: ``tini -- python -m playground.runner web``, whatever that has become since."""


class Fails(Exception):
    """The process does not do its work."""


def whole() -> None:
    """All parts answer."""
    status, told = _health()
    if status != http.HTTPStatus.OK:
        raise Fails(str(told.get("status", status)))


def web() -> None:
    """It answers, whatever it has to say."""
    _status, told = _health()
    if not isinstance(told.get("parts"), dict):
        raise Fails("something else answers")


def _health() -> tuple[int, dict[str, Any]]:
    """What GET /healthz answers with."""
    host = settings.HOST if settings.HOST not in {"0.0.0.0", "::"} else "localhost"  # noqa: S104
    link = http.client.HTTPConnection(host, settings.PORT, timeout=SECONDS)
    link.request("GET", "/healthz", headers={"Host": "localhost"})
    answer = link.getresponse()
    told = json.load(answer)
    if not isinstance(told, dict):
        raise Fails("something else answers")
    return answer.status, told


def worker() -> None:
    """It has said that it is alive: each one that lives with this RUNTIME_DIR, if there are some.
    Where Redis is away nobody knows, and that is not its fault.
    """
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=SECONDS) as client:
        try:
            silent = workers.silent_here(client, settings.RUNTIME_DIR)
        except redis.RedisError:
            return
    if silent is None:
        raise Fails("none lives here")
    if silent:
        raise Fails(f"it does not say that it is alive ({', '.join(silent)})")


def beat() -> None:
    """It has rung the sweep."""
    try:
        age = time.time() - (settings.RUNTIME_DIR / "beat").stat().st_mtime
    except FileNotFoundError:
        raise Fails("it has not rung yet") from None
    if age > BEAT_SECONDS:
        raise Fails(f"it has not rung for {age:.0f} s")


def interpreter() -> None:
    """It answers, whether code can run or not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(SECONDS)
        link.connect(settings.INTERPRETER_SOCKET)
        link.sendall(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
        if not link.recv(9).startswith(b"HTTP/1."):
            raise Fails("something else answers")


PROBES: Final[dict[str, Callable[[], None]]] = {
    "web": web,
    "worker": worker,
    "beat": beat,
    "interpreter": interpreter,
}


def started_with(command: bytes) -> str:
    """The process that a container is for, by what its first one was started with; ``whole`` where
    that names none.
    """
    words = command.decode(errors="replace").split("\0")
    named = words[words.index(RUNNER) + 1 :] if RUNNER in words else []
    return next((name for name in named if name in PROBES), WHOLE)


def wrong_with(name: str) -> str:
    """Empty where the process does its work."""
    try:
        {**PROBES, WHOLE: whole}[name]()
    except (Fails, OSError, ValueError, AttributeError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    return ""


def main(names: list[str]) -> int:
    """The exit code."""
    if not names:
        names = [started_with(FIRST.read_bytes() if FIRST.exists() else b"")]
    if len(names) != 1 or names[0] not in {WHOLE, *PROBES}:
        sys.stderr.write(f"Name one of {', '.join(PROBES)}.\n")
        return 2
    if wrong := wrong_with(names[0]):
        sys.stderr.write(f"{names[0]}: {wrong}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
