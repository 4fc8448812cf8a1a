"""One trace from the upload to the image: spans, and the context that crosses queues and documents."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

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
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
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
    "mark_failed",
    "span",
    "trace_id",
]

_tracer = trace.get_tracer("dawnchorus")


def configure_tracing(service: str) -> TracerProvider:
    """Make spans in this process, and export them where OTEL_EXPORTER_OTLP_ENDPOINT says, if it says so.

    The provider must be shut down at the end, so that the last spans leave.
    """
    provider = tracer_provider(service)
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=500))
    trace.set_tracer_provider(provider)
    PymongoInstrumentor().instrument(request_hook=_name_command, failed_hook=_hide_failure)
    HTTPXClientInstrumentor().instrument(request_hook=_hide_path, async_request_hook=_hide_path_async)
    return provider


def tracer_provider(service: str) -> TracerProvider:
    """Return what makes the spans of `service`; OTEL_TRACES_SAMPLER says which traces are kept."""
    return TracerProvider(resource=Resource.create({"service.name": service, "service.namespace": "dawnchorus"}))


@contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, AttributeValue] | None = None,
    parent: Context | None = None,
) -> Iterator[Span]:
    """Make a span current; with a remote `parent`, be its child and link to it as well.

    What fails in it is marked by the error's class alone: its sentence, which may name a recording, is in the logs.
    """
    remote = trace.get_current_span(parent).get_span_context() if parent is not None else None
    links = [Link(remote)] if remote is not None and remote.is_valid else []
    with _tracer.start_as_current_span(
        name,
        context=parent,
        kind=kind,
        attributes=attributes,
        links=links,
        record_exception=False,
        set_status_on_exception=False,
    ) as started:
        try:
            yield started
        except BaseException as error:
            mark_failed(error)
            raise


def mark_failed(error: BaseException) -> None:
    """Say on the current span that it failed; to be cancelled is no failure."""
    if isinstance(error, Exception):
        current = trace.get_current_span()
        current.set_status(Status(StatusCode.ERROR))
        current.set_attribute("error.type", type(error).__qualname__)


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


def _name_command(span: Span, event: Any) -> None:  # noqa: ANN401 (the driver's; one other file names it)
    # The instrumentation's name is of before the conventions were stable.
    collection = event.command.get(event.command_name)
    target = collection if isinstance(collection, str) else event.database_name
    span.update_name(f"{event.command_name} {target}")
    span.set_attribute("db.operation.name", event.command_name)


def _hide_failure(span: Span, _: Any) -> None:  # noqa: ANN401
    # The server's sentence quotes the values that it did not like.
    span.set_status(Status(StatusCode.ERROR))


def _hide_path(span: Span, request: Any) -> None:  # noqa: ANN401 (the instrumentation's)
    # Paths and queries of others hold names and secrets; our own services' spans name the route.
    span.set_attribute("url.full", f"{request.url.scheme}://{request.url.netloc.decode('ascii')}/")


async def _hide_path_async(span: Span, request: Any) -> None:  # noqa: ANN401
    _hide_path(span, request)
