"""``/vector_stores`` through the SDK: the stores themselves, and searching them."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openai import BadRequestError, NotFoundError, OpenAI

from assistants.ingester import Ingester
from assistants.models import Project, VectorStore, clock
from assistants.operations import projects

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

BREAD = b"Bread is baked from flour, water, salt and yeast."
MOON = b"The moon goes round the earth in twenty-seven days."


def upload(client: OpenAI, name: str = "a.txt", content: bytes = BREAD) -> str:
    return client.files.create(file=(name, content), purpose="assistants").id


def filled(client: OpenAI, *contents: bytes, **attributes: Any) -> str:
    """A store with these files, all of them searchable."""
    store = client.vector_stores.create()
    for number, content in enumerate(contents):
        client.vector_stores.files.upload_and_poll(
            vector_store_id=store.id,
            file=(f"{number}.txt", content),
            attributes={"number": number, **attributes},
        )
    return store.id


def test_a_store_begins_empty_and_is_completed(client: OpenAI) -> None:
    made = client.vector_stores.create()
    assert len(made.id.removeprefix("vs_")) == 32
    assert made.to_dict() == {
        "id": made.id,
        "object": "vector_store",
        "created_at": made.created_at,
        "name": None,
        "description": None,
        "usage_bytes": 0,
        "file_counts": {
            "in_progress": 0,
            "completed": 0,
            "failed": 0,
            "cancelled": 0,
            "total": 0,
        },
        "status": "completed",
        "expires_after": None,
        "expires_at": None,
        "last_active_at": made.created_at,
        "metadata": {},
    }
    assert client.vector_stores.retrieve(made.id) == made


def test_a_store_with_files_is_in_progress_until_they_are_done(client: OpenAI) -> None:
    made = client.vector_stores.create(
        name="Recipes",
        description="What we bake",
        file_ids=[upload(client), upload(client)],
        metadata={"a": "1"},
        expires_after={"anchor": "last_active_at", "days": 3},
    )
    assert (made.name, made.to_dict()["description"]) == ("Recipes", "What we bake")
    assert made.status == "in_progress"
    assert (made.file_counts.in_progress, made.file_counts.total) == (2, 2)
    assert made.metadata == {"a": "1"}
    assert made.last_active_at is not None
    assert made.expires_at == made.last_active_at + 3 * 24 * 3600


def test_a_store_is_completed_when_its_files_are(client: OpenAI, ingester: Ingester) -> None:
    store = client.vector_stores.retrieve(filled(client, BREAD, MOON))
    assert store.status == "completed"
    assert (store.file_counts.completed, store.file_counts.total) == (2, 2)
    # As recorded: 21 bytes of text were 1045 in a store.
    assert store.usage_bytes == len(BREAD) + len(MOON) + 2 * 1024


def test_changes_leave_alone_what_is_not_named_and_null_clears(client: OpenAI) -> None:
    made = client.vector_stores.create(
        name="a", expires_after={"anchor": "last_active_at", "days": 1}, metadata={"a": "1"}
    )
    changed = client.vector_stores.update(made.id, metadata={"b": "2"})
    assert (changed.name, changed.expires_after, changed.metadata) == (
        "a",
        made.expires_after,
        {"b": "2"},
    )
    changed = client.vector_stores.update(made.id, name=None, expires_after=None)
    assert changed.to_dict()["name"] is None
    assert (changed.expires_after, changed.expires_at) == (None, None)
    assert changed.metadata == {"b": "2"}


def test_a_deleted_store_is_gone_and_its_files_are_not(client: OpenAI, ingester: Ingester) -> None:
    file_id = upload(client)
    store = client.vector_stores.create(file_ids=[file_id])
    assert client.vector_stores.delete(store.id).to_dict() == {
        "id": store.id,
        "object": "vector_store.deleted",
        "deleted": True,
    }
    with pytest.raises(NotFoundError) as missing:
        client.vector_stores.retrieve(store.id)
    assert missing.value.body == {
        "message": f"No vector store found with id '{store.id}'.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    assert client.files.retrieve(file_id).id == file_id


def test_lists_page_and_take_a_constant_number_of_queries(
    client: OpenAI, project: Project, http: httpx2.Client
) -> None:
    made = [client.vector_stores.create(file_ids=[upload(client)]).id for _ in range(5)]
    assert [store.id for store in client.vector_stores.list(limit=2)] == made[::-1]
    with CaptureQueriesContext(connection) as queries:
        rows, _ = VectorStore.objects.in_project(project).page()
        wires = [row.to_dict() for row in rows]
    assert len(queries) == 2
    assert [wire["file_counts"]["in_progress"] for wire in wires] == [1] * 5


def test_other_projects_do_not_see_it(client: OpenAI, address: str) -> None:
    store = client.vector_stores.create()
    file_id = upload(client)
    stranger_key = projects.create_api_key(Project.objects.create(name="other"), "k")[1]
    with OpenAI(base_url=f"{address}/v1", api_key=stranger_key, max_retries=0) as stranger:
        other = stranger.vector_stores.create()
        for ask in (
            lambda: stranger.vector_stores.retrieve(store.id),
            lambda: stranger.vector_stores.update(store.id, name="mine"),
            lambda: stranger.vector_stores.delete(store.id),
            lambda: stranger.vector_stores.search(store.id, query="bread"),
            lambda: stranger.vector_stores.files.list(store.id),
            lambda: stranger.vector_stores.files.create(store.id, file_id=file_id),
            lambda: stranger.vector_stores.files.create(other.id, file_id=file_id),
            lambda: stranger.vector_stores.file_batches.create(other.id, file_ids=[file_id]),
            lambda: stranger.vector_stores.create(file_ids=[file_id]),
            lambda: stranger.beta.threads.create(
                tool_resources={"file_search": {"vector_store_ids": [store.id]}}
            ),
        ):
            with pytest.raises(NotFoundError):
                ask()
        assert [found.id for found in stranger.vector_stores.list()] == [other.id]
    assert client.vector_stores.retrieve(store.id).name is None


@pytest.mark.parametrize(
    "body, param, code",
    [
        ({"file_ids": ["file-1"] * 501}, "file_ids", "array_above_max_length"),
        (
            {"expires_after": {"anchor": "created_at", "days": 1}},
            "expires_after.anchor",
            "invalid_value",
        ),
        (
            {"expires_after": {"anchor": "last_active_at", "days": 366}},
            "expires_after.days",
            "integer_above_max_value",
        ),
        (
            {"expires_after": {"anchor": "last_active_at"}},
            "expires_after.days",
            "missing_required_parameter",
        ),
        ({"chunking_strategy": {"type": "other"}}, "chunking_strategy.type", "invalid_value"),
        (
            {
                "chunking_strategy": {
                    "type": "static",
                    "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 401},
                }
            },
            "chunking_strategy.static.chunk_overlap_tokens",
            "integer_above_max_value",
        ),
        (
            {
                "chunking_strategy": {
                    "type": "static",
                    "static": {"max_chunk_size_tokens": 99, "chunk_overlap_tokens": 0},
                }
            },
            "chunking_strategy.static.max_chunk_size_tokens",
            "integer_below_min_value",
        ),
        ({"names": "x"}, "names", "unknown_parameter"),
    ],
)
def test_bounds_are_kept(http: httpx2.Client, body: Any, param: str, code: str) -> None:
    answer = http.post("/v1/vector_stores", json=body)
    assert answer.status_code == 400
    assert (answer.json()["error"]["param"], answer.json()["error"]["code"]) == (param, code)


def test_files_that_are_not_searched_are_refused_at_once(client: OpenAI) -> None:
    file_ids = [upload(client, name) for name in ("a.txt", "b.csv", "c.CSV", "README")]
    with pytest.raises(BadRequestError) as refused:
        client.vector_stores.create(file_ids=file_ids)
    assert refused.value.body == {
        "message": "Files with extensions [.csv, none] are not supported for retrieval. See "
        "https://platform.openai.com/docs/assistants/tools/file-search/supported-files",
        "type": "invalid_request_error",
        "param": "file_ids",
        "code": "unsupported_file",
    }
    assert client.vector_stores.list().data == []
    with pytest.raises(NotFoundError, match="No such File object: file-unknown"):
        client.vector_stores.create(file_ids=["file-unknown"])
    assert client.vector_stores.list().data == []


# --- Expiry


def expire(store_id: str) -> None:
    VectorStore.objects.filter(pk=store_id).update(
        expires_after_days=1, last_active_at=clock.now() - timedelta(days=2)
    )


def test_an_expired_store_says_so_and_is_not_searched(client: OpenAI) -> None:
    store = client.vector_stores.create(name="old")
    expire(store.id)
    assert client.vector_stores.retrieve(store.id).status == "expired"
    file_id = upload(client)
    for ask in (
        lambda: client.vector_stores.search(store.id, query="bread"),
        lambda: client.vector_stores.files.create(store.id, file_id=file_id),
        lambda: client.vector_stores.file_batches.create(store.id, file_ids=[file_id]),
    ):
        with pytest.raises(BadRequestError, match=f"Vector store '{store.id}' has expired"):
            ask()


def test_a_new_expiry_brings_an_expired_store_back(client: OpenAI, ingester: Ingester) -> None:
    store_id = filled(client, BREAD)
    expire(store_id)
    client.vector_stores.update(store_id, name="old")
    assert client.vector_stores.retrieve(store_id).status == "expired"
    expires_after: Any = {"anchor": "last_active_at", "days": 1}
    assert client.vector_stores.update(store_id, expires_after=expires_after).status == "completed"
    assert len(client.vector_stores.search(store_id, query="flour").data) == 1


def test_a_search_puts_the_expiry_off(client: OpenAI) -> None:
    store = client.vector_stores.create(expires_after={"anchor": "last_active_at", "days": 1})
    earlier = clock.now() - timedelta(hours=5)
    VectorStore.objects.filter(pk=store.id).update(last_active_at=earlier)
    client.vector_stores.search(store.id, query="bread")
    found = client.vector_stores.retrieve(store.id)
    assert found.last_active_at is not None
    assert found.expires_at is not None
    assert found.last_active_at >= store.created_at
    assert found.expires_at == found.last_active_at + 24 * 3600


# --- Search


def test_a_search_finds_passages_the_best_first(client: OpenAI, ingester: Ingester) -> None:
    store_id = filled(client, BREAD, MOON, b"Flour and more flour.")
    page = client.vector_stores.search(store_id, query="flour and yeast")
    best, other = page.data
    assert best.filename == "0.txt"
    assert best.attributes == {"number": 0}
    assert best.content[0].text == BREAD.decode()
    assert 0 < other.score <= best.score <= 1
    page = client.vector_stores.search(store_id, query="flour and yeast", max_num_results=1)
    assert [found.filename for found in page.data] == ["0.txt"]
    threshold = (best.score + other.score) / 2
    page = client.vector_stores.search(
        store_id, query="flour and yeast", ranking_options={"score_threshold": threshold}
    )
    assert [found.filename for found in page.data] == ["0.txt"]


def test_the_page_of_a_search_names_its_queries(http: httpx2.Client, client: OpenAI) -> None:
    path = f"/v1/vector_stores/{client.vector_stores.create().id}/search"
    empty = {"data": [], "has_more": False, "next_page": None}
    for query, queries in (("bread", ["bread"]), (["bread", "moon"], ["bread", "moon"])):
        answer = http.post(path, json={"query": query, "rewrite_query": True})
        assert answer.json() == {
            "object": "vector_store.search_results.page",
            "search_query": queries,
            **empty,
        }


def test_several_queries_are_searched_together(client: OpenAI, ingester: Ingester) -> None:
    store_id = filled(client, BREAD, MOON, b"Nothing of the kind.")
    page = client.vector_stores.search(store_id, query=["yeast", "moon"])
    assert {found.filename for found in page.data} == {"0.txt", "1.txt"}


@pytest.mark.parametrize(
    "filters, numbers",
    [
        ({"type": "eq", "key": "number", "value": 1}, {1}),
        ({"type": "eq", "key": "number", "value": 1.0}, {1}),
        ({"type": "eq", "key": "number", "value": "1"}, set()),
        ({"type": "eq", "key": "number", "value": True}, set()),
        ({"type": "eq", "key": "odd", "value": True}, {1, 3}),
        ({"type": "ne", "key": "number", "value": 1}, {0, 2, 3}),
        ({"type": "ne", "key": "nowhere", "value": 1}, {0, 1, 2, 3}),
        ({"type": "eq", "key": "nowhere", "value": 1}, set()),
        ({"type": "gt", "key": "number", "value": 1}, {2, 3}),
        ({"type": "gte", "key": "number", "value": 1}, {1, 2, 3}),
        ({"type": "lt", "key": "number", "value": 0.5}, {0}),
        ({"type": "lte", "key": "number", "value": 1}, {0, 1}),
        ({"type": "gte", "key": "day", "value": "2026-01-02"}, {2, 3}),
        ({"type": "gt", "key": "day", "value": 1}, set()),
        ({"type": "in", "key": "number", "value": [0, 3, "2"]}, {0, 3}),
        ({"type": "nin", "key": "day", "value": ["2026-01-03"]}, {0, 1, 2}),
        (
            {
                "type": "and",
                "filters": [
                    {"type": "eq", "key": "odd", "value": True},
                    {
                        "type": "or",
                        "filters": [
                            {"type": "lt", "key": "number", "value": 1},
                            {"type": "gt", "key": "number", "value": 2},
                        ],
                    },
                ],
            },
            {3},
        ),
    ],
)
def test_filters_choose_files_by_their_attributes(
    client: OpenAI, ingester: Ingester, filters: Any, numbers: set[int]
) -> None:
    store = client.vector_stores.create()
    files: Any = [
        {
            "file_id": upload(client, content=b"bread %d" % number),
            "attributes": {"number": number, "odd": bool(number % 2), "day": f"2026-01-0{number}"},
        }
        for number in range(4)
    ]
    client.vector_stores.file_batches.create_and_poll(store.id, files=files)
    page = client.vector_stores.search(store.id, query="bread", filters=filters)
    assert {(found.attributes or {})["number"] for found in page.data} == numbers


@pytest.mark.parametrize(
    "body, param, code",
    [
        ({}, "query", "missing_required_parameter"),
        ({"query": 1}, "query", "invalid_type"),
        ({"query": []}, "query", "empty_array"),
        ({"query": ["a", 1]}, "query[1]", "invalid_type"),
        ({"query": "a", "max_num_results": 51}, "max_num_results", "integer_above_max_value"),
        ({"query": "a", "max_num_results": 0}, "max_num_results", "integer_below_min_value"),
        (
            {"query": "a", "ranking_options": {"ranker": "best"}},
            "ranking_options.ranker",
            "invalid_value",
        ),
        (
            {"query": "a", "ranking_options": {"score_threshold": 1.1}},
            "ranking_options.score_threshold",
            "decimal_above_max_value",
        ),
        ({"query": "a", "filters": {"type": "like"}}, "filters.type", "invalid_value"),
        (
            {"query": "a", "filters": {"type": "eq", "key": "k"}},
            "filters.value",
            "missing_required_parameter",
        ),
        (
            {"query": "a", "filters": {"type": "eq", "key": "k", "value": [1]}},
            "filters.value",
            "invalid_type",
        ),
        (
            {"query": "a", "filters": {"type": "gt", "key": "k", "value": True}},
            "filters.value",
            "invalid_type",
        ),
        (
            {"query": "a", "filters": {"type": "in", "key": "k", "value": 1}},
            "filters.value",
            "invalid_type",
        ),
        (
            {"query": "a", "filters": {"type": "nin", "key": "k", "value": [1, None]}},
            "filters.value[1]",
            "invalid_type",
        ),
        (
            {"query": "a", "filters": {"type": "and", "filters": []}},
            "filters.filters",
            "empty_array",
        ),
        (
            {
                "query": "a",
                "filters": {
                    "type": "or",
                    "filters": [{"type": "eq", "key": "k", "value": 1, "more": 2}],
                },
            },
            "filters.filters[0].more",
            "unknown_parameter",
        ),
    ],
)
def test_a_wrong_search_is_refused_with_its_place(
    client: OpenAI, http: httpx2.Client, body: Any, param: str, code: str
) -> None:
    store = client.vector_stores.create()
    answer = http.post(f"/v1/vector_stores/{store.id}/search", json=body)
    assert answer.status_code == 400
    assert (answer.json()["error"]["param"], answer.json()["error"]["code"]) == (param, code)


@pytest.mark.parametrize("each, status", [(9, 200), (10, 400)])
def test_a_filter_has_a_hundred_conditions_at_most(
    client: OpenAI, http: httpx2.Client, each: int, status: int
) -> None:
    store = client.vector_stores.create()
    few = {"type": "or", "filters": [{"type": "eq", "key": "k", "value": 1}] * each}
    body = {"query": "a", "filters": {"type": "and", "filters": [few] * 10}}
    answer = http.post(f"/v1/vector_stores/{store.id}/search", json=body)
    assert answer.status_code == status
    if status == 400:
        error = answer.json()["error"]
        assert (error["param"], error["code"]) == ("filters", "invalid_value")
        assert "at most 100, those within others included, but got 110" in error["message"]


def test_a_filter_that_is_nested_without_end_is_refused(
    client: OpenAI, http: httpx2.Client
) -> None:
    store = client.vector_stores.create()
    filters: Any = {"type": "eq", "key": "k", "value": 1}
    for _ in range(400):
        filters = {"type": "and", "filters": [filters]}
    answer = http.post(
        f"/v1/vector_stores/{store.id}/search", json={"query": "a", "filters": filters}
    )
    assert answer.status_code == 400


def test_wrong_ids_are_told_by_their_beginning(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as refused:
        client.vector_stores.retrieve("thread_1")
    assert refused.value.body["message"] == (  # type: ignore[index]
        "Invalid 'vector_store_id': 'thread_1'. Expected an ID that begins with 'vs'."
    )
