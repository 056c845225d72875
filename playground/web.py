"""Runs the web server: ``python -m playground.web``."""

import logging

import uvicorn

from playground import settings
from playground.protocol import Protocol


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
        http=Protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.FORWARDED_ALLOW_IPS,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
