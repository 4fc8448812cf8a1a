"""Gateway: requests, uploads, listeners."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from .panels import HALF, Panel, Query, board, graph
from .promql import or_zero, per_minute, per_second, percentile

# Streams of live events last as long as somebody listens.
NO_STREAM = '{route=~"/v1/.*",route!~"/v1/(events|ws).*"}'


def gateway() -> Dashboard:
    """Return the dashboard of the public interface."""
    return board(
        "gateway",
        "Gateway",
        "The public interface: requests, uploads, live events, webhooks, search.",
        {
            "Requests": _requests(),
            "Uploads": _uploads(),
            "Listeners and subscribers": _listeners_and_subscribers(),
        },
    )


def _requests() -> list[Panel]:
    return [
        graph(
            "Requests a second",
            Query(
                per_second("dawnchorus_http_request_duration_seconds_count", "status", '{route=~"/v1/.*"}'),
                "{{status}}",
            ),
            about="By status.",
            unit="reqps",
            stacked=True,
        ),
        graph(
            "Share of 5xx",
            Query("dawnchorus:api_errors:ratio_rate5m", "5xx"),
            about="0.1 % is what is promised.",
            unit="percentunit",
        ),
        graph(
            "The slowest routes, 95th percentile",
            Query(
                f"topk(10, {percentile(0.95, 'dawnchorus_http_request_duration_seconds', 'route', NO_STREAM)})",
                "{{route}}",
                has_exemplars=True,
            ),
            about="Without the streams of live events, which last as long as somebody listens.",
            unit="s",
        ),
    ]


def _uploads() -> list[Panel]:
    return [*_arriving(), *_refused_and_fetched()]


def _arriving() -> list[Panel]:
    return [
        graph(
            "Accepting an upload",
            Query(
                percentile(
                    0.5, "dawnchorus_http_request_duration_seconds", "", '{route="/v1/recordings",method="POST"}'
                ),
                "p50",
                has_exemplars=True,
            ),
            Query(
                percentile(
                    0.95, "dawnchorus_http_request_duration_seconds", "", '{route="/v1/recordings",method="POST"}'
                ),
                "p95",
                has_exemplars=True,
            ),
            Query(
                percentile(
                    0.99, "dawnchorus_http_request_duration_seconds", "", '{route="/v1/recordings",method="POST"}'
                ),
                "p99",
                has_exemplars=True,
            ),
            about="From the first byte to 202, by percentile.",
            unit="s",
        ),
        graph(
            "Recordings a minute",
            Query(per_minute("dawnchorus_recordings_taken_total", "lane, outcome"), "{{lane}} {{outcome}}"),
            about="By what came of them.",
            stacked=True,
        ),
        graph(
            "Bytes a second",
            Query(per_second("dawnchorus_recording_bytes_total", "lane"), "{{lane}}"),
            about="Of recordings that arrived whole.",
            unit="Bps",
        ),
    ]


def _refused_and_fetched() -> list[Panel]:
    return [
        graph(
            "Uploads refused a minute",
            Query(or_zero(per_minute("dawnchorus_uploads_refused_total", "reason")), "{{reason}}"),
            about="There was no room for them.",
            width=HALF,
        ),
        graph(
            "Imports a minute",
            Query(
                or_zero(per_minute("dawnchorus_import_duration_seconds_count", "source, outcome")),
                "{{source}} {{outcome}}",
            ),
            about="From inboxes and addresses.",
            width=HALF,
        ),
    ]


def _listeners_and_subscribers() -> list[Panel]:
    return [
        graph(
            "Live clients",
            Query("sum by (instance) (dawnchorus_live_clients)", "{{instance}}"),
            about="On each gateway.",
        ),
        graph(
            "Live clients dropped, a minute",
            Query(or_zero(per_minute("dawnchorus_live_clients_dropped_total", "reason")), "{{reason}}"),
            about="They did not keep up.",
        ),
        graph(
            "Webhooks a minute",
            Query(or_zero(per_minute("dawnchorus_webhook_attempts_total", "outcome")), "{{outcome}}"),
            about="Requests to subscribers, by outcome.",
        ),
        graph(
            "Recordings in the search",
            Query("sum by (instance) (dawnchorus_search_vectors)", "{{instance}}"),
            about="On each gateway; replicas should agree.",
            width=HALF,
        ),
        graph(
            "Event loop, 99th percentile",
            Query("dawnchorus:event_loop_lag_seconds:p99_5m", "{{job}} {{instance}}"),
            about="Of services with routes under /v1 this is the first to suffer.",
            unit="s",
            width=HALF,
        ),
    ]
