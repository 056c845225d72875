"""What is stored, one module a noun."""

from assistants.models.alias import ModelAlias
from assistants.models.assistant import Assistant
from assistants.models.audit import AuditEntry
from assistants.models.chunk import Chunk, Leftover
from assistants.models.file import File, LeftContent
from assistants.models.file_batch import FileBatch
from assistants.models.person import Identity, Invitation, LoginToken
from assistants.models.project import ApiKey, Membership, Project, Role, Scope
from assistants.models.provider import ModelProvider
from assistants.models.run import Run, RunStatus, RunStep, StepStatus
from assistants.models.share import Audience, Share
from assistants.models.thread import Message, Thread
from assistants.models.token_use import TokenUse
from assistants.models.upstream import (
    ImportItem,
    ImportPage,
    ImportStatus,
    UpstreamAssistant,
    UpstreamFile,
    UpstreamImport,
    UpstreamMessage,
    UpstreamRun,
    UpstreamStore,
    UpstreamThread,
)
from assistants.models.vector_store import VectorStore
from assistants.models.vector_store_file import FileStatus, VectorStoreFile

__all__ = [
    "ApiKey",
    "Assistant",
    "Audience",
    "AuditEntry",
    "Chunk",
    "File",
    "FileBatch",
    "FileStatus",
    "Identity",
    "ImportItem",
    "ImportPage",
    "ImportStatus",
    "Invitation",
    "LeftContent",
    "Leftover",
    "LoginToken",
    "Membership",
    "Message",
    "ModelAlias",
    "ModelProvider",
    "Project",
    "Role",
    "Run",
    "RunStatus",
    "RunStep",
    "Scope",
    "Share",
    "StepStatus",
    "Thread",
    "TokenUse",
    "UpstreamAssistant",
    "UpstreamFile",
    "UpstreamImport",
    "UpstreamMessage",
    "UpstreamRun",
    "UpstreamStore",
    "UpstreamThread",
    "VectorStore",
    "VectorStoreFile",
]
