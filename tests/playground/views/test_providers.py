"""The pages on which servers with chat models are connected."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client

from assistants.models import ModelProvider, Project
from assistants.operations import connections, providers
from assistants.operations.connections import Connection
from tests.chat_server import ChatServer, error, tool_call
from tests.factories import make_assistant
from tests.playground.conftest import HTMX

KEY = "sk-very-secret-key-0123456789"
NEW = "/settings/providers/new"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


def fields(address: str, **others: object) -> dict[str, object]:
    return {
        "kind": "openai", "label": "Mine", "base_url": address, "api_key": KEY, **others,
    }  # fmt: skip


@pytest.fixture
def row(project: Project, server: ChatServer) -> ModelProvider:
    return connections.connect(project, Connection("openai", "Mine", server.url, KEY))


def test_before_there_is_one_a_card_offers_three_examples(page: Client) -> None:
    text = page.get("/settings").text
    assert "Connect a model" in text
    for example, address in (
        ("ollama", "http://127.0.0.1:11434/v1"),
        ("azure", "https://YOUR-RESOURCE.openai.azure.com"),
        ("openai", "https://api.openai.com/v1"),
    ):
        assert f'href="{NEW}?like={example}"' in text
        assert f'value="{address}"' in page.get(f"{NEW}?like={example}").text


def test_an_empty_thread_offers_to_connect_one_until_there_is_one(
    page: Client, project: Project, server: ChatServer
) -> None:
    made = make_assistant(project)
    thread = f"/threads/new?assistant={made.id}"
    assert f'href="{NEW}?like=ollama"' in page.get(thread).text
    connections.connect(project, Connection("openai", "Mine", server.url, KEY))
    assert f'href="{NEW}?like=ollama"' not in page.get(thread).text


def test_the_example_that_was_chosen_is_marked(page: Client) -> None:
    text = page.get(f"{NEW}?like=azure").text
    marked = re.findall(r'like=(\w+)" aria-current="true"', text)
    assert marked == ["azure"]


def test_the_version_of_the_api_is_asked_for_where_there_is_one(page: Client) -> None:
    def asks(text: str) -> bool:
        (kind,) = re.findall(r'class="field([^"]*)" id="provider-version-part"', text)
        return "unscripted" not in kind

    assert not asks(page.get(NEW).text)
    assert asks(page.get(f"{NEW}?like=azure").text)
    # Choosing another kind brings the fields of that one, and no complaint.
    given = fields("nowhere", kind="azure", action="kind", model_window="x")
    answer = page.post(NEW, given, headers=HTMX)
    assert answer.status_code == 200
    assert asks(answer.text)
    assert "field__error" not in answer.text
    assert 'value="nowhere"' in answer.text
    assert not ModelProvider.objects.exists()


def test_what_a_model_can_do_is_told_beside_it(
    page: Client, project: Project, server: ChatServer
) -> None:
    known = ({"name": "gpt-4o"}, {"name": "mine"})
    connections.connect(project, Connection("openai", "Desk", server.url, KEY, known_models=known))
    facts = [
        page.get(f"/assistants/{make_assistant(project, model=name).id}").context["form"].facts
        for name in ("gpt-4o", "mine")
    ]
    assert facts[0].startswith("Desk · reads 128,000 tokens · calls tools, streams · sees images")
    assert "tools and streaming unknown: test the connection in Settings" in facts[1]
    assert "price unknown" in facts[1]


def test_connecting_one(page: Client, project: Project, server: ChatServer) -> None:
    models = {
        "model_name": ["played", ""],
        "model_window": ["8192", ""],
        "model_input": ["2.50", ""],
        "model_output": ["10", ""],
    }
    response = page.post(NEW, fields(server.url, **models))
    assert response.headers["Location"] == "/settings#models"
    made = ModelProvider.objects.get()
    assert made.project == project
    assert made.known_models == [
        {"name": "played", "window": 8192, "input": "2.50", "output": "10"}
    ]
    shown = page.get("/settings").text
    assert "Mine" in shown
    assert "Connected here" in shown
    form = page.get("/assistants/new").text
    assert '<optgroup label="Mine">' in form
    assert "reads 8,192 tokens" in form
    assert "$2.5 in, $10 out a million" in form


def test_a_key_is_never_shown_again(page: Client, row: ModelProvider) -> None:
    address = f"/settings/providers/{row.id}"
    wrong = page.post(address, fields("nonsense"))
    for text in (page.get("/settings").text, page.get(address).text, wrong.text):
        assert KEY not in text
    assert wrong.status_code == 422
    assert "one is kept" in page.get(address).text
    # Left empty, it stays.
    page.post(address, fields(row.base_url, api_key="", label="Renamed"))
    row.refresh_from_db()
    assert (row.label, providers.of_row(row).api_key) == ("Renamed", KEY)


def test_a_key_that_goes_with_the_page_is_asked_for_again(page: Client, server: ChatServer) -> None:
    asked = "Enter the key again: a page never has it in it."
    wrong = {"model_name": "a", "model_window": "", "model_input": "x", "model_output": "1"}
    response = page.post(NEW, fields(server.url, **wrong))
    assert response.status_code == 422
    (key,) = re.findall(r'<input[^>]+name="api_key"[^>]+>', response.text)
    assert 'aria-describedby="provider-api_key-error"' in key
    assert asked in response.text
    # A test that stays on its page leaves the field as it is; and who typed none has lost none.
    tested = fields(server.url, action="test", **wrong)
    assert asked not in page.post(NEW, tested, headers=HTMX).text
    assert asked not in page.post(NEW, fields(server.url, **{**wrong, "api_key": ""})).text


def test_all_that_is_wrong_with_a_model_is_said_at_once(page: Client, server: ChatServer) -> None:
    wrong = {"model_name": "a", "model_window": "abc", "model_input": "-1", "model_output": ""}
    text = page.post(NEW, fields(server.url, **wrong)).text
    for said in ("The window of a is", "The prices of a are", "a needs both prices"):
        assert text.count(said) == 1


def test_a_kept_key_goes_to_no_other_address(page: Client, row: ModelProvider) -> None:
    for action in ("save", "test"):
        moved = fields("http://127.0.0.1:9/v1", api_key="", action=action)
        response = page.post(f"/settings/providers/{row.id}", moved)
        assert response.status_code == 422
        assert "Enter the key again" in response.text


def test_testing_keeps_nothing_and_says_what_works(page: Client, server: ChatServer) -> None:
    server.reply(tool_call("ping", {}))
    response = page.post(NEW, fields(server.url, action="test"), headers=HTMX)
    assert response.status_code == 200
    assert "<html" not in response.text
    assert response.text.count("line--ok") == 6
    assert "Function calls work." in response.text
    assert KEY not in response.text
    assert not ModelProvider.objects.exists()


def test_testing_says_what_is_wrong(page: Client, server: ChatServer) -> None:
    server.reply(error(401, f"Incorrect API key provided: {KEY}."))
    text = page.post(NEW, fields(server.url, action="test")).text
    assert "Check the key of this provider." in text
    assert "line--bad" in text
    assert KEY not in text


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"label": " "}, "Give it a name"),
        ({"base_url": "file:///etc/passwd"}, "This is no address"),
        ({"base_url": "http://[::1"}, "This is no address"),
        ({"base_url": "https://me:secret@host/v1"}, "the key has a field of its own"),
        ({"api_key": "sk one"}, "A key has no spaces"),
        ({"kind": "other"}, "Select a valid choice"),
        ({"model_name": ["a", "a"]}, "a stands here twice."),
        ({"model_name": ["a"], "model_window": ["many"]}, "The window of a is a number"),
        ({"model_name": ["a"], "model_input": ["NaN"], "model_output": ["1"]}, "The prices of a"),
        ({"model_name": ["a"], "model_input": ["1"]}, "a needs both prices, or none"),
        ({"model_window": ["8192"]}, "Name the model."),
    ],
)
def test_what_is_wrong_is_said(
    page: Client, server: ChatServer, wrong: dict[str, object], said: str
) -> None:
    columns = {"model_name", "model_window", "model_input", "model_output"}
    length = max((len(wrong[name]) for name in columns & wrong.keys()), default=0)  # type: ignore[arg-type]
    empty = {name: [""] * length for name in columns}
    response = page.post(NEW, fields(server.url, **{**empty, **wrong}))
    assert response.status_code == 422
    assert said in response.text
    assert not ModelProvider.objects.exists()


def test_removing_asks_first(page: Client, row: ModelProvider) -> None:
    address = f"/settings/providers/{row.id}/remove"
    assert "Remove Mine?" in page.get(address).text
    assert ModelProvider.objects.exists()
    assert page.post(address).headers["Location"] == "/settings#models"
    assert not ModelProvider.objects.exists()


def test_for_others_it_is_not_there(row: ModelProvider, stranger: Client) -> None:
    for address in (f"/settings/providers/{row.id}", f"/settings/providers/{row.id}/remove"):
        assert stranger.get(address).status_code == 404
        assert stranger.post(address, fields("http://127.0.0.1:9/v1")).status_code == 404
    assert "Mine" not in re.sub(r"<script.*?</script>", "", stranger.get("/settings").text)


def test_who_is_not_signed_in_is_sent_away(db: None, client: Client) -> None:
    assert client.get(NEW).headers["Location"].startswith("/login")


def test_what_is_named_by_the_environment_is_shown_and_cannot_be_edited(
    page: Client, settings: object, server: ChatServer
) -> None:
    settings.OPENAI_BASE_URL = server.url  # type: ignore[attr-defined]
    text = page.get("/settings").text
    assert "From the environment, so it is changed there" in text
    assert 'aria-label="Edit' not in text


def test_a_name_is_text_wherever_it_stands(page: Client, project: Project) -> None:
    evil = "<img src=x onerror=alert(1)>"
    given = Connection("azure", evil, "https://x.example", KEY, "1", ({"name": evil},))
    made = connections.connect(project, given)
    assistant = make_assistant(project, model=evil)
    for address in (
        "/settings", f"/settings/providers/{made.id}", f"/assistants/{assistant.id}",
    ):  # fmt: skip
        text = page.get(address).text
        assert "<img src=x" not in text
        assert "&lt;img src=x" in text
