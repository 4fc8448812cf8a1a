"""What surrounds every HTTP route: a span named by the route's template, and a count."""

import time
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry import trace

from .metrics import HTTP_SECONDS, bounded, observe
from .tracing import OpenTelemetryMiddleware, detached

UNMATCHED = "unmatched"
# What a span must not tell: queries hold names of files, and an address is somebody's.
_HIDDEN = {"query_string": b"", "client": None}
_WHOLE = "dawnchorus.scope"
_ID_CHARACTERS_MAX = 36
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"))


def traced(app: ASGIApp) -> ASGIApp:
    """Make a SERVER span per request, named by method and route, never by a path with an id in it."""
    instrumented: Any = OpenTelemetryMiddleware(
        _shown_whole(_named(app)), default_span_details=_span_details, exclude_spans=["send", "receive"]
    )

    async def trace_anew(scope: Scope, receive: Receive, send: Send) -> None:
        # A connection whose reading was paused goes on in the context of the request that resumed it:
        # the next request on it would find that one's span current, and ignore its own traceparent.
        with detached():
            await instrumented({**scope, **_HIDDEN, _WHOLE: scope}, receive, send)

    return trace_anew


def measured(app: ASGIApp) -> ASGIApp:
    """Observe how long each request took, by route and status."""

    async def measure(scope: Scope, receive: Receive, send: Send) -> None:
        started = time.monotonic()
        status = 0

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, note_status)
        finally:
            labels = bounded(str(scope.get("method", "GET")), METHODS), _route(scope), status
            observe(HTTP_SECONDS.labels(*labels), time.monotonic() - started)

    return measure


def _span_details(scope: Any) -> tuple[str, dict[str, str]]:  # noqa: ANN401 (the instrumentation's type)
    return _method(scope), {}


def _shown_whole(app: ASGIApp) -> ASGIApp:
    async def show_whole(scope: Any, receive: Receive, send: Send) -> None:  # noqa: ANN401 (a scope and a key of ours)
        await app(scope[_WHOLE], receive, send)

    return show_whole


def _named(app: ASGIApp) -> ASGIApp:
    async def name_by_route(scope: Scope, receive: Receive, send: Send) -> None:
        span = trace.get_current_span()
        # Any path may be asked for, with a name in it: those that are routes hold ids alone.
        span.set_attribute("url.path", UNMATCHED)

        async def name_then_send(message: Message) -> None:
            # Only routing, which is over now, knows the template; after the last message the span has ended.
            if message["type"] == "http.response.start":
                span.update_name(f"{_method(scope)} {_route(scope)}")
                span.set_attribute("http.route", _route(scope))
                span.set_attribute("url.path", _route(scope))
                _name_recording(span, scope)
            await send(message)

        await app(scope, receive, name_then_send)

    return name_by_route


def _method(scope: Any) -> str:  # noqa: ANN401
    method = str(scope.get("method"))
    return method if method in METHODS else "HTTP"


def _route(scope: Any) -> str:  # noqa: ANN401
    return str(scope.get("path_template") or UNMATCHED)


def _name_recording(span: trace.Span, scope: Any) -> None:  # noqa: ANN401
    recording_id = scope.get("path_params", {}).get("recording_id")
    if recording_id is not None:
        span.set_attribute("recording.id", str(recording_id)[:_ID_CHARACTERS_MAX])
