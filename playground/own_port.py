"""What a process tells of itself over HTTP, where METRICS_PORT is set: a worker or beat that has no
web server beside it, which would tell of them too; and a web server, to those who know its address
and not its name.

    GET /metrics    what the processes of this RUNTIME_DIR have counted, for METRICS_TOKEN
    GET /readyz     200 while this process does its work, as playground/probe.py has it, else 503
    GET /healthz    the same, and whether what it needs answers, as seen from here (beat: no more)

Without Django: beat has none.
"""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from typing import Any, Final
from urllib.parse import urlsplit

from typing_extensions import override

from assistants import metrics
from playground import probe, settings
from playground.parts import Part, told

logger = logging.getLogger(__name__)

AGAIN_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 10.0
MOST: Final = 16
"""So many are answered at once. Others wait until they are accepted."""
IDLE: Final = {
    "web": "the web server does not answer",
    "worker": "the worker does not do its work",
    "beat": "beat does not do its work",
}
"""What strangers are told. The log has what is wrong, which names things of this machine."""
UNKNOWN: Final = "it cannot be said: the log has why"

Parts = Mapping[str, Part]


def _numbers() -> bytes:
    return metrics.told(settings.METRICS_DIR)


def begin(
    name: str, others: Callable[[], Parts] = dict, numbers: Callable[[], bytes] = _numbers
) -> None:
    """Answer from now on, in threads of their own, if METRICS_PORT asks for it.

    :param name: of this process: web, worker or beat
    :param others: looks at what it needs
    :param numbers: what it answers /metrics with
    """
    if settings.METRICS_PORT:
        asked = _asked(name, others, numbers)
        threading.Thread(target=_serve, args=(asked,), name="own port", daemon=True).start()


def _serve(asked: type[BaseHTTPRequestHandler]) -> None:
    place = settings.METRICS_HOST, settings.METRICS_PORT
    told_why = False
    while True:
        try:
            server = _Server(place, asked)
        except OSError as error:
            # Its predecessor may still be at its last runs; no work waits for this.
            if not told_why:
                logger.warning("METRICS_PORT %s cannot be had, tried again: %s", place[1], error)
            told_why = True
            time.sleep(AGAIN_SECONDS)
        else:
            server.serve_forever()
            return


class _Server(ThreadingHTTPServer):
    address_family = AF_INET6 if ":" in settings.METRICS_HOST else AF_INET
    daemon_threads = True

    def __init__(self, place: tuple[str, int], asked: type[BaseHTTPRequestHandler]) -> None:
        self._room = threading.BoundedSemaphore(MOST)
        super().__init__(place, asked)

    @override
    def process_request(self, request: Any, client_address: Any) -> None:
        self._room.acquire()
        super().process_request(request, client_address)

    @override
    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if not isinstance(error, OSError):  # one that went away
            logger.error("%s was not answered", client_address, exc_info=error)


def _asked(
    name: str, others: Callable[[], Parts], numbers: Callable[[], bytes]
) -> type[BaseHTTPRequestHandler]:
    was_wrong = False

    def itself() -> Parts:
        nonlocal was_wrong
        wrong = probe.wrong_with(name)
        if wrong and not was_wrong:
            logger.warning("%s: %s", IDLE[name], wrong)
        was_wrong = bool(wrong)
        return {name: Part(ok=not wrong, detail=wrong, public=IDLE[name])}

    answers: dict[str, Callable[[], Parts]] = {
        "/readyz": itself,
        "/healthz": lambda: {**itself(), **others()},
    }

    def parts(path: str) -> Parts:
        try:
            return answers[path]()
        except Exception:  # whatever is wrong, it does not do its work
            logger.exception("%s cannot be answered", path)
            return {name: Part(ok=False, public=UNKNOWN)}

    class Asked(BaseHTTPRequestHandler):
        timeout = SILENCE_SECONDS
        server_version, sys_version = "playground", ""

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path in answers:
                status, body = told(parts(path))
                self._answer(status, "application/json", json.dumps(body).encode())
            elif path == "/metrics" and metrics.is_open_to(
                self.headers.get("Authorization", ""), settings.METRICS_TOKEN
            ):
                self._answer_with_numbers()
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"Not found\n")

        def _answer_with_numbers(self) -> None:
            try:
                body = numbers()
            except Exception:  # as the database that is away
                logger.exception("/metrics cannot be answered")
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", b"Not available\n")
            else:
                self._answer(HTTPStatus.OK, metrics.FORMAT, body)

        def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: Any) -> None: ...

    return Asked
