"""Which chat models there are, and what is told of their servers."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from assistants.errors import Invalid, NotFound
from assistants.models import Project
from assistants.operations import aliases, providers
from tests.chat_server import ChatServer
from tests.factories import make_project


@pytest.fixture
def project(db: None) -> Project:
    return make_project()


@pytest.fixture
def chat(settings: Settings) -> Iterator[ChatServer]:
    """A provider that lists one model, "played"."""
    with ChatServer() as server:
        settings.OPENAI_BASE_URL = server.url
        yield server


def test_a_password_in_the_address_of_a_provider_is_not_shown(settings: Settings) -> None:
    settings.OPENAI_BASE_URL = "https://somebody:hunter2@models.example:8443/v1?token=hunter3"
    settings.OPENAI_API_KEY = "sk-hunter4"
    (provider,) = providers.of_environment()
    assert provider.label == "https://models.example:8443/v1"
    assert provider.base_url == settings.OPENAI_BASE_URL
    assert "hunter" not in repr(provider)


def test_openai_itself_is_called_by_its_name(settings: Settings) -> None:
    settings.OPENAI_API_KEY = "sk-1"
    (provider,) = providers.of_environment()
    assert provider.label == "OpenAI"


def test_without_a_provider_the_demo_answers_under_the_names_of_old_programs(
    project: Project,
) -> None:
    for name in ("gpt-4-1106-preview", "gpt-4o", "o1"):
        assert providers.resolve(name, project).label == "demo - scripted, no AI"


def test_a_provider_is_never_asked_for_another_model_than_the_named_one(
    chat: ChatServer, project: Project
) -> None:
    assert providers.resolve("played", project).name == "played"
    with pytest.raises(Invalid) as refused:
        providers.resolve("gpt-4o", project)
    assert refused.value.code == "model_not_found"
    assert refused.value.message == "The requested model 'gpt-4o' does not exist."


def test_a_server_of_ones_own_may_call_its_models_what_it_likes(
    settings: Settings, project: Project
) -> None:
    with ChatServer(models=["gpt-4o", "llama3.2:3b"]) as server:
        settings.OPENAI_BASE_URL = server.url
        assert providers.resolve("llama3.2:3b", project).provider.base_url == server.url
        assert [model.name for model in providers.offered(project)] == [
            "gpt-4o",
            "llama3.2:3b",
            "demo",
        ]


def test_an_alias_answers_in_its_own_project_until_it_is_deleted(
    chat: ChatServer, project: Project
) -> None:
    other = make_project("other")
    aliases.set_alias(project, "gpt-4o", "demo")
    aliases.set_alias(project, "gpt-4o", "played")

    assert providers.resolve("gpt-4o", project).name == "played"
    assert [(a.name, a.model) for a in aliases.list_aliases(project)] == [("gpt-4o", "played")]
    assert aliases.list_aliases(other) == []
    with pytest.raises(Invalid):
        providers.resolve("gpt-4o", other)

    aliases.delete_alias(project, "gpt-4o")
    with pytest.raises(Invalid):
        providers.resolve("gpt-4o", project)
    with pytest.raises(NotFound):
        aliases.delete_alias(project, "gpt-4o")


@pytest.mark.parametrize(
    "name, model, param, text",
    [
        ("", "played", "name", "An alias has 1 to 256 characters."),
        ("x" * 257, "played", "name", "An alias has 1 to 256 characters."),
        ("demo", "played", "name", "'demo' is the demo model itself and can be no alias."),
        ("gpt-4o", "gone", "model", "The requested model 'gone' does not exist."),
        ("gpt-4o", "", "model", "The requested model '' does not exist."),
    ],
)
def test_an_alias_needs_a_name_and_a_model_that_is_there(
    chat: ChatServer, project: Project, name: str, model: str, param: str, text: str
) -> None:
    with pytest.raises(Invalid) as refused:
        aliases.set_alias(project, name, model)
    assert (refused.value.param, refused.value.message) == (param, text)
    assert aliases.list_aliases(project) == []
