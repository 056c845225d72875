"""What is not HTTP is refused in JSON too."""

import json
import socket

import pytest

from playground.asgi import application
from tests.api.serving import serving


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"GET /v1/models HTTP/9.9\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST /v1/threads HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a client that speaks TLS
    ],
)
def test_what_cannot_be_read_is_refused_in_the_envelope(sent: bytes) -> None:
    with serving(application) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(sent)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/json" in head
    assert b"x-request-id: req_" in head
    assert json.loads(body)["error"] == {
        "message": "The request is not HTTP that can be read: its first line or a header is "
        "broken.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
