"""``/assistants`` through the SDK."""

from openai import OpenAI


def test_defaults_are_spelled_out(client: OpenAI) -> None:
    made = client.beta.assistants.create(model="demo")
    assert made.id.startswith("asst_")
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
