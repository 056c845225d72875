"""What pydantic finds in a request, in the service's own words: clients match on these texts."""

from typing import Any, NamedTuple

import pytest

from assistants.errors import Invalid
from assistants.params import (
    AssistantCreate,
    FileUpload,
    ListParams,
    MessageCreate,
    Params,
    RunCreate,
    StepListParams,
    ThreadCreate,
    ToolOutputsSubmit,
    validate,
)


def assistant(**fields: Any) -> dict[str, Any]:
    return {"model": "demo", **fields}


def message(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def run(**fields: Any) -> dict[str, Any]:
    return {"assistant_id": "asst_1", **fields}


def function(**fields: Any) -> dict[str, Any]:
    return assistant(tools=[{"type": "function", "function": fields}])


def file_search(**options: Any) -> dict[str, Any]:
    return assistant(tools=[{"type": "file_search", "file_search": options}])


class Case(NamedTuple):
    body: type[Params]
    given: Any
    param: str | None
    code: str
    text: str


REFUSALS = [
    Case(AssistantCreate, {}, "model", "missing_required_parameter",
     "Missing required parameter: 'model'."),
    Case(AssistantCreate, [], None, "invalid_type",
     "Invalid type for the request body: expected an object, but got an array instead."),
    Case(AssistantCreate, assistant(color="red"), "color", "unknown_parameter",
     "Unknown parameter: 'color'."),
    Case(AssistantCreate, {"model": 1}, "model", "invalid_type",
     "Invalid type for 'model': expected a string, but got an integer instead."),
    Case(AssistantCreate, {"model": "\ud800"}, "model", "invalid_value",
     "Invalid value for 'model': Input should be a valid string, unable to parse raw data as a "
     "unicode string."),
    Case(AssistantCreate, {"model": None}, "model", "invalid_type",
     "Invalid type for 'model': expected a string, but got null instead."),
    Case(AssistantCreate, {"model": ""}, "model", "empty_string",
     "Invalid 'model': empty string. Expected a string with minimum length 1, but got an empty "
     "string instead."),
    Case(AssistantCreate, assistant(name="x" * 257), "name", "string_above_max_length",
     "Invalid 'name': string too long. Expected a string with maximum length 256, but got a string "
     "with length 257 instead."),
    Case(AssistantCreate, assistant(description="x" * 513), "description",
     "string_above_max_length",
     "Invalid 'description': string too long. Expected a string with maximum length 512, but got a "
     "string with length 513 instead."),
    Case(AssistantCreate, assistant(instructions="x" * 256_001), "instructions",
     "string_above_max_length",
     "Invalid 'instructions': string too long. Expected a string with maximum length 256000, but "
     "got a string with length 256001 instead."),
    Case(AssistantCreate, assistant(temperature=3), "temperature", "decimal_above_max_value",
     "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 "
     "instead."),
    Case(AssistantCreate, assistant(temperature=-0.5), "temperature", "decimal_below_min_value",
     "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -0.5 "
     "instead."),
    Case(AssistantCreate, assistant(temperature="warm"), "temperature", "invalid_type",
     "Invalid type for 'temperature': expected a decimal, but got a string instead."),
    Case(AssistantCreate, assistant(temperature=True), "temperature", "invalid_type",
     "Invalid type for 'temperature': expected a decimal, but got a boolean instead."),
    Case(AssistantCreate, assistant(top_p=1.01), "top_p", "decimal_above_max_value",
     "Invalid 'top_p': decimal above maximum value. Expected a value <= 1, but got 1.01 instead."),
    Case(AssistantCreate, assistant(tools="all"), "tools", "invalid_type",
     "Invalid type for 'tools': expected an array, but got a string instead."),
    Case(AssistantCreate, assistant(tools=["all"]), "tools[0]", "invalid_type",
     "Invalid type for 'tools[0]': expected an object, but got a string instead."),
    Case(AssistantCreate, assistant(tools=[{}]), "tools[0].type", "missing_required_parameter",
     "Missing required parameter: 'tools[0].type'."),
    Case(AssistantCreate, assistant(tools=[{"type": 1}]), "tools[0].type", "invalid_type",
     "Invalid type for 'tools[0].type': expected a string, but got an integer instead."),
    Case(AssistantCreate, assistant(tools=[{"type": "browser"}]), "tools[0].type", "invalid_value",
     "Invalid value: 'browser'. Supported values are: 'code_interpreter', 'file_search', and "
     "'function'."),
    Case(AssistantCreate, file_search(max_num_results=0), "tools[0].file_search.max_num_results",
     "integer_below_min_value",
     "Invalid 'tools[0].file_search.max_num_results': integer below minimum value. Expected a "
     "value >= 1, but got 0 instead."),
    Case(AssistantCreate, file_search(max_num_results=51), "tools[0].file_search.max_num_results",
     "integer_above_max_value",
     "Invalid 'tools[0].file_search.max_num_results': integer above maximum value. Expected a "
     "value <= 50, but got 51 instead."),
    Case(AssistantCreate, file_search(ranking_options={"ranker": "auto"}),
     "tools[0].file_search.ranking_options.score_threshold", "missing_required_parameter",
     "Missing required parameter: 'tools[0].file_search.ranking_options.score_threshold'."),
    Case(AssistantCreate, file_search(ranking_options={"score_threshold": 1.5}),
     "tools[0].file_search.ranking_options.score_threshold", "decimal_above_max_value",
     "Invalid 'tools[0].file_search.ranking_options.score_threshold': decimal above maximum value. "
     "Expected a value <= 1, but got 1.5 instead."),
    Case(RunCreate, run(tool_choice={"type": "retrieval"}), "tool_choice.type", "invalid_value",
     "Invalid value: 'retrieval'. Supported values are: 'function', 'code_interpreter', and "
     "'file_search'."),
    Case(AssistantCreate, assistant(tools=[{"type": "code_interpreter"}] * 129), "tools",
     "array_above_max_length",
     "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array "
     "with length 129 instead."),
    Case(AssistantCreate, function(), "tools[0].function.name", "missing_required_parameter",
     "Missing required parameter: 'tools[0].function.name'."),
    Case(AssistantCreate, function(name="a b"), "tools[0].function.name", "invalid_value",
     "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that "
     "matches the pattern '^[a-zA-Z0-9_-]{1,64}$'."),
    Case(AssistantCreate, function(name="add", returns={}), "tools[0].function.returns",
     "unknown_parameter", "Unknown parameter: 'tools[0].function.returns'."),
    Case(AssistantCreate, assistant(metadata=[]), "metadata", "invalid_type",
     "Invalid type for 'metadata': expected an object, but got an array instead."),
    Case(AssistantCreate, assistant(metadata={"a": 1}), "metadata.a", "invalid_type",
     "Invalid type for 'metadata.a': expected a string, but got an integer instead."),
    Case(AssistantCreate, assistant(metadata={"a": "x" * 513}), "metadata.a",
     "string_above_max_length",
     "Invalid 'metadata.a': string too long. Expected a string with maximum length 512, but got a "
     "string with length 513 instead."),
    Case(AssistantCreate, assistant(metadata={str(n): "" for n in range(17)}), "metadata",
     "object_above_max_properties",
     "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but "
     "got an object with 17 properties instead."),
    Case(AssistantCreate, assistant(reasoning_effort="some"), "reasoning_effort", "invalid_value",
     "Invalid value: 'some'. Supported values are: 'none', 'minimal', 'low', 'medium', 'high', "
     "'xhigh', and 'max'."),
    Case(AssistantCreate, assistant(response_format=1), "response_format", "invalid_type",
     "Invalid type for 'response_format': expected one of a string or object, but got an integer "
     "instead."),
    Case(AssistantCreate, assistant(response_format={"type": "xml"}), "response_format.type",
     "invalid_value",
     "Invalid value: 'xml'. Supported values are: 'text', 'json_object', and 'json_schema'."),
    Case(AssistantCreate, assistant(response_format={"type": "json_schema", "json_schema": {}}),
     "response_format.json_schema.name", "missing_required_parameter",
     "Missing required parameter: 'response_format.json_schema.name'."),
    Case(AssistantCreate,
     assistant(tool_resources={"code_interpreter": {"file_ids": [str(n) for n in range(21)]}}),
     "tool_resources.code_interpreter.file_ids", "array_above_max_length",
     "Invalid 'tool_resources.code_interpreter.file_ids': array too long. Expected an array with "
     "maximum length 20, but got an array with length 21 instead."),
    Case(MessageCreate, {"content": "hi"}, "role", "missing_required_parameter",
     "Missing required parameter: 'role'."),
    Case(MessageCreate, {"role": "system", "content": "hi"}, "role", "invalid_value",
     "Invalid value: 'system'. Supported values are: 'user' and 'assistant'."),
    Case(MessageCreate, message(7), "content", "invalid_type",
     "Invalid type for 'content': expected one of a string or array of objects, but got an integer "
     "instead."),
    Case(MessageCreate, message(None), "content", "invalid_type",
     "Invalid type for 'content': expected one of a string or array of objects, but got null "
     "instead."),
    Case(MessageCreate, message([]), "content", "empty_array",
     "Invalid 'content': empty array. Expected an array with minimum length 1, but got an empty "
     "array instead."),
    Case(MessageCreate, message("x" * 256_001), "content", "string_above_max_length",
     "Invalid 'content': string too long. Expected a string with maximum length 256000, but got a "
     "string with length 256001 instead."),
    Case(MessageCreate, message([{"type": "text", "text": {"value": "hi"}}]), "content[0].text",
     "invalid_type",
     "Invalid type for 'content[0].text': expected a string, but got an object instead."),
    Case(MessageCreate, message([{"type": "audio"}]), "content[0].type", "invalid_value",
     "Invalid value: 'audio'. Supported values are: 'text', 'image_file', and 'image_url'."),
    Case(MessageCreate,
     message([{"type": "image_file", "image_file": {"file_id": "file-1", "detail": "best"}}]),
     "content[0].image_file.detail", "invalid_value",
     "Invalid value: 'best'. Supported values are: 'auto', 'low', and 'high'."),
    Case(ThreadCreate, {"messages": [{**message("hi"), "id": "msg_1"}]}, "messages[0].id",
     "unknown_parameter", "Unknown parameter: 'messages[0].id'."),
    Case(RunCreate, {}, "assistant_id", "missing_required_parameter",
     "Missing required parameter: 'assistant_id'."),
    Case(RunCreate, run(stream="yes"), "stream", "invalid_type",
     "Invalid type for 'stream': expected a boolean, but got a string instead."),
    Case(RunCreate, run(max_prompt_tokens=255), "max_prompt_tokens", "integer_below_min_value",
     "Invalid 'max_prompt_tokens': integer below minimum value. Expected a value >= 256, but got "
     "255 instead."),
    Case(RunCreate, run(max_completion_tokens=300.5), "max_completion_tokens", "invalid_type",
     "Invalid type for 'max_completion_tokens': expected an integer, but got a decimal instead."),
    Case(RunCreate, run(max_prompt_tokens=2**31), "max_prompt_tokens", "integer_above_max_value",
     "Invalid 'max_prompt_tokens': integer above maximum value. Expected a value <= 2147483647, "
     "but got 2147483648 instead."),
    Case(RunCreate, run(truncation_strategy={"type": "last_messages", "last_messages": 0}),
     "truncation_strategy.last_messages", "integer_below_min_value",
     "Invalid 'truncation_strategy.last_messages': integer below minimum value. Expected a value "
     ">= 1, but got 0 instead."),
    Case(RunCreate, run(tool_choice="any"), "tool_choice", "invalid_value",
     "Invalid value: 'any'. Supported values are: 'none', 'auto', and 'required'."),
    Case(RunCreate, run(tool_choice={"type": "function"}), "tool_choice.function",
     "missing_required_parameter", "Missing required parameter: 'tool_choice.function'."),
    Case(ToolOutputsSubmit, {"tool_outputs": [{"output": "4"}]}, "tool_outputs[0].tool_call_id",
     "missing_required_parameter",
     "Missing required parameter: 'tool_outputs[0].tool_call_id'."),
    Case(ListParams, {"limit": "0"}, "limit", "integer_below_min_value",
     "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead."),
    Case(ListParams, {"limit": "101"}, "limit", "integer_above_max_value",
     "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead."),
    Case(ListParams, {"limit": "many"}, "limit", "invalid_type",
     "Invalid type for 'limit': expected an integer, but got a string instead."),
    Case(ListParams, {"order": "up"}, "order", "invalid_value",
     "Invalid value: 'up'. Supported values are: 'asc' and 'desc'."),
    Case(StepListParams, {"include[]": ["all"]}, "include[0]", "invalid_value",
     "Invalid value: 'all'. Supported value is: "
     "'step_details.tool_calls[*].file_search.results[*].content'."),
    Case(FileUpload, {"purpose": "assistants", "expires_after[seconds]": "60"},
     "expires_after[seconds]", "integer_below_min_value",
     "Invalid 'expires_after[seconds]': integer below minimum value. Expected a value >= 3600, but "
     "got 60 instead."),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: f"{case.body.__name__}-{case.param}")
def test_a_broken_rule_is_told_in_the_services_words(case: Case) -> None:
    with pytest.raises(Invalid) as caught:
        validate(case.body, case.given)
    assert caught.value.to_dict() == {
        "error": {
            "message": case.text,
            "type": "invalid_request_error",
            "param": case.param,
            "code": case.code,
        }
    }


def test_a_missing_name_explains_the_rest() -> None:
    with pytest.raises(Invalid, match="Missing required parameter: 'model'"):
        validate(AssistantCreate, {"temperature": 9, "modell": "demo"})


def test_half_an_expiry_lacks_the_other_half() -> None:
    upload = validate(FileUpload, {"purpose": "batch", "expires_after[anchor]": "created_at"})
    with pytest.raises(Invalid, match=r"Missing required parameter: 'expires_after\[seconds\]'\."):
        upload.expires_after()
