"""Runs the web server: ``python -m playground.web``."""

import logging
from typing import Any

import uvicorn

from playground import settings
from playground.protocol import Protocol


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


def main() -> None:
    """Serve the pages and the API at HOST and PORT until SIGTERM.

    Open streams get two seconds to end; whoever follows one comes back to the next server and goes
    on where it was. So uvicorn's complaint about streams that it had to end is dropped.
    """
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: "timeout graceful shutdown exceeded" not in record.getMessage()
    )
    uvicorn.run(
        "playground.asgi:application",
        host=settings.HOST,
        port=settings.PORT,
        loop="uvloop",
        timeout_graceful_shutdown=2,
        **options(),
    )


if __name__ == "__main__":
    main()
