"""A sink for the spans that real processes export over OTLP, and the edges between them."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue


@dataclass(frozen=True)
class ReceivedSpan:
    """One span, as a collector sees it."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    start_ns: int
    end_ns: int
    links: tuple[str, ...]
    attributes: Mapping[str, str]
    text: str

    @property
    def duration_ms(self) -> float:
        """Return how long it took."""
        return (self.end_ns - self.start_ns) / 1e6


class SpanSink:
    """Every span received so far."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._spans: list[ReceivedSpan] = []
        self._lock = threading.Lock()

    def receive(self, body: bytes) -> None:
        """Keep the spans of one export."""
        request = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            self._spans.extend(_spans(request))

    def of_trace(self, trace_id: str) -> list[ReceivedSpan]:
        """Return the spans of one trace, oldest first."""
        with self._lock:
            return sorted((span for span in self._spans if span.trace_id == trace_id), key=lambda span: span.start_ns)

    def named(self, name: str) -> list[ReceivedSpan]:
        """Return the spans of one name."""
        return [span for span in self.all() if span.name == name]

    def all(self) -> list[ReceivedSpan]:
        """Return every span."""
        with self._lock:
            return list(self._spans)


@contextmanager
def span_sink() -> Iterator[SpanSink]:
    """Listen on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sink.receive(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sink = SpanSink(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def edges(spans: list[ReceivedSpan]) -> set[tuple[str, str]]:
    """Return every pair (parent, child), each written `service: name`."""
    by_id = {span.span_id: span for span in spans}
    return {
        (_label(by_id[span.parent_id]), _label(span)) for span in spans if span.parent_id and span.parent_id in by_id
    }


def tree(spans: list[ReceivedSpan]) -> str:
    """Return the trace as an indented tree with durations."""
    children: dict[str, list[ReceivedSpan]] = {}
    ids = {span.span_id for span in spans}
    for span in spans:
        children.setdefault(span.parent_id if span.parent_id in ids else "", []).append(span)
    start = min(span.start_ns for span in spans)
    return "\n".join(_lines("", children, start, depth=0))


def _lines(parent: str, children: dict[str, list[ReceivedSpan]], start: int, *, depth: int) -> Iterator[str]:
    for span in children.get(parent, ()):
        at_ms = (span.start_ns - start) / 1e6
        yield f"{at_ms:8.1f} ms  {span.duration_ms:8.1f} ms  {'  ' * depth}{_label(span)}"
        yield from _lines(span.span_id, children, start, depth=depth + 1)


def _label(span: ReceivedSpan) -> str:
    return f"{span.service}: {span.name}"


def _spans(request: ExportTraceServiceRequest) -> Iterator[ReceivedSpan]:
    for resource in request.resource_spans:
        attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield ReceivedSpan(
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    service=attributes["service.name"],
                    name=span.name,
                    start_ns=span.start_time_unix_nano,
                    end_ns=span.end_time_unix_nano,
                    links=tuple(link.span_id.hex() for link in span.links),
                    attributes={each.key: _value(each.value) for each in span.attributes},
                    text=str(span),
                )


def _value(value: AnyValue) -> str:
    kind = value.WhichOneof("value")
    return str(getattr(value, kind)) if kind is not None else ""
