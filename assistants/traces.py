"""Traces for OpenTelemetry, where the usual variables ask for them; else none, at no cost.

OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT say where they go, over HTTP; all
other variables of OpenTelemetry's SDK count too. A span names its run, thread and request; none has
what people and models wrote.
"""

import os
from typing import Final

from opentelemetry import trace

ASKED_BY: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

tracer: Final = trace.get_tracer("assistants")


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
