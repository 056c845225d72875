"""Files that are found by their meaning: how they come to it, and what keeps them from it."""

import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings as configured
from django.core.management import call_command
from pytest_django import Settings

from assistants.ingester import Ingester
from assistants.models import Chunk, VectorStore, VectorStoreFile, clock
from assistants.operations import (
    embedding,
    embedding_model,
    ingestion,
    leftovers,
    provider_client,
    query_meaning,
    search,
    vector_store_files,
    vector_stores,
)
from assistants.operations.embedding_model import Unavailable
from assistants.operations.indexes import vector_index
from assistants.operations.provider_client import THREADS
from assistants.operations.providers import OPENAI_HOST
from assistants.params import VectorStoreFileCreate, VectorStoreFileUpdate, validate
from assistants.retrieval.reader import Reader
from tests.chat_server import ChatServer, Embeddings
from tests.factories import make_file, make_vector_store
from tests.until import until

pytestmark = pytest.mark.django_db(transaction=True)

CAR = "The automobile was sold at a price of nine thousand euros."
BREAD = "Bread is baked from flour and water."
CHINESE = "這輛汽車的價格是九千歐元,顏色是藍色。"
QUERY = "What does the car cost"
"""Has no word in common with the text that answers it."""


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


@pytest.fixture
def model(server: ChatServer, settings: Settings) -> Embeddings:
    """The played embedding model, which knows every language."""
    server.forget()
    server.embeddings.dimensions, server.embeddings.longest = 256, None
    server.embeddings.refusal = 400
    settings.EMBEDDING_MODEL = "played"
    settings.EMBEDDING_BASE_URL = server.url
    settings.EMBEDDING_LANGUAGES = ["all"]
    query_meaning._silence.end()
    query_meaning._middles.clear()
    return server.embeddings


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    made = Reader(1)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_model, "RETRIES", 0)


def goes_on() -> bool:
    """Whether the worker stops: it does not."""
    return False


def ingest_all(reader: Reader) -> None:
    while grabbed := ingestion.grab():
        ingestion.ingest(grabbed, reader, goes_on)


def make_searchable(reader: Reader, *contents: str) -> VectorStore:
    """A store whose files are found by their words and by their meaning."""
    store = make_vector_store(None, *contents)
    ingest_all(reader)
    embedding.work_off(goes_on)
    return store


def found(store: VectorStore, query: str = QUERY, **options: object) -> list[str]:
    hits = search.search(store.project, [store.id], [query], **options)  # type: ignore[arg-type]
    return [one.text for one in hits if one.score > 0.15]


def embedded_by(store: VectorStore) -> list[str]:
    return list(store.files.order_by("pk").values_list("embedded_by", flat=True))


def state(store: VectorStore) -> tuple[int, int, str]:
    progress = embedding.progress(VectorStore.objects.get(pk=store.pk))
    assert progress is not None
    return progress.embedded, progress.total, progress.error


def clean_all() -> None:
    while leftovers.clean(goes_on):
        pass


# Finding


def test_a_passage_that_says_it_in_other_words_is_found_by_its_meaning(
    reader: Reader, model: Embeddings
) -> None:
    store = make_searchable(reader, CAR, BREAD)
    assert found(store) == [CAR]
    model.fail(500)
    query_meaning._silence.begin(embedding_model.configured())
    assert found(store) == []


def test_without_an_embedding_model_nothing_is_asked_and_words_are_searched(
    reader: Reader, model: Embeddings, settings: Settings
) -> None:
    settings.EMBEDDING_MODEL = ""
    store = make_searchable(reader, CAR, BREAD)
    assert found(store) == []
    assert found(store, "automobile price") == [CAR]
    assert model.requests == []
    assert embedding.progress(store) is None
    assert embedding.ring_again() == embedding.mend(goes_on) == 0
    assert not vector_index().holds(store.id, "played")


def test_words_and_meaning_together_score_higher_than_either(
    reader: Reader, model: Embeddings
) -> None:
    both = "The price of the car."
    store = make_searchable(reader, CAR, both, BREAD)
    hits = search.search(store.project, [store.id], ["price of the car"])
    assert [hit.text for hit in hits[:2]] == [both, CAR]
    assert 0.8 < hits[0].score <= 1
    assert 0 <= hits[-1].score < 0.2
    (best,) = search.search(store.project, [store.id], ["price of the car"], threshold=0.8)
    assert best.text == both


def test_filters_hold_for_what_is_found_by_its_meaning(reader: Reader, model: Embeddings) -> None:
    store = make_searchable(reader, CAR, f"{CAR} Used.")
    new, used = store.files.order_by("pk")
    vector_store_files.update(new, validate(VectorStoreFileUpdate, {"attributes": {"year": 2024}}))
    vector_store_files.update(used, validate(VectorStoreFileUpdate, {"attributes": {"year": 1999}}))
    older = {"type": "lt", "key": "year", "value": 2000}
    assert found(store, filters=older) == [f"{CAR} Used."]
    assert found(store, filters={"type": "eq", "key": "year", "value": 1}) == []


def test_several_queries_are_asked_for_in_one_request_and_each_finds_its_own(
    reader: Reader, model: Embeddings
) -> None:
    store = make_searchable(reader, CAR, BREAD, "The purchase of houses.")
    found(store)  # the first query of a process brings texts of its own
    model.requests.clear()
    hits = search.search(store.project, [store.id], [QUERY, "buy houses", QUERY])
    assert {hit.text for hit in hits[:2]} == {CAR, "The purchase of houses."}
    assert model.texts == [QUERY, "buy houses"]
    assert len(model.requests) == 1


def test_stores_without_vectors_are_not_worth_asking_for(reader: Reader, model: Embeddings) -> None:
    store = make_vector_store(None, CAR)
    ingest_all(reader)
    assert found(store, "automobile") == [CAR]
    assert model.requests == []


def test_a_model_that_is_late_or_fails_leaves_the_search_to_the_words_and_is_left_alone(
    reader: Reader, model: Embeddings, settings: Settings
) -> None:
    store = make_searchable(reader, CAR, BREAD)
    settings.EMBEDDING_QUERY_SECONDS = 0.2
    model.be_late(1)
    assert found(store, "automobile") == [CAR]
    until(lambda: query_meaning._silence.lasts(embedding_model.configured()), "it is asked on")
    model.requests.clear()
    model.work()
    assert found(store, "automobile") == [CAR]
    assert model.requests == []


def test_what_nobody_waits_for_any_more_is_not_asked(
    reader: Reader, model: Embeddings, settings: Settings
) -> None:
    make_searchable(reader, CAR)
    settings.EMBEDDING_QUERY_SECONDS = 0.1
    model.requests.clear()
    known = embedding_model.configured()
    assert known is not None
    goes_on = threading.Event()
    busy = [provider_client.threads().submit(goes_on.wait, 10) for _ in range(THREADS)]
    asked = query_meaning.begin(known, ["automobile"])
    assert asked is not None
    assert asked.result() == {}
    goes_on.set()
    assert [one.result() for one in busy] == [True] * THREADS
    assert asked.future.cancelled()
    assert model.requests == []


def test_a_query_that_is_refused_keeps_no_other_from_being_asked_for(
    reader: Reader, model: Embeddings
) -> None:
    store = make_searchable(reader, CAR, BREAD)
    model.longest = 60
    found(store, "automobile " * 20)
    assert found(store, "automobile") == [CAR]
    assert "automobile" in model.texts


# Languages


def test_a_model_is_not_asked_for_languages_that_it_does_not_know(
    reader: Reader, model: Embeddings, settings: Settings
) -> None:
    settings.EMBEDDING_LANGUAGES = []  # so by its name: nothing is known of it but English
    store = make_searchable(reader, CHINESE, CAR)
    assert model.texts == [CAR]
    assert len(set(embedded_by(store))) == 1
    assert embedded_by(store) != [""] * 2
    assert state(store) == (2, 2, "")
    model.requests.clear()
    by_words = search.search(store.project, [store.id], ["汽車的價格"])
    assert model.requests == []
    settings.EMBEDDING_MODEL = ""
    assert search.search(store.project, [store.id], ["汽車的價格"]) == by_words


@pytest.mark.parametrize(
    "name, languages",
    [
        ("text-embedding-3-small", None),
        ("bge-m3:latest", None),
        ("intfloat/multilingual-e5-large", None),
        ("all-minilm", frozenset({"english"})),
        ("BAAI/bge-large-zh-v1.5", frozenset({"chinese", "english"})),
    ],
)
def test_what_a_model_knows_goes_by_its_name(
    model: Embeddings, settings: Settings, name: str, languages: frozenset[str] | None
) -> None:
    settings.EMBEDDING_MODEL, settings.EMBEDDING_LANGUAGES = name, []
    configured_ = embedding_model.configured()
    assert configured_ is not None
    assert configured_.languages == languages
    settings.EMBEDDING_LANGUAGES = ["german"]
    configured_ = embedding_model.configured()
    assert configured_ is not None
    assert configured_.languages == frozenset({"german"})


# Coming to it


def test_a_worker_makes_vectors_of_what_it_has_read(model: Embeddings, ingester: Ingester) -> None:
    store = make_vector_store(None, CAR, BREAD)
    until(lambda: state(store) == (2, 2, ""), "no vectors come")
    assert found(store) == [CAR]


def test_small_files_share_requests_and_large_ones_take_several(
    reader: Reader, model: Embeddings, settings: Settings
) -> None:
    settings.EMBEDDING_BATCH = 8
    make_searchable(reader, *(f"{CAR} Number {number}." for number in range(20)))
    assert [len(request["input"]) for request in model.requests] == [8, 8, 4]
    model.requests.clear()
    embedding.work_off(goes_on)
    assert model.requests == []


def test_requests_are_bounded_by_how_much_text_they_have(
    reader: Reader, model: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "REQUEST_TOKENS", 30)
    make_searchable(reader, *(f"{CAR} Number {number}." for number in range(4)))
    assert [len(request["input"]) for request in model.requests] == [1, 1, 1, 1]


def test_a_worker_that_stops_or_dies_loses_nothing_that_was_made(
    reader: Reader, model: Embeddings, settings: Settings
) -> None:
    settings.EMBEDDING_BATCH = 1
    store = make_vector_store(None, CAR, BREAD, "Salt")
    ingest_all(reader)
    answers = iter([False, False, True])
    embedding.work_off(lambda: next(answers, True))
    assert len(model.texts) == 1
    assert state(store) == (0, 3, "")

    # One dies: it never lets go of what it held.
    held = embedding._grab(embedding_model.configured(), "")  # type: ignore[arg-type]
    assert held is not None
    embedding.work_off(goes_on)
    assert len(model.texts) == 1
    VectorStoreFile.objects.update(claimed_until=clock.now() - timedelta(seconds=1))
    embedding.work_off(goes_on)

    assert model.texts == [CAR, BREAD, "Salt"]
    assert state(store) == (3, 3, "")


def test_a_worker_that_ends_while_it_waits_for_an_answer_gives_back_what_it_holds(
    model: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistants.ingester.GRACE_SECONDS", 0.1)
    monkeypatch.setattr("assistants.ingester.CLOSING_SECONDS", 0.1)
    worker = Ingester()
    model.be_late(1.5)
    store = make_vector_store(None, CAR)
    worker.wake()
    until(lambda: model.requests, "it does not ask")
    worker.stop()
    assert set(store.files.values_list("claim", flat=True)) == {""}
    model.work()
    embedding.work_off(goes_on)
    assert state(store) == (1, 1, "")
    for thread in worker._threads:  # what comes late changes nothing
        thread.join()
    assert state(store) == (1, 1, "")
    assert vector_index().count(store.id, "played") == 1


def test_two_workers_never_ask_for_the_same(reader: Reader, model: Embeddings) -> None:
    stores = [make_vector_store(None, f"{CAR} {number}") for number in range(6)]
    ingest_all(reader)
    workers = [threading.Thread(target=embedding.work_off, args=(goes_on,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(model.texts) == len(set(model.texts)) == len(stores)


# What goes wrong


def test_an_outage_fails_no_file_says_so_and_is_made_up_for(
    reader: Reader, model: Embeddings
) -> None:
    store = make_vector_store(None, CAR, BREAD)
    ingest_all(reader)
    model.fail(503)
    with pytest.raises(Unavailable):
        embedding.work_off(goes_on)
    assert {row.status for row in store.files.all()} == {"completed"}
    assert state(store)[:2] == (0, 2)
    assert "The played model says no." in state(store)[2]
    assert found(store, "automobile") == [CAR]
    assert embedding.ring_again() == 2

    model.work()
    embedding.work_off(goes_on)

    assert state(store) == (2, 2, "")
    assert VectorStore.objects.get(pk=store.pk).embedding_error == ""
    assert found(store) == [CAR]


def test_a_worker_asks_again_by_itself(
    model: Embeddings, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistants.ingester.PAUSE_SECONDS", 0.05)
    model.fail(503)
    store = make_vector_store(None, CAR)
    until(lambda: state(store)[2], "nothing is said of the outage")
    model.work()
    until(lambda: state(store) == (1, 1, ""), "it is not asked again")


@pytest.mark.parametrize(
    "status, told",
    [
        (401, "refuses the key"),
        (404, "knows no embedding model played"),
        (400, "gave no vectors (400): The played model says no."),
        (500, "gave no vectors (500): The played model says no."),
    ],
)
def test_wrong_settings_are_told_in_words_that_help(
    reader: Reader, model: Embeddings, status: int, told: str
) -> None:
    store = make_vector_store(None, CAR, BREAD)
    ingest_all(reader)
    model.fail(status)
    with pytest.raises(Unavailable):
        embedding.work_off(goes_on)
    assert told in state(store)[2]
    assert len(model.requests) <= 2


def test_a_server_that_is_not_there_is_told_and_no_key_goes_elsewhere(
    reader: Reader, model: Embeddings, settings: Settings
) -> None:
    settings.OPENAI_API_KEY = "sk-of-the-chat-provider"
    configured_ = embedding_model.configured()
    assert configured_ is not None
    assert configured_.provider.api_key == "none"
    settings.EMBEDDING_BASE_URL = ""
    configured_ = embedding_model.configured()
    assert configured_ is not None
    assert OPENAI_HOST in configured_.provider.base_url
    assert configured_.provider.api_key == "sk-of-the-chat-provider"
    settings.EMBEDDING_BASE_URL = "http://127.0.0.1:9/v1"
    store = make_vector_store(None, CAR)
    ingest_all(reader)
    with pytest.raises(Unavailable):
        embedding.work_off(goes_on)
    assert "cannot be reached" in state(store)[2]


def test_an_azure_deployment_is_asked_as_azure_is(
    reader: Reader, model: Embeddings, settings: Settings, server: ChatServer
) -> None:
    settings.EMBEDDING_BASE_URL = ""
    settings.AZURE_OPENAI_ENDPOINT, settings.AZURE_OPENAI_API_KEY = server.origin, "azure-key"
    store = make_searchable(reader, CAR)
    assert state(store) == (1, 1, "")
    assert found(store) == [CAR]


def test_a_text_of_which_the_model_makes_nothing_keeps_no_other_from_its_vector(
    reader: Reader, model: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = model._of

    def blank(name: str, text: str, width: int) -> list[float]:
        return [0.0] * width if text and BREAD.startswith(text) else real(name, text, width)

    monkeypatch.setattr(model, "_of", blank)
    store = make_searchable(reader, CAR, BREAD)
    assert state(store) == (2, 2, "")
    assert vector_index().count(store.id, "played") == 1
    assert found(store) == [CAR]
    assert found(store, "bread") == [BREAD]


@pytest.mark.parametrize("fault", ["fewer", "uneven", "zero", "words"])
def test_answers_that_are_no_vectors_are_not_kept(
    reader: Reader, model: Embeddings, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    real = model._of

    def wrong(name: str, text: str, width: int) -> object:
        match fault:
            case "uneven" if text == BREAD:
                return real(name, text, width + 1)
            case "zero":
                return [0.0] * width
            case "words":
                return ["one", "two"]
        return real(name, text, width)

    monkeypatch.setattr(model, "_of", wrong)
    if fault == "fewer":
        monkeypatch.setattr(model, "lacking", 1)
    store = make_vector_store(None, CAR, BREAD)
    ingest_all(reader)
    with pytest.raises(Unavailable):
        embedding.work_off(goes_on)
    assert state(store)[0] == 0
    assert state(store)[2].endswith(".")
    assert not vector_index().holds(store.id, "played")


def test_a_key_that_a_server_repeats_is_not_passed_on(
    reader: Reader, model: Embeddings, settings: Settings
) -> None:
    settings.EMBEDDING_API_KEY = "sk-very-secret"
    store = make_vector_store(None, CAR)
    ingest_all(reader)
    model.fail(500, "No luck with sk-very-secret.")
    with pytest.raises(Unavailable):
        embedding.work_off(goes_on)
    assert "No luck with [key]." in state(store)[2]


@pytest.mark.parametrize("status", [400, 413, 500])
def test_a_text_that_is_too_long_for_the_model_is_cut_and_keeps_no_other_from_its_vector(
    reader: Reader, model: Embeddings, status: int
) -> None:
    model.longest, model.refusal = 200, status
    long = "The automobile. " * 60
    store = make_searchable(reader, long.strip(), CAR)
    assert state(store) == (2, 2, "")
    label = embedded_by(store)[0]
    assert vector_index().count(store.id, label) == 2


def test_another_model_makes_all_vectors_anew_and_those_of_the_old_are_not_compared(
    reader: Reader, model: Embeddings, settings: Settings
) -> None:
    store = make_searchable(reader, CAR, BREAD)
    settings.EMBEDDING_MODEL = "another"
    assert state(store) == (0, 2, "")
    assert found(store) == []
    model.requests.clear()
    embedding.work_off(goes_on)
    assert sorted(model.texts) == sorted([CAR, BREAD])
    assert found(store) == [CAR]
    assert set(embedded_by(store)) == {"another"}
    settings.EMBEDDING_DIMENSIONS = 512
    embedding.work_off(goes_on)
    assert set(embedded_by(store)) == {"another@512"}
    assert found(store) == [CAR]


def test_a_model_that_changes_behind_its_name_is_noticed_by_its_length(
    reader: Reader, model: Embeddings
) -> None:
    store = make_searchable(reader, CAR)
    model.dimensions = 512
    assert found(store) == []
    added = make_file(store.project, BREAD)
    vector_store_files.create(store, VectorStoreFileCreate(file_id=added.id))
    ingest_all(reader)
    with pytest.raises(Unavailable, match="made anew"):
        embedding.work_off(goes_on)
    embedding.work_off(goes_on)
    assert state(store) == (2, 2, "")
    assert found(store) == [CAR]


# Leaving


def test_what_is_taken_out_is_not_found_any_more_and_its_vectors_go(
    reader: Reader, model: Embeddings
) -> None:
    store = make_searchable(reader, CAR, f"{CAR} Used.")
    vector_store_files.delete(store.files.order_by("pk")[0])
    assert found(store) == [f"{CAR} Used."]
    clean_all()
    assert vector_index().count(store.id, "played") == 1
    store_id = store.id
    vector_stores.delete(store)
    clean_all()
    assert not vector_index().holds(store_id, "played")
    assert list((configured.INDEX_ROOT / "vectors").glob(f"{store_id}*")) == []


@pytest.mark.parametrize("whole_store", [False, True])
def test_what_is_taken_out_while_its_vectors_are_made_leaves_none(
    reader: Reader, model: Embeddings, monkeypatch: pytest.MonkeyPatch, whole_store: bool
) -> None:
    store = make_vector_store(None, CAR, BREAD)
    store_id = store.id
    ingest_all(reader)
    real = embedding_model.ask_patiently

    def meanwhile(*args: object) -> object:
        if whole_store:
            vector_stores.delete(store)
        else:
            vector_store_files.delete(store.files.order_by("pk")[0])
        clean_all()
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(embedding_model, "ask_patiently", meanwhile)
    embedding.work_off(goes_on)
    assert vector_index().count(store_id, "played") == (0 if whole_store else 1)
    assert VectorStoreFile.objects.filter(embedded_by="played").count() == (not whole_store)


def test_what_is_taken_out_before_the_worker_stops_in_its_midst_leaves_none(
    reader: Reader, model: Embeddings, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMBEDDING_BATCH = 1
    store = make_vector_store(None, CAR, BREAD)
    store_id = store.id
    ingest_all(reader)
    real, stopped = embedding_model.ask_patiently, []

    def meanwhile(*args: object) -> object:
        vector_stores.delete(store)
        clean_all()
        stopped.append(True)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(embedding_model, "ask_patiently", meanwhile)
    embedding.work_off(lambda: bool(stopped))
    assert vector_index().count(store_id, "played") == 0
    assert list((configured.INDEX_ROOT / "vectors").glob(f"{store_id}*")) == []


def test_a_file_whose_vectors_are_made_anew_meanwhile_gets_all_of_them(
    reader: Reader, model: Embeddings, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMBEDDING_BATCH = 1
    long = " ".join(f"{CAR} {BREAD} {number}." for number in range(200))
    store = make_vector_store(None, long)
    ingest_all(reader)
    real, asked = embedding_model.ask_patiently, []

    def meanwhile(*args: object) -> object:
        asked.append(True)
        if len(asked) == 3:
            embedding.make_anew(store.id)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(embedding_model, "ask_patiently", meanwhile)
    embedding.work_off(goes_on)
    chunks = Chunk.objects.filter(store_file__vector_store=store).count()
    assert chunks > 4
    assert vector_index().count(store.id, "played") == chunks
    assert state(store) == (1, 1, "")


# Being lost


@pytest.mark.sqlite
def test_vectors_that_are_lost_or_damaged_are_made_anew_at_a_start(
    reader: Reader, model: Embeddings
) -> None:
    store = make_searchable(reader, CAR, BREAD)
    directory = configured.INDEX_ROOT / "vectors" / store.id
    for damage in ("gone", "halved", "head"):
        match damage:
            case "gone":
                shutil.rmtree(directory)
            case "halved":
                (directory / "vectors").write_bytes(b"")
            case "head":
                (directory / "meta.json").write_text("{")
        assert found(store) == []
        assert found(store, "automobile") == [CAR]
        assert embedding.mend(goes_on) == 2
        embedding.work_off(goes_on)
        assert found(store) == [CAR]
    assert embedding.mend(goes_on) == 0


def test_reindex_makes_vectors_anew_or_keeps_them(reader: Reader, model: Embeddings) -> None:
    store = make_searchable(reader, CAR, BREAD)
    model.requests.clear()
    said = StringIO()
    call_command("reindex", "--keep-vectors", stdout=said)
    embedding.work_off(goes_on)
    assert model.requests == []
    call_command("reindex", stdout=said)
    assert found(store, "automobile") == [CAR]
    embedding.work_off(goes_on)
    assert sorted(model.texts[:2]) == sorted([CAR, BREAD])
    assert found(store) == [CAR]
    assert said.getvalue().splitlines() == [
        f"{store.id}: 2 chunks",
        f"{store.id}: 2 chunks, vectors of 2 files to be made anew",
    ]
