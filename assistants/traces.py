"""Traces for OpenTelemetry, where the usual variables ask for them; else none, at no cost.

OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT say where they go, over HTTP; all
other variables of OpenTelemetry's SDK count too. A span names its run, thread and request; none has
what people and models wrote.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

ASKED_BY: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

tracer: Final = trace.get_tracer("assistants")

Carried = Mapping[str, str]
"""A span as W3C's header ``traceparent`` tells it; empty for none."""

_headers: Final = TraceContextTextMapPropagator()
_PARAMETER: Final = re.compile(r"<(?:\w+:)?(\w+)>")


def named_by_route(span: trace.Span, method: str, route: str) -> None:
    """Name the span of a request, as all spans of that route are.

    :param method: one of a few
    :param route: as Django has it
    """
    plain = "/" + _PARAMETER.sub(r"{\1}", route)
    span.update_name(f"{method} {plain}")
    span.set_attribute("http.route", plain)


def of_request(method: str) -> AbstractContextManager[trace.Span]:
    """The span of a request, which has its method as a name until a route is known.

    :param method: one of a few
    """
    return tracer.start_as_current_span(method, attributes={"http.request.method": method})


def carried() -> dict[str, str]:
    """The current span, to be taken up in another process."""
    headers: dict[str, str] = {}
    _headers.inject(headers)
    return headers


@contextmanager
def taken_up(span: Carried) -> Iterator[None]:
    """Spans that begin within this are below that one."""
    token = context.attach(_headers.extract(span, context.Context()))
    try:
        yield
    finally:
        context.detach(token)


def begin() -> None:
    """Have spans sent from this process, if that is asked for. Once, when it starts."""
    if not any(map(os.environ.get, ASKED_BY)):
        return
    # Imported here: they take 0.14 s, and few ask for them.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    part = os.environ.get("PROCESS", "process")
    # What the variables name counts before this.
    named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": f"playground-{part}"}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
