"""What request bodies accept, and what they make of it."""

from datetime import timedelta
from typing import Any

import pytest

from assistants.errors import Invalid
from assistants.params import (
    AssistantCreate,
    AssistantUpdate,
    FileListParams,
    FileUpload,
    ListParams,
    MessageCreate,
    RunCreate,
    validate,
)


def test_a_field_that_is_not_named_is_not_given() -> None:
    assert validate(AssistantUpdate, {"name": None}).given() == {"name": None}
    assert validate(AssistantUpdate, {}).given() == {}


def test_a_function_without_parameters_gets_an_empty_object() -> None:
    tools = [{"type": "function", "function": {"name": "now"}}]
    made = validate(AssistantCreate, {"model": "demo", "tools": tools})
    assert made.model_dump()["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "now",
                "parameters": {"type": "object", "properties": {}},
                "strict": False,
            },
        }
    ]


PLAIN_RANKING = {
    "ranker": "default_2024_08_21",
    "score_threshold": 0.0,
    "hybrid_search": None,
}
"""What recordings show of file search without options."""


@pytest.mark.parametrize(
    "given, shown",
    [
        ({}, {"ranking_options": PLAIN_RANKING}),
        ({"file_search": {}}, {"ranking_options": PLAIN_RANKING}),
        (
            {"file_search": {"max_num_results": 50}},
            {"max_num_results": 50, "ranking_options": PLAIN_RANKING},
        ),
        (
            {"file_search": {"ranking_options": {"score_threshold": 1}}},
            {"ranking_options": {**PLAIN_RANKING, "score_threshold": 1.0}},
        ),
        (
            {"file_search": {"ranking_options": {**PLAIN_RANKING, "ranker": "auto"}}},
            {"ranking_options": {**PLAIN_RANKING, "ranker": "auto"}},
        ),
    ],
)
@pytest.mark.parametrize("model", [AssistantCreate, AssistantUpdate])
def test_file_search_shows_its_options_as_recordings_do(
    model: type[AssistantCreate], given: dict[str, Any], shown: dict[str, Any]
) -> None:
    made = validate(model, {"model": "demo", "tools": [{"type": "file_search", **given}]})

    dumped = made.model_dump(mode="json", exclude_unset=True)

    assert dumped["tools"] == [{"type": "file_search", "file_search": shown}]


@pytest.mark.parametrize("temperature", [0, 1, 2, 0.7])
def test_whole_numbers_are_decimals_too(temperature: float) -> None:
    made = validate(AssistantCreate, {"model": "demo", "temperature": temperature})
    assert made.temperature == temperature


@pytest.mark.parametrize(
    "response_format",
    [
        "auto",
        {"type": "text"},
        {"type": "json_object"},
        {
            "type": "json_schema",
            "json_schema": {
                "name": "n",
                "schema": {"type": "object", "additionalProperties": False},
                "strict": True,
            },
        },
    ],
)
def test_response_formats_come_back_as_they_were(response_format: Any) -> None:
    body = {"model": "demo", "response_format": response_format}
    made = validate(AssistantCreate, body).model_dump(by_alias=True)
    assert made["response_format"] == response_format


@pytest.mark.parametrize(
    "tool_choice",
    [
        "none",
        "auto",
        "required",
        {"type": "code_interpreter"},
        {"type": "function", "function": {"name": "now"}},
    ],
)
def test_tool_choices_come_back_as_they_were(tool_choice: Any) -> None:
    body = {"assistant_id": "asst_1", "tool_choice": tool_choice}
    assert validate(RunCreate, body).model_dump()["tool_choice"] == tool_choice


def test_every_kind_of_part_is_taken() -> None:
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_file", "image_file": {"file_id": "file-1"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
    ]
    made = validate(MessageCreate, {"role": "user", "content": parts}).model_dump()
    assert [part["type"] for part in made["content"]] == ["text", "image_file", "image_url"]
    assert made["content"][1]["image_file"]["detail"] == "auto"


def test_lists_have_their_defaults_and_take_no_notice_of_other_parameters() -> None:
    asked = validate(ListParams, {"api-version": "2024-05-01-preview"})
    assert (asked.limit, asked.order, asked.after, asked.before) == (20, "desc", None, None)
    assert validate(ListParams, {"limit": "100"}).limit == 100
    assert validate(FileListParams, {}).limit == 10_000


def test_a_form_says_when_its_file_expires() -> None:
    form = {
        "purpose": "user_data",
        "expires_after[anchor]": "created_at",
        "expires_after[seconds]": "3600",
    }
    assert validate(FileUpload, form).expires_after() == timedelta(hours=1)
    assert validate(FileUpload, {"purpose": "vision"}).expires_after() is None


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "ftp://example.com/a"]
)
def test_an_image_is_on_the_web_or_in_the_message(url: str) -> None:
    part = {"type": "image_url", "image_url": {"url": url}}

    with pytest.raises(Invalid) as refused:
        validate(MessageCreate, {"role": "user", "content": [part]})

    assert refused.value.param == "content[0].image_url.url"
