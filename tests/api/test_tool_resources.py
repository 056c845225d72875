"""What the tools of assistants, threads and runs may open, and what attachments do to it."""

from typing import Any

import httpx2
import pytest
from openai import BadRequestError, NotFoundError, OpenAI

from assistants.models import Run

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

CODE: Any = {"type": "code_interpreter"}
WEEK = 7 * 24 * 3600


def upload(client: OpenAI, name: str = "a.txt") -> str:
    return client.files.create(file=(name, b"bread"), purpose="assistants").id


def attached(file_id: str, *tools: str) -> Any:
    return [{"file_id": file_id, "tools": [{"type": tool} for tool in tools]}]


@pytest.mark.parametrize("path", ["/v1/assistants", "/v1/threads"])
def test_a_store_that_is_there_may_be_named(client: OpenAI, http: httpx2.Client, path: str) -> None:
    store, other = client.vector_stores.create(), client.vector_stores.create()
    model = {"model": "demo"} if path == "/v1/assistants" else {}
    resources: Any = {"file_search": {"vector_store_ids": [store.id]}}
    made = http.post(path, json={**model, "tool_resources": resources}).json()
    assert made["tool_resources"] == resources
    item = f"{path}/{made['id']}"
    resources = {"file_search": {"vector_store_ids": [other.id]}}
    assert http.post(item, json={"tool_resources": resources}).json()["tool_resources"] == resources
    cleared = http.post(item, json={"tool_resources": {"file_search": {"vector_store_ids": []}}})
    assert cleared.json()["tool_resources"] == {"file_search": {"vector_store_ids": []}}


@pytest.mark.parametrize("path", ["/v1/assistants", "/v1/threads"])
def test_a_store_may_be_created_along(client: OpenAI, http: httpx2.Client, path: str) -> None:
    file_id = upload(client)
    model = {"model": "demo"} if path == "/v1/assistants" else {}
    inline = {
        "file_ids": [file_id],
        "metadata": {"a": "1"},
        "chunking_strategy": {
            "type": "static",
            "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50},
        },
    }
    body = {**model, "tool_resources": {"file_search": {"vector_stores": [inline]}}}
    resources = http.post(path, json=body).json()["tool_resources"]
    (store_id,) = resources["file_search"]["vector_store_ids"]
    assert resources == {"file_search": {"vector_store_ids": [store_id]}}
    store = client.vector_stores.retrieve(store_id)
    assert (store.metadata, store.expires_after) == ({"a": "1"}, None)
    (file,) = client.vector_stores.files.list(store_id).data
    assert file.id == file_id
    assert file.to_dict()["chunking_strategy"] == inline["chunking_strategy"]


@pytest.mark.parametrize(
    "search, param, code",
    [
        (
            {"vector_store_ids": ["vs_1", "vs_2"]},
            "tool_resources.file_search.vector_store_ids",
            "array_above_max_length",
        ),
        (
            {"vector_stores": [{}, {}]},
            "tool_resources.file_search.vector_stores",
            "array_above_max_length",
        ),
        (
            {"vector_store_ids": ["vs_1"], "vector_stores": [{}]},
            "tool_resources.file_search",
            "invalid_value",
        ),
        (
            {"vector_stores": [{"name": "x"}]},
            "tool_resources.file_search.vector_stores[0].name",
            "unknown_parameter",
        ),
        (
            {"vector_store_ids": ["store_1"]},
            "tool_resources.file_search.vector_store_ids[0]",
            "invalid_value",
        ),
    ],
)
def test_what_is_wrong_with_stores_is_told(
    http: httpx2.Client, search: Any, param: str, code: str
) -> None:
    for path, model in (("/v1/assistants", {"model": "demo"}), ("/v1/threads", {})):
        answer = http.post(path, json={**model, "tool_resources": {"file_search": search}})
        assert answer.status_code == 400
        assert (answer.json()["error"]["param"], answer.json()["error"]["code"]) == (param, code)


def test_a_change_creates_no_stores(client: OpenAI, http: httpx2.Client) -> None:
    body: Any = {"tool_resources": {"file_search": {"vector_stores": [{}]}}}
    assistant = client.beta.assistants.create(model="demo")
    thread = client.beta.threads.create()
    for path in (f"/v1/assistants/{assistant.id}", f"/v1/threads/{thread.id}"):
        assert http.post(path, json=body).json()["error"]["code"] == "unknown_parameter"


def test_unknown_stores_and_files_that_are_not_searched_leave_nothing_behind(
    client: OpenAI,
) -> None:
    with pytest.raises(NotFoundError, match="No vector store found with id 'vs_unknown'"):
        client.beta.assistants.create(
            model="demo", tool_resources={"file_search": {"vector_store_ids": ["vs_unknown"]}}
        )
    inline: Any = {"file_search": {"vector_stores": [{"file_ids": [upload(client, "a.csv")]}]}}
    with pytest.raises(BadRequestError) as refused:
        client.beta.assistants.create(model="demo", tool_resources=inline)
    assert refused.value.code == "unsupported_file"
    assert client.beta.assistants.list().data == []
    assert client.vector_stores.list().data == []


def test_resources_of_a_tool_that_is_not_named_stay(client: OpenAI) -> None:
    store, file_id = client.vector_stores.create(), upload(client)
    resources: Any = {"file_search": {"vector_store_ids": [store.id]}}
    code: Any = {"code_interpreter": {"file_ids": [file_id]}}
    assistant = client.beta.assistants.create(model="demo", tool_resources=resources)
    thread = client.beta.threads.create(tool_resources=resources)
    changed = client.beta.assistants.update(assistant.id, tool_resources=code)
    assert changed.to_dict()["tool_resources"] == {**code, **resources}
    changed_thread = client.beta.threads.update(thread.id, tool_resources=code)
    assert changed_thread.to_dict()["tool_resources"] == {**code, **resources}
    cleared = client.beta.threads.update(thread.id, tool_resources=None)
    assert cleared.to_dict()["tool_resources"] == {}


def test_a_store_that_was_deleted_does_not_stand_in_the_way(client: OpenAI) -> None:
    store = client.vector_stores.create()
    resources: Any = {"file_search": {"vector_store_ids": [store.id]}}
    assistant = client.beta.assistants.create(model="demo", tool_resources=resources)
    client.vector_stores.delete(store.id)
    changed = client.beta.assistants.update(assistant.id, name="x", tools=[CODE])
    assert changed.name == "x"


def test_an_attachment_for_file_search_gives_the_thread_a_store_for_a_week(
    client: OpenAI,
) -> None:
    thread = client.beta.threads.create()
    first, second, third = upload(client), upload(client), upload(client)
    message = client.beta.threads.messages.create(
        thread.id, role="user", content="hi", attachments=attached(first, "file_search")
    )
    assert [one.to_dict() for one in message.attachments or []] == attached(first, "file_search")
    resources = client.beta.threads.retrieve(thread.id).to_dict()["tool_resources"]
    (store_id,) = resources["file_search"]["vector_store_ids"]  # type: ignore[index]
    store = client.vector_stores.retrieve(store_id)
    assert store.to_dict()["expires_after"] == {"anchor": "last_active_at", "days": 7}
    assert store.expires_at == (store.last_active_at or 0) + WEEK
    client.beta.threads.messages.create(
        thread.id,
        role="user",
        content="hi",
        attachments=[
            *attached(second, "file_search", "code_interpreter"),
            *attached(third, "code_interpreter"),
        ],
    )
    assert client.beta.threads.retrieve(thread.id).to_dict()["tool_resources"] == {
        "code_interpreter": {"file_ids": [second, third]},
        "file_search": {"vector_store_ids": [store_id]},
    }
    assert {file.id for file in client.vector_stores.files.list(store_id)} == {first, second}


def test_attachments_go_to_the_store_that_the_thread_has(client: OpenAI) -> None:
    store, file_id = client.vector_stores.create(), upload(client)
    messages: Any = [
        {"role": "user", "content": "hi", "attachments": attached(file_id, "file_search")}
    ]
    thread = client.beta.threads.create(
        messages=messages, tool_resources={"file_search": {"vector_store_ids": [store.id]}}
    )
    assert thread.to_dict()["tool_resources"] == {"file_search": {"vector_store_ids": [store.id]}}
    assert [file.id for file in client.vector_stores.files.list(store.id)] == [file_id]
    client.vector_stores.delete(store.id)
    client.beta.threads.messages.create(
        thread.id, role="user", content="hi", attachments=attached(file_id, "file_search")
    )
    (new,) = client.vector_stores.list().data
    found = client.beta.threads.retrieve(thread.id).to_dict()["tool_resources"]
    assert found["file_search"] == {"vector_store_ids": [new.id]}  # type: ignore[index]


def test_an_attachment_that_is_not_searched_is_refused_and_adds_nothing(client: OpenAI) -> None:
    thread = client.beta.threads.create()
    with pytest.raises(BadRequestError) as refused:
        client.beta.threads.messages.create(
            thread.id,
            role="user",
            content="hi",
            attachments=attached(upload(client, "a.csv"), "file_search"),
        )
    assert refused.value.code == "unsupported_file"
    assert client.beta.threads.messages.list(thread.id).data == []
    assert client.vector_stores.list().data == []


def test_a_run_searches_the_assistants_store_and_the_threads(client: OpenAI) -> None:
    """Recordings do not show stores in runs, so this server does not either."""
    of_assistant, of_thread = client.vector_stores.create(), client.vector_stores.create()
    assistant = client.beta.assistants.create(
        model="demo", tool_resources={"file_search": {"vector_store_ids": [of_assistant.id]}}
    )
    run = client.beta.threads.create_and_run(
        assistant_id=assistant.id,
        thread={"messages": [{"role": "user", "content": "hi"}]},
        tool_resources={"file_search": {"vector_store_ids": [of_thread.id]}},
    )
    assert run.to_dict()["tool_resources"] == {"code_interpreter": {"file_ids": []}}
    assert Run.objects.get(pk=run.id).vector_store_ids == [of_assistant.id, of_thread.id]
    run = client.beta.threads.create_and_run(
        assistant_id=client.beta.assistants.create(model="demo").id
    )
    assert run.to_dict()["tool_resources"] == {"code_interpreter": {"file_ids": []}}


def test_a_wrong_id_of_a_store_is_told_where_it_stands(client: OpenAI, http: httpx2.Client) -> None:
    search = {"tool_resources": {"file_search": {"vector_store_ids": ["store_1"]}}}
    assistant = client.beta.assistants.create(model="demo")
    thread = client.beta.threads.create()
    run = {"assistant_id": assistant.id}
    for path, body, place in (
        (f"/v1/assistants/{assistant.id}", search, ""),
        (f"/v1/threads/{thread.id}", search, ""),
        ("/v1/threads/runs", {**run, **search}, ""),
        ("/v1/threads/runs", {**run, "thread": search}, "thread."),
    ):
        answer = http.post(path, json=body)
        param = f"{place}tool_resources.file_search.vector_store_ids[0]"
        assert answer.status_code == 400
        assert answer.json()["error"] == {
            "message": f"Invalid '{param}': 'store_1'. Expected an ID that begins with 'vs'.",
            "type": "invalid_request_error",
            "param": param,
            "code": "invalid_value",
        }
