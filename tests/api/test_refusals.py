"""The table of refusals, against the service's texts and over HTTP: one request a rule that breaks
it. Clients match on these texts.
"""

import ast
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from django.conf import settings

from assistants import errors, refusals
from assistants.models import VectorStore, clock
from assistants.refusals import Rule

RULES = {name: rule for name, rule in vars(refusals).items() if isinstance(rule, Rule)}
SOURCES = sorted(
    path
    for room in ("assistants", "playground")
    for path in (settings.BASE_DIR / room).rglob("*.py")
)
KINDS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.ApiError)
}


class Broken(NamedTuple):
    """A request, and the envelope that it meets. ``<name>`` stands for an id that is there."""

    rule: str
    method: str
    path: str
    message: str
    param: str | None = None
    code: str | None = None
    status: int = 400
    json: Any = None
    more: dict[str, Any] = {}


LONG = "x" * 256_001
FUNCTION = {"type": "function", "function": {"name": "add"}}
BAD_SCHEMA = {"type": "object", "properties": {"a": {"$ref": "#/$defs/gone"}}}
GONE = "In context=('properties', 'a'), reference to a component that is not there: '#/$defs/gone'."
OUTPUTS = "/v1/threads/<thread_id>/runs/<run_id>/submit_tool_outputs"
STORES = "/v1/vector_stores"

BROKEN = [
    Broken("KEY_MISSING", "GET", "/v1/models",
           "You didn't provide an API key. You need to provide your API key in an Authorization "
           "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or in an api-key "
           "header. You can make one in the studio, under API keys.",
           code="invalid_api_key", status=401, more={"headers": {"Authorization": ""}}),
    Broken("KEY_UNKNOWN", "GET", "/v1/models",
           "Incorrect API key provided: sk-abcd*********wxyz. You can find your API keys in the "
           "studio, under API keys.",
           code="invalid_api_key", status=401,
           more={"headers": {"Authorization": "Bearer sk-abcdefghijklmwxyz"}}),
    Broken("ADDRESS_UNKNOWN", "GET", "/v1/nothing", "Invalid URL (GET /v1/nothing)", status=404),
    Broken("METHOD_NOT_ALLOWED", "PUT", "/v1/assistants",
           "Not allowed to PUT on /v1/assistants. (HINT: Perhaps you meant to use a different HTTP "
           "method?)", code="method_not_supported", status=405),
    Broken("HOST_UNKNOWN", "GET", "/v1/models",
           "This server does not answer to the host name 'elsewhere.example'. The setting "
           "ALLOWED_HOSTS says to which it does.", more={"headers": {"Host": "elsewhere.example"}}),
    Broken("NOT_JSON", "POST", "/v1/threads",
           "We could not parse the JSON body of your request. (HINT: This likely means you aren't "
           "using your HTTP library correctly. The API expects a JSON payload, but what was sent "
           "was not valid JSON.)",
           more={"content": b"{", "headers": {"Content-Type": "application/json"}}),
    Broken("NUMBER_TOO_LARGE", "POST", "/v1/assistants",
           "The request body holds a number that is too large: 1e999.", code="invalid_value",
           more={"content": b'{"model": "demo", "temperature": 1e999}',
                 "headers": {"Content-Type": "application/json"}}),
    Broken("NUMBER_TOO_LARGE", "POST", "/v1/assistants",
           f"The request body holds a number that is too large: 1{'0' * 255}….",
           code="invalid_value",
           more={"content": f'{{"model": "demo", "temperature": 1{"0" * 309}}}',
                 "headers": {"Content-Type": "application/json"}}),
    Broken("WRONG_ID", "GET", "/v1/threads/<thread_id>/runs/<run_id>/steps/run_1",
           "Invalid 'step_id': 'run_1'. Expected an ID that begins with 'step'.", "step_id",
           "invalid_value"),
    Broken("BODY_WITH_NULL", "POST", "/v1/threads", "The request body holds a null character.",
           code="invalid_value", json={"metadata": {"a": "\0"}}),
    Broken("FIELD_WITH_NULL", "GET", "/v1/files?purpose=%00",
           "Invalid 'purpose': it holds a null character.", "purpose", "invalid_value"),
    Broken("CONTENT_TYPE", "POST", "/v1/threads",
           "Unsupported content type: 'text/plain'. This API method only accepts "
           "'application/json' requests, but you specified the header 'Content-Type: text/plain'. "
           "Please try again with a supported content type.", code="unsupported_content_type",
           more={"content": b"{}", "headers": {"Content-Type": "text/plain"}}),
    Broken("NOT_MULTIPART", "POST", "/v1/files",
           "We could not parse the multipart body of your request: Invalid boundary in multipart: "
           "None", more={"content": b"", "headers": {"Content-Type": "multipart/form-data"}}),
    Broken("TOO_MANY_FIELDS", "GET", "/v1/nothing?" + "&".join(f"a{n}=1" for n in range(1001)),
           "The request has more than 1000 parameters."),
    Broken("TOO_MANY_FIELDS", "GET", "/openai/models?" + "&".join(f"a{n}=1" for n in range(1001)),
           "The request has more than 1000 parameters."),
    Broken("TOO_MANY_FIELDS", "POST", "/v1/files", "The request has more than 1000 parameters.",
           more={"data": {str(n): "" for n in range(1001)}, "files": {"file": ("a.txt", b"1")}}),
    Broken("NOT_MULTIPART", "POST", "/v1/files",
           "We could not parse the multipart body of your request: the headers of a part are too "
           "long. Is the file's name?",
           more={"data": {"purpose": "assistants"}, "files": {"file": ("x" * 2000, b"1")}}),
    Broken("NOT_MULTIPART", "POST", "/v1/files",
           "We could not parse the multipart body of your request: it has too many files.",
           more={"files": [("file", ("a.txt", b"1"))] * 101}),
    Broken("MISSING", "POST", "/v1/assistants", "Missing required parameter: 'model'.", "model",
           "missing_required_parameter", json={}),
    Broken("UNKNOWN", "POST", "/v1/threads",
           "Unknown parameter: 'messages[0].id'.", "messages[0].id", "unknown_parameter",
           json={"messages": [{"role": "user", "content": "a", "id": "1"}]}),
    Broken("WRONG_TYPE", "POST", "/v1/assistants",
           "Invalid type for 'model': expected a string, but got an integer instead.", "model",
           "invalid_type", json={"model": 1}),
    Broken("WRONG_TYPE", "POST", "/v1/assistants/<assistant_id>",
           "Invalid type for 'model': expected a string, but got null instead.", "model",
           "invalid_type", json={"model": None}),
    *(Broken("WRONG_TYPE", "GET", f"/v1/assistants?limit={limit}",
             "Invalid type for 'limit': expected an integer, but got a string instead.", "limit",
             "invalid_type") for limit in ("1_0", "%205", "+5", "1.0", "")),
    Broken("BODY_OF_WRONG_TYPE", "POST", "/v1/assistants",
           "Invalid type for the request body: expected an object, but got an array instead.",
           code="invalid_type", json=[]),
    Broken("NOT_THE_VALUE", "POST", STORES,
           "Invalid value: 'created_at'. Supported value is: 'last_active_at'.",
           "expires_after.anchor", "invalid_value",
           json={"expires_after": {"anchor": "created_at", "days": 1}}),
    Broken("NOT_AMONG_VALUES", "POST", "/v1/threads",
           "Invalid value: 'system'. Supported values are: 'user' and 'assistant'.",
           "messages[0].role", "invalid_value",
           json={"messages": [{"role": "system", "content": "a"}]}),
    Broken("NO_MATCH", "POST", "/v1/assistants",
           "Invalid 'tools[0].function.name': string does not match pattern. Expected a string "
           "that matches the pattern '^[a-zA-Z0-9_-]{1,64}$'.",
           "tools[0].function.name", "invalid_value",
           json={"model": "demo", "tools": [{"type": "function", "function": {"name": "a b"}}]}),
    Broken("STRING_TOO_LONG", "POST", "/v1/threads/<free_thread_id>/messages",
           "Invalid 'content': string too long. Expected a string with maximum length 256000, but "
           "got a string with length 256001 instead.", "content", "string_above_max_length",
           json={"role": "user", "content": LONG}),
    Broken("STRING_EMPTY", "POST", "/v1/assistants",
           "Invalid 'model': empty string. Expected a string with minimum length 1, but got an "
           "empty string instead.", "model", "empty_string", json={"model": ""}),
    Broken("ARRAY_TOO_LONG", "POST", "/v1/assistants",
           "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an "
           "array with length 129 instead.", "tools", "array_above_max_length",
           json={"model": "demo", "tools": [{"type": "code_interpreter"}] * 129}),
    Broken("ARRAY_EMPTY", "POST", "/v1/threads/<free_thread_id>/messages",
           "Invalid 'content': empty array. Expected an array with minimum length 1, but got an "
           "empty array instead.", "content", "empty_array", json={"role": "user", "content": []}),
    Broken("OBJECT_TOO_LARGE", "POST", "/v1/threads",
           "Invalid 'metadata': too many properties. Expected an object with at most 16 "
           "properties, but got an object with 17 properties instead.", "metadata",
           "object_above_max_properties", json={"metadata": {str(n): "" for n in range(17)}}),
    Broken("INTEGER_TOO_LARGE", "GET", "/v1/assistants?limit=101",
           "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 "
           "instead.", "limit", "integer_above_max_value"),
    Broken("INTEGER_TOO_LARGE", "GET", f"/v1/assistants?limit={'9' * 5000}",
           f"Invalid 'limit': integer above maximum value. Expected a value <= 100, but got "
           f"{'9' * 256}… instead.", "limit", "integer_above_max_value"),
    Broken("INTEGER_TOO_LARGE", "POST", "/v1/threads/<free_thread_id>/runs",
           "Invalid 'truncation_strategy.last_messages': integer above maximum value. Expected a "
           "value <= 2147483647, but got 9223372036854775808 instead.",
           "truncation_strategy.last_messages", "integer_above_max_value",
           json={"assistant_id": "<assistant_id>", "truncation_strategy": {
               "type": "last_messages", "last_messages": 2**63}}),
    Broken("INTEGER_TOO_SMALL", "GET", "/v1/assistants?limit=0",
           "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 "
           "instead.", "limit", "integer_below_min_value"),
    Broken("DECIMAL_TOO_LARGE", "POST", "/v1/assistants",
           "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 "
           "instead.", "temperature", "decimal_above_max_value",
           json={"model": "demo", "temperature": 3}),
    Broken("DECIMAL_TOO_SMALL", "POST", "/v1/assistants",
           "Invalid 'top_p': decimal below minimum value. Expected a value >= 0, but got -0.5 "
           "instead.", "top_p", "decimal_below_min_value", json={"model": "demo", "top_p": -0.5}),
    Broken("WRONG_ID", "POST", "/v1/assistants",
           "Invalid 'tool_resources.file_search.vector_store_ids[0]': 'x'. Expected an ID that "
           "begins with 'vs'.", "tool_resources.file_search.vector_store_ids[0]", "invalid_value",
           json={"model": "demo", "tool_resources": {"file_search": {"vector_store_ids": ["x"]}}}),
    Broken("WRONG_ID", "GET", "/v1/threads/<thread_id>/messages?run_id=x",
           "Invalid 'run_id': 'x'. Expected an ID that begins with 'run'.", "run_id",
           "invalid_value"),
    Broken("WRONG_ID", "GET", "/v1/vector_stores/<vector_store_id>/file_batches/x",
           "Invalid 'batch_id': 'x'. Expected an ID that begins with 'vsfb'.", "batch_id",
           "invalid_value"),
    Broken("WRONG_ID", "GET", "/v1/assistants?after=x",
           "Invalid 'after': 'x'. Expected an ID that begins with 'asst'.", "after",
           "invalid_value"),
    Broken("NOT_FOUND", "GET", "/v1/assistants/asst_gone",
           "No assistant found with id 'asst_gone'.", status=404),
    Broken("FILE_NOT_FOUND", "GET", "/v1/files/file-gone", "No such File object: file-gone", "id",
           status=404),
    Broken("FILE_NOT_IN_STORE", "GET", "/v1/vector_stores/<vector_store_id>/files/file-gone",
           "No file found with id 'file-gone' in vector store '<vector_store_id>'.", status=404),
    Broken("MODEL_UNKNOWN", "POST", "/v1/assistants",
           "The requested model 'nobody' does not exist.", "model", "model_not_found",
           json={"model": "nobody"}),
    Broken("MODEL_NOT_FOUND", "GET", "/v1/models/nobody", "The model 'nobody' does not exist",
           "model", "model_not_found", status=404),
    Broken("MODEL_NOT_OURS", "DELETE", "/v1/models/demo",
           "The model 'demo' belongs to its provider and cannot be deleted here.", "model"),
    Broken("FUNCTION_TWICE", "POST", "/v1/assistants",
           "Invalid 'tools[1].function.name': 'add' is used more than once. Every function needs a "
           "name of its own.", "tools[1].function.name", "invalid_value",
           json={"model": "demo", "tools": [FUNCTION, FUNCTION]}),
    Broken("FUNCTION_SCHEMA", "POST", "/v1/assistants",
           f"Invalid schema for function 'add': {GONE}", "tools[0].function.parameters",
           "invalid_function_parameters",
           json={"model": "demo", "tools": [
               {"type": "function", "function": {"name": "add", "parameters": BAD_SCHEMA}}]}),
    Broken("ANSWER_SCHEMA", "POST", "/v1/assistants",
           f"Invalid schema for response_format 'sum': {GONE}",
           "response_format.json_schema.schema", "invalid_json_schema",
           json={"model": "demo", "response_format": {
               "type": "json_schema", "json_schema": {"name": "sum", "schema": BAD_SCHEMA}}}),
    Broken("STORES_TWICE", "POST", "/v1/threads",
           "'vector_store_ids' and 'vector_stores' are mutually exclusive: give one of them.",
           "tool_resources.file_search", "invalid_value",
           json={"tool_resources": {"file_search": {
               "vector_store_ids": ["<vector_store_id>"], "vector_stores": [{}]}}}),
    Broken("TOOL_NOT_THERE", "POST", "/v1/threads/<free_thread_id>/runs",
           "Invalid 'tool_choice': the run has no tool 'code_interpreter'.", "tool_choice",
           "invalid_value",
           json={"assistant_id": "<assistant_id>", "tool_choice": {"type": "code_interpreter"}}),
    Broken("MESSAGE_DURING_RUN", "POST", "/v1/threads/<thread_id>/messages",
           "Can't add messages to <thread_id> while a run <run_id> is active.",
           json={"role": "user", "content": "And now?"}),
    Broken("RUN_ACTIVE", "POST", "/v1/threads/<thread_id>/runs",
           "Thread <thread_id> already has an active run <run_id>.",
           json={"assistant_id": "<assistant_id>"}),
    Broken("RUN_NOT_TO_UPDATE", "POST", "/v1/threads/<thread_id>/runs/<run_id>",
           "Cannot update run with status 'requires_action'.", json={}),
    Broken("RUN_NOT_TO_CANCEL", "POST", "/v1/threads/<free_thread_id>/runs/<ended_run_id>/cancel",
           "Cannot cancel run with status 'cancelled'."),
    Broken("RUN_WANTS_NO_OUTPUTS", "POST",
           "/v1/threads/<free_thread_id>/runs/<ended_run_id>/submit_tool_outputs",
           'Runs in status "cancelled" do not accept tool outputs.', json={"tool_outputs": []}),
    Broken("OTHER_CALLS", "POST", OUTPUTS,
           "Expected tool outputs for call_ids ['call_1'], got ['call_2']",
           json={"tool_outputs": [{"tool_call_id": "call_2", "output": "4"}]}),
    Broken("OUTPUTS_TOO_LARGE", "POST", OUTPUTS,
           "'tool_outputs' too large: the combined tool outputs must be less than 512kb.",
           "tool_outputs", "invalid_value",
           json={"tool_outputs": [{"tool_call_id": "call_1", "output": "x" * 512 * 1024}]}),
    Broken("PURPOSE", "POST", "/v1/files",
           "'fun' is not one of ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', "
           "'evals'] - 'purpose'", "purpose",
           more={"data": {"purpose": "fun"}, "files": {"file": ("a.txt", b"1")}}),
    Broken("NOT_SEARCHED", "POST", "/v1/threads/<free_thread_id>/messages",
           "Files with extensions [.csv] are not supported for retrieval. See "
           "https://platform.openai.com/docs/assistants/tools/file-search/supported-files",
           "file_ids", "unsupported_file",
           json={"role": "user", "content": "a", "attachments": [
               {"file_id": "<csv_id>", "tools": [{"type": "file_search"}]}]}),
    Broken("STORE_EXPIRED", "POST", "/v1/vector_stores/<expired_store_id>/files",
           "Vector store '<expired_store_id>' has expired. It can be used again once its "
           "'expires_after' is changed.", json={"file_id": "<file_id>"}),
    Broken("FILES_TWICE", "POST", "/v1/vector_stores/<vector_store_id>/file_batches",
           "Invalid 'files': it cannot be given together with 'file_ids'.", "files",
           "invalid_value",
           json={"file_ids": ["<file_id>"], "files": [{"file_id": "<file_id>"}]}),
    Broken("TOO_MANY_CONDITIONS", "POST", "/v1/vector_stores/<vector_store_id>/search",
           "Invalid 'filters': too many conditions. Expected at most 100, those within others "
           "included, but got 102 instead.", "filters", "invalid_value",
           json={"query": "a", "filters": {"type": "and", "filters": [
               {"type": "or", "filters": [{"type": "eq", "key": "a", "value": 1}] * 50},
               {"type": "or", "filters": [{"type": "eq", "key": "a", "value": 1}] * 50}]}}),
]  # fmt: skip

ELSEWHERE = {
    "NOT_HTTP": "tests/playground/test_protocol.py",
    "MALFORMED": "tests/api/test_addresses.py",
    "NOT_FOR_CODE": "tests/api/test_strict_files.py",
    "NOT_AN_IMAGE": "tests/api/test_strict_files.py",
    "NOT_HANDED_OUT": "tests/api/test_strict_files.py",
    "WRONG_VALUE": "tests/params/test_refusals.py",
    "TOO_MANY_REQUESTS": "tests/api/test_rate_limit.py",
    "UNAVAILABLE": "tests/api/test_addresses.py",
    "UNEXPECTED": "tests/api/test_addresses.py",
    "BODY_TOO_LARGE": "tests/api/test_addresses.py",
    "FILE_TOO_LARGE": "tests/playground/views/test_files.py",
    "DISK_FULL": "tests/test_full_disk.py",
    "STORAGE_AWAY": "tests/test_object_storage.py",
    "ANSWER_NOT_LAST": "tests/playground/views/test_message_tools.py",
    "PROVIDER_KEY_AGAIN": "tests/operations/test_connections.py",
    "ID_NOT_USABLE": "tests/operations/test_imports.py",
    "ALREADY_HERE": "tests/engine/upstream/test_imports.py",
    "CONTENT_MISSING": "tests/engine/upstream/test_imports.py",
    "UPSTREAM_REFUSED": "tests/playground/views/test_upstreams.py",
    "UPSTREAM_FAILED": "tests/playground/views/test_upstreams.py",
    "NOTHING_TO_IMPORT": "tests/engine/upstream/test_imports.py",
    "ALIAS_LENGTH": "tests/operations/test_providers.py",
    "ALIAS_OF_DEMO": "tests/operations/test_providers.py",
    "KEY_NAME_LENGTH": "tests/playground/views/test_settings.py",
    "PROJECT_NAME_LENGTH": "tests/playground/views/test_projects.py",
    "FIRST_PROJECT": "tests/playground/views/test_projects.py",
    "LAST_OWNER": "tests/playground/views/test_members.py",
    "MEMBER_ALREADY": "tests/playground/views/test_members.py",
    "INVITATION_OVER": "tests/operations/test_members.py",
    "NOT_INVITED": "tests/playground/views/test_single_sign_on.py",
    "EMAIL_UNPROVEN": "tests/playground/views/test_single_sign_on.py",
    **dict.fromkeys(
        ("TOO_MANY_ATTEMPTS", "NOBODY_NAMED", "TOO_MANY_NAMED", "EXPIRY_PASSED", "COPY_TOO_LARGE"),
        "tests/operations/test_shares.py",
    ),
    "USERNAME_TAKEN": "tests/playground/views/test_members.py",
    "NO_SUCH_ACCOUNT": "tests/playground/views/test_shares.py",
    "SHARE_OVER": "tests/playground/views/test_shares.py",
    "KEY_OVER": "tests/playground/views/test_settings.py",
    "KEY_SCOPE": "tests/playground/views/test_settings.py",
    "KEY_EXPIRY": "tests/management/test_api_key.py",
    "BUDGET_RANGE": "tests/playground/views/test_settings.py",
    "QUOTA": "tests/api/test_keys.py",
    "MISSING_SCOPE": "tests/api/test_keys.py",
}
"""Rules that no single request of the API breaks, and where they are broken."""


@pytest.fixture
def there(http: httpx2.Client, known: dict[str, str]) -> dict[str, str]:
    """What ``known`` has, and a run that has ended, a table and a store whose time is over."""
    form: Any = {"data": {"purpose": "assistants"}, "files": {"file": ("a.csv", b"1")}}
    csv_id = http.post("/v1/files", **form).json()["id"]
    store_id = http.post(STORES, json={"expires_after": {"anchor": "last_active_at", "days": 1}})
    expired_id = store_id.json()["id"]
    VectorStore.objects.filter(pk=expired_id).update(last_active_at=clock.now() - timedelta(days=9))
    runs = f"/v1/threads/{known['free_thread_id']}/runs"
    run_id = http.post(runs, json={"assistant_id": known["assistant_id"]}).json()["id"]
    http.post(f"{runs}/{run_id}/cancel")
    return known | {"csv_id": csv_id, "expired_store_id": expired_id, "ended_run_id": run_id}


def filled(value: Any, there: dict[str, str]) -> Any:
    """The value with ids in the place of their names."""
    if isinstance(value, str):
        return re.sub(r"<(\w+)>", lambda name: there[name[1]], value)
    if isinstance(value, dict):
        return {name: filled(inner, there) for name, inner in value.items()}
    return [filled(inner, there) for inner in value] if isinstance(value, list) else value


def test_every_rule_is_broken_by_a_request(http: httpx2.Client, there: dict[str, str]) -> None:
    for broken in BROKEN:
        asked = {"json": filled(broken.json, there)} if broken.json is not None else {}
        response = http.request(broken.method, filled(broken.path, there), **asked, **broken.more)
        rule = RULES[broken.rule]
        assert (response.status_code, response.json()["error"]) == (
            broken.status,
            {
                "message": filled(broken.message, there),
                "type": "invalid_request_error",
                "param": broken.param,
                "code": broken.code,
            },
        ), broken.rule
        assert (rule.kind.status, rule.code) == (broken.status, broken.code), broken.rule
        assert "x-request-id" in response.headers


def test_no_rule_is_without_a_request() -> None:
    assert {broken.rule for broken in BROKEN}.isdisjoint(ELSEWHERE)
    assert {broken.rule for broken in BROKEN} | ELSEWHERE.keys() == RULES.keys()
    for name, path in ELSEWHERE.items():
        words = max(re.split(r"{\w+}", RULES[name].message), key=len)[:30]
        assert words in Path(settings.BASE_DIR, path).read_text(), name


def test_refusals_are_made_by_the_table_alone() -> None:
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        imported = {
            name.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "assistants.errors"
            for name in node.names
        }
        made = [
            f"{path}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in imported & KINDS
        ]
        assert not made


def test_whoever_raises_a_refusal_fills_it_in() -> None:
    """Not one name too few, and none that the texts do not have."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            rule = RULES.get(node.func.attr)
            if rule and getattr(node.func.value, "id", "") == "refusals":
                texts = f"{rule.message} {rule.param}"
                told = {keyword.arg for keyword in node.keywords}
                assert told == set(re.findall(r"{(\w+)", texts)), f"{path}:{node.lineno}"
