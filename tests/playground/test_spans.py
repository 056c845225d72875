"""What the span of a request says, be there a route or none."""

import pytest
from django.test import AsyncClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from assistants import traces


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(traces, "tracer", provider.get_tracer("tests"))
    return kept


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path, name",
    [("/nowhere", "POST"), ("/v1/nowhere", "POST"), ("/login", "POST /login")],
)
async def test_a_request_is_told_with_its_method_though_nothing_is_there(
    spans: InMemorySpanExporter, path: str, name: str
) -> None:
    await AsyncClient().post(path)
    (span,) = spans.get_finished_spans()
    assert span.name == name
    assert span.attributes
    assert span.attributes["http.request.method"] == "POST"
