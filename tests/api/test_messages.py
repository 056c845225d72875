"""``/threads/{thread_id}/messages`` through the SDK."""

from typing import Any

import pytest
from openai import AzureOpenAI, BadRequestError, NotFoundError, OpenAI
from openai.types.beta import Thread

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


@pytest.fixture
def thread(client: OpenAI) -> Thread:
    return client.beta.threads.create()


def test_a_message_of_a_person(client: OpenAI, thread: Thread) -> None:
    made = client.beta.threads.messages.create(thread.id, role="user", content="Hello 🌍")
    assert made.to_dict() == {
        "id": made.id,
        "object": "thread.message",
        "created_at": made.created_at,
        "thread_id": thread.id,
        "status": "completed",
        "incomplete_details": None,
        "completed_at": made.completed_at,
        "incomplete_at": None,
        "role": "user",
        "content": [{"type": "text", "text": {"value": "Hello 🌍", "annotations": []}}],
        "assistant_id": None,
        "run_id": None,
        "attachments": [],
        "metadata": {},
    }
    assert made.completed_at == made.created_at
    assert client.beta.threads.messages.retrieve(made.id, thread_id=thread.id) == made


def test_parts_keep_their_order(client: OpenAI, thread: Thread) -> None:
    file = client.files.create(file=("a.png", b"\x89PNG"), purpose="vision")
    parts: Any = [
        {"type": "image_file", "image_file": {"file_id": file.id, "detail": "low"}},
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/b.png"}},
    ]
    made = client.beta.threads.messages.create(thread.id, role="user", content=parts)
    assert [part.to_dict() for part in made.content] == [
        {"type": "image_file", "image_file": {"file_id": file.id, "detail": "low"}},
        {"type": "text", "text": {"value": "What is this?", "annotations": []}},
        {"type": "image_url", "image_url": {"url": "https://example.com/b.png", "detail": "auto"}},
    ]


def test_a_message_may_have_an_empty_text(client: OpenAI, thread: Thread) -> None:
    made = client.beta.threads.messages.create(thread.id, role="user", content="")
    text = {"type": "text", "text": {"value": "", "annotations": []}}
    assert made.to_dict()["content"] == [text]


def test_an_attachment_for_code_becomes_a_file_of_the_thread(
    client: OpenAI, thread: Thread
) -> None:
    file = client.files.create(file=("a.csv", b"x\n1\n"), purpose="assistants")
    attachments: Any = [{"file_id": file.id, "tools": [{"type": "code_interpreter"}]}]
    made = client.beta.threads.messages.create(
        thread.id, role="user", content="Plot it.", attachments=attachments
    )
    assert made.to_dict()["attachments"] == attachments
    found = client.beta.threads.retrieve(thread.id).to_dict()
    assert found["tool_resources"] == {"code_interpreter": {"file_ids": [file.id]}}


def test_a_file_that_a_message_names_must_exist(client: OpenAI, thread: Thread) -> None:
    parts: Any = [{"type": "image_file", "image_file": {"file_id": "file-1"}}]
    with pytest.raises(NotFoundError) as caught:
        client.beta.threads.messages.create(thread.id, role="user", content=parts)
    assert caught.value.body == {
        "message": "No such File object: file-1",
        "type": "invalid_request_error",
        "param": "id",
        "code": None,
    }
    assert client.beta.threads.messages.list(thread.id).data == []


def test_only_metadata_can_change(client: OpenAI, thread: Thread) -> None:
    made = client.beta.threads.messages.create(
        thread.id, role="user", content="hi", metadata={"a": "1"}
    )
    changed = client.beta.threads.messages.update(made.id, thread_id=thread.id, metadata={"b": "2"})
    assert changed.metadata == {"b": "2"}
    with pytest.raises(BadRequestError, match="Unknown parameter: 'content'"):
        client.beta.threads.messages.update(
            made.id, thread_id=thread.id, extra_body={"content": "ho"}
        )


def test_a_deleted_message_leaves_the_thread(client: OpenAI, thread: Thread) -> None:
    made = client.beta.threads.messages.create(thread.id, role="user", content="hi")
    deleted = client.beta.threads.messages.delete(made.id, thread_id=thread.id)
    assert deleted.to_dict() == {
        "id": made.id,
        "object": "thread.message.deleted",
        "deleted": True,
    }
    with pytest.raises(NotFoundError, match=f"No message found with id '{made.id}'"):
        client.beta.threads.messages.retrieve(made.id, thread_id=thread.id)


def test_a_message_is_found_in_its_own_thread_only(client: OpenAI, thread: Thread) -> None:
    made = client.beta.threads.messages.create(thread.id, role="user", content="hi")
    other = client.beta.threads.create()
    with pytest.raises(NotFoundError):
        client.beta.threads.messages.retrieve(made.id, thread_id=other.id)


def test_azures_messages_have_file_ids(azure: AzureOpenAI) -> None:
    thread = azure.beta.threads.create()
    made = azure.beta.threads.messages.create(thread.id, role="user", content="hi")
    assert made.to_dict()["file_ids"] == []
    assert azure.beta.threads.messages.list(thread.id).data[0].to_dict()["file_ids"] == []
    assert "file_ids" not in thread.to_dict()
