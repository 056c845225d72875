"""A body that is too large is refused before Django has written it to disk."""

import socket
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.csrf import csrf_exempt
from pytest_django import Settings

from assistants.refusals import TOO_LARGE
from playground.asgi import application
from playground.body_limit import UPLOADS as UPLOAD_PATHS
from playground.body_limit import BodyLimit
from tests.api.serving import serving

MAX = 100_000
MAX_UPLOAD = 200_000
COOKIE = "playground_session"


@csrf_exempt
def length(request: HttpRequest, **_of: str) -> HttpResponse:
    return HttpResponse(str(len(request.read())))


class Told:
    """What the pages and the API do with a request whose body is too large."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        limit = request.scope.get(TOO_LARGE)  # type: ignore[attr-defined]
        if limit is None:
            return self._get_response(request)
        return HttpResponse(f"{limit}, {len(request.read())}", status=413)


urlpatterns = [path("<path:any>", length)]


def send(head: str, body: bytes, settings: Settings, address: str = "/length") -> bytes:
    """One request over a plain socket; the answer, whole."""
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware", f"{__name__}.Told"]
    limited = BodyLimit(
        get_asgi_application(), max_bytes=MAX, max_upload_bytes=MAX_UPLOAD, session_cookie=COOKIE
    )
    with serving(limited) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            lines = (f"POST {address} HTTP/1.1", "Host: localhost", "Connection: close", head, "")
            connection.sendall("\r\n".join((*lines, "")).encode() + body)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            return answer


def status(head: str, size: int, settings: Settings, address: str) -> int:
    """Of the answer to a body of ``size`` bytes, which are announced, and sent if that is what
    an upload may have.
    """
    head = "\r\n".join(filter(None, [head, f"Content-Length: {size}"]))
    body = b"x" * size if size == MAX_UPLOAD else b""
    return int(send(head, body, settings, address).split()[1])


UPLOADS = [
    ("/v1/files", "Authorization: Bearer sk-1"),
    ("/openai/files?api-version=2024-05-01-preview", "api-key: sk-1"),
    ("/openai/v1/files", "api-key: sk-1"),
    ("/files", f"Cookie: theme=dark; {COOKIE}=abc"),
    ("/assistants/new", f"Cookie: {COOKIE}=abc"),
    ("/assistants/asst_1", f"Cookie: {COOKIE}=abc"),
    ("/vector-stores/vs_1/files", f"Cookie: {COOKIE}=abc"),
    ("/threads/begin", f"Cookie: {COOKIE}=abc"),
    ("/threads/thread_1/messages", f"Cookie: {COOKIE}=abc"),
]


@pytest.mark.parametrize("address,head", UPLOADS)
def test_a_file_may_be_larger_than_other_requests(
    settings: Settings, address: str, head: str
) -> None:
    assert status(head, MAX_UPLOAD, settings, address) == 200
    assert status(head, MAX_UPLOAD + 1, settings, address) == 413


@pytest.mark.parametrize("address", [address for address, _head in UPLOADS])
@pytest.mark.parametrize("head", ["", f"Cookie: other=1; not_{COOKIE}=1", f"Cookie: {COOKIE}="])
def test_a_file_without_a_key_or_a_session_may_not(
    settings: Settings, address: str, head: str
) -> None:
    assert status(head, MAX + 1, settings, address) == 413


@pytest.mark.parametrize("address", ["/v1/threads", "/v1/threads/thread_1/messages", "/login", "/"])
def test_a_key_does_not_make_other_requests_larger(settings: Settings, address: str) -> None:
    head = f"Authorization: Bearer sk-1\r\nCookie: {COOKIE}=abc"
    assert status(head, MAX + 1, settings, address) == 413


def test_every_form_with_files_is_an_upload() -> None:
    for name, arguments in (
        ("files", []),
        ("assistant-new", []),
        ("assistant", ["asst_1"]),
        ("thread-create", []),
        ("thread-messages", ["thread_1"]),
    ):
        assert UPLOAD_PATHS.fullmatch(reverse(name, args=arguments, urlconf="playground.urls"))


def test_a_body_at_the_limit_passes(settings: Settings) -> None:
    answer = send(f"Content-Length: {MAX}", b"x" * MAX, settings)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(str(MAX).encode())


def test_an_announced_length_over_the_limit_is_refused_at_once(settings: Settings) -> None:
    answer = send(f"Content-Length: {MAX + 1}", b"", settings)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(f"{MAX}, 0".encode())


def test_a_body_of_unknown_length_is_refused_once_it_is_over_the_limit(
    settings: Settings, tmp_path: Path
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    chunk = b"2710\r\n" + b"x" * 0x2710 + b"\r\n"
    answer = send("Transfer-Encoding: chunked", chunk * 11 + b"0\r\n\r\n", settings)
    assert answer.startswith(b"HTTP/1.1 413")
    assert list(tmp_path.iterdir()) == []


def test_a_form_that_is_too_large_is_told_so_on_a_page(transactional_db: None) -> None:
    with serving(application) as url:
        response = httpx2.post(f"{url}/login", content=b"x" * 18_000_000)
    assert response.status_code == 413
    assert "larger than 17.0\xa0MB" in response.text
    assert "Content-Security-Policy" in response.headers
