"""Files that the service refused, or did not hand out: so here only with STRICT_FILES."""

from typing import Any

import httpx2
import pytest
from pytest_django import Settings

HEADER = {"OpenAI-Beta": "assistants=v1"}
CODE = {"type": "code_interpreter"}
NO_IMAGE = (
    "Invalid message content: Expected file type to be a supported format: "
    ".jpeg, .jpg, .png, .gif, .webp but got .txt."
)


@pytest.fixture
def strict(settings: Settings) -> None:
    settings.STRICT_FILES = True


def upload(http: httpx2.Client, name: str, purpose: str = "assistants") -> str:
    form: Any = {"data": {"purpose": purpose}, "files": {"file": (name, b"1")}}
    file_id: str = http.post("/v1/files", **form).json()["id"]
    return file_id


def refused(response: httpx2.Response, message: str) -> None:
    assert response.status_code == 400, response.text
    expected = {"type": "invalid_request_error", "param": None, "code": None}
    error = response.json()["error"]
    assert error == {**expected, "message": error["message"]}
    assert error["message"].startswith(message)


@pytest.mark.parametrize("purpose", ["assistants", "user_data"])
def test_what_was_uploaded_for_assistants_is_not_handed_out(
    http: httpx2.Client, strict: None, purpose: str
) -> None:
    file_id = upload(http, "a.txt", purpose)
    response = http.get(f"/v1/files/{file_id}/content")
    refused(response, f"Not allowed to download files of purpose: {purpose}")
    azure = http.get(
        f"/openai/files/{file_id}/content", params={"api-version": "2024-05-01-preview"}
    )
    assert azure.content == b"1"


@pytest.mark.parametrize("purpose", ["batch", "fine-tune", "vision"])
def test_other_files_are_handed_out_all_the_same(
    http: httpx2.Client, strict: None, purpose: str
) -> None:
    assert http.get(f"/v1/files/{upload(http, 'a.txt', purpose)}/content").content == b"1"


def giving(http: httpx2.Client, file_id: str) -> list[httpx2.Response]:
    """The answers to all ways of giving a file to the code interpreter."""
    resources = {"tool_resources": {"code_interpreter": {"file_ids": [file_id]}}}
    attachment = {"file_id": file_id, "tools": [CODE]}
    message = {"role": "user", "content": "Hi", "attachments": [attachment]}
    old_message = {"role": "user", "content": "Hi", "file_ids": [file_id]}
    assistant = http.post("/v1/assistants", json={"model": "demo"}).json()["id"]
    old = http.post("/v1/assistants", json={"model": "demo"}, headers=HEADER).json()["id"]
    thread = http.post("/v1/threads").json()["id"]
    run = {"assistant_id": assistant}
    return [
        http.post("/v1/assistants", json={"model": "demo", **resources}),
        http.post(f"/v1/assistants/{assistant}", json=resources),
        http.post("/v1/assistants", json={"model": "demo", "file_ids": [file_id]}, headers=HEADER),
        http.post(f"/v1/assistants/{old}/files", json={"file_id": file_id}, headers=HEADER),
        http.post("/v1/threads", json=resources),
        http.post("/v1/threads", json={"messages": [message]}),
        http.post(f"/v1/threads/{thread}", json=resources),
        http.post(f"/v1/threads/{thread}/messages", json=message),
        http.post(f"/v1/threads/{thread}/messages", json=old_message, headers=HEADER),
        http.post("/v1/threads/runs", json={**run, **resources}),
        http.post("/v1/threads/runs", json={**run, "thread": {"messages": [message]}}),
        http.post(f"/v1/threads/{thread}/runs", json={**run, "additional_messages": [message]}),
    ]


@pytest.mark.parametrize("name, extension", [("a.vb", "vb"), ("A.EXE", "exe"), ("README", "none")])
def test_the_code_interpreter_takes_the_types_of_the_documentation_only(
    http: httpx2.Client, strict: None, name: str, extension: str
) -> None:
    for response in giving(http, upload(http, name)):
        refused(response, f'Invalid extension {extension}. Supported formats: "c", "cpp", "cs", ')


@pytest.mark.parametrize("name", ["a.csv", "A.PNG", "a.py", "a.pkl", "a.xlsx", "a.tar.zip", "a.go"])
def test_what_the_documentation_names_is_taken(
    http: httpx2.Client, strict: None, name: str
) -> None:
    assert [response.status_code for response in giving(http, upload(http, name))] == [200] * 12


def test_an_image_in_a_message_is_one_that_models_see(http: httpx2.Client, strict: None) -> None:
    path = f"/v1/threads/{http.post('/v1/threads').json()['id']}/messages"

    def message(name: str) -> dict[str, Any]:
        image = {"type": "image_file", "image_file": {"file_id": upload(http, name, "vision")}}
        return {"role": "user", "content": [image]}

    refused(http.post(path, json=message("a.txt")), NO_IMAGE)
    refused(http.post("/v1/threads", json={"messages": [message("a.txt")]}), NO_IMAGE)
    for name in ("a.png", "a.JPG", "a.webp"):
        assert http.post(path, json=message(name)).status_code == 200


def test_what_an_assistant_has_already_stays(http: httpx2.Client, settings: Settings) -> None:
    resources = {"code_interpreter": {"file_ids": [upload(http, "a.vb")]}}
    body = {"model": "demo", "tools": [CODE], "tool_resources": resources}
    made = http.post("/v1/assistants", json=body).json()
    settings.STRICT_FILES = True
    path = f"/v1/assistants/{made['id']}"
    assert http.post(path, json={"name": "Ada"}).status_code == 200
    assert http.post(path, json={"tool_resources": resources}).status_code == 200


def test_nothing_of_it_is_refused_unless_it_is_set(http: httpx2.Client) -> None:
    file_id = upload(http, "a.vb")
    assert [response.status_code for response in giving(http, file_id)] == [200] * 12
    assert http.get(f"/v1/files/{file_id}/content").content == b"1"
