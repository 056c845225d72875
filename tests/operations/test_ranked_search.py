"""What is asked of models about a search: another order, other words. The server that plays them is
real HTTP on this machine; the searches run on real indexes.
"""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings

from assistants.ingester import Ingester
from assistants.models import VectorStore
from assistants.operations import query_rewriting, ranked_search, reranking
from tests.chat_server import ChatServer, error, stall, text
from tests.factories import make_project, make_vector_store
from tests.until import until

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "bread " * 3 + "bread is what it says."
SHORT = "bread, and how the miller wins the fair."


class Encoder:
    """A cross-encoder behind ``/rerank``: it likes passages that name the miller. ``form`` is how
    it speaks: as Jina, Cohere and vLLM do, or as Text Embeddings Inference.
    """

    def __init__(self) -> None:
        self.form, self.status, self.seconds = "results", 200, 0.0
        self.bodies: list[Any] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.bodies.append((self.path, body))
                status, answer = outer.answer(body)
                told = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, body: Any) -> tuple[int, Any]:
        time.sleep(self.seconds)
        if self.status != 200:
            return self.status, {"error": {"message": "no"}}
        if self.form == "list" and "texts" not in body:
            return 422, {"error": "missing field `texts`"}
        likes = [
            (place, float("miller" in one))
            for place, one in enumerate(body.get("texts") or body["documents"])
        ]
        if self.form == "list":
            return 200, [{"index": place, "score": score} for place, score in likes]
        if self.form == "nonsense":
            return 200, {"results": [{"index": "x"}]}
        return 200, {
            "results": [{"index": place, "relevance_score": score} for place, score in likes]
        }


@pytest.fixture
def encoder(settings: Settings) -> Iterator[Encoder]:
    found = Encoder()
    settings.RERANK_BASE_URL = found.url
    settings.RERANK_MODEL = "cross"
    settings.RERANK_SECONDS = 1
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def chat(settings: Settings) -> Iterator[ChatServer]:
    with ChatServer() as server:
        settings.OPENAI_BASE_URL = server.url
        settings.OPENAI_API_KEY = "played"
        settings.PLAYGROUND_MODELS = ["played"]
        settings.RERANK_SECONDS = settings.REWRITE_SECONDS = 1
        yield server


@pytest.fixture(autouse=True)
def nobody_is_quiet() -> None:
    reranking._quiet.end()
    query_rewriting._quiet.end()


@pytest.fixture
def store(ingester: Ingester) -> VectorStore:
    store = make_vector_store(make_project(), LONG, SHORT)
    until(lambda: store.counts.completed == 2, "the files are not ready")
    return store


def found(store: VectorStore, **options: Any) -> list[str]:
    passages = ranked_search.search(store.project, [store.id], ["bread"], **options)
    return [one.text for one in passages]


def test_nobody_is_asked_unless_the_environment_names_one(
    store: VectorStore, chat: ChatServer
) -> None:
    assert found(store) == [LONG, SHORT]
    assert chat.requests == []


@pytest.mark.parametrize("form", ["results", "list"])
def test_a_cross_encoder_puts_passages_in_order(
    store: VectorStore, encoder: Encoder, form: str
) -> None:
    before = ranked_search.search(store.project, [store.id], ["bread"], ranker="none")
    assert [one.text for one in before] == [LONG, SHORT]
    assert encoder.bodies == []
    encoder.form = form

    after = ranked_search.search(store.project, [store.id], ["bread"], limit=1)

    assert [one.text for one in after] == [SHORT]
    assert after[0].score == before[1].score
    assert {path for path, _ in encoder.bodies} == {"/v1/rerank"}
    assert encoder.bodies[0][1] == {
        "model": "cross",
        "query": "bread",
        "documents": [LONG, SHORT],
        "top_n": 2,
    }


@pytest.mark.parametrize("trouble", ["fails", "late", "nonsense"])
def test_without_an_answer_the_order_stays_and_the_next_search_does_not_ask(
    store: VectorStore, encoder: Encoder, trouble: str
) -> None:
    encoder.status = 500 if trouble == "fails" else 200
    encoder.seconds = 3.0 if trouble == "late" else 0.0
    encoder.form = "nonsense"
    begun = time.monotonic()
    assert found(store) == [LONG, SHORT]
    assert time.monotonic() - begun < 2.5
    until(lambda: reranking._quiet.lasts(reranking.configured(store.project)), "it is asked on")
    asked = len(encoder.bodies)
    assert found(store) == [LONG, SHORT]
    assert len(encoder.bodies) == asked


def test_a_chat_model_puts_passages_in_order(
    store: VectorStore, chat: ChatServer, settings: Settings
) -> None:
    settings.RERANK_MODEL = "played"
    chat.reply(text("<think>1 or 2?</think>2, 99"))
    assert found(store) == [SHORT, LONG]
    (asked,) = chat.wait(1)
    assert "[2] bread, and how the miller" in asked.body["messages"][-1]["content"]
    chat.reply(text("I cannot say."))
    assert found(store) == [LONG, SHORT]


def test_the_demo_model_reranks_and_rewrites_nothing(settings: Settings) -> None:
    settings.RERANK_MODEL = settings.REWRITE_MODEL = "demo"
    assert reranking.configured(make_project()) is None
    assert query_rewriting.begin(make_project(), ["bread"]) is None


def test_a_chat_model_adds_queries_to_those_that_were_given(chat: ChatServer) -> None:
    chat.reply(text('Here: ["bread price 2023", "and in 2023?", 5, ""]'))
    pending = query_rewriting.begin(
        make_project(), ["and in 2023?"], ["What did bread cost in 2022?"]
    )
    assert query_rewriting.together(["and in 2023?"], pending) == [
        "and in 2023?",
        "bread price 2023",
    ]
    (asked,) = chat.wait(1)
    assert "What did bread cost in 2022?" in asked.body["messages"][-1]["content"]


@pytest.mark.parametrize("reply", [error(500), stall(), text("Sorry."), text("[broken")])
def test_without_any_the_given_queries_stand(chat: ChatServer, reply: Any) -> None:
    chat.reply(reply)
    begun = time.monotonic()
    assert ranked_search.rewritten(make_project(), ["bread"]) == ["bread"]
    assert time.monotonic() - begun < 2.5
