"""The first version of the API: programs that still ask for it, by header or by api-version."""

from typing import Any

import httpx2
import pytest
from openai import AzureOpenAI

from assistants.api.dialects import Dialect, first, of
from assistants.errors import Invalid
from assistants.models import Run, RunStatus
from tests.api.worker import Worker

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

VERSION = "2024-02-15-preview"
HEADER = {"OpenAI-Beta": "assistants=v1"}
FUNCTION = {"name": "add", "description": "Adds", "parameters": {"type": "object"}}
CODE = {"type": "code_interpreter"}
SEARCH = {"type": "file_search"}
RETRIEVAL = {"type": "retrieval"}
SEARCHABLE = {"file-text"}


@pytest.fixture
def old(http: httpx2.Client) -> httpx2.Client:
    """A client whose every request asks for the first version."""
    http.headers.update(HEADER)
    return http


@pytest.fixture
def old_azure(address: str, secret: str) -> AzureOpenAI:
    return AzureOpenAI(
        azure_endpoint=address, api_version=VERSION, api_key=secret, max_retries=0, timeout=10
    )


def upload(http: httpx2.Client, name: str = "a.txt") -> str:
    form = {"data": {"purpose": "assistants"}, "files": {"file": (name, b"1")}}
    file_id: str = http.post("/v1/files", **form).json()["id"]  # type: ignore[arg-type]
    return file_id


def refused(response: httpx2.Response, status: int = 400) -> dict[str, Any]:
    assert response.status_code == status, response.text
    error: dict[str, Any] = response.json()["error"]
    return error


# --- who speaks it --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path, beta, is_first",
    [
        ("/v1/assistants", "assistants=v1", True),
        ("/v1/assistants", "responses=v1, assistants=v1", True),
        ("/v1/assistants", "assistants=v2", False),
        ("/v1/assistants", "", False),
        ("/openai/v1/assistants", "assistants=v1", True),
        ("/openai/assistants?api-version=2024-02-15-preview", "assistants=v2", True),
        ("/openai/assistants?api-version=2024-03-01-preview", "", True),
        ("/openai/assistants?api-version=2024-05-01-preview", "assistants=v1", False),
        ("/openai/assistants?api-version=2025-04-01-preview", "", False),
        ("/openai/assistants?api-version=preview", "", False),
        ("/openai/assistants?api-version=1", "", False),
    ],
)
def test_the_version_is_told_by_address_or_header(
    rf: Any, path: str, beta: str, is_first: bool
) -> None:
    headers = {"OpenAI-Beta": beta} if beta else {}
    azure = path.startswith("/openai")
    assert of(rf.get(path, headers=headers)) == Dialect(azure, first=is_first)


# --- the translation ------------------------------------------------------------------------------

ATTACHED = [{"file_id": "file-1", "tools": [CODE]}]


@pytest.mark.parametrize(
    "route, given, meant",
    [
        (
            "v1/assistants",
            {"model": "m", "file_ids": ["file-1"]},
            {"model": "m", "tool_resources": {"code_interpreter": {"file_ids": ["file-1"]}}},
        ),
        ("v1/assistants/<assistant_id>", {"name": None}, {"name": None}),
        (
            "v1/assistants/<assistant_id>",
            {"file_ids": None},
            {"tool_resources": {"code_interpreter": {"file_ids": []}}},
        ),
        (
            "v1/threads/<thread_id>/messages",
            {"role": "user", "content": "Hi", "file_ids": ["file-1", "file-1"]},
            {"role": "user", "content": "Hi", "attachments": ATTACHED},
        ),
        (
            "v1/threads",
            {"messages": [{"role": "user", "content": "Hi", "file_ids": ["file-1"]}]},
            {"messages": [{"role": "user", "content": "Hi", "attachments": ATTACHED}]},
        ),
        ("v1/threads", {}, {}),
        (
            "v1/threads/runs",
            {"assistant_id": "a", "thread": {"messages": [{"role": "user", "content": "Hi"}]}},
            {
                "assistant_id": "a",
                "thread": {"messages": [{"role": "user", "content": "Hi", "attachments": []}]},
            },
        ),
        ("v1/threads/runs", {"assistant_id": "a"}, {"assistant_id": "a"}),
        (
            "v1/threads/<thread_id>/messages",
            {"role": "user", "content": "Hi", "file_ids": ["file-1", "file-text"]},
            {
                "role": "user",
                "content": "Hi",
                "attachments": [*ATTACHED, {"file_id": "file-text", "tools": [CODE, SEARCH]}],
            },
        ),
        (
            "v1/assistants",
            {"model": "m", "tools": [{"type": "retrieval"}, CODE], "file_ids": ["file-1"]},
            {
                "model": "m",
                "tools": [SEARCH, CODE],
                "tool_resources": {"code_interpreter": {"file_ids": ["file-1"]}},
            },
        ),
        (
            "v1/threads/<thread_id>/runs",
            {"assistant_id": "a", "tools": [{"type": "retrieval"}]},
            {"assistant_id": "a", "tools": [SEARCH]},
        ),
        (
            "v1/threads/<thread_id>/runs",
            {"assistant_id": "a", "tools": [{"type": "function", "function": FUNCTION}]},
            {"assistant_id": "a", "tools": [{"type": "function", "function": FUNCTION}]},
        ),
        ("v1/elsewhere", {"anything": 1}, {"anything": 1}),
    ],
)
def test_bodies_are_said_in_the_words_of_the_second_version(
    route: str, given: Any, meant: Any
) -> None:
    assert first.inward(route, given, SEARCHABLE.intersection) == meant


@pytest.mark.parametrize(
    "route, given, param, code",
    [
        ("v1/assistants", {}, "model", "missing_required_parameter"),
        ("v1/assistants", {"model": "m", "temperature": 1}, "temperature", "unknown_parameter"),
        ("v1/assistants", {"model": "m", "tool_resources": {}}, "tool_resources",
         "unknown_parameter"),
        ("v1/assistants", {"model": "m", "instructions": "x" * 32_769}, "instructions",
         "string_above_max_length"),
        ("v1/assistants", {"model": "m", "file_ids": ["f"] * 21}, "file_ids",
         "array_above_max_length"),
        ("v1/assistants", {"model": "m", "tools": [{"type": "file_search"}]}, "tools[0].type",
         "invalid_value"),
        ("v1/threads/<thread_id>/messages", {"role": "user", "content": [{"type": "text"}]},
         "content", "invalid_type"),
        ("v1/threads/<thread_id>/messages",
         {"role": "user", "content": "Hi", "file_ids": ["f"] * 11}, "file_ids",
         "array_above_max_length"),
        ("v1/threads/<thread_id>/messages", {"role": "user", "content": "Hi", "attachments": []},
         "attachments", "unknown_parameter"),
        ("v1/threads/<thread_id>/runs", {"assistant_id": "a", "stream": True}, "stream",
         "unknown_parameter"),
        ("v1/threads/runs", {"assistant_id": "a", "max_prompt_tokens": 1}, "max_prompt_tokens",
         "unknown_parameter"),
        ("v1/threads", [], None, "invalid_type"),
    ],
)  # fmt: skip
def test_what_the_first_version_did_not_know_is_refused(
    route: str, given: Any, param: str | None, code: str
) -> None:
    with pytest.raises(Invalid) as caught:
        first.inward(route, given, SEARCHABLE.intersection)
    assert (caught.value.param, caught.value.code) == (param, code)


RUN = dict.fromkeys(first.RUN) | {
    "object": "thread.run",
    "tools": [],
    "tool_resources": {"code_interpreter": {"file_ids": ["file-1"]}},
    "incomplete_details": None,
}


@pytest.mark.parametrize(
    "found, shown",
    [
        ({"status": "completed"}, {"status": "completed", "last_error": None}),
        (
            {"status": "failed", "last_error": {"code": "invalid_prompt", "message": "No."}},
            {"status": "failed", "last_error": {"code": "server_error", "message": "No."}},
        ),
        (
            {"status": "failed", "last_error": {"code": "rate_limit_exceeded", "message": "No."}},
            {"status": "failed", "last_error": {"code": "rate_limit_exceeded", "message": "No."}},
        ),
        (
            {
                "status": "incomplete",
                "incomplete_details": {"reason": "max_prompt_tokens"},
            },
            {
                "status": "failed",
                "last_error": {
                    "code": "server_error",
                    "message": "The run is incomplete: max_prompt_tokens.",
                },
            },
        ),
    ],
)
def test_runs_end_as_they_could_then(found: Any, shown: Any) -> None:
    run = first.outward(RUN | found)
    assert {name: run[name] for name in shown} == shown
    assert set(run) == {*first.RUN, "file_ids"}
    assert run["file_ids"] == ["file-1"]


def test_an_image_at_an_address_is_told_as_text() -> None:
    parts = [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "auto"}},
        {"type": "image_file", "image_file": {"file_id": "file-1", "detail": "high"}},
    ]
    message = dict.fromkeys(first.MESSAGE) | {"object": "thread.message", "attachments": []}
    assert first.outward(message | {"content": parts})["content"] == [
        {"type": "text", "text": {"value": "https://example.com/a.png", "annotations": []}},
        {"type": "image_file", "image_file": {"file_id": "file-1"}},
    ]


# --- on the wire ----------------------------------------------------------------------------------


def test_an_assistant_in_its_first_form(old: httpx2.Client) -> None:
    file_id = upload(old)
    body = {
        "model": "demo",
        "tools": [CODE, {"type": "function", "function": FUNCTION}],
        "file_ids": [file_id],
    }
    made = old.post("/v1/assistants", json=body).json()
    assert set(made) == {*first.ASSISTANT, "file_ids"}
    assert made["file_ids"] == [file_id]
    assert made["tools"] == body["tools"]
    path = f"/v1/assistants/{made['id']}"
    assert old.get(path).json() == made
    assert old.get("/v1/assistants").json()["data"] == [made]
    assert old.post(path, json={"name": "Ada"}).json() == {**made, "name": "Ada"}
    assert old.post(path, json={"file_ids": []}).json()["file_ids"] == []
    assert old.delete(path).json()["object"] == "assistant.deleted"


def test_it_is_the_same_assistant_in_both_versions(old: httpx2.Client) -> None:
    file_id = upload(old)
    made = old.post("/v1/assistants", json={"model": "demo", "file_ids": [file_id]}).json()
    path = f"/v1/assistants/{made['id']}"
    now = old.get(path, headers={"OpenAI-Beta": "assistants=v2"}).json()
    assert now["tool_resources"] == {"code_interpreter": {"file_ids": [file_id]}}
    assert "file_ids" not in now


def in_store(http: httpx2.Client, assistant: str) -> set[str]:
    """The files that file search finds for an assistant."""
    now = {"OpenAI-Beta": "assistants=v2"}
    found = http.get(f"/v1/assistants/{assistant}", headers=now).json()
    (store,) = found["tool_resources"]["file_search"]["vector_store_ids"]
    listed = http.get(f"/v1/vector_stores/{store}/files", headers=now).json()["data"]
    return {file["id"] for file in listed}


def test_with_retrieval_the_files_of_an_assistant_are_searched(old: httpx2.Client) -> None:
    one, two, three = (upload(old, f"{name}.txt") for name in "123")
    body = {"model": "demo", "tools": [RETRIEVAL, CODE], "file_ids": [one, two]}
    made = old.post("/v1/assistants", json=body).json()
    assert (made["tools"], made["file_ids"]) == ([RETRIEVAL, CODE], [one, two])
    assert in_store(old, made["id"]) == {one, two}
    path = f"/v1/assistants/{made['id']}"

    old.post(path, json={"name": "Ada"})
    assert in_store(old, made["id"]) == {one, two}
    old.post(path, json={"file_ids": [two]})
    assert in_store(old, made["id"]) == {two}
    old.post(f"{path}/files", json={"file_id": three})
    assert in_store(old, made["id"]) == {two, three}
    old.delete(f"{path}/files/{two}")
    assert in_store(old, made["id"]) == {three}
    assert old.get(path).json()["file_ids"] == [three]


def test_retrieval_can_be_turned_on_later(old: httpx2.Client) -> None:
    file_id = upload(old)
    body = {"model": "demo", "tools": [CODE], "file_ids": [file_id]}
    made = old.post("/v1/assistants", json=body).json()

    old.post(f"/v1/assistants/{made['id']}", json={"tools": [RETRIEVAL]})

    assert in_store(old, made["id"]) == {file_id}


def test_files_taken_away_while_retrieval_is_off_are_not_found_when_it_is_on_again(
    old: httpx2.Client,
) -> None:
    before, after = upload(old, "1.txt"), upload(old, "2.txt")
    body = {"model": "demo", "tools": [RETRIEVAL], "file_ids": [before]}
    path = f"/v1/assistants/{(made := old.post('/v1/assistants', json=body).json())['id']}"

    old.post(path, json={"tools": [CODE]})
    old.post(path, json={"file_ids": [after]})
    old.post(path, json={"tools": [RETRIEVAL]})

    assert in_store(old, made["id"]) == {after}


def test_files_that_another_client_put_into_the_store_stay_there(old: httpx2.Client) -> None:
    own, other = upload(old, "1.txt"), upload(old, "2.txt")
    now = {"OpenAI-Beta": "assistants=v2"}
    resources = {"file_search": {"vector_stores": [{"file_ids": [other]}]}}
    body = {"model": "demo", "tools": [SEARCH], "tool_resources": resources}
    made = old.post("/v1/assistants", json=body, headers=now).json()
    path = f"/v1/assistants/{made['id']}"

    old.post(path, json={"file_ids": [own]})
    assert in_store(old, made["id"]) == {own, other}
    old.post(path, json={"file_ids": []})
    assert in_store(old, made["id"]) == {other}


def test_a_file_that_cannot_be_searched_is_refused_with_retrieval(old: httpx2.Client) -> None:
    file_id = upload(old, "a.csv")
    body = {"model": "demo", "tools": [RETRIEVAL], "file_ids": [file_id]}
    error = refused(old.post("/v1/assistants", json=body))
    assert error["message"].startswith("Files with extensions [.csv] are not supported for retriev")
    assert (error["param"], error["code"]) == ("file_ids", "unsupported_file")
    assert old.get("/v1/assistants").json()["data"] == []


def test_the_files_of_a_message_are_for_every_tool_that_can_take_them(old: httpx2.Client) -> None:
    table, text = upload(old, "a.csv"), upload(old, "a.txt")
    thread = old.post("/v1/threads").json()["id"]
    body = {"role": "user", "content": "Hi", "file_ids": [table, text]}
    made = old.post(f"/v1/threads/{thread}/messages", json=body).json()
    assert made["file_ids"] == [table, text]
    now = {"OpenAI-Beta": "assistants=v2"}
    (message,) = old.get(f"/v1/threads/{thread}/messages", headers=now).json()["data"]
    tools = {one["file_id"]: one["tools"] for one in message["attachments"]}
    assert tools == {table: [CODE], text: [CODE, SEARCH]}


def test_a_search_is_told_as_retrieval() -> None:
    call = {"id": "call_1", "type": "file_search", "file_search": {"results": []}}
    details = {"type": "tool_calls", "tool_calls": [call]}
    step = dict.fromkeys(first.STEP) | {"object": "thread.run.step", "step_details": details}
    (shown,) = first.outward(step)["step_details"]["tool_calls"]
    assert shown == {"id": "call_1", "type": "retrieval", "retrieval": {}}


def test_a_file_that_is_not_there_is_refused(old: httpx2.Client) -> None:
    response = old.post("/v1/assistants", json={"model": "demo", "file_ids": ["file-1"]})
    assert refused(response, 404)["message"] == "No such File object: file-1"


def test_the_files_of_an_assistant(old: httpx2.Client) -> None:
    one, two = upload(old, "1.txt"), upload(old, "2.txt")
    assistant = old.post("/v1/assistants", json={"model": "demo", "tools": [CODE]}).json()["id"]
    path = f"/v1/assistants/{assistant}/files"
    assert old.get(path).json()["data"] == []
    for file_id in (one, two, two):
        made = old.post(path, json={"file_id": file_id}).json()
    assert made == {
        "id": two,
        "object": "assistant.file",
        "created_at": old.get(f"/v1/files/{two}").json()["created_at"],
        "assistant_id": assistant,
    }
    assert old.get(f"/v1/assistants/{assistant}").json()["file_ids"] == [one, two]
    assert old.get(f"{path}/{two}").json() == made
    page = old.get(path, params={"limit": 1}).json()
    assert (page["data"], page["has_more"]) == ([made], True)
    rest = old.get(path, params={"after": page["last_id"]}).json()
    assert ([item["id"] for item in rest["data"]], rest["has_more"]) == ([one], False)
    deleted = {"id": one, "object": "assistant.file.deleted", "deleted": True}
    assert old.delete(f"{path}/{one}").json() == deleted
    assert refused(old.delete(f"{path}/{one}"), 404)
    assert refused(old.get(f"{path}/{one}"), 404)["message"] == f"No such File object: {one}"
    assert old.get(f"/v1/files/{one}").status_code == 200
    assert refused(old.post(path, json={"file_id": "file-1"}), 404)
    assert refused(old.post(path, json={}))["message"] == "Missing required parameter: 'file_id'."


def test_an_assistant_has_twenty_files_at_most(old: httpx2.Client) -> None:
    file_ids = [upload(old, f"{number}.txt") for number in range(21)]
    body = {"model": "demo", "file_ids": file_ids[:20]}
    path = f"/v1/assistants/{old.post('/v1/assistants', json=body).json()['id']}/files"
    error = refused(old.post(path, json={"file_id": file_ids[20]}))
    assert error["code"] == "array_above_max_length"
    assert old.post(path, json={"file_id": file_ids[0]}).status_code == 200


def test_messages_and_their_files(old: httpx2.Client) -> None:
    file_id = upload(old)
    thread = old.post("/v1/threads").json()
    assert set(thread) == set(first.THREAD)
    path = f"/v1/threads/{thread['id']}/messages"
    body = {"role": "user", "content": "Hi", "file_ids": [file_id]}
    message = old.post(path, json=body).json()
    assert set(message) == {*first.MESSAGE, "file_ids"}
    assert message["file_ids"] == [file_id]
    assert old.get(path).json()["data"] == [message]
    path = f"{path}/{message['id']}"
    changed = old.post(path, json={"metadata": {"a": "1"}}).json()
    assert changed == {**message, "metadata": {"a": "1"}}
    item = {
        "id": file_id,
        "object": "thread.message.file",
        "created_at": old.get(f"/v1/files/{file_id}").json()["created_at"],
        "message_id": message["id"],
    }
    assert old.get(f"{path}/files").json()["data"] == [item]
    assert old.get(f"{path}/files/{file_id}").json() == item
    assert refused(old.get(f"{path}/files/file-1"), 404)


@pytest.mark.parametrize(
    "path", ["/v1/assistants/asst_1/files", "/v1/threads/thread_1/messages/msg_1/files/file-1"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_the_second_version_has_no_such_addresses(
    http: httpx2.Client, method: str, path: str
) -> None:
    assert refused(http.request(method, path), 404)["message"] == f"Invalid URL ({method} {path})"


@pytest.mark.parametrize(
    "path", ["/v1/vector_stores", "/v1/vector_stores/vs_1/files", "/v1/vector_stores/vs_1/search"]
)
def test_the_first_version_has_no_vector_stores(old: httpx2.Client, path: str) -> None:
    assert refused(old.post(path, json={}), 404)["message"] == f"Invalid URL (POST {path})"


def test_a_run_in_its_first_form(old: httpx2.Client) -> None:
    file_id = upload(old)
    assistant = old.post("/v1/assistants", json={"model": "demo", "file_ids": [file_id]}).json()
    message = {"role": "user", "content": "What is 2 + 2?"}
    body = {"assistant_id": assistant["id"], "thread": {"messages": [message]}}
    run = old.post("/v1/threads/runs", json=body).json()
    assert set(run) == {*first.RUN, "file_ids"}
    assert (run["status"], run["file_ids"]) == ("queued", [file_id])
    path = f"/v1/threads/{run['thread_id']}/runs/{run['id']}"
    Worker(run["id"]).call("add", '{"a":2}')
    assert old.get(path).json()["required_action"]["type"] == "submit_tool_outputs"
    outputs = {"tool_outputs": [{"tool_call_id": "call_1", "output": "4"}]}
    submitted = old.post(f"{path}/submit_tool_outputs", json=outputs)
    assert submitted.json()["status"] == "queued"
    worker = Worker(run["id"])
    worker.answer("4")
    worker.complete()
    assert old.get(path).json()["status"] == "completed"
    steps = old.get(f"{path}/steps").json()["data"]
    assert [set(step) for step in steps] == [set(first.STEP)] * 2
    stored = Run.objects.get(pk=run["id"])
    stored.status, stored.incomplete_details = RunStatus.INCOMPLETE, {"reason": "max_prompt_tokens"}
    stored.save()
    assert old.get(path).json()["status"] == "failed"


def test_streaming_came_later(old: httpx2.Client) -> None:
    response = old.post("/v1/threads/runs", json={"assistant_id": "asst_1", "stream": True})
    assert refused(response)["message"] == "Unknown parameter: 'stream'."


def test_todays_sdk_with_the_old_api_version(old_azure: AzureOpenAI) -> None:
    file = old_azure.files.create(file=b"1", purpose="assistants")
    more: Any = {"file_ids": [file.id]}
    assistant = old_azure.beta.assistants.create(model="demo", tools=[CODE], extra_body=more)  # type: ignore[list-item]
    assert assistant.to_dict()["file_ids"] == [file.id]
    thread = old_azure.beta.threads.create()
    message = old_azure.beta.threads.messages.create(
        thread.id, role="user", content="Hi", extra_body=more
    )
    assert message.to_dict()["file_ids"] == [file.id]
    run = old_azure.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    Worker(run.id).answer("Hello.")
    answer = old_azure.beta.threads.messages.list(thread.id).data[0]
    assert answer.content[0].to_dict()["text"] == {"value": "Hello.", "annotations": []}
