"""``/v1/docs``: the reference that is made from the API's own schemas, and whether it is true."""

from typing import Any

import httpx2
import pytest
from openai import OpenAI
from playwright.sync_api import Browser

from assistants.api import objects
from assistants.ingester import Ingester
from tests.api.worker import Worker

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

OPERATIONS = {
    "create_assistant", "list_assistants", "get_assistant", "modify_assistant", "delete_assistant",
    "create_thread", "get_thread", "modify_thread", "delete_thread",
    "create_message", "list_messages", "get_message", "modify_message", "delete_message",
    "create_run", "list_runs", "get_run", "modify_run", "cancel_run", "submit_tool_outputs",
    "create_thread_and_run", "list_run_steps", "get_run_step",
    "create_file", "list_files", "get_file", "delete_file", "get_file_content",
    "create_vector_store", "list_vector_stores", "get_vector_store", "modify_vector_store",
    "delete_vector_store", "search_vector_store",
    "create_vector_store_file", "list_vector_store_files", "get_vector_store_file",
    "modify_vector_store_file", "delete_vector_store_file", "get_vector_store_file_content",
    "create_file_batch", "get_file_batch", "cancel_file_batch", "list_files_in_file_batch",
    "list_models", "get_model", "delete_model",
}  # fmt: skip


@pytest.fixture
def reference(address: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx2.get(f"{address}/v1/openapi.json").json()
    return found


def test_every_operation_is_described(reference: dict[str, Any]) -> None:
    operations = [operation for path in reference["paths"].values() for operation in path.values()]
    assert {operation["operationId"] for operation in operations} == OPERATIONS
    for operation in operations:
        assert operation["description"]
        assert operation["security"] == [{"BearerKey": []}, {"HeaderKey": []}]


def test_no_operation_answers_without_a_key(address: str, reference: dict[str, Any]) -> None:
    for path, operations in reference["paths"].items():
        for method in operations:
            response = httpx2.request(method, f"{address}{path}")
            assert response.status_code == 401, (method, path)


def test_objects_are_what_the_reference_says(client: OpenAI, http: httpx2.Client) -> None:
    file = client.files.create(file=b"1", purpose="assistants")
    tools: Any = [
        {"type": "code_interpreter"},
        {"type": "function", "function": {"name": "add"}},
    ]
    assistant = client.beta.assistants.create(
        model="demo",
        name="Ada",
        tools=tools,
        tool_resources={"code_interpreter": {"file_ids": [file.id]}},
    )
    run = client.beta.threads.create_and_run(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "2 + 2?"}]}
    )
    Worker(run.id).call("add", "{}")
    thread, steps = f"/v1/threads/{run.thread_id}", f"/v1/threads/{run.thread_id}/runs/{run.id}"
    objects.Run.model_validate(http.get(steps).json())
    client.beta.threads.runs.submit_tool_outputs(
        run.id, thread_id=run.thread_id, tool_outputs=[{"tool_call_id": "call_1", "output": "4"}]
    )
    worker = Worker(run.id)
    worker.answer("4")
    worker.complete()

    objects.File.model_validate(http.get(f"/v1/files/{file.id}").json())
    objects.FilePage.model_validate(http.get("/v1/files").json())
    objects.Assistant.model_validate(http.get(f"/v1/assistants/{assistant.id}").json())
    objects.AssistantPage.model_validate(http.get("/v1/assistants").json())
    objects.Thread.model_validate(http.get(thread).json())
    objects.MessagePage.model_validate(http.get(f"{thread}/messages").json())
    objects.RunPage.model_validate(http.get(f"{thread}/runs").json())
    objects.RunStepPage.model_validate(http.get(f"{steps}/steps").json())
    objects.ModelList.model_validate(http.get("/v1/models").json())
    objects.Error.model_validate(http.get("/v1/assistants/asst_1").json())
    objects.ThreadDeleted.model_validate(http.delete(thread).json())
    objects.AssistantDeleted.model_validate(http.delete(f"/v1/assistants/{assistant.id}").json())
    objects.FileDeleted.model_validate(http.delete(f"/v1/files/{file.id}").json())


def test_objects_of_vector_stores_are_what_the_reference_says(
    client: OpenAI, http: httpx2.Client, ingester: Ingester
) -> None:
    store = client.vector_stores.create(expires_after={"anchor": "last_active_at", "days": 1})
    path = f"/v1/vector_stores/{store.id}"
    files = [("a.txt", b"bread"), ("b.csv", b"1")]
    batch = client.vector_stores.file_batches.upload_and_poll(store.id, files=files)
    file_id = client.vector_stores.files.list(store.id, filter="completed").data[0].id
    for described, address in (
        (objects.VectorStore, path),
        (objects.VectorStorePage, "/v1/vector_stores"),
        (objects.VectorStoreFile, f"{path}/files/{file_id}"),
        (objects.VectorStoreFilePage, f"{path}/files"),
        (objects.FileContent, f"{path}/files/{file_id}/content"),
        (objects.FileBatch, f"{path}/file_batches/{batch.id}"),
        (objects.VectorStoreFilePage, f"{path}/file_batches/{batch.id}/files"),
    ):
        described.model_validate(http.get(address).json())
    found = http.post(f"{path}/search", json={"query": "bread"}).json()
    assert objects.SearchResults.model_validate(found).data
    deleted = http.delete(f"{path}/files/{file_id}").json()
    objects.VectorStoreFileDeleted.model_validate(deleted)
    objects.VectorStoreDeleted.model_validate(http.delete(path).json())


def test_the_reference_opens_with_nothing_from_elsewhere(browser: Browser, address: str) -> None:
    complaints: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/v1/docs")
    page.get_by_text("/v1/threads/runs", exact=True).click()
    page.get_by_text("Create a thread and run an assistant on it.").wait_for()
    page.close()
    assert complaints == []
    assert all(url.startswith(f"{address}/") for url in asked)
