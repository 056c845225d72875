"""Servers that a project's people connect: whose they are, what is kept of a key, what a test of
one says, what answers cost.
"""

import logging
import socket
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from openai import NotFoundError
from pytest_django import Settings

from assistants.errors import Invalid
from assistants.models import ModelProvider, Project
from assistants.operations import aliases, connections, model_facts, prices, providers, trial
from assistants.operations.connections import Connection
from assistants.operations.providers import Provider
from tests.chat_server import ChatServer, error, text, tool_call, whole
from tests.factories import make_assistant, make_project, make_run, make_thread

KEY = "sk-very-secret-key-0123456789"


@pytest.fixture
def project(db: None) -> Project:
    return make_project()


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """A server that lists one model, "played"."""
    with ChatServer() as server:
        yield server


def connection(url: str, key: str = KEY, *models: dict[str, Any]) -> Connection:
    return Connection("openai", "Mine", url, key, known_models=models)


def connected(project: Project, url: str, *models: dict[str, Any]) -> ModelProvider:
    return connections.connect(project, connection(url, KEY, *models))


def test_its_models_answer_in_its_project_and_in_no_other(
    project: Project, server: ChatServer
) -> None:
    connected(project, server.url)
    other = make_project("other")
    assert providers.resolve("played", project).provider.api_key == KEY
    assert [model.name for model in providers.offered(project)] == ["played", "demo"]
    assert [model.name for model in providers.offered(other)] == ["demo"]
    with pytest.raises(Invalid):
        providers.resolve("played", other)
    with pytest.raises(Invalid):
        aliases.set_alias(other, "mine", "played")


def test_what_a_project_has_connected_goes_before_the_environment(
    project: Project, server: ChatServer, settings: Settings
) -> None:
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    settings.PLAYGROUND_MODELS = ["played", "theirs"]
    row = connected(project, server.url, {"name": "played"})
    assert providers.resolve("played", project).provider.id == row.id
    assert providers.resolve("theirs", project).provider.id == ""
    assert [model.name for model in providers.offered(project)] == ["played", "theirs", "demo"]


def test_a_change_counts_from_the_next_question_on(project: Project, server: ChatServer) -> None:
    row = connected(project, server.url)
    before = providers.resolve("played", project).provider
    connections.change(row, connection(server.url, "sk-another-key"))
    after = providers.resolve("played", project).provider
    # Clients are kept by their provider: another key means another client.
    assert (before == after, after.api_key) == (False, "sk-another-key")
    connections.disconnect(row)
    with pytest.raises(Invalid):
        providers.resolve("played", project)


def test_a_key_is_encrypted_in_the_database(project: Project, server: ChatServer) -> None:
    row = connected(project, server.url)
    kept = ModelProvider.objects.values().get(pk=row.pk)
    assert KEY not in str(kept)
    assert KEY not in repr(connection(server.url)) + repr(providers.of_row(row))


def test_under_another_secret_key_a_key_is_lost_and_the_rest_stays(
    project: Project, server: ChatServer, settings: Settings
) -> None:
    row = connected(project, server.url)
    assert not connections.key_is_lost(row)
    settings.SECRET_KEY = "another"
    assert connections.key_is_lost(row)
    assert providers.of_row(row).api_key == providers.NO_KEY


def test_a_kept_key_goes_to_no_other_address(project: Project, server: ChatServer) -> None:
    row = connected(project, server.url)
    elsewhere = connection("http://127.0.0.1:9/v1", "")
    for wrong in (
        lambda: connections.change(row, elsewhere),
        lambda: connections.tried(project, elsewhere, row),
    ):
        with pytest.raises(Invalid) as refused:
            wrong()
        assert refused.value.param == "api_key"
        assert "Enter the key again: the one that is kept was given for" in refused.value.message
    row.refresh_from_db()
    assert row.base_url == server.url
    # Another path of the same server is another matter.
    assert connections.tried(project, connection(server.origin, ""), row).api_key == KEY


def test_a_window_that_a_person_set_counts_first(
    project: Project, server: ChatServer, settings: Settings
) -> None:
    settings.PLAYGROUND_MODEL_WINDOWS = {"played": 9000, "other": 7000}
    connected(project, server.url, {"name": "played", "window": 8192}, {"name": "other"})
    assert model_facts.window(providers.resolve("played", project)) == 8192
    assert model_facts.window(providers.resolve("other", project)) == 7000


def test_what_answers_cost_is_told_only_where_it_is_known(
    project: Project, server: ChatServer
) -> None:
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 500_000, "total_tokens": 1_500_000}
    models: list[dict[str, Any]] = [
        {"name": "priced", "input": "2.5", "output": "10"},
        {"name": "bare"},
    ]
    connected(project, server.url, *models)
    assert prices.cost("priced", usage, project) == Decimal("7.5")
    assert prices.cost(providers.resolve("priced", project), usage) == Decimal("7.5")
    assert prices.cost("demo", usage) == 0
    for unknown in ("bare", "no-such-model"):
        assert prices.cost(unknown, usage, project) is None
    assert prices.cost("priced", usage, make_project("other")) is None
    assert prices.cost("priced", None, project) is None
    assert prices.cost("priced", {"prompt_tokens": 1}, project) is None


def test_the_price_is_that_of_the_provider_that_answers(
    project: Project, server: ChatServer
) -> None:
    connected(project, server.url)  # lists "played", without a price
    connected(project, "http://127.0.0.1:9/v1", {"name": "played", "input": "1", "output": "1"})
    usage = {"prompt_tokens": 10, "completion_tokens": 10}
    assert prices.cost("played", usage, project) is None


def test_the_cost_of_a_run(project: Project, server: ChatServer) -> None:
    connected(project, server.url, {"name": "played", "input": "1", "output": "2"})
    run = make_run(make_thread(project, "Hello"), make_assistant(project, model="played"))
    assert prices.of_run(run) is None
    run.usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
    assert prices.of_run(run) == Decimal("0.0002")


# Testing a connection


def found(report: trial.Report) -> dict[str, bool | None]:
    return {check.part: check.ok for check in report.checks}


def said(report: trial.Report, part: str) -> str:
    return next(check.said for check in report.checks if check.part == part)


def mine(server: ChatServer, kind: str = "openai") -> Provider:
    address = server.url if kind == "openai" else server.origin
    return Provider(kind, "Mine", address, KEY, "2024-10-21" if kind == "azure" else "")  # type: ignore[arg-type]


def test_a_server_that_can_everything(server: ChatServer) -> None:
    server.reply(tool_call("ping", {}))
    report = trial.run(mine(server))
    everything = ("Address", "Key", "Model", "Streaming", "Tools")
    assert found(report) == dict.fromkeys(everything, True)
    assert report.listed == ["played"]


def test_a_model_that_answers_in_words_may_still_have_tools(server: ChatServer) -> None:
    server.reply(text("pong"))
    report = trial.run(mine(server))
    assert found(report)["Tools"] is None
    assert report.ok


@pytest.mark.parametrize(
    "url, words",
    [
        ("http://no-such-host.invalid/v1", "host name cannot be resolved"),
        ("http://127.0.0.1:{port}/v1", "nothing listens"),
    ],
)
def test_a_wrong_address(url: str, words: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = url.format(port=free.getsockname()[1])
    report = trial.run(Provider("openai", "Mine", address, KEY))
    assert found(report) == {"Address": False}
    assert words in said(report, "Address")


def test_an_address_without_its_end_is_told_with_what_was_asked(server: ChatServer) -> None:
    report = trial.run(Provider("openai", "Mine", server.origin, KEY), "played")
    assert found(report) == {"Address": False}
    assert f"{server.origin}/models answers 404" in said(report, "Address")
    assert f"try {server.url}." in said(report, "Address")


@pytest.mark.parametrize("kind", ["openai", "azure"])
def test_a_wrong_key_is_not_repeated(
    server: ChatServer, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.reply(error(401, f"Incorrect API key provided: {KEY}."))
    report = trial.run(mine(server, kind), "played")
    assert found(report) == {"Address": True, "Key": False}
    assert "Check the key" in said(report, "Key")
    assert KEY not in str(report) + caplog.text


@pytest.mark.parametrize("kind", ["openai", "azure"])
def test_a_model_that_is_not_there(server: ChatServer, kind: str) -> None:
    server.reply(error(404, "The model does not exist.", code="model_not_found"))
    report = trial.run(mine(server, kind), "gone")
    assert found(report)["Model"] is False
    assert ("name of your deployment" in said(report, "Model")) is (kind == "azure")


def test_a_model_without_tools_is_tried_again_without_them(server: ChatServer) -> None:
    server.reply(error(400, "played does not support tools"))
    server.reply(text("Hello"))
    report = trial.run(mine(server))
    assert found(report)["Tools"] is False
    assert found(report)["Model"] is True
    # Not as of a run: nobody has an assistant before them here.
    assert said(report, "Tools") == (
        "played cannot call tools: it is for assistants without any. The server's words: played "
        "does not support tools"
    )
    assert "tools" not in server.wait(2)[1].body


def test_a_server_that_does_not_stream(server: ChatServer) -> None:
    server.reply(whole({"role": "assistant", "content": "Hello"}))
    report = trial.run(mine(server))
    assert found(report)["Streaming"] is False
    assert report.ok


def test_without_any_name_of_a_model_it_asks_for_one() -> None:
    with ChatServer(models=[]) as server:
        report = trial.run(mine(server))
    assert said(report, "Model") == "It lists no models: name one, then test again."


@pytest.mark.parametrize(
    "end, hint", [("", "try {origin}/v1."), ("/v1/chat/completions", "try {origin}/v1.")]
)
def test_without_a_model_to_ask_an_address_may_be_wrong(
    server: ChatServer, end: str, hint: str
) -> None:
    """A server that lists no models answers the same."""
    report = trial.run(Provider("openai", "Mine", server.origin + end, KEY))
    assert found(report) == {"Address": None, "Model": None}
    assert hint.format(origin=server.origin) in said(report, "Address")
    assert said(report, "Model") == "It lists no models: name one, then test again."


def test_what_was_pasted_too_much_of_an_address_is_named(server: ChatServer) -> None:
    address = f"{server.url}/chat/completions"
    report = trial.run(Provider("openai", "Mine", address, KEY), "played")
    assert found(report) == {"Address": False}
    assert said(report, "Address") == (
        f"{address}/models answers 404. Leave /chat/completions off: try {server.url}."
    )


@pytest.mark.parametrize(
    "body, wrong",
    [
        ({"message": "The model does not exist.", "code": "model_not_found"}, "Model"),
        ({"message": "Invalid URL (POST /chat/completions)"}, "Address"),
        ({"detail": "Not Found"}, "Address"),
        ("404 page not found", "Address"),
        (None, "Address"),
    ],
)
def test_a_404_is_of_the_address_unless_the_api_has_said_it(
    project: Project, body: object, wrong: str
) -> None:
    request = httpx2.Request("POST", "http://127.0.0.1:1/chat/completions")
    refused = NotFoundError("Not found", response=httpx2.Response(404, request=request), body=body)
    report = trial.Report(nothing_at="Try another address.")
    provider = Provider("openai", "Mine", "http://127.0.0.1:1", KEY)
    trial._refused(provider, {"model": "gone", "messages": []}, refused, report)
    assert found(report)[wrong] is False
    assert (said(report, "Address") == "Try another address.") is (wrong == "Address")
