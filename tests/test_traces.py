"""Traces, as a collector gets them from the whole stack."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
from openai import OpenAI
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.chat_server import text, tool_call
from tests.stack import Stack
from tests.until import until

BEGINNING = "POST /v1/threads/{thread_id}/runs"
SENT = "POST /threads/{thread_id}/messages"

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")


class Collector:
    """Takes what is sent over HTTP; ``spans`` by the service that sent them."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Span]] = []
        collector = self

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(body, zipped=self.headers.get("Content-Encoding") == "gzip")
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, body: bytes, *, zipped: bool) -> None:
        assert not zipped
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            about = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [(about["service.name"], span) for span in scope.spans]

    def named(self, name: str) -> list[tuple[str, Span]]:
        return [pair for pair in list(self.spans) if pair[1].name == name]


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


def begin_on_a_page(stack: Stack, thread: str, assistant: str) -> None:
    """As a person does, who sends the form of a thread."""
    with httpx2.Client(base_url=stack.url, follow_redirects=True) as person:
        person.get(stack.login_path)
        page = person.get(f"/threads/{thread}", params={"assistant": assistant}).text
        form = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert form
        filled_in = {
            "csrfmiddlewaretoken": form[1],
            "content": "And which tea now?",
            "assistant_id": assistant,
        }
        assert person.post(f"/threads/{thread}/messages", data=filled_in).status_code == 200


def test_a_run_is_traced_with_its_turns_and_tools(collector: Collector, tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{collector.server.server_port}"
    wanted = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    with Stack(tmp_path, **wanted) as stack:
        search = tool_call("file_search", {"queries": ["tea"]})
        stack.chat.when("tea", [search], [text("Green.")])
        client = OpenAI(api_key=stack.api_key, base_url=f"{stack.url}/v1", max_retries=0)
        assistant = client.beta.assistants.create(model="played", tools=[{"type": "file_search"}])
        thread = client.beta.threads.create(messages=[{"role": "user", "content": "Which tea?"}])
        run = client.beta.threads.runs.create_and_poll(
            thread_id=thread.id, assistant_id=assistant.id
        )
        assert run.status == "completed"
        until(lambda: len(collector.named("run")) == 1, "no span came")
        until(lambda: collector.named(BEGINNING), "no span of the request came")
        begin_on_a_page(stack, thread.id, assistant.id)
        until(lambda: len(collector.named("run")) == 2, "no span of the page's run came")
        until(lambda: collector.named(SENT), "no span of the form came")
    ((service, whole), (_, of_page)) = collector.named("run")
    assert service == "playground-worker"
    about = {pair.key: pair.value.string_value for pair in whole.attributes}
    assert about == {"run": run.id, "thread": thread.id, "model": "played"}
    inner = [*collector.named("chat"), *collector.named("file_search")]
    assert sorted(span.name for _, span in inner) == [*["chat"] * 4, *["file_search"] * 2]
    assert {span.parent_span_id for _, span in inner} == {whole.span_id, of_page.span_id}
    ((service, request),) = collector.named(BEGINNING)
    assert service == "playground-web"
    assert whole.trace_id == request.trace_id
    assert whole.parent_span_id == request.span_id
    told = {pair.key: pair.value.string_value for pair in request.attributes}
    assert told["http.route"] == "/v1/threads/{thread_id}/runs"
    ((service, form),) = collector.named(SENT)
    assert service == "playground-web"
    assert of_page.trace_id == form.trace_id
    assert of_page.parent_span_id == form.span_id
