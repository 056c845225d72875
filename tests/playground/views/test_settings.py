"""The settings page."""

import json
import re

from django.test import Client
from pytest_django import Settings

from assistants.models import ApiKey, ModelAlias, Project
from assistants.operations import aliases, projects, providers
from tests.chat_server import ChatServer
from tests.factories import make_assistant, make_run, make_thread


def test_without_a_provider_it_says_how_to_connect_one(page: Client) -> None:
    text = page.get("/settings").text
    assert "Demo model" in text
    assert "OPENAI_BASE_URL" in text


def test_a_provider_is_shown_with_its_models_but_never_its_key(
    page: Client, settings: Settings
) -> None:
    with ChatServer() as server:
        settings.OPENAI_BASE_URL = server.url
        settings.OPENAI_API_KEY = "sk-very-secret"
        text = page.get("/settings").text
    assert server.url in text
    assert "Connected" in text
    assert "sk-very-secret" not in text


def test_azure_without_names_of_deployments_says_what_to_set(
    page: Client, settings: Settings
) -> None:
    settings.AZURE_OPENAI_ENDPOINT = "https://contoso.openai.azure.com"
    text = page.get("/settings").text
    assert "PLAYGROUND_MODELS" in text
    assert "AZURE_OPENAI_API_KEY" in text
    assert "Azure OpenAI lists no models" in page.get("/assistants/new").text
    settings.PLAYGROUND_MODELS = ["gpt-4o-eu"]
    settings.AZURE_OPENAI_API_KEY = "secret"
    assert "AZURE_OPENAI_API_KEY" not in page.get("/settings").text
    assert "lists no models" not in page.get("/assistants/new").text


def test_a_key_is_shown_once_and_opens_the_api(page: Client, project: Project) -> None:
    response = page.post("/settings/keys", {"name": "Notebook"})
    secret = re.search(r'id="secret">(sk-[^<]+)<', response.text)
    assert secret
    assert response.headers["Cache-Control"] == "no-store"
    assert ApiKey.objects.of_secret(secret[1]) == ApiKey.objects.get()
    later = page.get("/settings").text
    assert secret[1] not in later
    assert "Notebook" in later


def test_a_key_needs_a_name(page: Client) -> None:
    response = page.post("/settings/keys", {"name": " "})
    assert response.status_code == 422
    assert "A key needs a name of 1 to 256 characters." in response.text


def test_a_revoked_key_opens_nothing(page: Client, project: Project) -> None:
    key, secret = projects.create_api_key(project, "Old laptop")
    address = f"/settings/keys/{key.id}/revoke"
    assert "Revoke “Old laptop”?" in page.get(address).text
    page.post(address)
    assert ApiKey.objects.of_secret(secret) is None
    assert key.hint not in page.get("/settings").text


def test_an_alias_lets_a_model_answer_under_another_name(page: Client, project: Project) -> None:
    page.post("/settings/aliases", {"name": " gpt-4-1106-preview ", "model": "demo"})
    assert providers.resolve("gpt-4-1106-preview", project) == providers.DEMO
    text = page.get("/settings").text
    assert "“gpt-4-1106-preview” is answered by demo." in text
    assert 'value="gpt-4-1106-preview"' in text
    # A reload of the address to which the form was sent.
    assert page.get("/settings/aliases").status_code == 302


def test_an_alias_of_nothing_is_refused_and_what_was_typed_stays(page: Client) -> None:
    response = page.post("/settings/aliases", {"name": "mine", "model": "no-such-model"})
    assert response.status_code == 422
    assert "The requested model &#x27;no-such-model&#x27; does not exist." in response.text
    assert 'value="mine"' in response.text
    assert not ModelAlias.objects.exists()


def test_an_alias_can_be_removed_twice(page: Client, project: Project) -> None:
    aliases.set_alias(project, "a/b", "demo")
    for _ in range(2):
        assert page.post("/settings/aliases/delete", {"name": "a/b"}).status_code == 302
    assert not ModelAlias.objects.exists()


def test_the_walls_and_the_services_are_shown(page: Client) -> None:
    # No interpreter runs beside this test.
    text = page.get("/settings").text
    assert "Code interpreter is off" in text
    assert "The interpreter process does not answer." in text
    assert "does not answer" in text


def test_the_health_strip_names_what_is_missing(page: Client) -> None:
    text = page.get("/health").text
    assert "Not answering: worker, interpreter" in text
    assert json.loads(page.get("/healthz").text)["status"].startswith("not answering")


def test_what_answers_under_an_alias_is_said_wherever_the_model_shows(
    page: Client, project: Project
) -> None:
    aliases.set_alias(project, "gpt-4o", "demo")
    assistant = make_assistant(project, model="gpt-4o")
    assert "gpt-4o (demo - scripted, no AI)" in page.get("/assistants").text
    assert "gpt-4o (demo - scripted, no AI)" in page.get(f"/assistants/{assistant.id}").text
    run = make_run(make_thread(project, "Hello"), assistant)
    # What a run was answered by stays, whatever becomes of the alias.
    aliases.delete_alias(project, "gpt-4o")
    shown = page.get(f"/threads/{run.thread_id}").text
    assert "gpt-4o (demo - scripted, no AI)" in shown
