"""The numbers every service exposes at /metrics."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

MESSAGES_HANDLED = Counter(
    "dawnchorus_messages_handled_total", "Messages by how their handling ended.", ("consumer", "outcome")
)
TASK_SECONDS = Histogram(
    "dawnchorus_task_duration_seconds", "From claim to finalize.", ("task", "state"), buckets=_SECONDS
)
TASKS_RUNNING = Gauge("dawnchorus_tasks_running", "Tasks that this process works on now.", ("task",))
OUTBOX_PUBLISHED = Counter("dawnchorus_outbox_published_total", "Events the broker has confirmed.", ("collection",))
OUTBOX_FAILURES = Counter("dawnchorus_outbox_failures_total", "Rounds of the relay that failed.", ("collection",))
BREAKER_STATE = Gauge("dawnchorus_breaker_state", "0 closed, 1 half open, 2 open.", ("dependency",))
BREAKER_OPENED = Counter("dawnchorus_breaker_opened_total", "How often a breaker opened.", ("dependency",))
HTTP_SECONDS = Histogram(
    "dawnchorus_http_request_duration_seconds", "By route and status.", ("method", "route", "status"), buckets=_SECONDS
)
WEBHOOK_ATTEMPTS = Counter("dawnchorus_webhook_attempts_total", "Requests to webhooks by outcome.", ("outcome",))
LIVE_CLIENTS = Gauge("dawnchorus_live_clients", "Clients listening to live events.")
SEARCH_VECTORS = Gauge("dawnchorus_search_vectors", "Recordings whose vectors this process searches.")
DEAD_LETTERS_KEPT = Counter(
    "dawnchorus_dead_letters_kept_total", "Parked messages that became documents.", ("consumer", "reason")
)
