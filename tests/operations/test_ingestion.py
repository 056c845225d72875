"""Files of vector stores on their way to being searchable: workers that meet, die, or come late."""

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from assistants.errors import NotFound
from assistants.ingester import CLOSING_SECONDS, Ingester
from assistants.models import Chunk, FileStatus, Leftover, VectorStore, VectorStoreFile, clock
from assistants.models.vector_store_file import VectorStoreFileQuerySet
from assistants.operations import (
    file_batches,
    files,
    indexing,
    ingestion,
    leftovers,
    search,
    vector_store_files,
    vector_stores,
)
from assistants.operations.indexes import keyword_index
from assistants.params import (
    VectorStoreCreate,
    VectorStoreFileCreate,
    VectorStoreFileUpdate,
    validate,
)
from assistants.retrieval.index import FORMAT
from assistants.retrieval.passages import Passage
from assistants.retrieval.reader import Reader
from tests.factories import make_file, make_project, make_vector_store
from tests.retrieval import documents
from tests.until import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    made = Reader(2)
    yield made
    made.close()


def goes_on() -> bool:
    """Whether the worker stops: it does not."""
    return False


def rows(store: VectorStore) -> "QuerySet[VectorStoreFile]":
    return store.files.order_by("pk")


def statuses(store: VectorStore) -> list[str]:
    return [row.status for row in rows(store)]


def found(store: VectorStore, query: str = "bread") -> list[str]:
    return sorted(one.text for one in search.search(store.project, [store.id], [query]))


def ingest_all(reader: Reader) -> None:
    while grabbed := ingestion.grab():
        ingestion.ingest(grabbed, reader, goes_on)


def clean_all() -> None:
    while leftovers.clean(goes_on):
        pass


def test_workers_that_grab_at_once_never_hold_the_same_file() -> None:
    store = make_vector_store(None, *(f"bread {number}" for number in range(20)))
    grabs: list[list[int]] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        while grabbed := ingestion.grab():
            grabs.append([row.pk for row in grabbed.files])
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    held = [number for grabbed in grabs for number in grabbed]
    assert sorted(held) == [row.pk for row in rows(store)]


def test_two_ingesters_do_every_file_once(ingester: Ingester) -> None:
    other = Ingester()
    store = make_vector_store(None, *(f"bread {number}" for number in range(60)))
    other.wake()
    until(lambda: set(statuses(store)) == {"completed"}, "files wait")
    other.stop()

    assert Chunk.objects.count() == keyword_index().count(store.id) == 60
    assert {row.attempts for row in rows(store)} == {1}


def test_a_large_batch_keeps_no_other_store_waiting() -> None:
    large = make_vector_store(None, *(f"bread {number}" for number in range(100)))
    small = make_vector_store(None, "salt")
    after, order = "", []
    while grabbed := ingestion.grab(after):
        after = grabbed.store_id
        order.append(after)
    assert small.id in order[:2]
    assert order.count(large.id) > 2


def test_one_half_takes_what_has_waited_longest_the_other_what_is_small() -> None:
    large = "large " * 700_000
    store = make_vector_store(None, large, large, "small", "smaller")
    first, second, *small = (row.pk for row in rows(store))
    grabs = [ingestion.grab(), *(ingestion.grab(small_first=True) for _ in range(2))]
    held = [[row.pk for row in grabbed.files] if grabbed else [] for grabbed in grabs]
    assert held == [[first], small, [second]]


def test_what_was_read_is_found_before_a_large_file_is_begun() -> None:
    store = make_vector_store(None, "bread " * 100_000, "bread is baked")
    grabbed = ingestion.grab()
    assert grabbed is not None
    seen: list[list[str]] = []
    watched = Interrupted(lambda: seen.append(statuses(store)))
    ingestion.ingest(grabbed, watched, goes_on)
    watched.close()
    assert seen == [["in_progress", "in_progress"], ["in_progress", "completed"]]
    assert statuses(store) == ["completed", "completed"]


def test_files_of_a_worker_that_fell_silent_go_to_the_next_one(reader: Reader) -> None:
    store = make_vector_store(None, "bread", "bread and salt")
    silent = ingestion.grab()
    assert silent is not None
    assert ingestion.take_back() == 0
    VectorStoreFile.objects.update(claimed_until=clock.now() - timedelta(seconds=1))

    assert ingestion.take_back() == 2
    ingest_all(reader)
    assert statuses(store) == ["completed", "completed"]

    # It comes back to life, and finds that there is nothing left for it to do.
    ingestion.ingest(silent, reader, goes_on)
    assert found(store) == ["bread", "bread and salt"]
    assert Chunk.objects.count() == keyword_index().count(store.id) == 2


def test_a_worker_killed_after_writing_chunks_leaves_none_twice(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_vector_store(None, "bread")
    lost = ingestion.grab()
    assert lost is not None
    with monkeypatch.context() as patch:
        patch.setattr(indexing, "keyword_index", lambda: sys.exit("killed"))
        with pytest.raises(SystemExit):
            ingestion.ingest(lost, reader, goes_on)
    assert Chunk.objects.count() == 1
    assert found(store) == []
    VectorStoreFile.objects.update(claimed_until=clock.now() - timedelta(seconds=1))
    ingestion.take_back()

    ingest_all(reader)

    assert found(store) == ["bread"]
    assert Chunk.objects.count() == 1


def test_a_file_over_which_workers_are_lost_again_and_again_is_given_up() -> None:
    store = make_vector_store(None, "bread")
    for _ in range(ingestion.MAX_ATTEMPTS):
        assert ingestion.grab() is not None
        VectorStoreFile.objects.update(claimed_until=clock.now() - timedelta(seconds=1))
        assert ingestion.take_back() == 1
    assert ingestion.grab() is None
    row = rows(store)[0]
    assert row.status == FileStatus.FAILED
    assert row.last_error["code"] == "server_error"


def test_a_worker_that_stops_gives_back_what_it_has_not_done(reader: Reader) -> None:
    store = make_vector_store(None, "bread", "salt")
    grabbed = ingestion.grab()
    assert grabbed is not None
    ingestion.ingest(grabbed, reader, lambda: True)
    ingestion.let_go(grabbed)
    assert {(row.status, row.claim, row.attempts) for row in rows(store)} == {
        ("in_progress", "", 0)
    }
    ingest_all(reader)
    assert statuses(store) == ["completed", "completed"]


def test_chunks_of_a_worker_that_stopped_are_written_anew(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_vector_store(None, "bread")
    grabbed = ingestion.grab()
    assert grabbed is not None
    with monkeypatch.context() as patch:
        patch.setattr(indexing, "keyword_index", lambda: sys.exit("stopped"))
        with pytest.raises(SystemExit):
            ingestion.ingest(grabbed, reader, goes_on)
    ingestion.let_go(grabbed)
    assert Chunk.objects.count() == 1

    ingest_all(reader)

    assert statuses(store) == ["completed"]
    assert found(store) == ["bread"]
    assert Chunk.objects.count() == 1


class Faulty(Reader):
    """Some of what it reads makes trouble that nobody foresaw."""

    def read(self, *args: object, **kwargs: object) -> list[Passage]:
        passages = super().read(*args, **kwargs)  # type: ignore[arg-type]
        if passages[0].text == "unread":
            raise LookupError("a fault of ours")
        return [
            replace(one, page="no number") if one.text == "unkept" else one  # type: ignore[arg-type]
            for one in passages
        ]


def test_a_file_that_makes_trouble_fails_at_once_and_alone() -> None:
    store = make_vector_store(None, "bread", "unread", "unkept", "bread and salt")
    reader = Faulty(1)
    ingest_all(reader)
    reader.close()
    assert statuses(store) == ["completed", "failed", "failed", "completed"]
    errors = {row.last_error["code"] for row in rows(store) if row.last_error}
    assert errors == {"server_error"}
    assert {row.attempts for row in rows(store)} == {1}
    assert found(store) == ["bread", "bread and salt"]


def test_a_file_that_fails_later_leaves_nothing_of_what_was_written(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_id = make_vector_store(None, "bread").id
    for _ in range(ingestion.MAX_ATTEMPTS):
        grabbed = ingestion.grab()
        assert grabbed is not None
        with monkeypatch.context() as patch:
            patch.setattr(VectorStoreFileQuerySet, "update", lambda *_, **__: sys.exit("killed"))
            with pytest.raises(SystemExit):
                ingestion.ingest(grabbed, reader, goes_on)
        assert (Chunk.objects.count(), keyword_index().count(store_id)) == (1, 1)
        VectorStoreFile.objects.update(claimed_until=clock.now() - timedelta(seconds=1))
        ingestion.take_back()

    clean_all()

    assert (Chunk.objects.count(), keyword_index().count(store_id)) == (0, 0)
    assert not Leftover.objects.exists()


def test_a_stop_waits_for_no_reading_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistants.ingester.GRACE_SECONDS", 0.1)
    project = make_project()
    slow = documents.pdf([b"BT /F1 1 Tf " + b"(aaaaaaaaaaaaaaaa) Tj " * 3_000_000 + b"ET"])
    store = make_vector_store(project)
    for _ in range(3):
        file = make_file(project, slow, filename="a.pdf")
        vector_store_files.create(store, VectorStoreFileCreate(file_id=file.id))
    worker = Ingester()
    until(lambda: rows(store).exclude(claim="").exists(), "nothing is grabbed")
    begun = time.monotonic()
    worker.stop()
    assert time.monotonic() - begun < CLOSING_SECONDS + 1
    assert {(row.status, row.claim, row.attempts) for row in rows(store)} == {
        ("in_progress", "", 0)
    }


def test_leftovers_are_cleaned_away_while_files_are_ingested(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_vector_store(None, "bread")
    ingest_all(reader)
    vector_stores.delete(store)
    another = make_vector_store(None, *(f"salt {number}" for number in range(3)))
    monkeypatch.setattr(ingestion, "GRAB_FILES", 1)
    cleaned_when: list[int] = []
    clean = leftovers.clean

    def watched(stopping: Callable[[], bool]) -> bool:
        done = clean(stopping)
        if done:
            cleaned_when.append(another.files.filter(status="in_progress").count())
        return done

    monkeypatch.setattr(leftovers, "clean", watched)
    worker = Ingester()
    until(lambda: not Leftover.objects.exists(), "leftovers stay")
    until(lambda: set(statuses(another)) == {"completed"}, "files wait")
    worker.stop()
    assert max(cleaned_when) > 0


def test_a_heartbeat_keeps_the_claim() -> None:
    make_vector_store(None, "bread")
    grabbed = ingestion.grab()
    assert grabbed is not None
    VectorStoreFile.objects.update(claimed_until=clock.now() - timedelta(seconds=1))
    ingestion.renew([grabbed.token])
    assert ingestion.take_back() == 0


class Interrupted(Reader):
    """Something happens while the file is read."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__(1)
        self._meanwhile = meanwhile

    def read(self, *args: object, **kwargs: object) -> list[Passage]:
        passages = super().read(*args, **kwargs)  # type: ignore[arg-type]
        self._meanwhile()
        return passages


@pytest.mark.parametrize("what", ["file taken out", "file deleted", "store deleted", "cancelled"])
def test_what_is_taken_away_while_it_is_read_is_never_found(what: str) -> None:
    store = make_vector_store(None, "bread")
    store_id, row = store.id, rows(store)[0]

    def meanwhile() -> None:
        match what:
            case "file taken out":
                vector_store_files.delete(row)
            case "file deleted":
                files.delete(row.file)
            case "store deleted":
                vector_stores.delete(store)
            case "cancelled":
                assert row.batch is not None
                file_batches.cancel(row.batch)
        clean_all()

    interrupted = Interrupted(meanwhile)
    grabbed = ingestion.grab()
    assert grabbed is not None

    ingestion.ingest(grabbed, interrupted, goes_on)
    interrupted.close()

    assert Chunk.objects.count() == 0
    assert keyword_index().count(store_id) == 0
    assert not VectorStoreFile.objects.filter(status="completed").exists()


def test_what_is_taken_out_between_its_chunks_and_its_completion_leaves_nothing(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_vector_store(None, "bread", "bread and salt")
    first = rows(store)[0]
    grabbed = ingestion.grab()
    assert grabbed is not None
    real = keyword_index()

    class Late:
        """The index, which the file reaches only after it was taken out and cleaned away."""

        count = staticmethod(real.count)

        def add(self, *args: object) -> None:
            monkeypatch.undo()
            vector_store_files.delete(first)
            clean_all()
            real.add(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(indexing, "keyword_index", Late)
    ingestion.ingest(grabbed, reader, goes_on)

    assert found(store) == ["bread and salt"]
    assert Chunk.objects.count() == keyword_index().count(store.id) == 1


def test_leftovers_are_cleaned_away_in_pieces(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "CHUNKS_AT_ONCE", 3)
    monkeypatch.setattr(leftovers, "FILES_AT_ONCE", 4)
    store = make_vector_store(None, *(f"bread {number}" for number in range(10)))
    store_id = store.id
    kept = make_vector_store(None, "bread")
    ingest_all(reader)
    vector_stores.delete(store)
    assert Leftover.objects.count() == 11
    assert search.search(kept.project, [store_id], ["bread"]) == []
    # A worker that stops in the middle leaves the rest to the next one.
    leftovers.clean(goes_on)
    leftovers.clean(lambda: True)
    assert Leftover.objects.exists()
    clean_all()
    assert not Leftover.objects.exists()
    assert Chunk.objects.count() == 1
    assert found(kept) == ["bread"]


def test_passages_that_were_just_taken_out_do_not_take_the_places_of_others(
    reader: Reader,
) -> None:
    store = make_vector_store(None, *["bread"] * 30, "bread and salt and much else")
    ingest_all(reader)
    for row in rows(store)[:30]:
        vector_store_files.delete(row)
    (only,) = search.search(store.project, [store.id], ["bread"], limit=1)
    assert only.text == "bread and salt and much else"


def test_a_search_asks_for_no_more_hits_than_the_database_takes(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_ASKED", 8)
    store = make_vector_store(None, *["bread"] * 10, "bread and salt and much else")
    ingest_all(reader)
    for row in rows(store)[:10]:
        vector_store_files.delete(row)
    with CaptureQueriesContext(connection) as asked:
        assert search.search(store.project, [store.id], ["bread"], limit=2) == []
    texts = [one["sql"] for one in asked if '"assistants_chunk"."text"' in one["sql"]]
    assert texts == []
    clean_all()
    assert found(store) == ["bread and salt and much else"]


def test_attributes_of_a_file_that_was_taken_out_are_not_changed() -> None:
    store = make_vector_store(None, "bread")
    row = rows(store)[0]
    vector_store_files.delete(rows(store)[0])
    change = validate(VectorStoreFileUpdate, {"attributes": {"kind": "flour"}})
    with pytest.raises(NotFound, match=f"No vector store file found with id '{row.file_id}'"):
        vector_store_files.update(row, change)


def test_the_index_is_made_anew_from_the_chunks(reader: Reader) -> None:
    store = make_vector_store(None, "bread", "bread and salt")
    empty = make_vector_store()
    ingest_all(reader)
    keyword_index().drop(store.id)
    assert found(store) == []
    said = StringIO()
    call_command("reindex", stdout=said)
    assert said.getvalue().splitlines() == [f"{store.id}: 2 chunks", f"{empty.id}: 0 chunks"]
    assert found(store) == ["bread", "bread and salt"]
    with pytest.raises(CommandError, match="no vector store vs_unknown"):
        call_command("reindex", "vs_unknown")


def test_a_worker_makes_an_index_that_is_missing_anew(reader: Reader) -> None:
    store = make_vector_store(None, "bread")
    ingest_all(reader)
    keyword_index().drop(store.id)
    worker = Ingester()
    until(lambda: found(store), "the index stays away")
    worker.stop()


@pytest.mark.sqlite
def test_a_file_that_is_added_to_a_damaged_index_brings_back_the_others(reader: Reader) -> None:
    store = make_vector_store(None, "bread", "bread and salt")
    ingest_all(reader)
    for damage in ("gone", "meta gone", "segments gone", "halved"):
        directory = settings.INDEX_ROOT / f"{store.id}.{FORMAT}"
        match damage:
            case "gone":
                shutil.rmtree(directory)
            case "meta gone":
                (directory / "meta.json").unlink()
            case "segments gone":
                for path in directory.glob("*.idx"):
                    path.unlink()
            case "halved":
                for path in directory.glob("*.term"):
                    data = path.read_bytes()
                    path.unlink()
                    path.write_bytes(data[: len(data) // 2])
        added = make_file(store.project, f"bread {damage}").id
        vector_store_files.create(store, VectorStoreFileCreate(file_id=added))

        ingest_all(reader)

        assert {"bread", "bread and salt", f"bread {damage}"} <= set(found(store))
        assert indexing.rebuild_missing() == 0


def test_an_index_that_has_too_little_is_made_anew_at_a_start(reader: Reader) -> None:
    store = make_vector_store(None, "bread", "bread and salt")
    ingest_all(reader)
    keyword_index().remove(store.id, [rows(store)[0].pk])
    assert found(store) == ["bread and salt"]
    assert indexing.rebuild_missing() == 1
    assert found(store) == ["bread", "bread and salt"]
    assert indexing.rebuild_missing() == 0


@pytest.mark.sqlite
def test_what_is_taken_out_of_a_damaged_index_is_gone_and_the_rest_comes_back(
    reader: Reader,
) -> None:
    store = make_vector_store(None, "bread", "bread and salt")
    ingest_all(reader)
    (settings.INDEX_ROOT / f"{store.id}.{FORMAT}" / "meta.json").write_text("{")
    vector_store_files.delete(rows(store)[0])
    clean_all()
    assert found(store) == ["bread and salt"]
    assert keyword_index().count(store.id) == 1


def test_files_whose_ring_was_lost_are_rung_for_again() -> None:
    make_vector_store(None, "bread")
    assert ingestion.ring_again() == 0
    VectorStoreFile.objects.update(created_at=clock.now() - timedelta(minutes=1))
    assert ingestion.ring_again() == 1
    assert ingestion.grab() is not None
    assert ingestion.ring_again() == 0


def test_a_passage_is_found_with_its_place(reader: Reader) -> None:
    project = make_project()
    text = " ".join(f"word{number}" for number in range(500))
    static = {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 40}
    body = {
        "file_ids": [make_file(project, text).id],
        "chunking_strategy": {"type": "static", "static": static},
    }
    store = vector_stores.create(project, validate(VectorStoreCreate, body))
    ingest_all(reader)
    (passage,) = search.search(project, [store.id], ["word77"], limit=1)
    assert passage.text == text[passage.start : passage.end]
    assert "word77" in passage.text
    assert passage.filename == "a.txt"
    assert passage.page is None
    assert vector_store_files.text(rows(store)[0]) == text


def test_what_made_others_fail_goes_alone() -> None:
    store = make_vector_store(None, "bread", "salt")
    assert ingestion.grab() is not None
    VectorStoreFile.objects.update(claimed_until=clock.now() - timedelta(seconds=1))
    ingestion.take_back()
    again = [ingestion.grab(), ingestion.grab()]
    assert [[row.pk for row in grabbed.files] for grabbed in again if grabbed] == [
        [row.pk] for row in rows(store)
    ]
