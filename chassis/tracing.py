"""One trace from the upload to the image: spans, and the context that crosses queues and documents."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

# Read by the instrumentation at import: names of the current semantic conventions, not of 2022.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")

from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.pymongo import PymongoInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind
from opentelemetry.util.types import AttributeValue

__all__ = [
    "Context",
    "OpenTelemetryMiddleware",
    "SpanKind",
    "attached",
    "configure_tracing",
    "current_trace",
    "detached",
    "extract",
    "span",
    "trace_id",
]

_tracer = trace.get_tracer("dawnchorus")


def configure_tracing(service: str) -> TracerProvider:
    """Make spans in this process, and export them where OTEL_EXPORTER_OTLP_ENDPOINT says, if it says so.

    The provider must be shut down at the end, so that the last spans leave.
    """
    provider = TracerProvider(resource=Resource.create({"service.name": service, "service.namespace": "dawnchorus"}))
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=500))
    trace.set_tracer_provider(provider)
    PymongoInstrumentor().instrument()
    HTTPXClientInstrumentor().instrument()
    return provider


@contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, AttributeValue] | None = None,
    parent: Context | None = None,
) -> Iterator[Span]:
    """Make a span current; with a remote `parent`, be its child and link to it as well."""
    remote = trace.get_current_span(parent).get_span_context() if parent is not None else None
    links = [Link(remote)] if remote is not None and remote.is_valid else []
    with _tracer.start_as_current_span(name, context=parent, kind=kind, attributes=attributes, links=links) as started:
        yield started


@contextmanager
def attached(carrier: Mapping[str, str]) -> Iterator[None]:
    """Make the trace context of `carrier` current, as if its writer went on here."""
    token = otel_context.attach(extract(carrier))
    try:
        yield
    finally:
        otel_context.detach(token)


@contextmanager
def detached() -> Iterator[None]:
    """Make no trace context current, whatever was."""
    token = otel_context.attach(Context())
    try:
        yield
    finally:
        otel_context.detach(token)


def extract(carrier: Mapping[str, str]) -> Context:
    """Return the trace context in the headers or the document `carrier`."""
    return propagate.extract(carrier)


def current_trace() -> dict[str, str]:
    """Return the current trace context as headers (`traceparent`, `tracestate`)."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier


def trace_id() -> str:
    """Return the current trace id, 32 hex digits; zeros outside any span."""
    return trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)
