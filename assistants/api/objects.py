"""The objects of the API as its reference describes them.

Replies are not built from these: the models' ``to_dict`` writes the wire. Tests hold the two
together.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from assistants.params.message import Attachment, ImageFilePart, ImageUrlPart
from assistants.params.tools import ResponseFormat, Tool, ToolChoice
from assistants.params.vector_store import ExpiresAfter, StaticStrategy

Seconds = int
"""Unix time in whole seconds."""


class Described(BaseModel):
    """Every field is always sent; null says that it has no value."""

    model_config = ConfigDict(extra="forbid")


class Page(Described):
    """A page of a list. ``after=<last_id>`` asks for the next one while ``has_more``."""

    object: Literal["list"]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Model(Described):
    id: str
    object: Literal["model"]
    created: Seconds
    owned_by: str


class ModelDeleted(Described):
    id: str
    object: Literal["model"]
    deleted: Literal[True]


class ModelList(Described):
    object: Literal["list"]
    data: list[Model]


class CodeInterpreterFiles(Described):
    file_ids: list[str]


class SearchedStores(Described):
    vector_store_ids: list[str]


class Resources(BaseModel):
    """What the tools may open."""

    code_interpreter: CodeInterpreterFiles | None = None
    file_search: SearchedStores | None = None


class Assistant(Described):
    id: str
    object: Literal["assistant"]
    created_at: Seconds
    name: str | None
    description: str | None
    model: str
    instructions: str | None
    tools: list[Tool]
    tool_resources: Resources
    metadata: dict[str, str]
    temperature: float
    top_p: float
    response_format: ResponseFormat
    reasoning_effort: str | None


class AssistantPage(Page):
    data: list[Assistant]


class AssistantDeleted(Described):
    id: str
    object: Literal["assistant.deleted"]
    deleted: Literal[True]


class Thread(Described):
    id: str
    object: Literal["thread"]
    created_at: Seconds
    metadata: dict[str, str]
    tool_resources: Resources


class ThreadDeleted(Described):
    id: str
    object: Literal["thread.deleted"]
    deleted: Literal[True]


class FileCitation(Described):
    """``page``, ``start`` and ``end`` are an extension of ours: the page or slide, and where the
    quote stands in the text that was read from the file, in code points.
    """

    file_id: str
    quote: str
    page: int | None = None
    start: int | None = None
    end: int | None = None


class FileCitationAnnotation(Described):
    """``text`` is what stands in the value from ``start_index`` up to ``end_index``, counted in
    code points.
    """

    type: Literal["file_citation"]
    text: str
    start_index: int
    end_index: int
    file_citation: FileCitation


class FilePath(Described):
    file_id: str


class FilePathAnnotation(Described):
    """``text`` is a ``sandbox:`` link in the value; the file can be downloaded under its id."""

    type: Literal["file_path"]
    text: str
    start_index: int
    end_index: int
    file_path: FilePath


class Text(Described):
    value: str
    annotations: list[FileCitationAnnotation | FilePathAnnotation]


class TextContent(Described):
    type: Literal["text"]
    text: Text


class RefusalContent(Described):
    type: Literal["refusal"]
    refusal: str


class IncompleteDetails(Described):
    reason: str


class Message(Described):
    id: str
    object: Literal["thread.message"]
    created_at: Seconds
    thread_id: str
    status: Literal["in_progress", "incomplete", "completed"]
    incomplete_details: IncompleteDetails | None
    completed_at: Seconds | None
    incomplete_at: Seconds | None
    role: Literal["user", "assistant"]
    content: list[TextContent | RefusalContent | ImageFilePart | ImageUrlPart]
    assistant_id: str | None
    run_id: str | None
    attachments: list[Attachment]
    metadata: dict[str, str]


class ModifiedMessage(Message):
    """With a field of the first version, which the service sends here and here alone."""

    file_ids: list[str]


class MessagePage(Page):
    data: list[Message]


class MessageDeleted(Described):
    id: str
    object: Literal["thread.message.deleted"]
    deleted: Literal[True]


class LastError(Described):
    code: str
    message: str


class CalledFunction(Described):
    name: str
    arguments: str


class PendingCall(Described):
    id: str
    type: Literal["function"]
    function: CalledFunction


class PendingCalls(Described):
    tool_calls: list[PendingCall]


class RequiredAction(Described):
    """The run waits for the outputs of these calls."""

    type: Literal["submit_tool_outputs"]
    submit_tool_outputs: PendingCalls


class CachedTokens(Described):
    cached_tokens: int


class ReasoningTokens(Described):
    reasoning_tokens: int


class Usage(Described):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_token_details: CachedTokens
    completion_tokens_details: ReasoningTokens


class Truncation(Described):
    type: Literal["auto", "last_messages"]
    last_messages: int | None


class Run(Described):
    id: str
    object: Literal["thread.run"]
    created_at: Seconds
    thread_id: str
    assistant_id: str
    status: Literal[
        "queued",
        "in_progress",
        "requires_action",
        "cancelling",
        "cancelled",
        "failed",
        "completed",
        "incomplete",
        "expired",
    ]
    required_action: RequiredAction | None
    last_error: LastError | None
    expires_at: Seconds | None
    started_at: Seconds | None
    cancelled_at: Seconds | None
    failed_at: Seconds | None
    completed_at: Seconds | None
    incomplete_details: IncompleteDetails | None
    model: str
    instructions: str | None
    tools: list[Tool]
    tool_resources: Resources
    metadata: dict[str, str]
    usage: Usage | None
    temperature: float
    top_p: float
    reasoning_effort: str | None
    max_prompt_tokens: int | None
    max_completion_tokens: int | None
    truncation_strategy: Truncation
    response_format: ResponseFormat
    tool_choice: ToolChoice
    parallel_tool_calls: bool


class RunPage(Page):
    data: list[Run]


class CreatedMessage(Described):
    message_id: str


class MessageCreation(Described):
    type: Literal["message_creation"]
    message_creation: CreatedMessage


class Logs(Described):
    type: Literal["logs"]
    logs: str


class CodeImageFile(Described):
    file_id: str


class CodeImage(Described):
    type: Literal["image"]
    image: CodeImageFile


class CodeInterpreter(Described):
    input: str
    outputs: list[Logs | CodeImage]


class CodeInterpreterCall(Described):
    id: str
    type: Literal["code_interpreter"]
    code_interpreter: CodeInterpreter


class RankingOptions(Described):
    ranker: str
    score_threshold: float


class ResultContent(Described):
    type: Literal["text"]
    text: str


class FileSearchResult(BaseModel):
    """A passage that was found. Its ``content`` is told where ``include[]`` asks for it."""

    file_id: str
    file_name: str
    score: float
    attributes: dict[str, str | float | bool]
    content: list[ResultContent] | None = None


class FileSearch(Described):
    ranking_options: RankingOptions
    results: list[FileSearchResult]


class FileSearchCall(Described):
    id: str
    type: Literal["file_search"]
    file_search: FileSearch


class Function(CalledFunction):
    output: str | None


class FunctionCall(Described):
    id: str
    type: Literal["function"]
    function: Function


class ToolCalls(Described):
    type: Literal["tool_calls"]
    tool_calls: list[CodeInterpreterCall | FileSearchCall | FunctionCall]


class RunStep(Described):
    id: str
    object: Literal["thread.run.step"]
    created_at: Seconds
    run_id: str
    assistant_id: str
    thread_id: str
    type: Literal["message_creation", "tool_calls"]
    status: Literal["in_progress", "cancelled", "failed", "completed", "expired"]
    step_details: MessageCreation | ToolCalls
    last_error: LastError | None
    expires_at: Seconds | None
    expired_at: Seconds | None
    cancelled_at: Seconds | None
    failed_at: Seconds | None
    completed_at: Seconds | None
    metadata: dict[str, str]
    usage: Usage | None


class RunStepPage(Page):
    data: list[RunStep]


class File(Described):
    id: str
    object: Literal["file"]
    purpose: str
    filename: str
    bytes: int
    created_at: Seconds
    expires_at: Seconds | None
    status: Literal["uploaded", "processed", "error"]
    status_details: str | None


class FilePage(Page):
    data: list[File]


class FileDeleted(Described):
    id: str
    object: Literal["file"]
    deleted: Literal[True]


class FileCounts(Described):
    in_progress: int
    completed: int
    failed: int
    cancelled: int
    total: int


class VectorStore(Described):
    """``expires_at`` is ``expires_after`` counted from ``last_active_at``."""

    id: str
    object: Literal["vector_store"]
    created_at: Seconds
    name: str | None
    description: str | None
    usage_bytes: int
    file_counts: FileCounts
    status: Literal["expired", "in_progress", "completed"]
    expires_after: ExpiresAfter | None
    expires_at: Seconds | None
    last_active_at: Seconds
    metadata: dict[str, str]


class VectorStorePage(Page):
    data: list[VectorStore]


class VectorStoreDeleted(Described):
    id: str
    object: Literal["vector_store.deleted"]
    deleted: Literal[True]


class VectorStoreFile(Described):
    """Its id is the file's."""

    id: str
    object: Literal["vector_store.file"]
    usage_bytes: int
    created_at: Seconds
    vector_store_id: str
    status: Literal["in_progress", "completed", "cancelled", "failed"]
    last_error: LastError | None
    chunking_strategy: StaticStrategy
    attributes: dict[str, str | bool | int | float]


class VectorStoreFilePage(Page):
    data: list[VectorStoreFile]


class VectorStoreFileDeleted(Described):
    id: str
    object: Literal["vector_store.file.deleted"]
    deleted: Literal[True]


class FileBatch(Described):
    id: str
    object: Literal["vector_store.files_batch"]
    created_at: Seconds
    vector_store_id: str
    status: Literal["in_progress", "completed", "cancelled", "failed"]
    file_counts: FileCounts


class PlainText(Described):
    type: Literal["text"]
    text: str


class FileContent(Described):
    """The text that was read from a file, all of it."""

    object: Literal["vector_store.file_content.page"]
    data: list[PlainText]
    has_more: bool
    next_page: str | None


class SearchResult(Described):
    """A passage; ``score`` is between 0 and 1."""

    file_id: str
    filename: str
    score: float
    attributes: dict[str, str | bool | int | float]
    content: list[PlainText]


class SearchResults(Described):
    object: Literal["vector_store.search_results.page"]
    search_query: list[str]
    data: list[SearchResult]
    has_more: bool
    next_page: str | None


class ErrorDetails(Described):
    message: str
    type: str
    param: str | None
    code: str | None


class Error(Described):
    error: ErrorDetails


class Detail(Described):
    message: str
    code: str | None


class UploadRefused(Error):
    """A wrong purpose is told in one more place, as recordings show."""

    detail: Detail | None = None


def answers(model: type[Described], refusal: type[Error] = Error) -> dict[Any, type[Described]]:
    """The responses of an operation that gives this object or refuses."""
    return {200: model, frozenset({400, 401, 404}): refusal}
