"""Every answer against the machine-readable specification of the service."""

from typing import Any

import httpx2
import pytest

from assistants.ingester import Ingester
from tests.api.contract import breaches
from tests.api.worker import Worker
from tests.until import until

TEXT = {"role": "user", "content": "What is 2 + 2?"}


class Asking:
    """Asks as the specification writes its paths, and holds every answer against it."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http
        self.known: dict[str, str] = {}

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        if body is not None:
            options["json"] = body
        response = self._http.request(method, "/v1" + path.format(**self.known), **options)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        assert breaches(method, path, answer) == []
        return answer


@pytest.fixture
def ask(http: httpx2.Client) -> Asking:
    return Asking(http)


def test_assistants(ask: Asking) -> None:
    tools: Any = [{"type": "code_interpreter"}, {"type": "function", "function": {"name": "add"}}]
    ask.known["assistant_id"] = ask("POST", "/assistants", {"model": "demo"})["id"]
    ask("GET", "/assistants")
    ask("GET", "/assistants/{assistant_id}")
    ask("POST", "/assistants/{assistant_id}", {"name": "Ada", "tools": tools})
    ask("GET", "/assistants/{assistant_id}")
    ask("DELETE", "/assistants/{assistant_id}")
    ask("GET", "/assistants")


def test_threads_and_messages(ask: Asking) -> None:
    ask.known["thread_id"] = ask("POST", "/threads", {"messages": [TEXT]})["id"]
    ask("GET", "/threads/{thread_id}")
    ask("POST", "/threads/{thread_id}", {"metadata": {"a": "1"}})
    message = ask("POST", "/threads/{thread_id}/messages", TEXT)
    ask.known["message_id"] = message["id"]
    ask("GET", "/threads/{thread_id}/messages")
    ask("GET", "/threads/{thread_id}/messages/{message_id}")
    ask("POST", "/threads/{thread_id}/messages/{message_id}", {"metadata": {"a": "1"}})
    ask("DELETE", "/threads/{thread_id}/messages/{message_id}")
    ask("DELETE", "/threads/{thread_id}")


def test_runs_and_their_steps(ask: Asking) -> None:
    assistant = ask("POST", "/assistants", {"model": "demo"})
    body = {"assistant_id": assistant["id"]}
    run = ask("POST", "/threads/runs", {**body, "thread": {"messages": [TEXT]}})
    ask.known.update(thread_id=run["thread_id"], run_id=run["id"])
    ask("GET", "/threads/{thread_id}/runs/{run_id}/steps")
    Worker(run["id"]).call("add", '{"a":2}')
    ask("GET", "/threads/{thread_id}/runs/{run_id}")
    ask("GET", "/threads/{thread_id}/runs/{run_id}/steps")
    outputs = {"tool_outputs": [{"tool_call_id": "call_1", "output": "4"}]}
    ask("POST", "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs", outputs)
    worker = Worker(run["id"])
    worker.answer("4")
    worker.complete()
    ask("GET", "/threads/{thread_id}/runs/{run_id}")
    ask("POST", "/threads/{thread_id}/runs/{run_id}", {"metadata": {"a": "1"}})
    steps = ask("GET", "/threads/{thread_id}/runs/{run_id}/steps")["data"]
    assert len(steps) == 2
    for step in steps:
        ask.known["step_id"] = step["id"]
        ask("GET", "/threads/{thread_id}/runs/{run_id}/steps/{step_id}")
    ask("GET", "/threads/{thread_id}/messages")

    run = ask("POST", "/threads/{thread_id}/runs", body)
    ask.known["run_id"] = run["id"]
    ask("POST", "/threads/{thread_id}/runs/{run_id}/cancel")
    failing = ask("POST", "/threads/{thread_id}/runs", body)
    Worker(failing["id"]).fail("The model does not answer.")
    runs = ask("GET", "/threads/{thread_id}/runs")["data"]
    assert [run["status"] for run in runs] == ["failed", "cancelled", "completed"]


def test_files(ask: Asking) -> None:
    form = {"data": {"purpose": "assistants"}, "files": {"file": ("a.txt", b"1")}}
    ask("GET", "/files")
    ask.known["file_id"] = ask("POST", "/files", **form)["id"]
    ask("GET", "/files")
    ask("GET", "/files/{file_id}")
    ask("DELETE", "/files/{file_id}")


def test_vector_stores(ask: Asking, ingester: Ingester) -> None:
    path = "/vector_stores/{vector_store_id}"
    form = {"data": {"purpose": "assistants"}, "files": {"file": ("a.txt", b"bread")}}
    ask("GET", "/vector_stores")
    file_id = ask("POST", "/files", **form)["id"]
    store = ask("POST", "/vector_stores", {"file_ids": [file_id]})
    ask.known |= {"vector_store_id": store["id"], "file_id": file_id}
    ask("GET", "/vector_stores")
    expires_after = {"anchor": "last_active_at", "days": 1}
    ask("POST", path, {"name": "Bread", "expires_after": expires_after})
    until(lambda: ask("GET", path)["status"] == "completed", "the file is not ingested")
    ask("GET", path + "/files/{file_id}")
    ask("POST", path + "/files/{file_id}", {"attributes": {"a": 1, "b": "x", "c": True}})
    ask("GET", path + "/files/{file_id}/content")
    assert ask("POST", path + "/search", {"query": ["bread"]})["data"]
    ask("DELETE", path + "/files/{file_id}")
    ask("GET", path + "/files")
    ask("POST", path + "/files", {"file_id": file_id})
    ask("GET", path + "/files")
    table = {"data": {"purpose": "assistants"}, "files": {"file": ("a.csv", b"1")}}
    batch = ask(
        "POST", path + "/file_batches", {"file_ids": [ask("POST", "/files", **table)["id"]]}
    )
    ask.known["batch_id"] = batch["id"]
    batch_path = path + "/file_batches/{batch_id}"
    until(lambda: ask("GET", batch_path)["status"] == "failed", "the file does not fail")
    assert ask("GET", batch_path + "/files")["data"][0]["last_error"]
    ask("POST", batch_path + "/cancel")
    ask("DELETE", path)


def test_models(ask: Asking) -> None:
    ask("GET", "/models")
    ask.known["model"] = "demo"
    ask("GET", "/models/{model}")
