"""Files that wait for their message stay when the page is loaded anew."""

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from assistants.models import Assistant, File, Thread
from playground import waiting
from tests.factories import make_thread
from tests.playground.conftest import HTMX


def attach(page: Client, draft: str, name: str) -> File:
    given = {"file": SimpleUploadedFile(name, b"bread")}
    answer = page.post(f"/files?as=chip&draft={draft}", given)
    assert answer.status_code == 201
    for cookie in answer.cookies.values():
        assert cookie["httponly"]
        # Who counts them at an upload has to be sent them.
        assert cookie["path"] == "/"
    return File.objects.get(filename=name)


def waits(page: Client, address: str, file: File) -> bool:
    return f'id="chip-{file.id}"' in page.get(address).text


def test_they_wait_with_the_draft_of_their_thread(
    page: Client, assistant: Assistant, thread: Thread
) -> None:
    other = make_thread(thread.project, "Other")
    address = f"/threads/{thread.id}"
    first, second = attach(page, thread.id, "a.txt"), attach(page, thread.id, "b.txt")
    new = attach(page, "new", "c.txt")
    assert waits(page, address, first)
    assert waits(page, address, second)
    assert not waits(page, address, new)
    assert not waits(page, f"/threads/{other.id}", first)
    assert waits(page, "/threads/new", new)

    page.post(f"/files/{first.id}/discard")
    assert not waits(page, address, first)

    # A run alone sends nothing.
    page.post(f"{address}/messages", {"action": "run", "file_id": second.id}, headers=HTMX)
    assert waits(page, address, second)
    thread.runs.update(status="cancelled")
    said = {"content": "Read", "action": "add", "file_id": second.id}
    page.post(f"{address}/messages", said, headers=HTMX)
    assert not waits(page, address, second)

    said = {"content": "Read", "action": "add", "file_id": new.id}
    page.post("/threads/begin", {**said, "assistant_id": assistant.id})
    assert not waits(page, "/threads/new", new)


def test_strangers_files_do_not_wait(page: Client, stranger: Client, thread: Thread) -> None:
    file = attach(page, "new", "a.txt")
    stranger.cookies[f"waiting-{file.id}"] = "new"
    stranger.post("/assistants/new", {"name": "Mine", "model": "demo"})
    assert not waits(stranger, "/threads/new", file)


def test_so_many_wait_that_the_browser_may_send_their_cookies(page: Client, thread: Thread) -> None:
    for number in range(waiting.MAX_FILES):
        page.cookies[f"{waiting.PREFIX}file-{number}"] = "new"
    answer = page.post(
        f"/files?as=chip&draft={thread.id}", {"file": SimpleUploadedFile("z.txt", b"bread")}
    )
    assert answer.status_code == 201
    assert not [name for name in answer.cookies if name.startswith(waiting.PREFIX)]
