"""The API as its clients meet it: a real web server, the real SDKs, a project and its key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.conf import settings
from openai import AzureOpenAI, OpenAI

from assistants.models import Project, Run
from assistants.operations import projects
from playground.asgi import application
from tests.api.serving import serving
from tests.api.worker import Worker

CONTRACT = Path(settings.BASE_DIR).parent / "shared" / "contract"

# What is compared with the service's own specification and recordings needs a copy of them.
collect_ignore = [] if CONTRACT.is_dir() else ["test_contract.py", "test_recordings.py"]

AZURE_VERSION = "2024-05-01-preview"


@pytest.fixture(scope="session")
def address(django_db_setup: None, redis_url: str) -> Iterator[str]:
    """Where the API answers, as the web process of the product would."""
    with serving(application) as url:
        yield url


@pytest.fixture
def project(transactional_db: None) -> Project:
    return projects.ensure_default_project()


@pytest.fixture
def secret(project: Project) -> str:
    """An API key of the project."""
    return projects.create_api_key(project, "tests")[1]


@pytest.fixture
def client(address: str, secret: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{address}/v1", api_key=secret, max_retries=0, timeout=10) as made:
        yield made


@pytest.fixture
def azure(address: str, secret: str) -> Iterator[AzureOpenAI]:
    with AzureOpenAI(
        azure_endpoint=address,
        api_version=AZURE_VERSION,
        api_key=secret,
        max_retries=0,
        timeout=10,
    ) as made:
        yield made


@pytest.fixture
def http(address: str, secret: str) -> Iterator[httpx2.Client]:
    """Plain HTTP with the key, for what the SDKs do not let one say."""
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx2.Client(base_url=address, headers=headers, timeout=10) as made:
        yield made


@pytest.fixture
def known(http: httpx2.Client) -> dict[str, str]:
    """One of everything: a run that waits for tool outputs, and what belongs to it; and a thread
    that is free.
    """
    form: Any = {"data": {"purpose": "assistants"}, "files": {"file": ("a.txt", b"1")}}
    file_id = http.post("/v1/files", **form).json()["id"]
    assistant = http.post("/v1/assistants", json={"model": "demo"}).json()
    message = {"role": "user", "content": "What is 2 + 2?"}
    body = {"assistant_id": assistant["id"], "thread": {"messages": [message]}}
    run_id = http.post("/v1/threads/runs", json=body).json()["id"]
    Worker(run_id).call("add", "{}")
    run = Run.objects.select_related("thread").get(pk=run_id)
    store_id = http.post("/v1/vector_stores").json()["id"]
    batch = f"/v1/vector_stores/{store_id}/file_batches"
    batch_id = http.post(batch, json={"file_ids": [file_id]}).json()["id"]
    return {
        "assistant_id": assistant["id"],
        "thread_id": run.thread_id,
        "message_id": run.thread.messages.get().id,
        "run_id": run_id,
        "step_id": run.steps.get().id,
        "file_id": file_id,
        "tool_call_id": "call_1",
        "vector_store_id": store_id,
        "batch_id": batch_id,
        "model": "demo",
        "free_thread_id": http.post("/v1/threads").json()["id"],
    }
