"""Files on S3-compatible storage: the same as on a disk, streamed, and clear when it is away."""

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any, cast

import httpx2
import pytest
from django.core.files.storage import default_storage
from django.core.management.base import CommandError
from django.test import Client
from openai import InternalServerError, OpenAI
from pytest_django import Settings

from assistants import object_storage
from assistants.errors import StorageAway
from assistants.models import File, FileStatus, LeftContent
from assistants.operations import files, ingestion
from assistants.operations.people import local_owner
from assistants.retrieval.reader import Reader
from playground import backups
from playground.management.commands.prepare import Command
from tests import object_store
from tests.chat_server import text, tool_call
from tests.factories import make_file, make_project, make_vector_store
from tests.object_store import Gate
from tests.runs import begin, ended
from tests.stack import ROOT, Stack

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning"),
]

AWAY = "The file storage does not answer, so this could not be done."
# What stores and opens files, on both faces, and takes them along. The rest is told below.
PARTS = [
    "tests/api/test_files.py",
    "tests/operations/test_files.py",
    "tests/operations/test_imports.py",
    "tests/playground/test_exports.py",
    "tests/playground/test_thread_import.py",
    "tests/playground/views/test_files.py",
]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with object_store.server() as port:
        yield port


@pytest.fixture
def gate(port: int) -> Iterator[Gate]:
    gate = Gate(port)
    gate.open()
    yield gate
    gate.shut()


@pytest.fixture
def kept(gate: Gate, settings: Settings) -> Gate:
    """Files are kept behind the gate, as the settings would have it."""
    told = object_store.environment(gate.port, "some/where")
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "assistants.object_storage.ObjectStorage",
            "OPTIONS": {
                "bucket_name": told["S3_BUCKET"],
                "location": told["S3_PREFIX"],
                "endpoint_url": told["S3_ENDPOINT"],
                "region_name": told["S3_REGION"],
                "access_key": told["S3_ACCESS_KEY_ID"],
                "secret_key": told["S3_SECRET_ACCESS_KEY"],
                "addressing_style": "path",
            },
        },
    }
    return gate


@pytest.mark.sqlite  # it starts the others
@pytest.mark.timeout(400)
def test_what_stores_and_opens_files_does_the_same_on_object_storage() -> None:
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=10", *PARTS],
        cwd=ROOT,
        env={**os.environ, "TEST_STORAGE": "s3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tests.returncode == 0, tests.stdout[-20_000:]
    passed = re.search(r"(\d+) passed", tests.stdout)
    assert passed
    assert int(passed[1]) > 100


class _Watched(io.BytesIO):
    """Notes how much is read at once."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.most = max(self.most, len(piece))
        return piece


def test_a_large_file_goes_up_and_comes_down_in_pieces(kept: Gate) -> None:
    content = os.urandom(2**20) * 20
    sent = _Watched(content)
    file = files.create(make_project(), sent, filename="a.bin", purpose="assistants")
    assert file.bytes == len(content)
    assert sent.most <= 8 * 2**20

    with files.open_content(file) as coming:
        first = coming.read(files.PIECE)
        taken = cast("Any", coming).raw._body._raw_stream.tell()
        assert taken <= 2 * files.PIECE, "it was read to its end before the first piece came"
        assert first + coming.read() == content
    # In any order too, for what opens archives.
    with default_storage.open(file.key) as whole:
        whole.seek(-5, io.SEEK_END)
        assert whole.read() == content[-5:]


def test_a_restore_asks_once_whether_there_are_files_however_many_there_are(kept: Gate) -> None:
    client = default_storage.connection.meta.client  # type: ignore[attr-defined]
    asked: list[str] = []
    client.meta.events.register("before-call.s3", lambda model, **_: asked.append(model.name))

    def put(*keys: str) -> None:
        for key in keys:
            client.put_object(Bucket=object_store.BUCKET, Key=key, Body=b"")

    # What other tests have left.
    for left in client.list_objects_v2(Bucket=object_store.BUCKET).get("Contents", ()):
        client.delete_object(Bucket=object_store.BUCKET, Key=left["Key"])
    put("some/wherever/else", "some/where/", "some/where/2026/")
    backups._check_no_files()
    put(*(f"some/where/2026/{number:04}" for number in range(1_100)))
    asked.clear()
    with pytest.raises(backups.Broken, match="not empty: 2026/0000 is there"):
        backups._check_no_files()
    assert asked == ["ListObjects"]
    client.delete_object(Bucket=object_store.BUCKET, Key="some/wherever/else")
    for number in range(1_100):
        default_storage.delete(f"2026/{number:04}")


def test_threads_share_the_client_alone(kept: Gate) -> None:
    storage = cast("Any", default_storage)
    with ThreadPoolExecutor(2) as pool:
        together = Barrier(2)

        def look(_number: int) -> tuple[Any, Any]:
            together.wait(10)
            return storage.connection, storage.bucket

        (first, first_bucket), (second, second_bucket) = pool.map(look, range(2))
    assert first is not second
    assert first_bucket is not second_bucket
    clients = {id(one.meta.client) for one in (first, second, first_bucket, second_bucket)}
    assert len(clients) == 1


def test_memory_does_not_grow_with_the_file(port: int, tmp_path: Path) -> None:
    """In a process of its own, whose largest size is looked at."""
    program = """
import resource, sys, django
django.setup()
from django.core.files.storage import default_storage
from django.core.files.base import File
default_storage.delete(default_storage.save("warm", File(open("/etc/hostname", "rb"))))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open(sys.argv[1], "rb") as content:
    key = default_storage.save("large", File(content))
with default_storage.stream(key) as content:
    read = sum(len(piece) for piece in iter(lambda: content.read(2**20), b""))
default_storage.delete(key)
print(read, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(128 * 2**20)
    told = {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "playground.settings"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(large)],
        cwd=ROOT,
        env={**os.environ, **told, **object_store.environment(port)},
        capture_output=True,
        text=True,
        check=True,
    )
    read, grown = map(int, done.stdout.split())
    assert read == 128 * 2**20
    assert grown < 40 * 2**20


def test_while_the_storage_is_away_everybody_is_told_and_nothing_is_lost(
    kept: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    project = make_project()
    file = make_file(project, "bread")
    kept.shut()

    with pytest.raises(StorageAway, match=AWAY):
        make_file(project, "more bread")
    assert list(File.objects.all()) == [file]
    for open_ in (files.open_content, files.pieces):
        with pytest.raises(StorageAway, match=AWAY):
            open_(file)
    assert "the file storage fails: Could not connect" in caplog.text

    kept.open()
    with files.open_content(file) as content:
        assert content.read() == b"bread"


def test_a_storage_that_breaks_off_is_no_end_of_a_file(kept: Gate) -> None:
    file = make_file(content=os.urandom(2**20) * 12)
    with files.open_content(file) as content:
        content.read(2**20)
        kept.shut()
        with pytest.raises(StorageAway):
            content.read()


def test_a_folder_for_copies_that_is_gone_is_made_again(
    kept: Gate, settings: Settings, tmp_path: Path
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "data" / "tmp")
    with files.on_disk(make_file(content="bread")) as path:
        assert Path(path).read_bytes() == b"bread"


def test_a_bucket_that_is_not_there_stops_the_start_and_one_that_is_away_does_not(
    kept: Gate, settings: Settings
) -> None:
    Command().check_files()
    options = {**settings.STORAGES["default"]["OPTIONS"], "bucket_name": "missing"}
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {**settings.STORAGES["default"], "OPTIONS": options},
    }
    with pytest.raises(CommandError, match=r"cannot be used: make it.*NoSuchBucket"):
        Command().check_files()
    kept.shut()
    Command().check_files()


def test_content_that_could_not_be_deleted_is_deleted_later(
    kept: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_file(content="bread")
    key = file.key
    kept.shut()
    files.delete(file)
    assert not File.objects.exists()
    assert LeftContent.objects.get().key == key

    kept.open()
    assert default_storage.exists(key)
    monkeypatch.setattr(files, "LEFT_FOR", -files.LEFT_FOR)
    assert files.drop_left() == 1
    assert not default_storage.exists(key)
    assert not LeftContent.objects.exists()


def test_pages_and_the_health_check_say_that_the_storage_is_away(
    kept: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Client()
    page.force_login(local_owner())
    file = make_file(content="bread")
    content = f"/files/{file.id}/content"
    assert b"".join(page.get(content)) == b"bread"
    assert page.get("/healthz").json()["parts"]["files"]["ok"]

    kept.shut()
    # Anybody may ask, and not each of them makes the storage be asked.
    assert page.get("/healthz").json()["parts"]["files"]["ok"]
    monkeypatch.setattr(object_storage, "KEPT_SECONDS", 0)
    assert not page.get("/healthz").json()["parts"]["files"]["ok"]
    assert page.get("/readyz").json()["status"] == "ok"
    broken = page.get(content)
    assert broken.status_code == 503
    assert AWAY in broken.content.decode()
    refused = page.post("/files", {"file": io.BytesIO(b"more")})
    assert refused.status_code == 503
    assert AWAY in refused.content.decode()


def test_files_wait_for_a_storage_that_is_away_and_fail_where_their_content_is_gone(
    kept: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    store = make_vector_store(None, "bread and butter", "tea with milk")
    gone, waiting = store.files.order_by("pk").select_related("file")
    default_storage.delete(gone.file.key)
    reader = Reader()
    try:
        kept.shut()
        grabbed = ingestion.grab()
        assert grabbed is not None
        with pytest.raises(StorageAway):
            ingestion.ingest(grabbed, reader, lambda: False)
        waiting.refresh_from_db()
        assert (waiting.status, waiting.attempts, waiting.claim) == ("in_progress", 0, "")

        kept.open()
        grabbed = ingestion.grab()
        assert grabbed is not None
        ingestion.ingest(grabbed, reader, lambda: False)
    finally:
        reader.close()
    waiting.refresh_from_db()
    gone.refresh_from_db()
    assert waiting.status == FileStatus.COMPLETED
    assert gone.status == FileStatus.FAILED
    assert gone.last_error == {"code": "server_error", "message": ingestion.CONTENT_GONE}


@pytest.mark.sqlite
@pytest.mark.timeout(180)
def test_the_whole_product_keeps_its_files_there(gate: Gate, tmp_path: Path) -> None:
    environment = object_store.environment(gate.port, "stack")
    with (
        Stack(tmp_path, **environment) as stack,
        OpenAI(api_key=stack.api_key, base_url=f"{stack.url}/v1", max_retries=0) as client,
    ):
        table = client.files.create(file=("a.csv", b"x\n20\n22\n"), purpose="assistants")
        tools: Any = {
            "tools": [{"type": "code_interpreter"}],
            "tool_resources": {"code_interpreter": {"file_ids": [table.id]}},
        }
        code = (
            f"import pandas; n = pandas.read_csv('/mnt/data/{table.id}').x.sum()\n"
            "open('/mnt/data/sum.txt', 'w').write(str(n)); print(n)"
        )
        call = tool_call("code_interpreter", {"code": code})
        stack.chat.when("Add up", [call], [text("[sum](sandbox:/mnt/data/sum.txt)")])
        thread, assistant_id, run = begin(client, "Add up", **tools)
        assert ended(client, thread, run).status == "completed"
        (answer, _) = client.beta.threads.messages.list(thread).data
        made: Any = answer.content[0]
        saved = made.text.annotations[0].file_path.file_id
        assert client.files.content(saved).read() == b"42"
        assert not [path for path in (tmp_path / "data" / "files").rglob("*") if path.is_file()]

        store = client.vector_stores.create()
        note = client.files.create(file=("n.txt", b"Bread is baked."), purpose="assistants")
        client.vector_stores.files.create_and_poll(note.id, vector_store_id=store.id)
        found = client.vector_stores.search(store.id, query="bread").data
        assert [one.filename for one in found] == ["n.txt"]

        gate.shut()
        other = client.beta.threads.create(messages=[{"role": "user", "content": "Add up"}])
        run = client.beta.threads.runs.create(other.id, assistant_id=assistant_id).id
        assert ended(client, other.id, run).status == "completed"
        (step, *_) = client.beta.threads.runs.steps.list(run, thread_id=other.id, order="asc").data
        output: Any = step.step_details
        assert "The file storage does not answer" in str(output)
        with pytest.raises(InternalServerError, match=AWAY) as refused:
            client.files.create(file=("b.txt", b"bread"), purpose="assistants")
        assert refused.value.status_code == 503
        time.sleep(object_storage.KEPT_SECONDS)
        health = httpx2.get(f"{stack.url}/healthz", timeout=10)
        assert health.json()["status"] == "not answering: files"

        gate.open()
        assert client.files.content(saved).read() == b"42"
