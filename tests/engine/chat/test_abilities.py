"""What is known of models before they are asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from pytest_django import Settings
from typing_extensions import override

from assistants.engine.chat.abilities import Abilities
from assistants.operations import providers
from assistants.operations.model_facts import UNKNOWN_WINDOW
from assistants.operations.providers import ChatModel, Provider
from tests.factories import make_project

PROVIDER = Provider("openai", "Played")


@pytest.mark.parametrize(
    "name, window, sees",
    [
        ("gpt-4", 8_192, False),
        ("gpt-4-0613", 8_192, False),
        ("gpt-4-32k", 32_768, False),
        ("gpt-4-1106-preview", 128_000, False),
        ("gpt-4-turbo", 128_000, True),
        ("gpt-4o-mini", 128_000, True),
        ("openai/gpt-4.1", 1_047_576, True),
        ("ft:gpt-3.5-turbo-0125:org", 16_385, False),
        ("o1-mini", 128_000, False),
        ("o4-mini", 200_000, True),
        ("gpt-5-mini", 400_000, True),
        ("anthropic/claude-sonnet-4", 200_000, True),
        ("my-own-model", UNKNOWN_WINDOW, True),
    ],
)
def test_models_are_known_by_their_names(name: str, window: int, sees: bool) -> None:
    model = ChatModel(name, PROVIDER)
    assert (Abilities().window(model), Abilities().sees(model)) == (window, sees)


def test_a_window_that_is_set_counts_before_the_name(settings: Settings) -> None:
    settings.PLAYGROUND_MODEL_WINDOWS = {"gpt-4": 4_000}
    assert Abilities().window(ChatModel("gpt-4", PROVIDER)) == 4_000


def test_what_a_refusal_taught_counts_most(settings: Settings) -> None:
    settings.PLAYGROUND_MODEL_WINDOWS = {"gpt-4": 4_000}
    model, abilities = ChatModel("gpt-4", PROVIDER), Abilities()
    abilities.learn_window(model, 3_000, sent=3_900)
    assert abilities.window(model) == 3_000
    # Fewer than the window that is named were refused: tokens are counted otherwise there.
    abilities.learn_window(model, 3_000, sent=2_000)
    assert abilities.window(model) == 1_500
    abilities.learn_blind(model)
    assert not abilities.sees(model)


def test_a_window_that_the_provider_lists_counts_before_the_name(
    settings: Settings, db: None
) -> None:
    listed = {
        "data": [{"id": "gpt-4", "max_model_len": 5_000}, {"id": "other", "context_length": "?"}]
    }
    with listing(listed) as url:
        settings.OPENAI_BASE_URL = url
        known = {model.name: model for model in providers.offered(make_project())}
        assert Abilities().window(known["gpt-4"]) == 5_000
        assert Abilities().window(known["other"]) == UNKNOWN_WINDOW


@contextmanager
def listing(models: dict[str, Any]) -> Iterator[str]:
    """A server that lists these models."""

    class Models(BaseHTTPRequestHandler):
        @override
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            body = json.dumps({"object": "list", **models}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = HTTPServer(("127.0.0.1", 0), Models)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
