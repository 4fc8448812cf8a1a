"""What surrounds every HTTP route: a span named by the route's template, a count, a polite refusal."""

import asyncio
import time
from typing import Any

from litestar import Request
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from .metrics import HTTP_SECONDS
from .tracing import OpenTelemetryMiddleware, detached


def traced(app: ASGIApp) -> ASGIApp:
    """Make a SERVER span per request, named by method and route, never by a path with an id in it."""
    instrumented: Any = OpenTelemetryMiddleware(
        app, default_span_details=_span_details, exclude_spans=["send", "receive"]
    )

    async def trace_anew(scope: Scope, receive: Receive, send: Send) -> None:
        # A connection whose reading was paused goes on in the context of the request that resumed it:
        # the next request on it would find that one's span current, and ignore its own traceparent.
        with detached():
            await instrumented(scope, receive, send)

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
            HTTP_SECONDS.labels(scope.get("method", ""), _route(scope), status).observe(time.monotonic() - started)

    return measure


async def drain(request: Request[Any, Any, Any], *, limit_bytes: int, timeout_s: float = 20) -> None:
    """Read what is left of a refused body, within bounds, so that its sender hears the answer and not a reset."""
    left = limit_bytes
    try:
        async with asyncio.timeout(timeout_s):
            while left > 0:
                message = await request.receive()
                if message["type"] != "http.request" or not message["more_body"]:
                    return
                left -= len(message["body"])
    except TimeoutError:
        return


def _span_details(scope: Any) -> tuple[str, dict[str, str]]:  # noqa: ANN401 (the instrumentation's type)
    route = _route(scope)
    return f"{scope.get('method', 'HTTP')} {route}".strip(), {"http.route": route}


def _route(scope: Any) -> str:  # noqa: ANN401
    return str(scope.get("path_template") or "unmatched")
