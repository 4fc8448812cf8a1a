"""The spans that a test's own process ends; those of other processes come to tests/spans.py."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class SpanRecorder:
    """The spans that this process ended since the test began."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def ended(self, name: str | None = None) -> list[ReadableSpan]:
        """Return the spans that have ended, of one name or all."""
        return [span for span in self._exporter.get_finished_spans() if name in (None, span.name)]


@pytest.fixture(scope="session")
def span_exporter() -> InMemorySpanExporter:
    """A collector in memory; the process has one provider of spans, so there is one for the session."""
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


@pytest.fixture
def spans(span_exporter: InMemorySpanExporter) -> Iterator[SpanRecorder]:
    """What is traced during one test."""
    span_exporter.clear()
    yield SpanRecorder(span_exporter)
    span_exporter.clear()
