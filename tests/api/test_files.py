"""``/files`` through the SDK and as raw multipart."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from django.conf import settings
from openai import BadRequestError, NotFoundError, OpenAI

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3000


def test_a_file_is_ready_at_once(client: OpenAI) -> None:
    made = client.files.create(file=("notes.txt", b"hello"), purpose="assistants")
    assert made.to_dict() == {
        "object": "file",
        "id": made.id,
        "purpose": "assistants",
        "filename": "notes.txt",
        "bytes": 5,
        "created_at": made.created_at,
        "expires_at": None,
        "status": "processed",
        "status_details": None,
    }
    assert made.id.startswith("file-")
    assert client.files.retrieve(made.id) == made
    assert client.files.wait_for_processing(made.id) == made


def test_the_bytes_come_back_as_they_were(client: OpenAI, tmp_path: Path) -> None:
    made = client.files.create(file=("a.png", PNG), purpose="vision")
    assert made.bytes == len(PNG)
    content = client.files.content(made.id)
    assert content.read() == PNG
    content.write_to_file(tmp_path / "b.png")
    assert (tmp_path / "b.png").read_bytes() == PNG


@pytest.mark.parametrize(
    "name, content_type",
    [
        ("a.png", "image/png"),
        ("a.csv", "text/csv"),
        ("a.html", "text/html"),
        ("a.pdf", "application/pdf"),
        ("a.json", "application/json"),
        ("a.ts", "application/typescript"),
        (
            "a.xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        ("a.tar.gz", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_content_has_its_type_and_opens_as_no_page(
    client: OpenAI, http: httpx2.Client, name: str, content_type: str
) -> None:
    made = client.files.create(file=(name, b"<script>alert(1)</script>"), purpose="user_data")
    headers = http.get(f"/v1/files/{made.id}/content").headers
    assert headers["content-type"] == content_type
    assert headers["content-disposition"] == f'attachment; filename="{name}"'
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["content-length"] == "25"


def test_an_empty_file_is_a_file(client: OpenAI) -> None:
    made = client.files.create(file=("empty.txt", b""), purpose="batch")
    assert made.bytes == 0
    assert client.files.content(made.id).read() == b""


def test_names_may_be_in_any_script(client: OpenAI, http: httpx2.Client) -> None:
    made = client.files.create(file=("你好 ñ.txt", b"1"), purpose="assistants")
    assert made.filename == "你好 ñ.txt"
    disposition = http.get(f"/v1/files/{made.id}/content").headers["content-disposition"]
    assert disposition == "attachment; filename*=utf-8''%E4%BD%A0%E5%A5%BD%20%C3%B1.txt"


def test_names_may_be_encoded_as_other_clients_do(http: httpx2.Client) -> None:
    body = (
        b"--b\r\nContent-Disposition: form-data; name=file; filename=x.txt; "
        b"filename*=utf-8''%E4%BD%A0%E5%A5%BD.txt\r\n\r\nhi\r\n"
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Disposition: form-data; name=purpose\r\n\r\nassistants\r\n--b--\r\n"
    )
    headers = {"Content-Type": 'multipart/form-data; boundary="b"'}
    made = http.post("/v1/files", content=body, headers=headers).json()
    assert made["filename"] == "你好.txt"


def test_quotes_in_a_name_come_back_as_quotes(client: OpenAI) -> None:
    file = client.files.create(file=('my "best" notes.txt', b"x"), purpose="assistants")
    assert file.filename == 'my "best" notes.txt'


@pytest.mark.disk
def test_a_name_is_only_ever_a_name(client: OpenAI) -> None:
    made = client.files.create(file=("../../etc/pass\nwd", b"1"), purpose="assistants")
    assert "/" not in made.filename
    assert "\n" not in made.filename
    stored = [path for path in Path(settings.FILES_ROOT).rglob("*") if made.id in path.name]
    assert len(stored) == 1


def test_a_wrong_purpose_is_told_the_right_ones(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.files.create(file=b"1", purpose="world_domination")  # type: ignore[arg-type]
    assert caught.value.body == {
        "message": "'world_domination' is not one of ['fine-tune', 'assistants', 'batch', "
        "'user_data', 'vision', 'evals'] - 'purpose'",
        "type": "invalid_request_error",
        "param": "purpose",
        "code": None,
    }


@pytest.mark.parametrize("missing", ["file", "purpose"])
def test_both_parts_are_needed(http: httpx2.Client, missing: str) -> None:
    files = {"file": ("a.txt", b"1"), "purpose": (None, b"assistants")}
    del files[missing]
    response = http.post("/v1/files", files=files)
    assert response.status_code == 400
    assert response.json()["error"] == {
        "message": f"Missing required parameter: '{missing}'.",
        "type": "invalid_request_error",
        "param": missing,
        "code": "missing_required_parameter",
    }


def test_a_broken_form_is_refused(http: httpx2.Client) -> None:
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=a"):
        response = http.post("/v1/files", content=b"?", headers={"Content-Type": content_type})
        assert response.status_code == 400
        assert response.json()["error"]["type"] == "invalid_request_error"
    response = http.post("/v1/files", json={})
    assert response.json()["error"]["code"] == "unsupported_content_type"


def test_a_file_may_expire(client: OpenAI) -> None:
    made = client.files.create(
        file=b"1",
        purpose="assistants",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert made.expires_at is not None
    assert made.expires_at - made.created_at == 3600
    with pytest.raises(BadRequestError) as caught:
        client.files.create(
            file=b"1", purpose="assistants", expires_after={"anchor": "created_at", "seconds": 60}
        )
    assert caught.value.param == "expires_after[seconds]"


def test_files_are_listed_by_purpose(client: OpenAI) -> None:
    one = client.files.create(file=b"1", purpose="assistants")
    two = client.files.create(file=b"2", purpose="vision")
    assert [file.id for file in client.files.list()] == [two.id, one.id]
    assert [file.id for file in client.files.list(purpose="assistants")] == [one.id]
    assert [file.id for file in client.files.list(limit=1, order="asc")] == [one.id, two.id]


def test_a_deleted_file_is_gone_with_its_bytes(client: OpenAI) -> None:
    made = client.files.create(file=("a.txt", b"1"), purpose="assistants")
    deleted = client.files.delete(made.id)
    assert deleted.to_dict() == {"id": made.id, "object": "file", "deleted": True}
    for ask in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(NotFoundError) as caught:
            ask(made.id)
        assert caught.value.body == {
            "message": f"No such File object: {made.id}",
            "type": "invalid_request_error",
            "param": "id",
            "code": None,
        }
    assert not [path for path in Path(settings.FILES_ROOT).rglob("*") if made.id in path.name]


def test_a_large_file_is_streamed_in_and_out(http: httpx2.Client) -> None:
    size = 24 * 1024 * 1024
    begun = time.monotonic()
    response = http.post(
        "/v1/files",
        files={"file": ("big.bin", b"x" * size)},
        data={"purpose": "user_data"},
    )
    made = response.json()
    assert made["bytes"] == size
    with http.stream("GET", f"/v1/files/{made['id']}/content") as content:
        pieces = [len(piece) for piece in content.iter_raw()]
    assert sum(pieces) == size
    assert max(pieces) < 1024 * 1024
    assert time.monotonic() - begun < 20


def test_an_upload_in_chunks_has_no_length_to_announce(http: httpx2.Client) -> None:
    """As clients send it that read a file while they send it, Node's streams among them."""
    boundary = "limit"

    def body() -> Iterator[bytes]:
        yield f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n'.encode()
        yield f"assistants\r\n--{boundary}\r\n".encode()
        yield b'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        for _ in range(40):
            yield b"bread " * 10_000
        yield f"\r\n--{boundary}--\r\n".encode()

    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    made = http.post("/v1/files", content=body(), headers=kind).json()
    assert made["bytes"] == 6 * 10_000 * 40


def test_unknown_fields_of_the_form_are_refused(http: httpx2.Client) -> None:
    sent = {"purpose": "assistants", "expires_after": "x"}
    answer = http.post("/v1/files", data=sent, files={"file": ("a.txt", b"1")})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Unknown parameter: 'expires_after'."
    assert answer.json()["error"]["code"] == "unknown_parameter"
