"""Where the interpreter process listens: a Unix socket that is its own user's alone, and, for a
service on another host, TLS with a token. There is no TCP without both.
"""

import hmac
import logging
import os
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from assistants.tools.code_interpreter.remote import SILENCE_SECONDS, notice_silence

logger = logging.getLogger(__name__)

_BACKLOG: Final = 128
_SHORTEST_TOKEN: Final = 32
OPEN: Final = ("/healthz", "/readyz")
"""For balancers and clusters, which have no token."""


class CannotListen(Exception):
    """The address, the certificate or the token cannot be used. One line, without the token."""


def listen_unix(path: Path) -> socket.socket:
    """A Unix socket at `path` that only this process's user may open, from its first moment on."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
        listening.listen(_BACKLOG)
    finally:
        os.umask(before)
    return listening


@dataclass(frozen=True, slots=True)
class Network:
    """An address that other hosts reach. `certificate` and `key` are files in PEM."""

    host: str
    port: int
    certificate: Path
    key: Path
    token: str = field(repr=False)

    def listen(self) -> socket.socket:
        """The socket. Raises CannotListen."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            listening = socket.create_server(
                (self.host, self.port),
                family=family,
                backlog=_BACKLOG,
                dualstack_ipv6=self.host == "::",
            )
        except OSError as error:
            raise CannotListen(f"Nothing can listen at {self.host}: {error}.") from error
        notice_silence(listening, SILENCE_SECONDS)  # what it accepts inherits that
        return listening

    def tls(self) -> ssl.SSLContext:
        """With the certificate loaded. Raises CannotListen."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            # Without an answer to the question for a passphrase: nobody is there to be asked.
            context.load_cert_chain(self.certificate, self.key, password=lambda: "")
        except (OSError, ValueError) as error:
            raise CannotListen(
                f"{self.certificate} and {self.key} are no certificate and its key, "
                f"without a passphrase, in PEM: {error}."
            ) from error
        return context

    def renew(self, context: ssl.SSLContext) -> None:
        """Use what is in the files now for connections from now on. Raises CannotListen, and then
        all stays as it was: a context into which half of it was loaded could greet nobody any more.
        """
        fresh = self.tls()

        def use(connection: ssl.SSLObject | ssl.SSLSocket, _name: object, _: object) -> None:
            connection.context = fresh

        context.sni_callback = use  # it is asked at the beginning of each, also of those by number


def network(listen: str, certificate: Path, key: Path, token_file: Path) -> Network:
    """What the arguments of the server say; `listen` as host:port. Raises CannotListen."""
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise CannotListen(f"--listen {listen} is not host:port, as in 0.0.0.0:8443.")
    try:
        token = token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotListen(f"--token-file {token_file} cannot be read.") from error
    if len(token) < _SHORTEST_TOKEN or not all("!" <= character <= "~" for character in token):
        raise CannotListen(
            f"--token-file {token_file} holds no token: at least {_SHORTEST_TOKEN} letters and "
            "digits, as `openssl rand -hex 32` makes them."
        )
    return Network(host, int(port), certificate, key, token)


def token_needed(token: str) -> Middleware:
    """Lets in only requests that carry `token`, and whoever asks whether the process is well; the
    others learn nothing, not even what exists.
    """
    wanted = f"Bearer {token}".encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in OPEN:
            return await handler(request)
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if hmac.compare_digest(given, wanted):
            return await handler(request)
        logger.warning("refused %s: its token is not ours", request.remote)
        return web.json_response(
            {"reason": "The code interpreter refuses the token."},
            status=401,
            headers={"WWW-Authenticate": "Bearer", "Connection": "close"},
        )

    return check
