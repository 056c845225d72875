"""``/assistants`` through the SDK."""

from typing import Any

import pytest
from openai import AzureOpenAI, BadRequestError, NotFoundError, OpenAI

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

FUNCTION: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


def test_defaults_are_spelled_out(client: OpenAI) -> None:
    made = client.beta.assistants.create(model="demo")
    assert made.to_dict() == {
        "id": made.id,
        "object": "assistant",
        "created_at": made.created_at,
        "name": None,
        "description": None,
        "model": "demo",
        "instructions": None,
        "tools": [],
        "tool_resources": {},
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "response_format": "auto",
        "reasoning_effort": None,
    }
    prefix, rest = made.id[:5], made.id[5:]
    assert (prefix, len(rest), rest.isalnum()) == ("asst_", 24, True)


def test_what_was_given_comes_back(client: OpenAI) -> None:
    file = client.files.create(file=("a.csv", b"x,y\n1,2\n"), purpose="assistants")
    given: Any = {
        "model": "demo",
        "name": "Ada 你好",
        "description": "Counts.",
        "instructions": "Count.\nSlowly.",
        "tools": [{"type": "code_interpreter"}, FUNCTION],
        "tool_resources": {"code_interpreter": {"file_ids": [file.id]}},
        "metadata": {"team": "red"},
        "temperature": 0.5,
        "top_p": 0.25,
        "response_format": {"type": "json_object"},
        "reasoning_effort": "low",
    }
    made = client.beta.assistants.create(**given)
    assert {name: made.to_dict()[name] for name in given} == given
    assert client.beta.assistants.retrieve(made.id) == made


def test_a_code_interpreter_has_a_list_of_files_from_the_start(client: OpenAI) -> None:
    made = client.beta.assistants.create(model="demo", tools=[{"type": "code_interpreter"}])
    assert made.to_dict()["tool_resources"] == {"code_interpreter": {"file_ids": []}}


def test_only_named_fields_change_and_null_clears(client: OpenAI) -> None:
    made = client.beta.assistants.create(
        model="demo", name="Ada", description="d", temperature=0.5, metadata={"a": "1", "b": "2"}
    )
    changed = client.beta.assistants.update(
        made.id, name=None, temperature=None, metadata={"c": "3"}
    )
    assert changed.name is None
    assert changed.temperature == 1.0
    assert changed.metadata == {"c": "3"}
    assert changed.description == "d"
    assert client.beta.assistants.update(made.id) == changed


def test_a_deleted_assistant_is_gone(client: OpenAI) -> None:
    made = client.beta.assistants.create(model="demo")
    deleted = client.beta.assistants.delete(made.id)
    assert deleted.to_dict() == {"id": made.id, "object": "assistant.deleted", "deleted": True}
    with pytest.raises(NotFoundError) as caught:
        client.beta.assistants.retrieve(made.id)
    assert caught.value.body == {
        "message": f"No assistant found with id '{made.id}'.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }


def test_an_id_of_another_kind_is_told_what_it_should_begin_with(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.beta.assistants.retrieve("thread_1")
    assert caught.value.body == {
        "message": "Invalid 'assistant_id': 'thread_1'. Expected an ID that begins with 'asst'.",
        "type": "invalid_request_error",
        "param": "assistant_id",
        "code": "invalid_value",
    }


def test_a_model_must_exist(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.beta.assistants.create(model="no-such-model")
    assert caught.value.body == {
        "message": "The requested model 'no-such-model' does not exist.",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }


def test_a_file_must_exist(client: OpenAI) -> None:
    with pytest.raises(NotFoundError, match="No such File object: file-1"):
        client.beta.assistants.create(
            model="demo", tool_resources={"code_interpreter": {"file_ids": ["file-1"]}}
        )


def test_azures_assistants_have_file_ids(azure: AzureOpenAI) -> None:
    made = azure.beta.assistants.create(model="gpt-4-1106-preview")
    assert made.to_dict()["file_ids"] == []
    assert azure.beta.assistants.list().data[0].to_dict()["file_ids"] == []
    assert made.model == "gpt-4-1106-preview"
