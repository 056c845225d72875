"""What is stored, one module a noun."""

from assistants.models.alias import ModelAlias
from assistants.models.assistant import Assistant
from assistants.models.file import File
from assistants.models.project import ApiKey, Project
from assistants.models.run import Run, RunStatus, RunStep, StepStatus
from assistants.models.thread import Message, Thread

__all__ = [
    "ApiKey",
    "Assistant",
    "File",
    "Message",
    "ModelAlias",
    "Project",
    "Run",
    "RunStatus",
    "RunStep",
    "StepStatus",
    "Thread",
]
