"""What a caller may ask: the request bodies of the API as pydantic models, checked the same for
every face.
"""

from assistants.params.assistant import AssistantCreate, AssistantUpdate
from assistants.params.base import Params, validate
from assistants.params.file import FileUpload
from assistants.params.listing import (
    FileListParams,
    IncludeParams,
    ListParams,
    MessageListParams,
    StepListParams,
)
from assistants.params.message import MessageCreate, MetadataUpdate
from assistants.params.run import RunCreate, ThreadAndRunCreate, ToolOutputsSubmit
from assistants.params.thread import ThreadCreate, ThreadUpdate
from assistants.params.vector_store import (
    FileBatchCreate,
    VectorStoreCreate,
    VectorStoreFileCreate,
    VectorStoreFileListParams,
    VectorStoreFileUpdate,
    VectorStoreSearch,
    VectorStoreUpdate,
)

__all__ = [
    "AssistantCreate",
    "AssistantUpdate",
    "FileBatchCreate",
    "FileListParams",
    "FileUpload",
    "IncludeParams",
    "ListParams",
    "MessageCreate",
    "MessageListParams",
    "MetadataUpdate",
    "Params",
    "RunCreate",
    "StepListParams",
    "ThreadAndRunCreate",
    "ThreadCreate",
    "ThreadUpdate",
    "ToolOutputsSubmit",
    "VectorStoreCreate",
    "VectorStoreFileCreate",
    "VectorStoreFileListParams",
    "VectorStoreFileUpdate",
    "VectorStoreSearch",
    "VectorStoreUpdate",
    "validate",
]
