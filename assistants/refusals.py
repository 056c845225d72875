"""Every rule that a request can break, and what who breaks it is told: one entry a rule.

Texts follow the Assistants API word for word, because client programs match on them. Called with
what its texts name, an entry makes the error to raise:

    raise refusals.RUN_ACTIVE(thread_id=thread.id, run_id=active)
"""

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from typing_extensions import override

from assistants.errors import (
    ApiError,
    BadPurpose,
    Invalid,
    InvalidKey,
    MethodNotAllowed,
    MissingScope,
    NotFound,
    OutOfQuota,
    RateLimited,
    StorageAway,
    ThreadLocked,
    TooLarge,
    Unavailable,
    UnknownAddress,
)

E = TypeVar("E", bound=ApiError)

MAX_ECHO = 256
"""Characters of what a caller has sent that a message repeats: as many as a model's name has."""


@dataclass(frozen=True)
class Rule(Generic[E]):
    """``kind`` gives the status and the type; ``{names}`` in message and param are filled in."""

    kind: type[E]
    message: str
    code: str | None = None
    param: str | None = None

    def __call__(self, **told: object) -> E:
        """The error. Texts among what is told come from callers, so they are cut to ``MAX_ECHO``.

        :raises KeyError: the message names what was not told
        """
        known = {
            name: echoed(value) if isinstance(value, str) else value for name, value in told.items()
        }
        param = self.param.format_map(known) if self.param else None
        error = self.kind(self.message.format_map(known), param=param or None, code=self.code)
        error.text, error.places = self.message, known
        return error


def echoed(given: str) -> str:
    """What a caller has sent, as a message repeats it: enough to recognise it by."""
    return given if len(given) <= MAX_ECHO else f"{given[:MAX_ECHO]}…"


@dataclass(frozen=True)
class Ours:
    """A text of our own, which is told whole however long it is."""

    text: str

    @override
    def __str__(self) -> str:
        return self.text


class Listed(tuple[str, ...]):
    """``'a', 'b' and 'c'``: how the service lists the values it would have accepted."""

    __slots__ = ()

    @override
    def __str__(self) -> str:
        quoted = [f"'{value}'" for value in self]
        if len(quoted) < 2:
            return "".join(quoted)
        head = ", ".join(quoted[:-1])
        return f"{head}{',' if len(quoted) > 2 else ''} and {quoted[-1]}"


# Who asks, and for what

KEY_MISSING: Final = Rule(
    InvalidKey,
    "You didn't provide an API key. You need to provide your API key in an Authorization header "
    "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or in an api-key header. You can "
    "make one in the studio, under API keys.",
    code="invalid_api_key",
)
KEY_UNKNOWN: Final = Rule(
    InvalidKey,
    "Incorrect API key provided: {key}. You can find your API keys in the studio, under API keys.",
    code="invalid_api_key",
)
TOO_MANY_REQUESTS: Final = Rule(
    RateLimited,
    "Rate limit reached on requests per min (RPM): Limit {limit}. Please try again in {seconds}s.",
    code="rate_limit_exceeded",
)
QUOTA: Final = Rule(
    OutOfQuota,
    "You exceeded your current quota, please check your plan and billing details. For more "
    "information on this error, read the docs: "
    "https://platform.openai.com/docs/guides/error-codes/api-errors.",
    code="insufficient_quota",
)
MISSING_SCOPE: Final = Rule(
    MissingScope,
    "You have insufficient permissions for this operation. Missing scopes: {scope}. Check that you "
    "have the correct role in your organization (Reader, Writer, Owner) and project (Member, "
    "Owner), and if you're using a restricted API key, that it has the necessary scopes.",
)
ADDRESS_UNKNOWN: Final = Rule(UnknownAddress, "Invalid URL ({method} {path})")
METHOD_NOT_ALLOWED: Final = Rule(
    MethodNotAllowed,
    "Not allowed to {method} on {path}. (HINT: Perhaps you meant to use a different HTTP method?)",
    code="method_not_supported",
)
HOST_UNKNOWN: Final = Rule(
    Invalid,
    "This server does not answer to the host name '{host}'. "
    "The setting ALLOWED_HOSTS says to which it does.",
)
UNAVAILABLE: Final = Rule(
    Unavailable, "The server is overloaded or not ready yet. Please try again later."
)
DISK_FULL: Final = Rule(
    Unavailable,
    "The server's disk is full, so nothing of this request was kept. "
    "Send it again when whoever runs the server has made room.",
)
STORAGE_AWAY: Final = Rule(
    StorageAway,
    "The file storage does not answer, so this could not be done. Try again later; "
    "the server's log says what is wrong with it.",
)
UNEXPECTED: Final = Rule(
    ApiError,
    "The server had an error while processing your request. Sorry about that! "
    "The server's log tells more about request {request_id}.",
)

NOT_HTTP: Final = Rule(
    Invalid, "The request is not HTTP that can be read: its first line or a header is broken."
)

# Bodies as such

NOT_JSON: Final = Rule(
    Invalid,
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using "
    "your HTTP library correctly. The API expects a JSON payload, but what was sent was not valid "
    "JSON.)",
)
NUMBER_TOO_LARGE: Final = Rule(
    Invalid, "The request body holds a number that is too large: {number}.", code="invalid_value"
)
BODY_WITH_NULL: Final = Rule(
    Invalid, "The request body holds a null character.", code="invalid_value"
)
FIELD_WITH_NULL: Final = Rule(
    Invalid, "Invalid '{path}': it holds a null character.", code="invalid_value", param="{path}"
)
CONTENT_TYPE: Final = Rule(
    Invalid,
    "Unsupported content type: '{given}'. This API method only accepts '{accepted}' requests, but "
    "you specified the header 'Content-Type: {given}'. Please try again with a supported content "
    "type.",
    code="unsupported_content_type",
)
NOT_MULTIPART: Final = Rule(
    Invalid, "We could not parse the multipart body of your request: {fault}"
)
TOO_MANY_FIELDS: Final = Rule(Invalid, "The request has more than {limit} parameters.")
MALFORMED: Final = Rule(Invalid, "The request is malformed.")
BODY_TOO_LARGE: Final = Rule(
    TooLarge, "The request body is larger than the limit of {limit} bytes."
)
TOO_LARGE: Final = "assistants.too_large"
"""In the ASGI scope of a request whose body was not read: the limit that it is over, in bytes."""
FILE_TOO_LARGE: Final = Rule(
    TooLarge, "The file is larger than the limit of {limit} bytes.", param="file"
)

# Fields, whatever they mean

MISSING: Final = Rule(
    Invalid,
    "Missing required parameter: '{path}'.",
    code="missing_required_parameter",
    param="{path}",
)
UNKNOWN: Final = Rule(
    Invalid, "Unknown parameter: '{path}'.", code="unknown_parameter", param="{path}"
)
WRONG_TYPE: Final = Rule(
    Invalid,
    "Invalid type for '{path}': expected {expected}, but got {got} instead.",
    code="invalid_type",
    param="{path}",
)
BODY_OF_WRONG_TYPE: Final = Rule(
    Invalid,
    "Invalid type for the request body: expected {expected}, but got {got} instead.",
    code="invalid_type",
)
NOT_THE_VALUE: Final = Rule(
    Invalid,
    "Invalid value: '{value}'. Supported value is: {supported}.",
    code="invalid_value",
    param="{path}",
)
NOT_AMONG_VALUES: Final = Rule(
    Invalid,
    "Invalid value: '{value}'. Supported values are: {supported}.",
    code="invalid_value",
    param="{path}",
)
WRONG_VALUE: Final = Rule(
    Invalid, "Invalid value for '{path}': {fault}.", code="invalid_value", param="{path}"
)
NO_MATCH: Final = Rule(
    Invalid,
    "Invalid '{path}': string does not match pattern. Expected a string that matches the pattern "
    "'{pattern}'.",
    code="invalid_value",
    param="{path}",
)
STRING_TOO_LONG: Final = Rule(
    Invalid,
    "Invalid '{path}': string too long. Expected a string with maximum length {limit}, but got a "
    "string with length {got} instead.",
    code="string_above_max_length",
    param="{path}",
)
STRING_EMPTY: Final = Rule(
    Invalid,
    "Invalid '{path}': empty string. Expected a string with minimum length {limit}, but got an "
    "empty string instead.",
    code="empty_string",
    param="{path}",
)
ARRAY_TOO_LONG: Final = Rule(
    Invalid,
    "Invalid '{path}': array too long. Expected an array with maximum length {limit}, but got an "
    "array with length {got} instead.",
    code="array_above_max_length",
    param="{path}",
)
ARRAY_EMPTY: Final = Rule(
    Invalid,
    "Invalid '{path}': empty array. Expected an array with minimum length {limit}, but got an "
    "empty array instead.",
    code="empty_array",
    param="{path}",
)
OBJECT_TOO_LARGE: Final = Rule(
    Invalid,
    "Invalid '{path}': too many properties. Expected an object with at most {limit} properties, "
    "but got an object with {got} properties instead.",
    code="object_above_max_properties",
    param="{path}",
)
INTEGER_TOO_LARGE: Final = Rule(
    Invalid,
    "Invalid '{path}': integer above maximum value. Expected a value <= {limit}, but got {got} "
    "instead.",
    code="integer_above_max_value",
    param="{path}",
)
INTEGER_TOO_SMALL: Final = Rule(
    Invalid,
    "Invalid '{path}': integer below minimum value. Expected a value >= {limit}, but got {got} "
    "instead.",
    code="integer_below_min_value",
    param="{path}",
)
DECIMAL_TOO_LARGE: Final = Rule(
    Invalid,
    "Invalid '{path}': decimal above maximum value. Expected a value <= {limit}, but got {got} "
    "instead.",
    code="decimal_above_max_value",
    param="{path}",
)
DECIMAL_TOO_SMALL: Final = Rule(
    Invalid,
    "Invalid '{path}': decimal below minimum value. Expected a value >= {limit}, but got {got} "
    "instead.",
    code="decimal_below_min_value",
    param="{path}",
)

# Ids

WRONG_ID: Final = Rule(
    Invalid,
    "Invalid '{path}': '{given}'. Expected an ID that begins with '{prefix}'.",
    code="invalid_value",
    param="{path}",
)
NOT_FOUND: Final = Rule(NotFound, "No {noun} found with id '{given}'.")
FILE_NOT_FOUND: Final = Rule(NotFound, "No such File object: {given}", param="id")
FILE_NOT_IN_STORE: Final = Rule(
    NotFound, "No file found with id '{file_id}' in vector store '{vector_store_id}'."
)

ID_NOT_USABLE: Final = Rule(Invalid, "The id '{given}' cannot be used here.", code="id_not_usable")
"""Of wrong form, twice in one import, or taken: which of these is not told, so that nobody learns
what another project has.
"""
ALREADY_HERE: Final = Rule(
    Invalid, "This project has {noun} '{given}' already.", code="already_here"
)
CONTENT_MISSING: Final = Rule(Invalid, "The content of file '{given}' is missing.")


def not_found(noun: str, given: str) -> NotFound:
    """The service's own words for an unknown id; files have a sentence of their own."""
    return FILE_NOT_FOUND(given=given) if noun == "file" else NOT_FOUND(noun=noun, given=given)


# Models

MODEL_UNKNOWN: Final = Rule(
    Invalid, "The requested model '{name}' does not exist.", code="model_not_found", param="model"
)
MODEL_NOT_FOUND: Final = Rule(
    NotFound, "The model '{name}' does not exist", code="model_not_found", param="model"
)
MODEL_NOT_OURS: Final = Rule(
    Invalid,
    "The model '{name}' belongs to its provider and cannot be deleted here.",
    param="model",
)
NOTHING_TO_IMPORT: Final = Rule(Invalid, "Choose what is to be imported.", code="missing_value")
UPSTREAM_REFUSED: Final = Rule(Invalid, "{reason}", code="upstream_refused")
UPSTREAM_FAILED: Final = Rule(Unavailable, "{reason}", code="upstream_unavailable")
PROVIDER_KEY_AGAIN: Final = Rule(
    Invalid,
    "Enter the key again: the one that is kept was given for {address} and goes nowhere else.",
    code="invalid_value",
    param="api_key",
)
ALIAS_LENGTH: Final = Rule(
    Invalid, "An alias has 1 to {limit} characters.", code="invalid_value", param="name"
)
ALIAS_OF_DEMO: Final = Rule(
    Invalid,
    "'{name}' is the demo model itself and can be no alias.",
    code="invalid_value",
    param="name",
)
BUDGET_RANGE: Final = Rule(
    Invalid,
    "A budget is a whole number of tokens from 0 to {limit}, or nothing for no limit.",
    param="budget",
)
KEY_EXPIRY: Final = Rule(
    Invalid, "A key expires after 1 to {limit} days, or never.", param="expires"
)
KEY_SCOPE: Final = Rule(Invalid, "A key may do one of these: {scopes}.", param="scope")
KEY_OVER: Final = Rule(
    Invalid, "This key opens nothing any more, and cannot be changed. Make another one."
)
KEY_NAME_LENGTH: Final = Rule(
    Invalid, "A key needs a name of 1 to {limit} characters.", param="name"
)

# People and their projects

PROJECT_NAME_LENGTH: Final = Rule(
    Invalid, "A project needs a name of 1 to {limit} characters.", param="name"
)
FIRST_PROJECT: Final = Rule(
    Invalid,
    "“{name}” is the project that this server begins with: the printed sign-in link and "
    "PLAYGROUND_API_KEY lead into it. It can be renamed, not deleted.",
)
LAST_OWNER: Final = Rule(
    Invalid,
    "{name} is the only owner of “{project}”. Make somebody else an owner first.",
)
INVITATION_OVER: Final = Rule(
    Invalid, "This invitation has been used or taken back, or it has expired."
)
MEMBER_ALREADY: Final = Rule(Invalid, "You are a member of “{project}” already.")
NOT_INVITED: Final = Rule(
    Invalid,
    "Nobody has invited {email}. Ask an owner of a project to invite this address, then sign in "
    "again.",
)
EMAIL_UNPROVEN: Final = Rule(
    Invalid,
    "The identity provider does not say that your e-mail address is yours, so no invitation can "
    "be found by it.",
)

# Tools, and the form of an answer

FUNCTION_TWICE: Final = Rule(
    Invalid,
    "Invalid '{path}': '{name}' is used more than once. Every function needs a name of its own.",
    code="invalid_value",
    param="{path}",
)
FUNCTION_SCHEMA: Final = Rule(
    Invalid,
    "Invalid schema for function '{name}': {fault}",
    code="invalid_function_parameters",
    param="{path}",
)
ANSWER_SCHEMA: Final = Rule(
    Invalid,
    "Invalid schema for response_format '{name}': {fault}",
    code="invalid_json_schema",
    param="{path}",
)
STORES_TWICE: Final = Rule(
    Invalid,
    "'vector_store_ids' and 'vector_stores' are mutually exclusive: give one of them.",
    code="invalid_value",
    param="{path}",
)
TOOL_NOT_THERE: Final = Rule(
    Invalid,
    "Invalid 'tool_choice': the run has no tool '{name}'.",
    code="invalid_value",
    param="tool_choice",
)

# Runs

MESSAGE_DURING_RUN: Final = Rule(
    ThreadLocked, "Can't add messages to {thread_id} while a run {run_id} is active."
)
RUN_ACTIVE: Final = Rule(ThreadLocked, "Thread {thread_id} already has an active run {run_id}.")
ANSWER_NOT_LAST: Final = Rule(
    Invalid, "The thread has gone on since run {run_id}, so its answer is not to be replaced."
)
RUN_NOT_TO_UPDATE: Final = Rule(Invalid, "Cannot update run with status '{status}'.")
RUN_NOT_TO_CANCEL: Final = Rule(Invalid, "Cannot cancel run with status '{status}'.")
RUN_WANTS_NO_OUTPUTS: Final = Rule(Invalid, 'Runs in status "{status}" do not accept tool outputs.')
OTHER_CALLS: Final = Rule(Invalid, "Expected tool outputs for call_ids {expected}, got {got}")
OUTPUTS_TOO_LARGE: Final = Rule(
    Invalid,
    "'tool_outputs' too large: the combined tool outputs must be less than 512kb.",
    code="invalid_value",
    param="tool_outputs",
)

# Files and vector stores

PURPOSE: Final = Rule(
    BadPurpose, "'{purpose}' is not one of {purposes} - 'purpose'", param="purpose"
)
NOT_SEARCHED: Final = Rule(
    Invalid,
    "Files with extensions [{extensions}] are not supported for retrieval. "
    "See https://platform.openai.com/docs/assistants/tools/file-search/supported-files",
    code="unsupported_file",
    param="file_ids",
)
NOT_FOR_CODE: Final = Rule(Invalid, "Invalid extension {extension}. Supported formats: {formats}")
NOT_AN_IMAGE: Final = Rule(
    Invalid,
    "Invalid message content: Expected file type to be a supported format: {formats} but got "
    "{extension}.",
)
NOT_HANDED_OUT: Final = Rule(Invalid, "Not allowed to download files of purpose: {purpose}")
STORE_EXPIRED: Final = Rule(
    Invalid,
    "Vector store '{vector_store_id}' has expired. It can be used again once its 'expires_after' "
    "is changed.",
)
FILES_TWICE: Final = Rule(
    Invalid,
    "Invalid 'files': it cannot be given together with 'file_ids'.",
    code="invalid_value",
    param="files",
)
TOO_MANY_CONDITIONS: Final = Rule(
    Invalid,
    "Invalid 'filters': too many conditions. Expected at most {limit}, those within others "
    "included, but got {got} instead.",
    code="invalid_value",
    param="filters",
)

# Share links

TOO_MANY_ATTEMPTS: Final = Rule(
    RateLimited, "Too many attempts. Try again in {seconds} s.", code="rate_limit_exceeded"
)
NOBODY_NAMED: Final = Rule(Invalid, "Name at least one account that may read.", param="people")
USERNAME_TAKEN: Final = Rule(Invalid, "Somebody has this user name already.", param="username")
NO_SUCH_ACCOUNT: Final = Rule(Invalid, "There is no account named “{name}” here.", param="people")
TOO_MANY_NAMED: Final = Rule(Invalid, "At most {limit} accounts can be named.", param="people")
EXPIRY_PASSED: Final = Rule(Invalid, "The link would have expired already.", param="expires_at")
SHARE_OVER: Final = Rule(
    Invalid, "This link opens nothing any more, and cannot be changed. Make another one."
)
COPY_TOO_LARGE: Final = Rule(
    Invalid, "The files of this thread are too large to be copied ({limit} MB at most)."
)
