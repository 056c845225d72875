"""Uploading and fetching files."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from assistants.models import File, Project
from assistants.operations import files as operations


def send(page: Client, name: str, content: bytes, where: str = "chip") -> str:
    given = SimpleUploadedFile(name, content)
    response = page.post(f"/files?as={where}", {"file": given})
    assert response.status_code == 201
    return response.text


def test_an_upload_is_answered_with_its_item(page: Client, project: Project) -> None:
    text = send(page, "data.csv", b"a,b\n1,2\n")
    file = File.objects.get()
    assert (file.filename, file.bytes, file.purpose) == ("data.csv", 8, "assistants")
    assert f'name="file_id" value="{file.id}"' in text
    assert "8 B" in text
    assert f'id="row-{file.id}"' not in text
    assert 'id="row-file-' in send(page, "data.csv", b"a", "row")


def test_an_upload_of_nothing_is_refused(page: Client, project: Project) -> None:
    response = page.post("/files")
    assert response.status_code == 422
    assert response.text == "No file came."


def test_a_file_that_is_too_large_is_refused_in_words(
    page: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "MAX_BYTES", 3)
    response = page.post("/files", {"file": SimpleUploadedFile("big.bin", b"1234")})
    assert response.status_code == 413
    assert "larger than the limit" in response.text
    assert not File.objects.exists()


@pytest.mark.parametrize(
    "name,content_type",
    [
        ("plot.png", "image/png"),
        ("page.html", "application/octet-stream"),
        ("drawing.svg", "application/octet-stream"),
        ("data.csv", "application/octet-stream"),
    ],
)
def test_what_is_fetched_never_opens_as_a_page(
    page: Client, project: Project, name: str, content_type: str
) -> None:
    send(page, name, b"<script>alert(1)</script>")
    response = page.get(f"/files/{File.objects.get().id}/content")
    assert b"".join(response) == b"<script>alert(1)</script>"
    assert response.headers["Content-Type"] == content_type
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_name_with_markup_or_chinese_is_only_ever_a_name(page: Client, project: Project) -> None:
    text = send(page, "<b>圖表.csv", b"1")
    assert "&lt;b&gt;圖表.csv" in text
    assert "<b>圖表" not in text
    response = page.get(f"/files/{File.objects.get().id}/content")
    assert "filename*=utf-8''" in response.headers["Content-Disposition"]


def test_a_quotation_mark_in_a_name_is_stored_as_one(page: Client, project: Project) -> None:
    given = SimpleUploadedFile("5%22 disks.csv", b"a\n1\n")
    response = page.post("/files", {"file": given})
    assert File.objects.get().filename == '5" disks.csv'
    assert '<bdi class="truncate">5&quot; disks.csv</bdi>' in response.text
