"""Uploading and fetching files."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from assistants.models import Assistant, File, Project, Thread, clock
from assistants.operations import files as operations
from assistants.operations import messages
from assistants.params import MessageCreate, validate
from tests.api.worker import Worker
from tests.factories import make_assistant, make_run, make_thread, make_vector_store
from tests.playground.conftest import HTMX

CODE = {"type": "code_interpreter"}


def make_file(project: Project, name: str = "data.csv", purpose: str = "assistants") -> File:
    return operations.create(project, io.BytesIO(b"a,b\n1,2\n"), filename=name, purpose=purpose)


def say(thread: Thread, text: str, *attached: File) -> None:
    """A message with these files."""
    attachments = [{"file_id": file.id, "tools": [CODE]} for file in attached]
    given = {"role": "user", "content": text, "attachments": attachments}
    messages.create(thread, validate(MessageCreate, given))


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


@pytest.mark.parametrize(
    "name,content,taken",
    [
        ("image.png", b"\x89P", False),
        ("image.webp", b"RIFF\x00\x00\x00\x00WEBPVP8 ", True),
        ("photo.jpg", b"\xff\xd8\xff\xe0...", True),
        ("photo.jpg", b"<html>", False),
        ("data.csv", b"a", True),
    ],
)
def test_what_is_no_image_is_not_taken_as_one_of_a_message(
    page: Client, project: Project, name: str, content: bytes, taken: bool
) -> None:
    answer = page.post("/files?as=chip", {"file": SimpleUploadedFile(name, content)})
    assert answer.status_code == (201 if taken else 422)
    assert ("is no image that can be shown" in answer.text) is not taken
    assert File.objects.exists() is taken
    # Code may be given any bytes.
    assert (
        page.post("/files?as=row", {"file": SimpleUploadedFile(name, content)}).status_code == 201
    )


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
    assert "The file is larger than the limit of 3 bytes." in response.text
    assert not File.objects.exists()


def test_the_page_of_all_files_takes_its_list_anew_after_an_upload(
    page: Client, project: Project
) -> None:
    assert 'data-upload="/files?as=listed"' in page.get("/files").text
    assert send(page, "data.csv", b"a", "listed") == ""
    # With the first file the search comes, too.
    anew = page.get("/files", headers={**HTMX, "HX-Target": "files-found"}).text
    found = anew.partition('id="files-found"')[2]
    assert 'type="search"' in found
    assert "data.csv" in found


def test_without_a_script_several_files_come_at_once_and_each_refusal_names_its_file(
    page: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "MAX_BYTES", 3)
    given = [SimpleUploadedFile("small.csv", b"a"), SimpleUploadedFile("big.bin", b"1234")]
    text = page.post("/files?as=page", {"file": given}, follow=True).text
    assert [file.filename for file in File.objects.all()] == ["small.csv"]
    assert "big.bin: The file is larger than the limit of 3 bytes." in text
    assert "No file came." in page.post("/files?as=page", follow=True).text


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
    send(page, name, b"<script>alert(1)</script>", "row")
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


def test_a_quote_in_a_name_is_shown_and_downloaded_as_a_quote(
    page: Client, project: Project
) -> None:
    # As a browser writes it into the form; Django's own test client would escape it in its way.
    body = (
        '--edge\r\nContent-Disposition: form-data; name="file"; filename="my %22best%22 圖.csv"\r\n'
        "Content-Type: text/csv\r\n\r\na,b\r\n--edge--\r\n"
    )
    response = page.generic("POST", "/files", body, "multipart/form-data; boundary=edge")
    file = File.objects.get()
    assert file.filename == 'my "best" 圖.csv'
    assert "my &quot;best&quot; 圖.csv" in response.text
    assert "%22" not in response.text
    fetched = page.get(f"/files/{file.id}/content")
    assert fetched.headers["Content-Disposition"] == (
        "attachment; filename*=utf-8''my%20%22best%22%20%E5%9C%96.csv"
    )


def test_a_plain_name_with_a_quote_is_quoted_in_the_header(page: Client, project: Project) -> None:
    made = operations.create(project, io.BytesIO(b"1"), filename='a"b.csv', purpose="assistants")
    fetched = page.get(f"/files/{made.id}/content")
    assert fetched.headers["Content-Disposition"] == 'attachment; filename="a\\"b.csv"'


def test_before_there_is_a_file_the_page_says_how_one_gets_there(page: Client) -> None:
    text = page.get("/files").text
    assert "No files yet" in text
    assert "Upload one here, attach it to a message" in text
    assert 'aria-current="page"' in text


def test_the_list_says_what_a_file_is_and_where_it_is_used(page: Client, project: Project) -> None:
    lonely, used = make_file(project, "lonely.bin"), make_file(project, "<used>.csv")
    resources = {"code_interpreter": {"file_ids": [used.id]}}
    make_assistant(project, name="Plotter", tools=[CODE], tool_resources=resources)
    thread = make_thread(project, "Which columns are there?")
    say(thread, "And in this one?", used)
    rows = page.get("/files").context["rows"]
    assert [row.file.id for row in rows] == [used.id, lonely.id]
    assert [assistant.name for assistant in rows[0].assistants] == ["Plotter"]
    assert [found.id for found in rows[0].threads] == [thread.id]
    assert (rows[1].assistants, rows[1].threads, rows[1].more) == ([], [], 0)
    text = page.get("/files").text
    assert "&lt;used&gt;.csv" in text
    assert "8 B" in text
    assert f'href="/files/{used.id}/delete"' in text


def test_a_file_of_a_vector_store_is_used_there_and_not_discarded(
    page: Client, project: Project
) -> None:
    store = make_vector_store(project, "It rains in March.")
    file = File.objects.get()
    (row,) = page.get("/files").context["rows"]
    assert row.vector_stores == [store]
    link = f'the vector store <a href="/vector-stores/{store.id}"><bdi>{store.id}</bdi></a>'
    assert link in page.get("/files").text
    page.post(f"/files/{file.id}/discard")
    assert File.objects.exists()
    asked = page.get(f"/files/{file.id}/delete").text
    assert f"The vector store {store.id} uses it and goes on without it." in asked


def test_a_file_that_an_answer_shows_is_used_in_its_thread(page: Client, project: Project) -> None:
    made = make_file(project, "plot.png", "assistants_output")
    thread = make_thread(project, "Draw it")
    message = thread.messages.get()
    message.content = [{"type": "image_file", "image_file": {"file_id": made.id}}]
    message.save()
    (row,) = page.get("/files").context["rows"]
    assert [found.id for found in row.threads] == [thread.id]


def test_a_file_of_an_old_thread_is_found_though_nothing_was_said_since(
    page: Client, project: Project
) -> None:
    thread = make_thread(project, "Long ago")
    file = make_file(project)
    thread.tool_resources = {"code_interpreter": {"file_ids": [file.id]}}
    thread.save()
    (row,) = page.get("/files").context["rows"]
    assert [found.id for found in row.threads] == [thread.id]


def test_the_files_are_listed_in_pages_with_a_number_of_queries_that_does_not_grow(
    page: Client, project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    thread = make_thread(project, "Look at these")
    for number in range(10):
        say(make_thread(project, f"Thread {number}"), "Look", make_file(project, f"{number}.csv"))
    for number in range(45):
        make_file(project, f"more {number}.csv")
    shared = make_file(project, "shared.csv")
    for number in range(5):
        say(make_thread(project, f"Sharing {number}"), "Look", shared)
    say(thread, "This one too", shared)
    with django_assert_max_num_queries(15):
        first = page.get("/files")
    assert len(first.context["rows"]) == 50
    assert first.context["rows"][0].more == 3
    assert "Older files" in first.text
    second = page.get("/files?page=2")
    assert [row.file.filename for row in second.context["rows"]][-1] == "0.csv"
    assert len(second.context["rows"]) == 6
    assert "Newer files" in second.text
    assert "There are not so many files" in page.get("/files?page=9").text


def test_files_can_be_searched_by_name_and_id(page: Client, project: Project) -> None:
    file = make_file(project, "rainfall.csv")
    make_file(project, "other.csv")
    for words in ("rainf", file.id):
        found = page.get(f"/files?q={words}", headers=HTMX).context["rows"]
        assert [row.file.id for row in found] == [file.id]
    assert "No file matches “zebra”" in page.get("/files?q=zebra").text


def test_deleting_asks_and_says_who_goes_on_without_the_file(
    page: Client, project: Project
) -> None:
    file = make_file(project)
    assert "Nothing uses it." in page.get(f"/files/{file.id}/delete").text
    say(make_thread(project, "Which columns are there?"), "See", file)
    asked = page.get(f"/files/{file.id}/delete", headers=HTMX).text
    assert "The thread “Which columns are there?” uses it and goes on without it." in asked
    assert File.objects.exists()
    response = page.post(f"/files/{file.id}/delete")
    assert response.headers["Location"] == "/files"
    assert not File.objects.exists()
    assert "data.csv was deleted." in page.get("/files").text


def test_a_run_goes_on_in_a_thread_whose_file_was_deleted(
    page: Client, project: Project, assistant: Assistant
) -> None:
    file = make_file(project)
    thread = make_thread(project, "Hello")
    say(thread, "See", file)
    page.post(f"/files/{file.id}/delete")
    worker = Worker(make_run(thread, assistant).id)
    worker.answer("It is gone.")
    worker.complete()
    text = page.get(f"/threads/{thread.id}").text
    assert "It is gone." in text


def test_what_was_taken_out_before_it_was_sent_is_deleted_unless_something_uses_it(
    page: Client, project: Project
) -> None:
    unsent, sent = make_file(project, "unsent.csv"), make_file(project, "sent.csv")
    made = make_file(project, "made.csv", "assistants_output")
    say(make_thread(project, "Hello"), "See", sent)
    for file in (unsent, sent, made):
        assert page.post(f"/files/{file.id}/discard").status_code == 204
    assert {file.id for file in File.objects.all()} == {sent.id, made.id}


def test_a_file_that_expires_says_when(page: Client, project: Project) -> None:
    File.objects.filter(pk=make_file(project).pk).update(expires_at=clock.now())
    assert "until " in page.get("/files").text


def test_an_image_is_shown_large_and_nothing_else_is(page: Client, project: Project) -> None:
    image = make_file(project, "plot.png")
    text = page.get(f"/files/{image.id}/large", headers=HTMX).text
    assert f'<img class="large" src="/files/{image.id}/content" alt="plot.png"' in text
    table = make_file(project, "table.csv")
    assert page.get(f"/files/{table.id}/large").status_code == 404
