"""Bodies that create and change threads."""

from typing import Annotated

from annotated_types import MaxLen

from assistants.params.base import Metadata, Params
from assistants.params.message import MessageCreate
from assistants.params.tools import ToolResources, ToolResourcesUpdate


class ThreadCreate(Params):
    messages: Annotated[list[MessageCreate], MaxLen(100_000)] | None = None
    tool_resources: ToolResources | None = None
    metadata: Metadata | None = None


class ThreadUpdate(Params):
    tool_resources: ToolResourcesUpdate | None = None
    metadata: Metadata | None = None
