"""Pages of vector stores."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from assistants.ingester import Ingester
from assistants.models import (
    Assistant,
    File,
    FileStatus,
    Project,
    Thread,
    VectorStore,
    VectorStoreFile,
    clock,
)
from tests.factories import make_assistant, make_vector_store
from tests.playground.conftest import HTMX
from tests.until import until


@pytest.fixture
def store(project: Project) -> VectorStore:
    store = make_vector_store(project, "Bread is baked.")
    VectorStore.objects.filter(pk=store.pk).update(name="<Recipes>")
    return store


def test_before_there_is_one_the_page_says_how_one_comes_about(
    page: Client, project: Project
) -> None:
    assert "No vector stores yet" in page.get("/vector-stores").text
    assert 'href="/vector-stores"' in page.get("/files").text


def test_the_list_shows_what_each_one_holds(
    page: Client, store: VectorStore, project: Project
) -> None:
    text = page.get("/vector-stores").text
    assert "&lt;Recipes&gt;" in text
    assert "<span>1 file</span>" in text
    assert "never expires" in text
    assert "In progress" in text
    VectorStore.objects.update(expires_after_days=1, last_active_at=clock.now() - timedelta(days=2))
    text = page.get("/vector-stores").text
    assert "Expired" in text
    assert "expired on" in text


def test_the_number_of_queries_does_not_grow_with_stores_and_files(
    page: Client, project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    def asked(address: str) -> int:
        with django_assert_max_num_queries(15) as captured:
            page.get(address)
        return len(captured)

    small = make_vector_store(project, "one")
    one = asked("/vector-stores")
    large = make_vector_store(project, *(f"text {number}" for number in range(55)))
    assert asked("/vector-stores") == one
    assert asked(f"/vector-stores/{large.id}") == asked(f"/vector-stores/{small.id}")
    assert "Older files" in page.get(f"/vector-stores/{large.id}").text
    assert len(page.get(f"/vector-stores/{large.id}?page=2").context["rows"]) == 5


def test_one_shows_its_files_and_why_one_failed(page: Client, store: VectorStore) -> None:
    address = f"/vector-stores/{store.id}"
    text = page.get(address).text
    assert "a.txt" in text
    assert 'hx-trigger="every 1s"' in text
    VectorStoreFile.objects.update(
        status=FileStatus.FAILED, last_error={"code": "invalid_file", "message": "It is empty."}
    )
    text = page.get(f"{address}/files", headers=HTMX).text
    assert "It is empty." in text
    assert "hx-trigger" not in text
    assert "<html" not in text
    assert "Show these alone" in text
    assert "1 failed" in page.get("/vector-stores").text
    assert len(page.get(f"{address}?failed").context["rows"]) == 1
    VectorStoreFile.objects.update(status=FileStatus.COMPLETED)
    assert len(page.get(f"{address}?failed").context["rows"]) == 0


def test_files_are_added_and_taken_out(page: Client, store: VectorStore) -> None:
    address = f"/vector-stores/{store.id}"
    files = [SimpleUploadedFile("b.md", b"# B"), SimpleUploadedFile("c.csv", b"a,b")]
    assert page.post(f"{address}/files", {"files": files}).headers["Location"] == address
    assert (
        "Not added: c.csv (cannot be searched; the code interpreter opens tables)"
        in page.get(address).text
    )
    names = store.files.values_list("file__filename", flat=True)
    assert set(names) == {"a.txt", "b.md"}
    row = store.files.get(file__filename="b.md")
    page.post(f"{address}/files/{row.file_id}/remove")
    assert "b.md was taken out" in page.get(address).text
    assert store.files.count() == 1
    assert File.objects.filter(filename="b.md").exists()
    assert page.post(f"{address}/files/{row.file_id}/remove").status_code == 404


def test_files_of_one_name_are_told_apart_by_their_folders(
    page: Client, store: VectorStore
) -> None:
    address = f"/vector-stores/{store.id}/files?scripted"
    files = [SimpleUploadedFile("a.md", text) for text in (b"# One", b"# Two", b"# Three")]
    folders = ["notes/<2025>", "/notes/../2026\n", ""]
    assert page.post(address, {"files": files, "folders": folders}).status_code == 201
    added = File.objects.filter(filename="a.md").order_by("created_at")
    assert [file.place for file in added] == ["notes/<2025>/a.md", "notes/2026/a.md", "a.md"]
    assert {file.to_dict()["filename"] for file in added} == {"a.md"}
    assert "<bdi>notes/&lt;2025&gt;</bdi>" in page.get(f"/vector-stores/{store.id}").text
    assert "<bdi>notes/2026</bdi>" in page.get("/files", {"q": "notes/2026"}).text
    assert "<bdi>notes/2026</bdi>" in page.get(f"/files/{added[1].id}/text").text


def test_an_expired_one_takes_no_files_and_answers_no_question(
    page: Client, store: VectorStore
) -> None:
    VectorStore.objects.update(expires_after_days=1, last_active_at=clock.now() - timedelta(days=2))
    address = f"/vector-stores/{store.id}"
    page.post(f"{address}/files", {"files": SimpleUploadedFile("b.md", b"# B")})
    assert "has expired" in page.get(address).text
    assert File.objects.count() == 1
    assert "has expired" in page.get(address, {"q": "bread"}, headers=HTMX).text


def test_it_says_how_far_it_is_searched_by_meaning_and_what_is_in_the_way(
    page: Client, store: VectorStore, settings: Settings
) -> None:
    VectorStoreFile.objects.update(status=FileStatus.COMPLETED)
    assert "<dd>words</dd>" in page.get(f"/vector-stores/{store.id}").text

    settings.EMBEDDING_MODEL, settings.EMBEDDING_LANGUAGES = "played", ["all"]
    settings.EMBEDDING_BASE_URL = "http://127.0.0.1:9/v1"
    text = page.get(f"/vector-stores/{store.id}").text
    assert "<dd>words and meaning</dd>" in text
    assert "<dd>0 of 1</dd>" in text
    assert 'hx-trigger="every 1s"' in text

    VectorStore.objects.update(embedding_error="It <cannot> be reached.")
    text = page.get(f"/vector-stores/{store.id}").text
    assert "It &lt;cannot&gt; be reached." in text
    assert 'hx-trigger="every 1s"' not in text

    VectorStoreFile.objects.update(embedded_by="played")
    text = page.get(f"/vector-stores/{store.id}").text
    assert "With vectors" not in text
    assert "be reached" not in text


def test_renaming(page: Client, store: VectorStore) -> None:
    address = f"/vector-stores/{store.id}/rename"
    assert "Rename vector store" in page.get(address, headers=HTMX).text
    assert page.post(address, {"title": "x" * 257}).status_code == 422
    assert page.post(address, {"title": "Cakes"}).status_code == 302
    store.refresh_from_db()
    assert store.name == "Cakes"


def test_deleting_asks_first_and_leaves_the_files(page: Client, store: VectorStore) -> None:
    address = f"/vector-stores/{store.id}/delete"
    assert "Its files stay." in page.get(address, headers=HTMX).text
    assert page.post(address).headers["Location"] == "/vector-stores"
    assert not VectorStore.objects.exists()
    assert File.objects.exists()
    assert "was deleted." in page.get("/vector-stores").text


@pytest.mark.django_db(transaction=True)
def test_a_question_is_answered_with_passages_the_best_first(
    ingester: Ingester, page: Client
) -> None:
    store = make_vector_store(
        Project.objects.get(), "Bread is baked in an oven.", "Tea and bread.", "Nothing."
    )
    until(lambda: store.counts.completed == 3, "The files are not ready.")
    address = f"/vector-stores/{store.id}"
    response = page.get(address, {"q": "bread oven"}, headers=HTMX)
    passages = [one.found.text for one in response.context["found"]]
    assert passages == ["Bread is baked in an oven.", "Tea and bread."]
    assert "<html" not in response.text
    assert response.text.index("baked") < response.text.index("Tea")
    assert "<mark>Bread</mark> is baked in an <mark>oven</mark>." in response.text
    assert ">Beginning</span>" not in response.text
    assert ">Beginning</span>" in page.get(address, {"q": "summary"}, headers=HTMX).text
    assert "Nothing was found." in page.get(address, {"q": "zebra"}).text


def test_one_is_made_and_named(page: Client, project: Project) -> None:
    assert 'href="/vector-stores/new"' in page.get("/vector-stores").text
    assert "New vector store" in page.get("/vector-stores/new", headers=HTMX).text
    assert page.post("/vector-stores/new", {"title": "x" * 257}).status_code == 422
    location = page.post("/vector-stores/new", {"title": "Books"}).headers["Location"]
    store = VectorStore.objects.get()
    assert location == f"/vector-stores/{store.id}"
    assert (store.name, store.project) == ("Books", project)


def test_its_expiry_is_set_and_taken_back(page: Client, store: VectorStore) -> None:
    address = f"/vector-stores/{store.id}"
    page.post(f"{address}/expiry", {"days": "30"})
    assert VectorStore.objects.get().expires_after_days == 30
    page.post(f"{address}/expiry", {"days": "31"})
    assert VectorStore.objects.get().expires_after_days == 30
    assert "Choose one of the times" in page.get(address).text
    # A program's own number of days is offered, and stays what it is.
    VectorStore.objects.update(expires_after_days=31)
    assert '<option value="31" selected>' in page.get(address).text
    page.post(f"{address}/expiry", {"days": "31"})
    assert VectorStore.objects.get().expires_after_days == 31
    page.post(f"{address}/expiry", {"days": ""})
    assert VectorStore.objects.get().expires_after_days is None


def test_several_assistants_and_threads_use_one(
    page: Client, store: VectorStore, project: Project, assistant: Assistant, thread: Thread
) -> None:
    address = f"/vector-stores/{store.id}"
    other = make_assistant(project, name="<Other>", tools=[{"type": "file_search"}])
    for owner in (assistant, other, thread):
        assert f'value="{owner.id}"' in page.get(address).text
        page.post(f"{address}/use", {"owner": owner.id})
        owner.refresh_from_db()
        assert owner.vector_store_ids == [store.id]
    assert [tool["type"] for tool in assistant.tools].count("file_search") == 1
    text = page.get(address).text
    for link in (f"/assistants/{assistant.id}", f"/assistants/{other.id}", f"/threads/{thread.id}"):
        assert f'href="{link}"' in text
    assert f'value="{thread.id}"' not in text
    assert page.post(f"{address}/use", {"owner": "thread_nobody"}).status_code == 404
    assert page.post(f"{address}/use", {}).status_code == 404


def test_an_expired_one_is_not_given_to_anybody(
    page: Client, store: VectorStore, assistant: Assistant
) -> None:
    VectorStore.objects.update(expires_after_days=1, last_active_at=clock.now() - timedelta(days=2))
    page.post(f"/vector-stores/{store.id}/use", {"owner": assistant.id})
    assistant.refresh_from_db()
    assert assistant.vector_store_ids == []


def test_a_script_hears_what_was_refused(page: Client, store: VectorStore) -> None:
    address = f"/vector-stores/{store.id}/files?scripted"
    files = [SimpleUploadedFile(name, b"a,b") for name in ("b.md", "letter.rtf", "README", "C.CSV")]
    response = page.post(address, {"files": files})
    assert response.status_code == 201
    assert response.text.splitlines() == [
        "letter.rtf: cannot be searched; save it as PDF, Word or text, and add that",
        "README: cannot be searched; save it as PDF, Word or text, and add that",
        "C.CSV: cannot be searched; the code interpreter opens tables",
    ]
    assert store.files.get(file__filename="b.md").batch is not None
    VectorStore.objects.update(expires_after_days=1, last_active_at=clock.now() - timedelta(days=2))
    response = page.post(address, {"files": [SimpleUploadedFile("d.md", b"# D")]})
    assert response.status_code == 422
    assert "expired" in response.text
    assert not File.objects.filter(filename="d.md").exists()


@pytest.mark.django_db(transaction=True)
def test_the_text_of_a_file_is_shown_with_a_passage_marked(
    ingester: Ingester, page: Client
) -> None:
    store = make_vector_store(Project.objects.get(), "Bread <b>is</b> baked. Tea is made.")
    until(lambda: store.counts.completed == 1, "The file is not ready.")
    file = store.files.get().file
    start = "Bread <b>is</b> baked. Tea is made.".index("Tea")
    found = page.get(f"/vector-stores/{store.id}", {"q": "tea"}, headers=HTMX).text
    assert f'href="/files/{file.id}/text?start=0&amp;end=35#passage"' in found
    assert "1 chunk" in page.get(f"/vector-stores/{store.id}").text
    text = page.get(f"/files/{file.id}/text", {"start": start, "end": start + 12}).text
    assert "Bread &lt;b&gt;is&lt;/b&gt; baked. <mark" in text
    assert "Tea is made.</mark>" in text
    assert "<mark" not in page.get(f"/files/{file.id}/text", {"start": "x", "end": "-1"}).text
    assert "no text so far" in page.get(f"/files/{file.id}/text", {"at": 99_999}).text
    page.post(f"/vector-stores/{store.id}/delete")
    text = page.get(f"/files/{file.id}/text").text
    assert "Its text is not kept" in text
    assert "Tea" not in text
