"""``/vector_stores/{vector_store_id}/files`` and ``file_batches`` through the SDK."""

import threading
from typing import Any

import httpx2
import pytest
from openai import BadRequestError, NotFoundError, OpenAI

from assistants.ingester import Ingester
from assistants.models import AuditEntry, Chunk, FileBatch, Leftover
from assistants.operations.indexes import keyword_index
from tests.until import until

BREAD = b"Bread is baked from flour, water, salt and yeast."


@pytest.fixture
def store_id(client: OpenAI) -> str:
    return client.vector_stores.create().id


def upload(client: OpenAI, name: str = "a.txt", content: bytes = BREAD) -> str:
    return client.files.create(file=(name, content), purpose="assistants").id


def texts(client: OpenAI, store_id: str, query: str = "bread") -> list[str]:
    page = client.vector_stores.search(store_id, query=query)
    return [found.content[0].text for found in page.data]


def test_the_sdk_finds_no_fault_with_any_answer(
    address: str, secret: str, ingester: Ingester
) -> None:
    strict = OpenAI(
        base_url=f"{address}/v1", api_key=secret, max_retries=0, _strict_response_validation=True
    )
    stores, files = strict.vector_stores, strict.vector_stores.files
    batches = strict.vector_stores.file_batches
    file_id = upload(strict)
    # Without a name there is null, as recorded, where the SDK's type has text.
    store = stores.create(
        name="Bread",
        file_ids=[file_id],
        expires_after={"anchor": "last_active_at", "days": 1},
        metadata={"a": "1"},
    )
    stores.retrieve(store.id)
    stores.update(store.id, name="Salt")
    assert [found.name for found in stores.list()] == ["Salt"]
    files.poll(file_id, vector_store_id=store.id)
    files.update(file_id, vector_store_id=store.id, attributes={"a": "x", "b": 1.5, "c": True})
    assert stores.search(store.id, query=["bread"]).data
    assert list(files.content(file_id, vector_store_id=store.id))
    assert len(list(files.list(store.id))) == 1
    failed = files.upload_and_poll(vector_store_id=store.id, file=("a.csv", b"1"))
    assert failed.last_error
    batch = batches.create_and_poll(store.id, file_ids=[upload(strict)])
    batches.upload_and_poll(store.id, files=[("b.txt", BREAD)], file_ids=[upload(strict)])
    assert len(list(batches.list_files(batch.id, vector_store_id=store.id))) == 1
    batches.cancel(batch.id, vector_store_id=store.id)
    batches.retrieve(batch.id, vector_store_id=store.id)
    files.delete(file_id, vector_store_id=store.id)
    stores.delete(store.id)
    strict.close()


# --- Files


def test_a_file_is_in_progress_and_then_completed(client: OpenAI, store_id: str) -> None:
    file_id = upload(client)
    made = client.vector_stores.files.create(
        store_id, file_id=file_id, attributes={"a": "x", "b": 1, "c": 1.5, "d": True}
    )
    assert made.to_dict() == {
        "id": file_id,
        "object": "vector_store.file",
        "usage_bytes": 0,
        "created_at": made.created_at,
        "vector_store_id": store_id,
        "status": "in_progress",
        "last_error": None,
        "chunking_strategy": {
            "type": "static",
            "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400},
        },
        "attributes": {"a": "x", "b": 1, "c": 1.5, "d": True},
    }
    raw = client.vector_stores.files.with_raw_response.retrieve(file_id, vector_store_id=store_id)
    assert int(raw.headers["openai-poll-after-ms"]) <= 250
    assert client.vector_stores.files.content(file_id, vector_store_id=store_id).data == []

    worker = Ingester()
    worker.wake()
    done = client.vector_stores.files.poll(file_id, vector_store_id=store_id)
    worker.stop()

    assert (done.status, done.usage_bytes, done.last_error) == (
        "completed",
        len(BREAD) + 1024,
        None,
    )
    assert done.attributes == {"a": "x", "b": 1, "c": 1.5, "d": True}
    raw = client.vector_stores.files.with_raw_response.retrieve(file_id, vector_store_id=store_id)
    assert "openai-poll-after-ms" not in raw.headers
    content = client.vector_stores.files.content(file_id, vector_store_id=store_id).data
    assert [(part.type, part.text) for part in content] == [("text", BREAD.decode())]


def test_the_sdks_helpers_wait_for_the_end(
    client: OpenAI, store_id: str, ingester: Ingester
) -> None:
    files = client.vector_stores.files
    file_id = upload(client)
    assert files.create_and_poll(file_id, vector_store_id=store_id).status == "completed"
    done = files.upload_and_poll(vector_store_id=store_id, file=("b.md", b"# Salt\n\nfrom the sea"))
    assert done.status == "completed"
    assert texts(client, store_id, "sea") == ["# Salt\n\nfrom the sea"]


def test_a_file_that_cannot_be_searched_fails_with_a_reason(
    client: OpenAI, store_id: str, ingester: Ingester
) -> None:
    files = client.vector_stores.files
    table = files.create_and_poll(upload(client, "a.csv"), vector_store_id=store_id)
    assert table.status == "failed"
    assert table.last_error is not None
    assert table.last_error.code == "unsupported_file"
    assert table.last_error.message.startswith("Files with extensions [.csv] are not supported")
    empty = files.create_and_poll(upload(client, "a.txt", b""), vector_store_id=store_id)
    assert empty.last_error is not None
    assert (empty.status, empty.last_error.code) == ("failed", "invalid_file")
    store = client.vector_stores.retrieve(store_id)
    assert (store.status, store.file_counts.failed) == ("completed", 2)


def test_static_chunking_is_honoured(client: OpenAI, store_id: str, ingester: Ingester) -> None:
    words = " ".join(f"word{number}" for number in range(400))
    strategy: Any = {
        "type": "static",
        "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 20},
    }
    done = client.vector_stores.files.upload_and_poll(
        vector_store_id=store_id, file=("a.txt", words.encode()), chunking_strategy=strategy
    )
    assert done.to_dict()["chunking_strategy"] == strategy
    assert Chunk.objects.count() > 5
    content = client.vector_stores.files.content(done.id, vector_store_id=store_id).data
    assert content[0].text == words


def test_attributes_are_replaced_and_searched_by_at_once(
    client: OpenAI, store_id: str, ingester: Ingester
) -> None:
    done = client.vector_stores.files.upload_and_poll(
        vector_store_id=store_id, file=("a.txt", BREAD), attributes={"a": 1}
    )
    changed = client.vector_stores.files.update(
        done.id, vector_store_id=store_id, attributes={"b": 2}
    )
    assert (changed.attributes, changed.status) == ({"b": 2}, "completed")
    filters: Any = {"type": "eq", "key": "b", "value": 2}
    assert client.vector_stores.search(store_id, query="bread", filters=filters).data
    cleared = client.vector_stores.files.update(done.id, vector_store_id=store_id, attributes=None)
    assert cleared.attributes == {}


@pytest.mark.parametrize(
    "attributes, param, code",
    [
        ({f"k{number}": 1 for number in range(17)}, "attributes", "object_above_max_properties"),
        ({"k" * 65: 1}, "attributes." + "k" * 65, "string_above_max_length"),
        ({"k": "v" * 513}, "attributes.k", "string_above_max_length"),
        ({"k": [1]}, "attributes.k", "invalid_type"),
        ({"k": None}, "attributes.k", "invalid_type"),
        ([], "attributes", "invalid_type"),
    ],
)
def test_attributes_are_bounded(
    client: OpenAI, http: httpx2.Client, store_id: str, attributes: Any, param: str, code: str
) -> None:
    file_id = upload(client)
    path = f"/v1/vector_stores/{store_id}/files"
    for address, body in (
        (path, {"file_id": file_id, "attributes": attributes}),
        (f"{path}/{file_id}", {"attributes": attributes}),
    ):
        answer = http.post(address, json=body)
        if answer.status_code == 404:
            continue
        assert answer.status_code == 400
        assert (answer.json()["error"]["param"], answer.json()["error"]["code"]) == (param, code)
    too_large = http.post(
        path,
        content=f'{{"file_id": "{file_id}", "attributes": {{"k": 1e999}}}}',
        headers={"Content-Type": "application/json"},
    )
    assert too_large.status_code == 400


def test_a_file_is_once_in_a_store_and_is_read_anew_when_it_is_to_be_cut_otherwise(
    client: OpenAI, store_id: str, ingester: Ingester
) -> None:
    files = client.vector_stores.files
    file_id = upload(client)
    files.create_and_poll(file_id, vector_store_id=store_id, attributes={"a": 1})
    again = files.create(store_id, file_id=file_id)
    assert (again.status, again.attributes) == ("completed", {"a": 1})
    assert files.create(store_id, file_id=file_id, attributes={"b": 2}).attributes == {"b": 2}
    strategy: Any = {
        "type": "static",
        "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0},
    }
    assert (
        files.create(store_id, file_id=file_id, chunking_strategy=strategy).status == "in_progress"
    )
    assert files.poll(file_id, vector_store_id=store_id).status == "completed"
    assert texts(client, store_id) == [BREAD.decode()]
    assert [file.id for file in files.list(store_id)] == [file_id]


def test_a_file_that_is_taken_out_is_not_found_any_more_and_nothing_stays_of_it(
    client: OpenAI, store_id: str, ingester: Ingester
) -> None:
    files = client.vector_stores.files
    kept = files.upload_and_poll(vector_store_id=store_id, file=("kept.txt", b"bread and salt"))
    gone = files.upload_and_poll(vector_store_id=store_id, file=("gone.txt", b"bread and wine"))
    assert files.delete(gone.id, vector_store_id=store_id).to_dict() == {
        "id": gone.id,
        "object": "vector_store.file.deleted",
        "deleted": True,
    }
    assert texts(client, store_id) == ["bread and salt"]
    with pytest.raises(NotFoundError) as missing:
        files.retrieve(gone.id, vector_store_id=store_id)
    assert missing.value.body == {
        "message": f"No file found with id '{gone.id}' in vector store '{store_id}'.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    assert client.files.retrieve(gone.id).id == gone.id
    client.files.delete(kept.id)
    assert texts(client, store_id) == []
    until(lambda: not Leftover.objects.exists(), "the leftovers stay")
    assert Chunk.objects.count() == 0
    assert keyword_index().count(store_id) == 0


def test_nothing_stays_of_a_store_that_is_deleted(
    client: OpenAI, store_id: str, ingester: Ingester
) -> None:
    client.vector_stores.files.upload_and_poll(vector_store_id=store_id, file=("a.txt", BREAD))
    client.vector_stores.delete(store_id)
    until(lambda: not Leftover.objects.exists(), "the leftovers stay")
    assert Chunk.objects.count() == 0
    assert keyword_index().count(store_id) == 0


def test_lists_page_by_ids_of_files_and_filter_by_status(
    client: OpenAI, store_id: str, http: httpx2.Client
) -> None:
    file_ids = [upload(client) for _ in range(5)]
    client.vector_stores.file_batches.create(store_id, file_ids=file_ids)
    files = client.vector_stores.files
    assert [file.id for file in files.list(store_id, limit=2)] == file_ids[::-1]
    assert [file.id for file in files.list(store_id, limit=2, order="asc")] == file_ids
    page = files.list(store_id, order="asc", before=file_ids[3], limit=2)
    assert [file.id for file in page.data] == file_ids[1:3]
    assert len(files.list(store_id, filter="in_progress").data) == 5
    assert files.list(store_id, filter="completed").data == []
    page = http.get(f"/v1/vector_stores/{store_id}/files", params={"limit": 2}).json()
    assert (page["first_id"], page["last_id"]) == (file_ids[4], file_ids[3])
    with pytest.raises(NotFoundError):
        files.list(store_id, after="file-unknown")
    with pytest.raises(BadRequestError, match="Supported values are: 'in_progress', 'completed'"):
        files.list(store_id, filter="done")  # type: ignore[arg-type]


# --- Batches


def test_a_batch_counts_its_files(client: OpenAI, store_id: str, ingester: Ingester) -> None:
    file_ids = [upload(client, f"{n}.txt", b"bread %d" % n) for n in range(40)]
    file_ids.append(upload(client, "a.csv"))
    batch = client.vector_stores.file_batches.create_and_poll(
        store_id, file_ids=file_ids, attributes={"from": "batch"}
    )
    assert len(batch.id.removeprefix("vsfb_")) == 32
    assert batch.to_dict() == {
        "id": batch.id,
        "object": "vector_store.files_batch",
        "created_at": batch.created_at,
        "vector_store_id": store_id,
        "status": "completed",
        "file_counts": {
            "in_progress": 0,
            "completed": 40,
            "failed": 1,
            "cancelled": 0,
            "total": 41,
        },
    }
    batches = client.vector_stores.file_batches
    listed = batches.list_files(batch.id, vector_store_id=store_id, limit=7)
    assert [file.id for file in listed] == file_ids[::-1]
    failed = batches.list_files(batch.id, vector_store_id=store_id, filter="failed")
    assert [file.id for file in failed] == file_ids[-1:]
    assert failed.data[0].attributes == {"from": "batch"}


def test_a_file_that_is_added_again_alone_still_counts_in_its_batch(
    client: OpenAI, store_id: str
) -> None:
    file_ids = [upload(client, f"{n}.txt") for n in range(3)]
    batches = client.vector_stores.file_batches
    batch = batches.create(store_id, file_ids=file_ids)
    # No worker is there: all of them wait.
    client.vector_stores.files.create(store_id, file_id=file_ids[0])
    assert batches.retrieve(batch.id, vector_store_id=store_id).file_counts.in_progress == 3
    batches.cancel(batch.id, vector_store_id=store_id)
    client.vector_stores.files.create(store_id, file_id=file_ids[0])
    told = batches.retrieve(batch.id, vector_store_id=store_id)
    counts = told.file_counts
    assert (counts.total, counts.cancelled, counts.in_progress) == (3, 2, 1)
    assert told.status == "cancelled"


def test_a_file_that_is_added_again_alone_goes_on_when_its_batch_is_cancelled(
    client: OpenAI, store_id: str
) -> None:
    before, after, other = (upload(client, f"{n}.txt") for n in range(3))
    batches, alone = client.vector_stores.file_batches, client.vector_stores.files
    batch = batches.create(store_id, file_ids=[before, after, other])
    alone.create(store_id, file_id=before)

    def statuses() -> list[str]:
        listed = {file.id: file.status for file in alone.list(store_id)}
        return [listed[file_id] for file_id in (before, after, other)]

    batches.cancel(batch.id, vector_store_id=store_id)
    assert statuses() == ["in_progress", "cancelled", "cancelled"]
    alone.create(store_id, file_id=after)
    cancelled_at = FileBatch.objects.get(pk=batch.id).cancelled_at
    noted = AuditEntry.objects.filter(action="vector_store.batch_cancelled")
    assert noted.count() == 1
    told = batches.cancel(batch.id, vector_store_id=store_id)
    assert (told.status, told.file_counts.total) == ("cancelled", 3)
    assert statuses() == ["in_progress", "in_progress", "cancelled"]
    assert FileBatch.objects.get(pk=batch.id).cancelled_at == cancelled_at
    assert noted.count() == 1
    # A batch that they are added with later takes them with it.
    again = batches.create(store_id, file_ids=[before, after])
    batches.cancel(again.id, vector_store_id=store_id)
    assert statuses() == ["cancelled"] * 3


def test_a_batch_may_upload_its_files(client: OpenAI, store_id: str, ingester: Ingester) -> None:
    batch = client.vector_stores.file_batches.upload_and_poll(
        store_id, files=[(f"{n}.txt", b"bread %d" % n) for n in range(3)]
    )
    assert (batch.status, batch.file_counts.completed) == ("completed", 3)
    assert len(texts(client, store_id)) == 3


def test_files_of_a_batch_may_have_their_own_attributes(
    client: OpenAI, http: httpx2.Client, store_id: str
) -> None:
    first, second = upload(client), upload(client)
    static = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
    files = [
        {"file_id": first, "attributes": {"a": 1}},
        {"file_id": second, "chunking_strategy": static},
    ]
    path = f"/v1/vector_stores/{store_id}/file_batches"
    answer = http.post(path, json={"files": files})
    assert answer.json()["file_counts"]["in_progress"] == 2
    assert answer.json()["status"] == "in_progress"
    found = {file.id: file.to_dict() for file in client.vector_stores.files.list(store_id)}
    assert found[first]["attributes"] == {"a": 1}
    assert found[second]["chunking_strategy"] == static
    raw = http.get(f"{path}/{answer.json()['id']}")
    assert int(raw.headers["openai-poll-after-ms"]) <= 250


@pytest.mark.parametrize(
    "body, param, code",
    [
        ({}, "file_ids", "missing_required_parameter"),
        ({"file_ids": ["file-1"], "files": [{"file_id": "file-1"}]}, "files", "invalid_value"),
        ({"file_ids": []}, "file_ids", "empty_array"),
        ({"file_ids": ["file-1"] * 2001}, "file_ids", "array_above_max_length"),
        ({"files": [{"file_id": "file-1"}] * 2001}, "files", "array_above_max_length"),
        ({"files": [{}]}, "files[0].file_id", "missing_required_parameter"),
    ],
)
def test_wrong_batches_are_refused(
    http: httpx2.Client, store_id: str, body: Any, param: str, code: str
) -> None:
    answer = http.post(f"/v1/vector_stores/{store_id}/file_batches", json=body)
    assert answer.status_code == 400
    assert (answer.json()["error"]["param"], answer.json()["error"]["code"]) == (param, code)


def test_a_batch_with_an_unknown_file_adds_none(client: OpenAI, store_id: str) -> None:
    with pytest.raises(NotFoundError, match="No such File object: file-unknown"):
        client.vector_stores.file_batches.create(
            store_id, file_ids=[upload(client), "file-unknown"]
        )
    assert client.vector_stores.files.list(store_id).data == []


def test_a_cancelled_batch_is_ingested_no_further(client: OpenAI, store_id: str) -> None:
    batches = client.vector_stores.file_batches
    made = batches.create(store_id, file_ids=[upload(client), upload(client)])
    cancelled = batches.cancel(made.id, vector_store_id=store_id)
    assert (cancelled.status, cancelled.file_counts.cancelled) == ("cancelled", 2)

    worker = Ingester()
    done = client.vector_stores.files.create(store_id, file_id=upload(client))
    worker.wake()
    client.vector_stores.files.poll(done.id, vector_store_id=store_id)
    worker.stop()

    assert batches.retrieve(made.id, vector_store_id=store_id).file_counts.cancelled == 2
    assert len(texts(client, store_id)) == 1
    again = batches.cancel(made.id, vector_store_id=store_id)
    assert again.status == "cancelled"


def test_the_same_file_added_many_times_at_once_is_there_once(
    client: OpenAI, store_id: str
) -> None:
    file_id = upload(client)
    statuses: list[str] = []

    def add() -> None:
        statuses.append(client.vector_stores.files.create(store_id, file_id=file_id).status)

    people = [threading.Thread(target=add) for _ in range(6)]
    for person in people:
        person.start()
    for person in people:
        person.join()

    assert statuses == ["in_progress"] * 6
    assert len(client.vector_stores.files.list(store_id).data) == 1
