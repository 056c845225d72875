"""The first version of the Assistants API, translated to and from the second.

It is what ``OpenAI-Beta: assistants=v1`` and Azure's api-version 2024-02-15-preview ask for: files
belong to assistants and messages by ``file_ids``, there are no tool resources and no attachments,
and runs have fewer options. Bounds follow Azure's specification of that version.
"""

import re
from collections.abc import Callable, Collection, Iterable
from typing import Annotated, Any, Final, Literal

from annotated_types import MaxLen
from pydantic import Field, StringConstraints, Tag
from pydantic.types import Strict

from assistants.errors import Wire
from assistants.params import MetadataUpdate, Params, validate
from assistants.params.assistant import Description, ModelName, Name
from assistants.params.base import BY_TYPE, FileIds, Metadata
from assistants.params.message import Text
from assistants.params.run import ToolOutput
from assistants.params.tools import CodeInterpreterTool, FunctionName

ONLY_THERE: Final = re.compile(
    r"v1/assistants/<assistant_id>/files(/<file_id>)?"
    r"|v1/threads/<thread_id>/messages/<message_id>/files(/<file_id>)?"
)
"""The routes that the second version has done away with."""

NOT_THERE: Final = re.compile(r"v1/vector_stores(/.*)?")
"""The routes that came with the second version."""

Instructions = Annotated[str, StringConstraints(max_length=32_768)]
MessageFileIds = Annotated[list[Annotated[str, Strict()]], MaxLen(10)]


class RetrievalTool(Params):
    """What the second version calls file search."""

    type: Literal["retrieval"]


class FunctionDefinition(Params):
    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)


class FunctionTool(Params):
    type: Literal["function"]
    function: FunctionDefinition


Tool = Annotated[
    Annotated[CodeInterpreterTool, Tag("~code_interpreter")]
    | Annotated[RetrievalTool, Tag("~retrieval")]
    | Annotated[FunctionTool, Tag("~function")],
    BY_TYPE,
]
Tools = Annotated[list[Tool], MaxLen(128)]


class AssistantCreate(Params):
    model: ModelName
    name: Name | None = None
    description: Description | None = None
    instructions: Instructions | None = None
    tools: Tools | None = None
    file_ids: FileIds | None = None
    metadata: Metadata | None = None


class AssistantUpdate(AssistantCreate):
    model: ModelName | None = None  # type: ignore[assignment]


class MessageCreate(Params):
    role: Literal["user", "assistant"]
    content: Text
    file_ids: MessageFileIds | None = None
    metadata: Metadata | None = None


class ThreadCreate(Params):
    messages: list[MessageCreate] | None = None
    metadata: Metadata | None = None


class RunOptions(Params):
    assistant_id: str
    model: ModelName | None = None
    instructions: Instructions | None = None
    tools: Tools | None = None
    metadata: Metadata | None = None


class RunCreate(RunOptions):
    additional_instructions: Instructions | None = None


class ThreadAndRunCreate(RunOptions):
    thread: ThreadCreate | None = None


class ToolOutputsSubmit(Params):
    tool_outputs: list[ToolOutput]


class AssistantFileCreate(Params):
    file_id: str


BODIES: Final[dict[str, type[Params]]] = {
    "v1/assistants": AssistantCreate,
    "v1/assistants/<assistant_id>": AssistantUpdate,
    "v1/threads": ThreadCreate,
    "v1/threads/<thread_id>": MetadataUpdate,
    "v1/threads/<thread_id>/messages": MessageCreate,
    "v1/threads/<thread_id>/messages/<message_id>": MetadataUpdate,
    "v1/threads/runs": ThreadAndRunCreate,
    "v1/threads/<thread_id>/runs": RunCreate,
    "v1/threads/<thread_id>/runs/<run_id>": MetadataUpdate,
    "v1/threads/<thread_id>/runs/<run_id>/submit_tool_outputs": ToolOutputsSubmit,
}
"""What may be posted to each route. Bodies of other routes are the same in both versions."""


Searchable = Callable[[Iterable[str]], Collection[str]]
"""Those of some files, by their ids, that can be searched."""


def inward(route: str, body: Any, searchable: Searchable) -> Any:
    """The body as the second version would have it.

    :param route: as ``urls`` writes it
    :param searchable: asked of the files of messages: they are for all tools, but not every file
        can be searched
    :raises Invalid: it breaks a rule of the first version
    """
    model = BODIES.get(route)
    if model is None:
        return body
    params = validate(model, body)
    given = params.given()
    if given.get("tools"):
        given["tools"] = [_tool_inward(tool) for tool in given["tools"]]
    match params:
        case AssistantCreate():
            return _assistant_inward(given)
        case MessageCreate():
            return _message_inward(given, searchable)
        case ThreadCreate():
            return _thread_inward(given, searchable)
        case ThreadAndRunCreate() if params.thread is not None:
            return {**given, "thread": _thread_inward(given["thread"], searchable)}
    return given


def outward(wire: Wire) -> Wire:
    """An object of the second version as the first would have it."""
    match wire["object"]:
        case "assistant":
            return _kept(wire, ASSISTANT) | {
                "tools": [_tool_outward(tool) for tool in wire["tools"]],
                "file_ids": _opened_by_code(wire),
            }
        case "thread":
            return _kept(wire, THREAD)
        case "thread.message":
            return _message_outward(wire)
        case "thread.run":
            return _run_outward(wire)
        case "thread.run.step":
            return _step_outward(wire)
    return wire


ASSISTANT: Final = (
    "id", "object", "created_at", "name", "description", "model", "instructions", "tools",
    "metadata",
)  # fmt: skip
THREAD: Final = ("id", "object", "created_at", "metadata")
MESSAGE: Final = (
    "id", "object", "created_at", "thread_id", "status", "incomplete_details", "completed_at",
    "incomplete_at", "role", "content", "assistant_id", "run_id", "metadata",
)  # fmt: skip
RUN: Final = (
    "id", "object", "created_at", "thread_id", "assistant_id", "status", "required_action",
    "last_error", "expires_at", "started_at", "cancelled_at", "failed_at", "completed_at", "model",
    "instructions", "tools", "metadata",
)  # fmt: skip
STEP: Final = (
    "id", "object", "created_at", "assistant_id", "thread_id", "run_id", "type", "status",
    "step_details", "last_error", "expired_at", "cancelled_at", "failed_at", "completed_at",
    "metadata",
)  # fmt: skip


def _kept(wire: Wire, names: tuple[str, ...]) -> Wire:
    return {name: wire[name] for name in names}


def _tool_inward(tool: Wire) -> Wire:
    return {"type": "file_search"} if tool["type"] == "retrieval" else tool


def _assistant_inward(given: Wire) -> Wire:
    if "file_ids" not in given:
        return given
    rest = {name: value for name, value in given.items() if name != "file_ids"}
    return {**rest, "tool_resources": {"code_interpreter": {"file_ids": given["file_ids"] or []}}}


def _message_inward(given: Wire, searchable: Searchable) -> Wire:
    rest = {name: value for name, value in given.items() if name != "file_ids"}
    file_ids = list(dict.fromkeys(given.get("file_ids") or []))
    searched = searchable(file_ids) if file_ids else ()
    attachments = [
        {
            "file_id": file_id,
            "tools": [
                {"type": "code_interpreter"},
                *([{"type": "file_search"}] if file_id in searched else []),
            ],
        }
        for file_id in file_ids
    ]
    return {**rest, "attachments": attachments}


def _thread_inward(given: Wire, searchable: Searchable) -> Wire:
    if not given.get("messages"):
        return given
    messages = [_message_inward(message, searchable) for message in given["messages"]]
    return {**given, "messages": messages}


def _tool_outward(tool: Wire) -> Wire:
    if tool["type"] == "file_search":
        return {"type": "retrieval"}
    if tool["type"] != "function":
        return tool
    function = tool["function"]
    shown = {
        "name": function["name"],
        "description": function.get("description") or "",
        "parameters": function["parameters"],
    }
    return {"type": "function", "function": shown}


def _step_outward(wire: Wire) -> Wire:
    step, details = _kept(wire, STEP), wire["step_details"]
    if details["type"] != "tool_calls":
        return step
    calls = [_call_outward(call) for call in details["tool_calls"]]
    return step | {"step_details": {**details, "tool_calls": calls}}


def _call_outward(call: Wire) -> Wire:
    """What was found is told only by the citations."""
    if call["type"] != "file_search":
        return call
    return {"id": call["id"], "type": "retrieval", "retrieval": {}}


def _message_outward(wire: Wire) -> Wire:
    return _kept(wire, MESSAGE) | {
        "content": [_part_outward(part) for part in wire["content"]],
        "file_ids": [attachment["file_id"] for attachment in wire["attachments"]],
    }


def _part_outward(part: Wire) -> Wire:
    """Images at addresses came with the second version; here one is its address as text."""
    if part["type"] == "image_file":
        return {"type": "image_file", "image_file": {"file_id": part["image_file"]["file_id"]}}
    if part["type"] == "image_url":
        return {"type": "text", "text": {"value": part["image_url"]["url"], "annotations": []}}
    return part


def _run_outward(wire: Wire) -> Wire:
    run = _kept(wire, RUN) | {
        "tools": [_tool_outward(tool) for tool in wire["tools"]],
        "file_ids": _opened_by_code(wire),
    }
    if wire["status"] == "incomplete":
        # A status that programs of that time would wait on for ever.
        reason = (wire["incomplete_details"] or {}).get("reason")
        error = {"code": "server_error", "message": f"The run is incomplete: {reason}."}
        return run | {"status": "failed", "last_error": error}
    if wire["last_error"] and wire["last_error"]["code"] == "invalid_prompt":
        return run | {"last_error": {**wire["last_error"], "code": "server_error"}}
    return run


def _opened_by_code(wire: Wire) -> list[str]:
    file_ids: list[str] = wire["tool_resources"].get("code_interpreter", {}).get("file_ids", [])
    return file_ids
