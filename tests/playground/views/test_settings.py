"""The settings page."""

import json
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from assistants.errors import OutOfQuota
from assistants.models import ApiKey, Membership, ModelAlias, Project, Role, TokenUse, clock
from assistants.operations import aliases, budgets, projects, providers
from playground import budget_words
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


def test_a_provider_that_does_not_answer_is_not_said_to_list_nothing(
    page: Client, settings: Settings
) -> None:
    invitation = "to get real answers"
    assert invitation in page.get("/assistants/new").text
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    settings.OPENAI_API_KEY = "sk-very-secret"
    text = page.get("/assistants/new").text
    assert "does not answer, so none of its models can be chosen" in text
    assert "lists no models" not in text
    assert invitation not in text
    with ChatServer() as server:
        settings.OPENAI_BASE_URL = server.url
        text = page.get("/assistants/new").text
    assert "does not answer, so" not in text
    assert invitation not in text


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


def test_a_key_is_made_with_a_scope_and_an_end(page: Client, project: Project) -> None:
    page.post("/settings/keys", {"name": "Bot", "scope": "runs", "expires_days": "30"})
    key = ApiKey.objects.get()
    assert key.scope == "runs"
    assert key.expires_at
    assert round((key.expires_at - key.created_at).total_seconds() / 86_400) == 30
    assert "Runs only" in page.get("/settings").text
    refused = page.post("/settings/keys", {"name": "Bot", "scope": "everything"})
    assert refused.status_code == 422
    assert "A key may do one of these: " in refused.text


def test_only_owners_make_keys_and_set_budgets(project: Project) -> None:
    editor = Client()
    user = User.objects.create(username="editor")
    Membership.objects.create(project=project, user=user, role=Role.EDITOR)
    editor.force_login(user)
    key, _secret = projects.create_api_key(project, "Theirs")

    text = editor.get("/settings").text
    assert "Theirs" not in text
    assert 'name="day_tokens"' not in text
    for address in ("/settings/keys", "/settings/budget", f"/settings/keys/{key.id}"):
        assert editor.post(address, {"name": "Mine", "day_tokens": "1"}).status_code == 403
    assert editor.get(f"/settings/keys/{key.id}").status_code == 403


def test_a_budget_is_shown_with_what_is_used_of_it(page: Client, project: Project) -> None:
    page.post("/settings/budget", {"day_tokens": "1000", "month_tokens": ""})
    text = page.get("/settings").text
    assert "0 of 1,000 tokens" in text
    assert 'value="1000"' in text
    TokenUse.objects.create(
        project=project, day=budgets.today(), key_id="", model="demo", runs=2, prompt_tokens=1200
    )
    text = page.get("/settings").text
    assert "1,200 of 1,000 tokens" in text
    assert "The token budget is used up" in text
    assert "used 1,200 tokens. Runs: 2. Cost: free." in text
    for wrong in ("-5", "1.5", "many", "9" * 30):
        refused = page.post("/settings/budget", {"day_tokens": wrong})
        assert refused.status_code == 422
        assert "A budget is a whole number of tokens" in refused.text
    page.post("/settings/budget", {"day_tokens": ""})
    assert "of 1,000 tokens" not in page.get("/settings").text


def test_the_studio_says_why_no_run_begins_and_what_to_do(page: Client, project: Project) -> None:
    assistant = make_assistant(project)
    thread = make_thread(project, "Hi")
    budgets.set_of_project(project, 0, None)

    answer = page.post(
        f"/threads/{thread.id}/messages",
        {"assistant": assistant.id, "content": "Go on", "run": "1"},
        headers={"HX-Request": "true"},
    )

    assert answer.status_code == 422
    assert "The project’s budget for today, 0 tokens, is used up" in answer.text
    assert "an owner raises the budget in settings" in answer.text
    assert thread.messages.count() == 1
    assert "Nothing has run this month." in page.get("/settings").text


def test_one_token_is_called_one_token(page: Client, project: Project) -> None:
    budgets.set_of_project(project, 1, None)
    TokenUse.objects.create(
        project=project, day=budgets.today(), model="demo", runs=1, prompt_tokens=1
    )
    problem = OutOfQuota("The budget is used up.")
    problem.whose, problem.period, problem.limit = "project", "day", 1
    assert "for today, 1 token, is used up" in budget_words.used_up(problem)
    assert "have used 1 token. Runs: 1." in page.get("/settings").text


def test_a_key_has_a_page_with_its_usage(page: Client, stranger: Client, project: Project) -> None:
    key, _secret = projects.create_api_key(project, "Notebook")
    for model in ("demo", "gpt-unpriced"):
        TokenUse.objects.create(
            project=project,
            day=budgets.today(),
            key_id=key.id,
            model=model,
            runs=1,
            prompt_tokens=2000,
            completion_tokens=34,
        )
    address = f"/settings/keys/{key.id}"

    text = page.get(address).text
    assert "4,068" in text
    assert "free, and 1 run of unknown price" in text
    assert "4,068" in page.get("/settings").text

    page.post(address, {"scope": "read", "day_tokens": "5", "month_tokens": "70000"})
    key.refresh_from_db()
    assert (key.scope, key.day_tokens, key.month_tokens) == ("read", 5, 70_000)
    assert "4,068 of 5 tokens" in page.get(address).text
    assert page.post(address, {"scope": "read", "day_tokens": "x"}).status_code == 422
    assert stranger.get(address).status_code == 404
    page.post(f"{address}/revoke")
    assert "This key is revoked" in page.get(address).text


@pytest.mark.parametrize("days", ["-5", "abc", "0", "999999999", "4000"])
def test_a_key_without_a_right_end_is_not_made(page: Client, days: str) -> None:
    answer = page.post("/settings/keys", {"name": "Bot", "scope": "all", "expires_days": days})
    assert answer.status_code == 422
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("ended", ["revoked_at", "expires_at"])
def test_a_key_that_is_over_is_not_changed(page: Client, project: Project, ended: str) -> None:
    key, _secret = projects.create_api_key(project, "Notebook")
    ApiKey.objects.update(**{ended: clock.now() - timedelta(minutes=1)})
    address = f"/settings/keys/{key.id}"
    assert f'action="{address}"' not in page.get(address).text
    answer = page.post(address, {"scope": "read"})
    assert answer.status_code == 422
    assert "This key opens nothing any more, and cannot be changed." in answer.text
    assert ApiKey.objects.get().scope == "all"
