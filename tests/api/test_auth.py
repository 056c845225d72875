"""Keys: who is let in, where to, and what everybody else is told."""

import httpx2
import pytest
from openai import AuthenticationError, AzureOpenAI, OpenAI
from pytest_django import Settings

from assistants.api.auth import masked
from assistants.models import ApiKey, Project
from assistants.operations import projects

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


def get(address: str, path: str = "/v1/models", **headers: str) -> httpx2.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.get(f"{address}{path}", headers=given)


def test_both_kinds_of_header_are_taken_at_every_address(address: str, secret: str) -> None:
    for path in ("/v1/models", "/openai/v1/models", "/openai/models?api-version=x"):
        assert get(address, path, Authorization=f"Bearer {secret}").status_code == 200
        assert get(address, path, Authorization=f"bearer {secret}").status_code == 200
        assert get(address, path, api_key=secret).status_code == 200


def test_a_wrong_key_is_told_masked(client: OpenAI) -> None:
    wrong = "sk-not-a-key-of-this-server-1234"
    with pytest.raises(AuthenticationError) as caught:
        client.with_options(api_key=wrong).models.list()
    assert caught.value.code == "invalid_api_key"
    assert caught.value.type == "invalid_request_error"
    assert caught.value.param is None
    assert "Incorrect API key provided: sk-not-*********************1234." in str(caught.value)
    assert wrong not in str(caught.value)


def test_azure_refuses_a_key_in_its_own_words(azure: AzureOpenAI) -> None:
    with pytest.raises(AuthenticationError) as caught:
        azure.with_options(api_key="wrong").beta.assistants.list()
    assert caught.value.body == {
        "code": "401",
        "message": "Access denied due to invalid subscription key or wrong API endpoint. Make sure "
        "to provide a valid key for an active subscription and use a correct regional API endpoint "
        "for your resource.",
    }


@pytest.mark.parametrize("authorization", ["", "Bearer", "Basic c2stYTo="])
def test_no_key_is_told_where_to_put_one(address: str, secret: str, authorization: str) -> None:
    response = get(address, Authorization=authorization)
    assert response.status_code == 401
    found = response.json()["error"]
    assert found["message"].startswith("You didn't provide an API key.")
    assert found["code"] == "invalid_api_key"


def test_a_short_key_is_masked_whole() -> None:
    assert masked("secret") == "******"
    assert masked("x" * 500) == "xxxxxxx" + "*" * 40 + "xxxx"


def test_a_revoked_key_opens_nothing(client: OpenAI, secret: str) -> None:
    client.models.list()
    key = ApiKey.objects.of_secret(secret)
    assert key is not None
    projects.revoke_api_key(key)
    with pytest.raises(AuthenticationError):
        client.models.list()


def test_a_key_remembers_that_it_was_used(client: OpenAI, secret: str) -> None:
    client.models.list()
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    client.models.list()
    assert ApiKey.objects.get().last_used_at == first


def test_the_key_of_the_environment_opens_the_first_project(
    address: str, project: Project, settings: Settings
) -> None:
    Project.objects.create(name="another")
    settings.PLAYGROUND_API_KEY = "sk-of-the-environment"
    with OpenAI(base_url=f"{address}/v1", api_key="sk-of-the-environment") as client:
        made = client.beta.assistants.create(model="demo")
    assert project.assistants.get().id == made.id


def test_an_empty_key_of_the_environment_opens_nothing(address: str, project: Project) -> None:
    assert get(address, api_key="").status_code == 401


def test_nothing_is_seen_from_another_project(
    client: OpenAI, address: str, project: Project
) -> None:
    other_secret = projects.create_api_key(Project.objects.create(name="other"), "other")[1]
    assistant = client.beta.assistants.create(model="demo")
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "hi"}])
    file = client.files.create(file=b"1", purpose="assistants")
    headers = {"Authorization": f"Bearer {other_secret}"}
    with httpx2.Client(base_url=f"{address}/v1", headers=headers) as other:
        for path in (
            f"/assistants/{assistant.id}",
            f"/threads/{thread.id}",
            f"/threads/{thread.id}/messages",
            f"/threads/{thread.id}/runs",
            f"/files/{file.id}",
            f"/files/{file.id}/content",
        ):
            assert other.get(path).status_code == 404, path
        assert other.get("/assistants").json()["data"] == []
        assert other.get("/files").json()["data"] == []
        message = {
            "role": "user",
            "content": [{"type": "image_file", "image_file": {"file_id": file.id}}],
        }
        assert other.post("/threads", json={"messages": [message]}).status_code == 404
        thread_id = other.post("/threads").json()["id"]
        run = other.post(f"/threads/{thread_id}/runs", json={"assistant_id": assistant.id})
        assert run.status_code == 404
