"""An export that comes back: through the page, under the same ids, all of it or nothing; and what
hostile archives get.
"""

import io
import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from openai import OpenAI

from assistants.errors import Wire
from assistants.models import Assistant, File, Project, Run, Thread, VectorStore
from assistants.operations import assistants, files, projects, threads, vector_stores
from assistants.operations.people import local_owner as owner
from playground.asgi import application
from playground.exports import reading
from tests.api.serving import serving
from tests.factories import make_assistant, make_project, make_run, make_thread
from tests.history import History
from tests.stack import ROOT, clean_environment

pytestmark = pytest.mark.django_db(transaction=True)

AGAIN = """
import sys
import django
django.setup()
from django.core.management import call_command
from assistants.models import Thread
from playground.exports import archive, documents
from playground.exports.history import Wanted
call_command("import_thread", sys.argv[1], stdout=sys.stderr)
thread = Thread.objects.get()
for piece in archive.zipped(documents.entries(thread, Wanted())):
    sys.stdout.buffer.write(piece)
"""
FILE = {"id": "file-aaaa", "created_at": 1, "filename": "a.txt", "purpose": "assistants"}


def exported(page: Client, thread: Thread, query: str = "") -> bytes:
    response = page.get(f"/threads/{thread.id}/export/file?format=json{query}")
    return b"".join(response)


def unpacked(content: bytes) -> dict[str, Any]:
    """What the archive holds, without the moment at which it was made."""
    found: dict[str, Any] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            found[name] = archive.read(name)
            if name.endswith(".jsonl"):
                found[name] = [json.loads(line) for line in found[name].splitlines()]
    found["manifest.json"] = json.loads(found["manifest.json"]) | {"exported_at": 0}
    return found


def packed(entries: dict[str, Any], **manifest: Any) -> bytes:
    """An archive with these entries."""
    told = {"format": "assistants-playground.thread", "version": 1, **manifest}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"manifest.json": json.dumps(told), **entries}.items():
            text = content
            if isinstance(content, list):
                text = "".join(json.dumps(one) + "\n" for one in content)
            archive.writestr(name, text)
    return buffer.getvalue()


def thread_wire(**fields: Any) -> Wire:
    return {"id": "thread_elsewhere", "created_at": 1_700_000_000, **fields}


def upload(page: Client, content: bytes) -> Any:
    return page.post("/threads/import", {"file": io.BytesIO(content)})


def brought(page: Client, content: bytes) -> Any:
    assert upload(page, content).status_code == 200
    return page.post("/threads/import", {"confirmed": "yes"}, follow=True)


def delete_all(history: History) -> None:
    threads.delete(history.thread)
    assistants.delete(history.assistant)
    vector_stores.delete(history.store)
    for file in File.objects.all():
        files.delete(file)


def test_what_is_exported_deleted_and_imported_is_exported_the_same(
    page: Client, project: Project
) -> None:
    history = History(project)
    ids = {
        "thread": history.thread.id,
        "run": history.run.id,
        "assistant": history.assistant.id,
        "file": history.saved.id,
        "store": history.store.id,
        "guide": history.guide.id,
    }
    mei = {"kind": "user", "id": "77", "name": "Mei"}
    history.thread.messages.filter(role="user").update(author=mei)
    first = exported(page, history.thread)
    delete_all(history)

    preview = upload(page, first)
    assert "1 thread, 4 messages, 2 runs, 5 run steps, 1 assistant, 4 files" in preview.text
    assert "Draw it &amp; cite the guide" in preview.text
    assert not Thread.objects.exists()
    done = page.post("/threads/import", {"confirmed": "yes"}, follow=True)
    assert done.redirect_chain == [(f"/threads?q={ids['thread']}", 302)]
    assert "Imported: 1 thread, 4 messages" in done.text
    shown = page.get(f"/threads/{ids['thread']}?panel=chat").text
    assert ">Mei<" in shown  # what the author was called there

    again = exported(page, Thread.objects.get(pk=ids["thread"]))
    assert unpacked(again) == unpacked(first)
    with serving(application) as url:
        _key, secret = projects.create_api_key(project, "tests")
        client = OpenAI(base_url=f"{url}/v1", api_key=secret, max_retries=0, timeout=10)
        said = client.beta.threads.messages.list(ids["thread"], order="asc").data
        assert [message.role for message in said] == ["user", "assistant", "user", "assistant"]
        run = client.beta.threads.runs.retrieve(ids["run"], thread_id=ids["thread"])
        assert run.assistant_id == ids["assistant"]
        steps = client.beta.threads.runs.steps.list(run.id, thread_id=ids["thread"]).data
        assert len(steps) == 3
        assert client.beta.assistants.retrieve(ids["assistant"]).name == "Baker"
        assert client.files.content(ids["file"]).read() == b"x,y\n3,4\n"
        (inside,) = client.vector_stores.files.list(ids["store"]).data
        assert (inside.id, inside.attributes) == (ids["guide"], {"year": 2024, "draft": False})


@pytest.mark.sqlite
@pytest.mark.disk  # it starts the other one
def test_another_instance_takes_it_in_by_the_command(
    page: Client, project: Project, tmp_path: Path
) -> None:
    for folder in ("files", "tmp", "run"):
        (tmp_path / "other" / folder).mkdir(parents=True)
    # As good as new: there are a project and its owner.
    with (
        closing(sqlite3.connect(tmp_path / "other" / "database.sqlite3")) as copy,
        closing(sqlite3.connect(connection.settings_dict["NAME"])) as ours,
    ):
        ours.backup(copy)
    first = exported(page, History(project).thread)
    archive = tmp_path / "thread.zip"
    archive.write_bytes(first)
    environment = {
        **clean_environment(),
        "DATA_DIR": str(tmp_path / "other"),
        "DJANGO_SETTINGS_MODULE": "playground.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", AGAIN, str(archive)],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
    )
    assert "Imported: 1 thread, 4 messages, 2 runs" in done.stderr.decode()
    assert unpacked(done.stdout) == unpacked(first)


def test_what_is_here_already_stays_and_is_said(page: Client, project: Project) -> None:
    history = History(project)
    content = exported(page, history.thread)
    refused = upload(page, content)
    assert "This project has the thread already" in refused.text
    assert "confirmed" not in refused.text
    threads.delete(history.thread)
    Assistant.objects.filter(pk=history.assistant.id).update(name="Mine")
    preview = upload(page, content)
    assert history.assistant.id in preview.text
    assert "They stay as they are" in preview.text
    assert "Not usable" not in preview.text
    done = page.post("/threads/import", {"confirmed": "yes"}, follow=True)
    assert "6 objects were here already and stay as they are." in done.text
    assert Assistant.objects.get().name == "Mine"


def test_without_contents_files_do_not_come_and_tools_are_not_given_them(
    page: Client, project: Project
) -> None:
    history = History(project)
    content = exported(page, history.thread, "&chosen=yes&steps=on")
    assert not [name for name in unpacked(content) if name.startswith("contents/")]
    delete_all(history)
    assert "4 files were exported without their content" in upload(page, content).text
    page.post("/threads/import", {"confirmed": "yes"})
    assert not File.objects.exists()
    assert Assistant.objects.get().tool_resources["code_interpreter"] == {"file_ids": []}
    assert VectorStore.objects.get().files.count() == 0
    assert page.get(f"/threads/{Thread.objects.get().id}").status_code == 200


def test_a_run_that_was_active_comes_as_failed(page: Client, project: Project) -> None:
    thread = make_thread(project, "Hi")
    make_run(thread, make_assistant(project))
    content = exported(page, thread)
    threads.delete(thread)
    assert "1 run went on when it was exported" in upload(page, content).text
    done = page.post("/threads/import", {"confirmed": "yes"}, follow=True)
    assert "1 run had not ended and has failed here." in done.text
    assert Run.objects.get().status == "failed"


def test_an_id_that_another_project_has_is_not_told_as_such(page: Client, project: Project) -> None:
    other = make_thread(make_project("theirs"), "secret")
    content = packed({"thread.jsonl": [thread_wire(id=other.id)]})
    preview = upload(page, content)
    assert preview.status_code == 200
    assert "secret" not in preview.text
    assert "already" not in preview.text
    assert f'<span class="mono">{other.id}</span>' in preview.text
    assert "nothing of it can come" in preview.text
    assert "confirmed" not in preview.text
    done = page.post("/threads/import", {"confirmed": "yes"})
    assert done.status_code == 422
    assert f"The id &#x27;{other.id}&#x27; cannot be used here." in done.text
    assert Thread.objects.in_project(project).count() == 0


def test_a_message_of_an_own_thread_under_the_same_id_is_told_before(
    page: Client, project: Project, tmp_path: Path
) -> None:
    message = make_thread(project, "mine").messages.get()
    told = {"id": message.id, "created_at": 1, "role": "user", "content": [], "thread_id": "t"}
    content = packed({"thread.jsonl": [thread_wire()], "messages.jsonl": [told]})
    preview = upload(page, content)
    assert f'<span class="mono">{message.id}</span>' in preview.text
    assert "confirmed" not in preview.text
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    printed = io.StringIO()
    call_command("import_thread", str(archive), dry_run=True, stdout=printed)
    assert f"{message.id} cannot be used here" in printed.getvalue()


def test_a_failure_in_the_middle_leaves_nothing(page: Client, project: Project) -> None:
    message = {
        "id": "msg_aaaa",
        "created_at": 1,
        "role": "user",
        "content": [{"type": "text", "text": {"value": "x", "annotations": []}}],
    }
    entries = {
        "thread.jsonl": [thread_wire()],
        "messages.jsonl": [message, message],
        "files.jsonl": [FILE],
        "contents/file-aaaa": "bread",
    }
    assert upload(page, packed(entries)).status_code == 200
    done = page.post("/threads/import", {"confirmed": "yes"})
    assert done.status_code == 422
    assert "msg_aaaa" in done.text
    assert not Thread.objects.exists()
    assert not File.objects.exists()
    assert not default_storage.exists(f"{project.id}/file-aaaa")
    assert page.post("/threads/import", {"confirmed": "yes"}).status_code == 422


def bomb() -> bytes:
    """Forty megabytes of nothing, in forty kilobytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("manifest.json", '{"format": "assistants-playground.thread"}')
        archive.writestr("contents/file-aaaa", b"\0" * 40_000_000)
    return buffer.getvalue()


def lying() -> bytes:
    """An entry that is longer than its head says."""
    entries = {
        "thread.jsonl": [thread_wire()],
        "files.jsonl": [FILE],
        "contents/file-aaaa": "x" * 5000,
    }
    content = packed(entries)
    return content.replace((5000).to_bytes(4, "little"), (50).to_bytes(4, "little"))


def link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("contents/file-aaaa")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


def twice() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("thread.jsonl", "{}")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("thread.jsonl", "{}")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content, says",
    [
        (b"", "no zip archive"),
        (b"PK\x03\x04 and more", "no zip archive"),
        (packed({})[:-30], "no zip archive"),
        (packed({}), "no thread, or more than one"),
        (packed({"thread.jsonl": [thread_wire(), thread_wire(id="thread_b")]}), "more than one"),
        (packed({"../evil": "x"}), "which no export of a thread has"),
        (packed({"contents/../../evil": "x"}), "which no export of a thread has"),
        (packed({"contents/file-": "x"}), "which no export of a thread has"),
        (packed({"thread.jsonl": [thread_wire()]}, version=2), "version 2"),
        (packed({"thread.jsonl": [thread_wire()]}, format="x"), "no manifest"),
        (packed({"thread.jsonl": "{"}), "not JSON"),
        (packed({"thread.jsonl": '{"created_at": NaN}'}), "not JSON"),
        (packed({"thread.jsonl": "[" * 100_000}), "not JSON"),
        (packed({"thread.jsonl": b"\xff\xfe"}), "not JSON"),
        (packed({"thread.jsonl": [{"id": "thread_a"}]}), "thread.jsonl, line 1"),
        (packed({"thread.jsonl": [thread_wire(id="asst_a")]}), "cannot be used here"),
        (packed({"thread.jsonl": [thread_wire()], "runs.jsonl": [[]]}), "runs.jsonl, line 1"),
        (bomb(), "too large when it is unpacked"),
        (lying(), "no zip archive"),
        (link(), "encrypted, a link"),
        (twice(), "two under one name"),
    ],
)
def test_a_hostile_archive_is_refused_in_words(page: Client, content: bytes, says: str) -> None:
    response = upload(page, content)
    if response.status_code == 200:
        response = page.post("/threads/import", {"confirmed": "yes"})
    assert response.status_code == 422
    assert says in response.text
    assert not Thread.objects.exists()
    assert not File.objects.exists()


@pytest.mark.disk
def test_what_was_not_agreed_to_is_deleted(page: Client, project: Project) -> None:
    content = packed({"thread.jsonl": [thread_wire()]})
    for _ in range(2):
        upload(page, content)
    folder = f"imports/{project.id}"
    (kept,) = default_storage.listdir(folder)[1]
    os.utime(default_storage.path(f"{folder}/{kept}"), (1, 1))
    other = Client()
    other.force_login(owner())
    upload(other, content)
    (newer,) = default_storage.listdir(folder)[1]
    assert newer != kept


def test_an_upload_is_taken_in_where_it_was_shown_only(page: Client, stranger: Client) -> None:
    upload(page, packed({"thread.jsonl": [thread_wire()]}))
    assert stranger.post("/threads/import", {"confirmed": "yes"}).status_code == 422
    assert not Thread.objects.exists()


def test_the_command_says_what_is_wrong(project: Project, tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_thread", str(archive))
    archive.write_bytes(b"x")
    with pytest.raises(CommandError, match="no zip archive"):
        call_command("import_thread", str(archive))
    archive.write_bytes(packed({"thread.jsonl": [thread_wire()]}))
    printed = io.StringIO()
    call_command("import_thread", str(archive), dry_run=True, stdout=printed)
    assert printed.getvalue() == "thread_elsewhere: 1 thread\n"
    assert not Thread.objects.exists()
    with pytest.raises(CommandError, match="There is no project proj_x"):
        call_command("import_thread", str(archive), project="proj_x")


def test_a_line_that_is_too_long_is_not_read(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_LINE", 100)
    content = packed({"thread.jsonl": [thread_wire(metadata={"a": "b" * 200})]})
    assert "too large" in upload(page, content).text
