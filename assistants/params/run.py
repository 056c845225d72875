"""Bodies that start and continue runs."""

from typing import Annotated, Literal

from annotated_types import Ge, Le

from assistants.params.assistant import Instructions, ModelName
from assistants.params.base import Metadata, Params, Temperature, TopP
from assistants.params.message import MessageCreate
from assistants.params.thread import ThreadCreate
from assistants.params.tools import (
    ReasoningEffort,
    ResponseFormat,
    ToolChoice,
    ToolResourcesUpdate,
    Tools,
)

TokenLimit = Annotated[int, Ge(256), Le(2**31 - 1)]


class TruncationStrategy(Params):
    type: Literal["auto", "last_messages"]
    last_messages: Annotated[int, Ge(1), Le(2**31 - 1)] | None = None


class RunOptions(Params):
    """What both ways of starting a run accept. A field that is left out or null is taken from
    the assistant.
    """

    assistant_id: str
    model: ModelName | None = None
    instructions: Instructions | None = None
    tools: Tools | None = None
    metadata: Metadata | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    stream: bool | None = None
    max_prompt_tokens: TokenLimit | None = None
    max_completion_tokens: TokenLimit | None = None
    truncation_strategy: TruncationStrategy | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: ReasoningEffort | None = None


class RunCreate(RunOptions):
    additional_instructions: Instructions | None = None
    additional_messages: list[MessageCreate] | None = None


class ThreadAndRunCreate(RunOptions):
    thread: ThreadCreate | None = None
    tool_resources: ToolResourcesUpdate | None = None


class ToolOutput(Params):
    tool_call_id: str
    output: str = ""


class ToolOutputsSubmit(Params):
    tool_outputs: list[ToolOutput]
    stream: bool | None = None
