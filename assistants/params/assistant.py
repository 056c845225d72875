"""Bodies that create and change assistants."""

from typing import Annotated

from pydantic import StringConstraints

from assistants.params.base import Metadata, Params, Temperature, TopP
from assistants.params.tools import (
    ReasoningEffort,
    ResponseFormat,
    ToolResources,
    ToolResourcesUpdate,
    Tools,
)

Name = Annotated[str, StringConstraints(max_length=256)]
Description = Annotated[str, StringConstraints(max_length=512)]
Instructions = Annotated[str, StringConstraints(max_length=256_000)]
ModelName = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class AssistantCreate(Params):
    model: ModelName
    name: Name | None = None
    description: Description | None = None
    instructions: Instructions | None = None
    tools: Tools | None = None
    tool_resources: ToolResources | None = None
    metadata: Metadata | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: ReasoningEffort | None = None


class AssistantUpdate(AssistantCreate):
    """Every field may be left out, which leaves it as it is; null clears it."""

    model: ModelName | None = None  # type: ignore[assignment]
    tool_resources: ToolResourcesUpdate | None = None  # type: ignore[assignment]
