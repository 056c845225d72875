"""A server of S3's API for the tests, in a process of its own, from the package index; and a gate
before it that can be shut, as when a network is cut.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

from tests.stack import free_port

BUCKET = "playground"
KEY = {"S3_ACCESS_KEY_ID": "tests", "S3_SECRET_ACCESS_KEY": "tests-only"}
START_SECONDS = 30


def is_wanted() -> bool:
    """Whether all tests keep files there: with ``TEST_STORAGE=s3``."""
    chosen = os.environ.get("TEST_STORAGE", "disk")
    assert chosen in ("disk", "s3"), "TEST_STORAGE is disk or s3"
    return chosen == "s3"


@contextmanager
def server(host: str = "127.0.0.1") -> Iterator[int]:
    """The port of a server with an empty bucket."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", host, "-p", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _answers(host, port):
                assert process.poll() is None, "the S3 server ended at once"
                assert time.monotonic() < deadline, "the S3 server does not answer"
                time.sleep(0.05)
            boto3.client(
                "s3",
                endpoint_url=f"http://{host}:{port}",
                region_name="us-east-1",
                aws_access_key_id=KEY["S3_ACCESS_KEY_ID"],
                aws_secret_access_key=KEY["S3_SECRET_ACCESS_KEY"],
            ).create_bucket(Bucket=BUCKET)
            yield port
        finally:
            process.kill()


def environment(port: int, prefix: str = "") -> dict[str, str]:
    """The settings that have files kept there."""
    return {
        "S3_BUCKET": BUCKET,
        "S3_PREFIX": prefix,
        "S3_ENDPOINT": f"http://127.0.0.1:{port}",
        "S3_REGION": "us-east-1",
        **KEY,
    }


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


class Gate:
    """Carries connections from a port of its own to another. While it is shut nobody listens, and
    all that were open are cut.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), reuse_port=True)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        for one in (self._listener, *self._open):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self._listener = None
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                asking = listener.accept()[0]
            except OSError:
                return
            answering = socket.create_connection(("127.0.0.1", self._target))
            self._open |= {asking, answering}
            for ends in ((asking, answering), (answering, asking)):
                threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(2**16):
                target.sendall(piece)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
