"""Which chat models there are, and what is told of their servers."""

from pytest_django import Settings

from assistants.operations import providers


def test_a_password_in_the_address_of_a_provider_is_not_shown(settings: Settings) -> None:
    settings.OPENAI_BASE_URL = "https://somebody:hunter2@models.example:8443/v1?token=hunter3"
    settings.OPENAI_API_KEY = "sk-hunter4"
    (provider,) = providers.configured()
    assert provider.label == "https://models.example:8443/v1"
    assert provider.base_url == settings.OPENAI_BASE_URL
    assert "hunter" not in repr(provider)


def test_openai_itself_is_called_by_its_name(settings: Settings) -> None:
    settings.OPENAI_API_KEY = "sk-1"
    (provider,) = providers.configured()
    assert provider.label == "OpenAI"
