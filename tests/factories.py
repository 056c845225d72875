"""Makes the objects that tests begin with, through the same operations as everybody else."""

from io import BytesIO
from typing import Any

from assistants.models import Assistant, File, Project, Run, Thread, VectorStore
from assistants.operations import (
    assistants,
    file_batches,
    files,
    projects,
    runs,
    threads,
    vector_stores,
)
from assistants.params import (
    AssistantCreate,
    FileBatchCreate,
    RunCreate,
    ThreadCreate,
    VectorStoreCreate,
    validate,
)


def make_project(name: str = "") -> Project:
    """The default project, or another one of this name."""
    return Project.objects.create(name=name) if name else projects.ensure_default_project()


def make_assistant(project: Project | None = None, **fields: Any) -> Assistant:
    """An assistant of the demo model, unless the fields say otherwise."""
    body = {"model": "demo", **fields}
    return assistants.create(project or make_project(), validate(AssistantCreate, body))


def make_thread(project: Project | None = None, *texts: str) -> Thread:
    """A thread with one user message for each text."""
    messages = [{"role": "user", "content": text} for text in texts]
    return threads.create(project or make_project(), validate(ThreadCreate, {"messages": messages}))


def make_run(thread: Thread, assistant: Assistant, **fields: Any) -> Run:
    """A queued run of the assistant on the thread."""
    body = {"assistant_id": assistant.id, **fields}
    return runs.create(thread, assistant, validate(RunCreate, body))


def make_file(
    project: Project | None = None, content: str | bytes = "bread", filename: str = "a.txt"
) -> File:
    """An uploaded file with this content."""
    stored = BytesIO(content.encode() if isinstance(content, str) else content)
    return files.create(project or make_project(), stored, filename=filename, purpose="assistants")


def make_vector_store(project: Project | None = None, *contents: str) -> VectorStore:
    """A store with a text file for each of the contents, none of them ingested yet."""
    project = project or make_project()
    store = vector_stores.create(project, VectorStoreCreate())
    if contents:
        file_ids = [make_file(project, content).id for content in contents]
        file_batches.create(store, validate(FileBatchCreate, {"file_ids": file_ids}))
    return store
