"""Uploads that break off: whatever of them came, no file is made of it, nothing stays on disk."""

import socket
import struct
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from django.conf import settings

from assistants.models import File
from tests.api.raw import connect
from tests.until import until

BOUNDARY = "limit"
FIELD = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
PART = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
LARGE = b"bread " * 1_000_000
"""More than Django keeps in memory."""
BEGUN = {
    "nothing of the body": b"",
    "half of the form's head": FIELD[:30].encode(),
    "the fields": FIELD.encode(),
    "half of a small file": (FIELD + PART).encode() + b"bread",
    "half of a large file": (FIELD + PART).encode() + LARGE,
    "all but the end of the form": (FIELD + PART).encode() + LARGE + b"\r\n",
}


def left() -> set[Path]:
    """What lies where uploads are written and where files are kept."""
    folders = (settings.FILES_ROOT, settings.FILE_UPLOAD_TEMP_DIR)
    return {path for folder in folders for path in Path(str(folder)).rglob("*") if path.is_file()}


def open_without_a_name() -> int:
    """Files that this process, and so the server, has open though no folder names them."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found += str(descriptor.readlink()).endswith("(deleted)")
        except FileNotFoundError:
            continue
    return found


def head(path: str, secret: str, framing: str) -> bytes:
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {secret}",
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
        framing,
    )
    return "\r\n".join((*lines, "", "")).encode()


def hang_up(connection: socket.socket) -> None:
    """As a client does that ends."""
    connection.close()


def reset(connection: socket.socket) -> None:
    """As a network does that breaks."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("begun", BEGUN.values(), ids=BEGUN)
@pytest.mark.parametrize("framing", ["Content-Length: 7000000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("path", ["/v1/files", "/openai/v1/files", "/files"])
@pytest.mark.parametrize("leave", [hang_up, reset])
def test_an_upload_that_breaks_off_leaves_nothing(
    http: httpx2.Client,
    address: str,
    secret: str,
    path: str,
    framing: str,
    begun: bytes,
    leave: Callable[[socket.socket], None],
) -> None:
    before, opened = left(), open_without_a_name()
    if "chunked" in framing and begun:
        begun = f"{len(begun):x}\r\n".encode() + begun + b"\r\n"
    connection = connect(address)
    connection.sendall(head(path, secret, framing) + begun)
    if len(begun) > len(LARGE):
        until(lambda: open_without_a_name() > opened, "the server does not read")
    leave(connection)
    until(lambda: open_without_a_name() == opened, "the server holds on to what came")
    assert http.get("/v1/files").json()["data"] == []
    assert File.objects.count() == 0
    assert left() == before


@pytest.mark.parametrize("begun", list(BEGUN.values())[2:], ids=list(BEGUN)[2:])
def test_a_form_without_its_end_is_refused_though_all_that_was_announced_has_come(
    http: httpx2.Client, begun: bytes
) -> None:
    before = left()
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    response = http.post("/v1/files", content=begun, headers=kind)
    assert response.status_code == 400, response.text
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert File.objects.count() == 0
    assert left() == before


def test_who_leaves_before_the_answer_has_uploaded_all_of_it_or_nothing(
    http: httpx2.Client, address: str, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = left()
    form = (FIELD + PART).encode() + LARGE + f"\r\n--{BOUNDARY}--\r\n".encode()
    for _ in range(10):
        connection = connect(address)
        connection.sendall(head("/v1/files", secret, f"Content-Length: {len(form)}") + form)
        reset(connection)
    kept = http.post(
        "/v1/files", data={"purpose": "assistants"}, files={"file": ("a.txt", LARGE)}
    ).json()["id"]

    def in_order() -> bool:
        now, rows = left(), set(File.objects.values_list("pk", flat=True))
        new = {path.name for path in now - before}
        # What an earlier test has begun may have got its row since.
        return new <= rows <= {path.name for path in now}

    until(in_order, "bytes without a row, or a row without bytes")
    assert File.objects.filter(pk=kept).exists()
    assert set(File.objects.values_list("bytes", flat=True)) == {len(LARGE)}
    # No body was closed while it was read.
    assert "closed file" not in caplog.text
