"""Makes the objects that tests begin with, through the same operations as everybody else."""

from typing import Any

from assistants.models import Assistant, Project, Run, Thread
from assistants.operations import assistants, projects, runs, threads
from assistants.params import AssistantCreate, RunCreate, ThreadCreate, validate


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
