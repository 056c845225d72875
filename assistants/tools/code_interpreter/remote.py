"""The way to an interpreter process on another host: TLS, its name checked, and a token.

A Unix socket says by itself who is at the other end and whether it still lives; a network says
neither. `listening.py` is the other end.
"""

import functools
import socket
import ssl
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

SILENCE_SECONDS: Final = 20.0
_PROBES: Final = 3


@dataclass(frozen=True, slots=True)
class Remote:
    """Where the process is and how to be let in.

    `url` as https://host:port; `authority` is a file with the certificates, in PEM, of who signed
    its certificate, and of nobody else, or None for those that the system trusts. A connection
    counts as lost when its host has given no sign of life for `silence` seconds.
    """

    url: str
    token: str = field(repr=False)
    authority: Path | None = None
    silence: float = SILENCE_SECONDS

    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": f"Bearer {self.token}"}

    def connector(self) -> aiohttp.TCPConnector:
        """Opens connections, one for each request: one that was kept might have been cut since, and
        whether a call had begun could not be told. Raises OSError if `authority` cannot be read or
        holds none.
        """
        return aiohttp.TCPConnector(
            limit=0,
            force_close=True,
            ssl=ssl.create_default_context(cafile=self.authority),
            socket_factory=functools.partial(_socket, self.silence),
        )


def _socket(silence: float, address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    notice_silence(made, silence)
    return made


def notice_silence(connection: socket.socket, seconds: float) -> None:
    """Have the system give up a connection whose other end shows no sign of life for so long: a
    call waits for its code as long as that runs, and a host that lost its power sends no end.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        pause = max(1, round(seconds / (_PROBES + 1)))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, pause)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, pause)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000))
