"""Pages of vector stores."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from assistants.ingester import Ingester
from assistants.models import File, FileStatus, Project, VectorStore, VectorStoreFile, clock
from tests.factories import make_vector_store
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
    assert "1 file ·" in text
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


def test_files_are_added_and_taken_out(page: Client, store: VectorStore) -> None:
    address = f"/vector-stores/{store.id}"
    files = [SimpleUploadedFile("b.md", b"# B"), SimpleUploadedFile("c.csv", b"a,b")]
    assert page.post(f"{address}/files", {"files": files}).headers["Location"] == address
    assert "it cannot be searched: c.csv" in page.get(address).text
    names = store.files.values_list("file__filename", flat=True)
    assert set(names) == {"a.txt", "b.md"}
    row = store.files.get(file__filename="b.md")
    page.post(f"{address}/files/{row.file_id}/remove")
    assert "b.md was taken out" in page.get(address).text
    assert store.files.count() == 1
    assert File.objects.filter(filename="b.md").exists()
    assert page.post(f"{address}/files/{row.file_id}/remove").status_code == 404


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
    assert "Nothing was found." in page.get(address, {"q": "zebra"}).text
