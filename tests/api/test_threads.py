"""``/threads`` through the SDK."""

from typing import Any

import httpx2
import pytest
from openai import BadRequestError, NotFoundError, OpenAI

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


def test_a_thread_begins_empty(client: OpenAI) -> None:
    made = client.beta.threads.create()
    assert made.to_dict() == {
        "id": made.id,
        "object": "thread",
        "created_at": made.created_at,
        "metadata": {},
        "tool_resources": {},
    }
    assert client.beta.threads.messages.list(made.id).data == []


def test_a_thread_may_begin_with_messages(client: OpenAI) -> None:
    messages: Any = [
        {"role": "user", "content": "What is 2 + 2?", "metadata": {"n": "1"}},
        {"role": "assistant", "content": "4"},
        {"role": "user", "content": [{"type": "text", "text": "And 3 + 3?"}]},
    ]
    made = client.beta.threads.create(messages=messages, metadata={"topic": "sums"})
    found = client.beta.threads.messages.list(made.id, order="asc").data
    assert [message.role for message in found] == ["user", "assistant", "user"]
    assert [part.to_dict() for part in found[2].content] == [
        {"type": "text", "text": {"value": "And 3 + 3?", "annotations": []}}
    ]
    assert found[0].metadata == {"n": "1"}
    assert made.metadata == {"topic": "sums"}


def test_a_bad_message_means_no_thread(client: OpenAI, http: httpx2.Client) -> None:
    messages: Any = [{"role": "user", "content": "hi"}, {"role": "user", "content": []}]
    with pytest.raises(BadRequestError) as caught:
        client.beta.threads.create(messages=messages)
    assert caught.value.param == "messages[1].content"


def test_files_of_a_thread_are_its_tool_resources(client: OpenAI) -> None:
    file = client.files.create(file=b"1", purpose="assistants")
    made = client.beta.threads.create(tool_resources={"code_interpreter": {"file_ids": [file.id]}})
    assert made.to_dict()["tool_resources"] == {"code_interpreter": {"file_ids": [file.id]}}
    changed = client.beta.threads.update(
        made.id, tool_resources={"code_interpreter": {"file_ids": []}}
    )
    assert changed.to_dict()["tool_resources"] == {"code_interpreter": {"file_ids": []}}


def test_metadata_is_replaced_as_a_whole(client: OpenAI) -> None:
    made = client.beta.threads.create(metadata={"a": "1", "b": "2"})
    assert client.beta.threads.update(made.id, metadata={"c": "3"}).metadata == {"c": "3"}
    assert client.beta.threads.update(made.id).metadata == {"c": "3"}
    assert client.beta.threads.update(made.id, metadata=None).metadata == {}
    assert client.beta.threads.retrieve(made.id).metadata == {}


def test_a_deleted_thread_is_gone_with_its_messages(client: OpenAI) -> None:
    made = client.beta.threads.create(messages=[{"role": "user", "content": "hi"}])
    deleted = client.beta.threads.delete(made.id)
    assert deleted.to_dict() == {"id": made.id, "object": "thread.deleted", "deleted": True}
    with pytest.raises(NotFoundError, match=f"No thread found with id '{made.id}'"):
        client.beta.threads.retrieve(made.id)
    with pytest.raises(NotFoundError):
        client.beta.threads.messages.list(made.id)


def test_threads_cannot_be_listed(http: httpx2.Client) -> None:
    assert http.get("/v1/threads").status_code == 405
