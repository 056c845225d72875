"""``/models`` through the SDK."""

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from pytest_django import Settings

from assistants.models import Project
from assistants.operations import aliases

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


def test_the_demo_model_is_always_there(client: OpenAI) -> None:
    listed = client.models.list()
    assert [model.id for model in listed] == ["demo"]
    found = client.models.retrieve("demo")
    assert found.to_dict() == {
        "id": "demo",
        "object": "model",
        "created": 0,
        "owned_by": "Demo",
    }


def test_a_providers_models_come_first_and_may_have_slashes(
    client: OpenAI, settings: Settings
) -> None:
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    settings.PLAYGROUND_MODELS = ["org/small", "big"]
    assert [model.id for model in client.models.list()] == ["org/small", "big", "demo"]
    assert client.models.retrieve("org/small").id == "org/small"


def test_an_alias_of_the_project_is_a_model_too(client: OpenAI, project: Project) -> None:
    aliases.set_alias(project, "gpt-4o", "demo")
    assert [model.id for model in client.models.list()] == ["demo", "gpt-4o"]
    assert client.models.retrieve("gpt-4o").owned_by == "alias of demo"


def test_an_unknown_model_does_not_exist(client: OpenAI) -> None:
    with pytest.raises(NotFoundError) as caught:
        client.models.retrieve("nope")
    assert caught.value.code == "model_not_found"


def test_an_alias_can_be_deleted_and_a_model_cannot(client: OpenAI, project: Project) -> None:
    aliases.set_alias(project, "gpt-4o", "demo")
    assert client.models.delete("gpt-4o").to_dict() == {
        "id": "gpt-4o",
        "object": "model",
        "deleted": True,
    }
    assert aliases.list_aliases(project) == []
    with pytest.raises(BadRequestError, match="belongs to its provider"):
        client.models.delete("demo")
    with pytest.raises(NotFoundError, match="The model 'nobody' does not exist"):
        client.models.delete("nobody")
