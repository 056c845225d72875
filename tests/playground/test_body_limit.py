"""A body that is too large is refused before Django has written it to disk."""

import socket
from pathlib import Path

from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from pytest_django import Settings

from playground.body_limit import BodyLimit
from tests.api.serving import serving

MAX = 100_000


@csrf_exempt
def length(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(len(request.read())))


urlpatterns = [path("length", length)]


def send(head: str, body: bytes, settings: Settings) -> bytes:
    """One request over a plain socket; the answer, whole."""
    settings.ROOT_URLCONF = __name__
    with serving(BodyLimit(get_asgi_application(), MAX)) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            lines = ("POST /length HTTP/1.1", "Host: localhost", "Connection: close", head, "", "")
            connection.sendall("\r\n".join(lines).encode() + body)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            return answer


def test_a_body_at_the_limit_passes(settings: Settings) -> None:
    answer = send(f"Content-Length: {MAX}", b"x" * MAX, settings)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(str(MAX).encode())


def test_an_announced_length_over_the_limit_is_refused_at_once(settings: Settings) -> None:
    answer = send(f"Content-Length: {MAX + 1}", b"", settings)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"type": "invalid_request_error"' in answer


def test_a_body_of_unknown_length_is_refused_once_it_is_over_the_limit(
    settings: Settings, tmp_path: Path
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    chunk = b"2710\r\n" + b"x" * 0x2710 + b"\r\n"
    answer = send("Transfer-Encoding: chunked", chunk * 11 + b"0\r\n\r\n", settings)
    assert answer.startswith(b"HTTP/1.1 413")
    assert list(tmp_path.iterdir()) == []
