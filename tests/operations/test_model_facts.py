"""What the names of models tell of them."""

import pytest

from assistants.operations import model_facts
from assistants.operations.providers import ChatModel, Provider

PROVIDER = Provider("openai", "Desk", "http://127.0.0.1:1/v1", "sk-test")


def facts(name: str) -> tuple[bool, bool]:
    """Whether it is known to call tools, and to see images."""
    model = ChatModel(name, PROVIDER)
    return model_facts.calls_tools(model), model_facts.sees(model)


@pytest.mark.parametrize(
    "name, tools, images",
    [
        ("gpt-3.5-turbo", True, False),
        ("gpt-3.5-turbo-instruct", False, False),
        ("gpt-35-turbo-instruct", False, False),
        ("gpt-4-vision-preview", False, True),
        ("gpt-4-1106-vision-preview", False, True),
        ("gpt-4-turbo", True, True),
        ("gpt-4o", True, True),
        ("gpt-4o-mini", True, True),
        ("gpt-4o-2024-08-06", True, True),
        ("gpt-4o-audio-preview", True, False),
        ("gpt-4o-mini-audio-preview", True, False),
        ("gpt-4o-transcribe", False, False),
        ("gpt-4o-mini-tts", False, False),
        ("gpt-4o-realtime-preview", False, False),
        ("anthropic/claude-2.1", False, False),
        ("claude-instant-1", False, False),
        ("claude-3-5-sonnet-latest", True, True),
        ("claude-sonnet-4", True, True),
    ],
)
def test_what_a_name_tells(name: str, tools: bool, images: bool) -> None:
    assert facts(name) == (tools, images)
