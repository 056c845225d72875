"""Objects of the API that come from elsewhere to be kept under the ids that they have: from an
export, or from another server.

They are as that server has told them: fields that are not known here are passed over, and ids of
the things that they mention may lead nowhere. What our own exports have beside the API's fields
stands in ``playground``; times there count microseconds, where the API's count seconds.
"""

from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Le, MaxLen
from pydantic import (
    AfterValidator,
    ConfigDict,
    FiniteFloat,
    SerializerFunctionWrapHandler,
    StringConstraints,
    Tag,
    model_serializer,
    model_validator,
)

from assistants.models import Assistant, File, Message, Run, RunStep, Thread, VectorStore
from assistants.models.base import ApiObject
from assistants.params.assistant import Description, ModelName, Name
from assistants.params.base import BY_TYPE, Metadata, Params, Temperature, TopP
from assistants.params.message import AttachmentTool, Detail, ImageUrlPart
from assistants.params.run import TruncationStrategy
from assistants.params.tools import ResponseFormat, ToolChoice, Tools
from assistants.params.vector_store import Attributes, ExpiresAfter, StaticStrategy
from assistants.text import without_markers

MAX_WRITTEN = 4_000_000
"""Characters of a text that a model or a program has written."""
MAX_LISTED = 1000
"""So many parts, calls, outputs or annotations one object may have."""
LATEST = 4_102_444_800
"""The year 2100: a time after that is none that anything has happened at."""

Written = Annotated[str, StringConstraints(max_length=MAX_WRITTEN)]
Short = Annotated[str, StringConstraints(max_length=1024)]
Seconds = Annotated[int, Ge(0), Le(LATEST)]
Microseconds = Annotated[int, Ge(0), Le(LATEST * 1_000_000)]
Ref = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""The id of something that may not be here."""
CallId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Count = Annotated[int, Ge(0), Le(10**12)]
Limit = Annotated[int, Ge(1), Le(2**31 - 1)]


class Imported(Params):
    """Nothing is coerced, as in requests; but another server's objects may have further fields."""

    model_config = ConfigDict(extra="ignore", strict=True)


class _WithoutNulls(Imported):
    @model_serializer(mode="wrap")
    def _given(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in write(self).items() if value is not None}


class Beside(Imported):
    """What the studio keeps of an object and the API does not show."""

    created_at: Microseconds | None = None


class ImportedObject(Imported):
    """An object under an id of its own. The form of the id is for the operation to check."""

    id: Annotated[str, StringConstraints(max_length=200)]
    created_at: Seconds
    playground: Beside | None = None


class FileBeside(Beside):
    folder: Annotated[str, StringConstraints(max_length=4096)] = ""


class ImportedFile(ImportedObject):
    """``bytes`` is not taken from here: the content tells."""

    filename: Annotated[str, StringConstraints(max_length=4096)]
    purpose: Annotated[str, StringConstraints(pattern=r"^[a-z_-]{1,32}$")]
    expires_at: Seconds | None = None
    playground: FileBeside | None = None


class ImportedVectorStore(ImportedObject):
    name: Name | None = None
    description: Description | None = None
    metadata: Metadata | None = None
    expires_after: ExpiresAfter | None = None
    last_active_at: Seconds | None = None


class OtherStrategy(Imported):
    """What the service tells of files from before it could be told how to cut them."""

    type: Literal["other"]


class ImportedStoreFile(ImportedObject):
    """A file in a store; its id is the file's."""

    status: Literal["in_progress", "completed", "cancelled", "failed"] = "completed"
    attributes: Attributes | None = None
    chunking_strategy: (
        Annotated[
            Annotated[StaticStrategy, Tag("~static")] | Annotated[OtherStrategy, Tag("~other")],
            BY_TYPE,
        ]
        | None
    ) = None


class CodeFiles(Imported):
    file_ids: Annotated[list[Ref], MaxLen(MAX_LISTED)] = []


class SearchedStores(Imported):
    vector_store_ids: Annotated[list[Ref], MaxLen(MAX_LISTED)] = []


class Resources(_WithoutNulls):
    code_interpreter: CodeFiles | None = None
    file_search: SearchedStores | None = None


class ImportedAssistant(ImportedObject):
    model: ModelName
    name: Name | None = None
    description: Description | None = None
    instructions: Annotated[str, StringConstraints(max_length=256_000)] | None = None
    tools: Tools = []
    tool_resources: Resources | None = None
    metadata: Metadata | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: Annotated[str, StringConstraints(max_length=16)] | None = None


class ThreadBeside(Beside):
    active_at: Microseconds | None = None


class ImportedThread(ImportedObject):
    metadata: Metadata | None = None
    tool_resources: Resources | None = None
    playground: ThreadBeside | None = None


class FileCitation(_WithoutNulls):
    file_id: Ref
    quote: Annotated[Written, AfterValidator(without_markers)] = ""
    page: Count | None = None
    start: Count | None = None
    end: Count | None = None


class FileCitationAnnotation(Imported):
    type: Literal["file_citation"]
    text: Short
    start_index: Count
    end_index: Count
    file_citation: FileCitation


class FilePath(Imported):
    file_id: Ref


class FilePathAnnotation(Imported):
    type: Literal["file_path"]
    text: Annotated[str, StringConstraints(max_length=8192)]
    start_index: Count
    end_index: Count
    file_path: FilePath


Annotation = Annotated[
    Annotated[FileCitationAnnotation, Tag("~file_citation")]
    | Annotated[FilePathAnnotation, Tag("~file_path")],
    BY_TYPE,
]


class Text(Imported):
    value: Written
    annotations: Annotated[list[Annotation], MaxLen(MAX_LISTED)] = []


class TextContent(Imported):
    type: Literal["text"]
    text: Text


class RefusalContent(Imported):
    type: Literal["refusal"]
    refusal: Written


class ImageFile(Imported):
    file_id: Ref
    detail: Detail = "auto"


class ImageFileContent(Imported):
    type: Literal["image_file"]
    image_file: ImageFile


Content = Annotated[
    Annotated[TextContent, Tag("~text")]
    | Annotated[RefusalContent, Tag("~refusal")]
    | Annotated[ImageFileContent, Tag("~image_file")]
    | Annotated[ImageUrlPart, Tag("~image_url")],
    BY_TYPE,
]


class Attachment(Imported):
    file_id: Ref
    tools: Annotated[list[AttachmentTool], MaxLen(16)] = []


class IncompleteDetails(Imported):
    reason: Annotated[str, StringConstraints(max_length=32)]


class MessageBeside(Beside):
    author: Annotated[str, StringConstraints(max_length=256)] = ""
    """What whoever wrote it was called there."""


class ImportedMessage(ImportedObject):
    role: Literal["user", "assistant"]
    status: Literal["in_progress", "incomplete", "completed"] = "completed"
    content: Annotated[list[Content], MaxLen(MAX_LISTED)]
    attachments: Annotated[list[Attachment], MaxLen(MAX_LISTED)] | None = None
    metadata: Metadata | None = None
    assistant_id: Ref | None = None
    run_id: Ref | None = None
    incomplete_details: IncompleteDetails | None = None
    incomplete_at: Seconds | None = None
    completed_at: Seconds | None = None
    playground: MessageBeside | None = None


class LastError(Imported):
    code: Annotated[str, StringConstraints(max_length=64)]
    message: Annotated[str, StringConstraints(max_length=20_000)]


class CachedTokens(Imported):
    cached_tokens: Count = 0


class ReasoningTokens(Imported):
    reasoning_tokens: Count = 0


class Usage(Imported):
    prompt_tokens: Count
    completion_tokens: Count
    total_tokens: Count
    prompt_token_details: CachedTokens = CachedTokens()
    completion_tokens_details: ReasoningTokens = ReasoningTokens()


class RunBeside(Beside):
    queued_at: Microseconds | None = None
    started_at: Microseconds | None = None
    ended_at: Microseconds | None = None
    answered_by: Annotated[str, StringConstraints(max_length=256)] = ""
    overrides: Annotated[dict[str, Any], MaxLen(32)] = {}
    vector_store_ids: Annotated[list[Ref], MaxLen(MAX_LISTED)] = []


class ImportedRun(ImportedObject):
    """``required_action`` is not taken: nobody here waits for its outputs."""

    assistant_id: Ref
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
    last_error: LastError | None = None
    expires_at: Seconds | None = None
    started_at: Seconds | None = None
    cancelled_at: Seconds | None = None
    failed_at: Seconds | None = None
    completed_at: Seconds | None = None
    incomplete_details: IncompleteDetails | None = None
    model: ModelName
    # With what was added to the assistant's own.
    instructions: Annotated[str, StringConstraints(max_length=520_000)] | None = None
    tools: Tools = []
    tool_resources: Resources | None = None
    metadata: Metadata | None = None
    usage: Usage | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    reasoning_effort: Annotated[str, StringConstraints(max_length=16)] | None = None
    max_prompt_tokens: Limit | None = None
    max_completion_tokens: Limit | None = None
    truncation_strategy: TruncationStrategy | None = None
    response_format: ResponseFormat | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    playground: RunBeside | None = None


class CreatedMessage(Imported):
    message_id: Ref


class MessageCreation(Imported):
    type: Literal["message_creation"]
    message_creation: CreatedMessage


class Logs(Imported):
    type: Literal["logs"]
    logs: Written


class CodeImageFile(Imported):
    file_id: Ref


class CodeImage(Imported):
    type: Literal["image"]
    image: CodeImageFile


Output = Annotated[Annotated[Logs, Tag("~logs")] | Annotated[CodeImage, Tag("~image")], BY_TYPE]


class CodeInterpreter(Imported):
    input: Written
    outputs: Annotated[list[Output], MaxLen(MAX_LISTED)] = []


class CodeInterpreterCall(Imported):
    id: CallId
    type: Literal["code_interpreter"]
    code_interpreter: CodeInterpreter


class Ranking(Imported):
    ranker: Short = "default_2024_08_21"
    score_threshold: FiniteFloat = 0.0


class ResultContent(Imported):
    type: Literal["text"]
    text: Written


class Result(Imported):
    """What a search has found; its text is not told by the service unless it is asked for."""

    file_id: Ref
    file_name: Short
    score: FiniteFloat
    attributes: Attributes | None = None
    content: Annotated[list[ResultContent], MaxLen(MAX_LISTED)] | None = None

    @model_validator(mode="after")
    def _spell_out(self) -> Self:
        self.attributes = self.attributes or {}
        self.content = self.content or [ResultContent(type="text", text="")]
        return self


class FileSearch(Imported):
    ranking_options: Ranking = Ranking()
    results: Annotated[list[Result], MaxLen(MAX_LISTED)] = []


class FileSearchCall(Imported):
    id: CallId
    type: Literal["file_search"]
    file_search: FileSearch


class Function(Imported):
    name: Short
    arguments: Written
    output: Written | None = None


class FunctionCall(Imported):
    id: CallId
    type: Literal["function"]
    function: Function


Call = Annotated[
    Annotated[CodeInterpreterCall, Tag("~code_interpreter")]
    | Annotated[FileSearchCall, Tag("~file_search")]
    | Annotated[FunctionCall, Tag("~function")],
    BY_TYPE,
]


class ToolCalls(Imported):
    type: Literal["tool_calls"]
    tool_calls: Annotated[list[Call], MaxLen(MAX_LISTED)]


class Searched(Imported):
    """See ``RunStep.searches``."""

    queries: Annotated[list[Written], MaxLen(MAX_LISTED)]
    number: Count
    pages: Annotated[dict[Ref, Count], MaxLen(MAX_LISTED)] = {}
    starts: Annotated[dict[Ref, Count], MaxLen(MAX_LISTED)] = {}
    beginnings: Annotated[list[Count], MaxLen(MAX_LISTED)] = []


class StepBeside(Beside):
    ended_at: Microseconds | None = None
    saved_files: Annotated[dict[Short, Ref], MaxLen(MAX_LISTED)] = {}
    searches: Annotated[dict[CallId, Searched], MaxLen(MAX_LISTED)] = {}


class ImportedStep(ImportedObject):
    run_id: Ref
    status: Literal["in_progress", "cancelled", "failed", "completed", "expired"]
    step_details: Annotated[
        Annotated[MessageCreation, Tag("~message_creation")]
        | Annotated[ToolCalls, Tag("~tool_calls")],
        BY_TYPE,
    ]
    last_error: LastError | None = None
    expires_at: Seconds | None = None
    expired_at: Seconds | None = None
    cancelled_at: Seconds | None = None
    failed_at: Seconds | None = None
    completed_at: Seconds | None = None
    metadata: Metadata | None = None
    usage: Usage | None = None
    playground: StepBeside | None = None


NOUNS: dict[type[ImportedObject], type[ApiObject]] = {
    ImportedFile: File,
    ImportedVectorStore: VectorStore,
    ImportedAssistant: Assistant,
    ImportedThread: Thread,
    ImportedMessage: Message,
    ImportedRun: Run,
    ImportedStep: RunStep,
}
"""As what each is kept."""
