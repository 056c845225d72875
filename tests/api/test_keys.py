"""Keys: what each scope may ask, when one has expired, and budgets, as programs meet them."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.conf import settings as django_settings
from openai import AuthenticationError, OpenAI, RateLimitError

from assistants.api import scopes
from assistants.api.urls import api
from assistants.models import ApiKey, Project, Run, Scope, clock
from assistants.operations import budgets, execution, projects
from tests.api.worker import Worker

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

MISSING = "You have insufficient permissions for this operation. Missing scopes: "


def client_of(address: str, project: Project, scope: str) -> OpenAI:
    _key, secret = projects.create_api_key(project, scope, scope)
    return OpenAI(base_url=f"{address}/v1", api_key=secret, max_retries=0, timeout=10)


@pytest.fixture
def reader(address: str, project: Project) -> Iterator[OpenAI]:
    with client_of(address, project, Scope.READ) as made:
        yield made


@pytest.fixture
def runner(address: str, project: Project) -> Iterator[OpenAI]:
    with client_of(address, project, Scope.RUNS) as made:
        yield made


def operations() -> list[tuple[str, str]]:
    """Every method and route below ``/v1`` that takes a key."""
    found = []
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            route = re.sub(r"\{[^}]*\}", "*", f"{prefix}{path}").strip("/")
            found += [(method, route) for one in view.operations for method in one.methods]
    return found


def test_every_request_is_for_one_of_the_scopes(http: httpx2.Client, project: Project) -> None:
    """What a key for runs only may ask is there, and in the table for people."""
    known = operations()
    assert len(known) > 45
    assert set(known) >= scopes.CONVERSATIONS
    told = (Path(django_settings.BASE_DIR) / "docs/api.md").read_text(encoding="utf-8")
    section = told.partition("\n## Keys\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `([A-Z]+ /[^`]*)` \| (.+) \|$", section, re.MULTILINE))
    table = {name.replace("/", "", 1): marks for name, marks in rows.items()}
    for method, path in known:
        name = f"{method} {path}"
        marks = [mark.strip() for mark in table[name].split("|")]
        reads = method == "GET" or (method, path) == scopes.SEARCH
        runs = (method, path) in scopes.CONVERSATIONS
        assert marks == ["yes" if reads else "no", "yes" if runs else "no"], name
    assert len(table) == len(known)


def test_a_key_for_reading_only_reads(reader: OpenAI, known: dict[str, str]) -> None:
    assert reader.beta.assistants.retrieve(known["assistant_id"]).model == "demo"
    assert reader.beta.threads.messages.list(known["thread_id"]).data
    assert reader.files.list().data
    assert reader.vector_stores.search(known["vector_store_id"], query="a").data == []
    with pytest.raises(AuthenticationError) as caught:
        reader.beta.threads.create()
    assert caught.value.body == {
        "message": f"{MISSING}api.threads.write. Check that you have the correct role in your "
        "organization (Reader, Writer, Owner) and project (Member, Owner), and if you're using a "
        "restricted API key, that it has the necessary scopes.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    with pytest.raises(AuthenticationError, match=f"{MISSING}api.files.write"):
        reader.files.delete(known["file_id"])


def test_a_key_for_runs_has_conversations_and_changes_nothing_else(
    runner: OpenAI, known: dict[str, str]
) -> None:
    thread = runner.beta.threads.create(messages=[{"role": "user", "content": "2 + 2?"}])
    runner.beta.threads.messages.create(thread.id, role="user", content="Please.")
    run = runner.beta.threads.runs.create(thread.id, assistant_id=known["assistant_id"])
    Worker(run.id).call("add", "{}")
    outputs: Any = [{"tool_call_id": "call_1", "output": "4"}]
    runner.beta.threads.runs.submit_tool_outputs(run.id, thread_id=thread.id, tool_outputs=outputs)
    assert runner.beta.threads.runs.steps.list(run.id, thread_id=thread.id).data
    assert runner.beta.threads.runs.cancel(run.id, thread_id=thread.id).status == "cancelling"
    assert runner.beta.threads.messages.list(thread.id).data
    assert runner.beta.assistants.retrieve(known["assistant_id"]).id == known["assistant_id"]
    assert runner.files.content(known["file_id"]).read() == b"1"

    refused: list[Any] = [
        lambda: runner.beta.assistants.create(model="demo"),
        lambda: runner.beta.assistants.update(known["assistant_id"], name="x"),
        lambda: runner.beta.threads.delete(thread.id),
        lambda: runner.beta.threads.update(thread.id, metadata={}),
        lambda: runner.beta.threads.messages.delete(known["message_id"], thread_id=thread.id),
        runner.files.list,
        lambda: runner.files.create(file=b"1", purpose="assistants"),
        lambda: runner.files.delete(known["file_id"]),
        runner.vector_stores.create,
        runner.vector_stores.list,
    ]
    for ask in refused:
        with pytest.raises(AuthenticationError, match=MISSING):
            ask()


def test_a_key_for_runs_fills_no_vector_store(runner: OpenAI, known: dict[str, str]) -> None:
    attachment = {"file_id": known["file_id"], "tools": [{"type": "file_search"}]}
    message: Any = {"role": "user", "content": "Hi", "attachments": [attachment]}
    search: Any = {"file_search": {"vector_stores": [{"file_ids": [known["file_id"]]}]}}
    asks: list[Any] = [
        lambda: runner.beta.threads.create(messages=[message]),
        lambda: runner.beta.threads.create(tool_resources=search),
        lambda: runner.beta.threads.messages.create(known["free_thread_id"], **message),
        lambda: runner.beta.threads.runs.create(
            known["free_thread_id"],
            assistant_id=known["assistant_id"],
            additional_messages=[message],
        ),
        lambda: runner.beta.threads.create_and_run(
            assistant_id=known["assistant_id"], thread={"messages": [message]}
        ),
        lambda: runner.beta.threads.create_and_run(
            assistant_id=known["assistant_id"], thread={"tool_resources": search}
        ),
    ]
    for ask in asks:
        with pytest.raises(AuthenticationError, match=f"{MISSING}api.vector_stores.write"):
            ask()
    attachment["tools"] = [{"type": "code_interpreter"}]
    assert runner.beta.threads.create(messages=[message]).id


def test_what_a_scope_does_not_open_is_not_told_apart(
    runner: OpenAI, known: dict[str, str]
) -> None:
    """Whether it is there or not, the answer is the same."""
    told = set()
    for object_id in (known["vector_store_id"], "vs_" + "a" * 24):
        with pytest.raises(AuthenticationError) as caught:
            runner.vector_stores.retrieve(object_id)
        told.add(caught.value.message)
    assert len(told) == 1


def test_an_expired_key_is_a_wrong_key(address: str, project: Project) -> None:
    key, secret = projects.create_api_key(project, "short", expires_days=1)
    headers = {"Authorization": f"Bearer {secret}"}
    assert httpx2.get(f"{address}/v1/models", headers=headers).status_code == 200
    ApiKey.objects.filter(pk=key.pk).update(expires_at=clock.now() - timedelta(seconds=1))
    expired = httpx2.get(f"{address}/v1/models", headers=headers)
    wrong = httpx2.get(f"{address}/v1/models", headers={"Authorization": "Bearer sk-wrong-000000"})
    assert expired.status_code == wrong.status_code == 401
    assert expired.json()["error"]["code"] == wrong.json()["error"]["code"] == "invalid_api_key"


def ended(run_id: str) -> None:
    worker = Worker(run_id)
    worker.answer("Hello.")
    execution.complete(worker.run)


def test_a_used_up_budget_is_told_as_the_service_does_and_is_not_asked_again(
    client: OpenAI, project: Project
) -> None:
    assistant = client.beta.assistants.create(model="demo")
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hi"}])
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    assert Run.objects.get(pk=run.id).key_id == ApiKey.objects.get().id
    ended(run.id)
    budgets.set_of_project(project, 27, None)

    asked: list[httpx2.Request] = []
    eager = client.with_options(max_retries=3)
    eager._client.event_hooks["request"].append(asked.append)
    asks: list[Any] = [
        lambda: eager.beta.threads.runs.create(thread.id, assistant_id=assistant.id),
        lambda: eager.beta.threads.runs.create(thread.id, assistant_id=assistant.id, stream=True),
        lambda: eager.beta.threads.create_and_run(assistant_id=assistant.id),
    ]
    for ask in asks:
        with pytest.raises(RateLimitError) as caught:
            ask()
        assert caught.value.status_code == 429
        assert caught.value.body == {
            "message": "You exceeded your current quota, please check your plan and billing "
            "details. For more information on this error, read the docs: "
            "https://platform.openai.com/docs/guides/error-codes/api-errors.",
            "type": "insufficient_quota",
            "param": None,
            "code": "insufficient_quota",
        }
    assert len(asked) == len(asks)
    # What is no run goes on, and nothing of what was refused is left.
    assert project.threads.count() == 1
    client.beta.threads.messages.create(thread.id, role="user", content="Still here?")


def test_each_key_has_a_budget_of_its_own(client: OpenAI, address: str, project: Project) -> None:
    assistant = client.beta.assistants.create(model="demo")
    key, secret = projects.create_api_key(project, "small")
    projects.change_api_key(key, "all", 0, None)
    with (
        OpenAI(base_url=f"{address}/v1", api_key=secret, max_retries=0) as small,
        pytest.raises(RateLimitError),
    ):
        small.beta.threads.create_and_run(assistant_id=assistant.id)
    client.beta.threads.create_and_run(assistant_id=assistant.id)
