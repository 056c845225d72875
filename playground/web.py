"""Runs the web server: ``python -m playground.web``."""

import asyncio
import contextlib
import logging
import socket
import sys
import threading
from typing import Any, Final

import uvicorn
from typing_extensions import override

from assistants.events import sse
from playground import lifetimes, settings
from playground.protocol import Protocol

CANNOT_START: Final = 3
BREAKING_OFF_SECONDS: Final = 0.5
OF_A_STOP: Final = ("ASGI callable returned without completing response.",)
"""What uvicorn says of streams that are broken off because the server stops."""


def options(*, behind_proxy: bool = settings.BEHIND_PROXY) -> dict[str, Any]:
    """How uvicorn serves.

    By itself it believes what ``X-Forwarded-For`` says of a request from this machine. Where no
    proxy is, that is what whoever guesses passwords says, another address each time.
    """
    return {
        "http": Protocol,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": behind_proxy,
        "forwarded_allow_ips": settings.FORWARDED_ALLOW_IPS or "127.0.0.1",
    }


class Server(uvicorn.Server):
    """uvicorn's, which waits for every answer when it stops. An event stream is not waited for:
    whoever follows one comes back to the next server and goes on where it was.
    """

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            lifetimes.begins("web")

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        logging.getLogger("uvicorn.error").addFilter(_is_no_news)
        breaking_off = asyncio.create_task(_break_off_streams())
        try:
            await super().shutdown(sockets)
        finally:
            breaking_off.cancel()
            logging.getLogger("uvicorn.error").removeFilter(_is_no_news)
        # Here: what ends uvicorn by a signal has it end this process by the same. What it has
        # broken off, since it took too long, is still noted there.
        if not (self.server_state.tasks or self.force_exit):
            lifetimes.ended("web")


async def _break_off_streams() -> None:
    """Again and again: a request that is being answered may begin another."""
    while True:
        sse.break_off_all()
        await asyncio.sleep(BREAKING_OFF_SECONDS)


def _is_no_news(record: logging.LogRecord) -> bool:
    return not any(told in record.getMessage() for told in OF_A_STOP)


def _tell_of_it() -> None:
    """Where METRICS_PORT asks for it."""
    # Here: the settings are read by now, which numbers need (settings.METRICS_DIR), and Django is
    # set up.
    from playground import health, numbers, own_port

    own_port.begin("web", lambda: health.beside("web"), numbers.told_apart)


def main() -> int:
    """Serve the pages and the API at HOST and PORT until SIGTERM. Then what was asked is answered,
    for up to WEB_GRACE_SECONDS.
    """
    config = uvicorn.Config(
        "playground.asgi:application",
        host=settings.HOST,
        port=settings.PORT,
        loop="uvloop",
        timeout_graceful_shutdown=settings.WEB_GRACE_SECONDS,
        **options(),
    )
    config.load_app()
    from playground import tables  # here: Django is set up by now

    # It listens meanwhile: /readyz says why nobody is to be sent here yet.
    threading.Thread(target=tables.wait, name="tables", daemon=True).start()
    _tell_of_it()
    server = Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else CANNOT_START


if __name__ == "__main__":
    sys.exit(main())
