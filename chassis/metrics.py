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
HTTP_SECONDS = Histogram(
    "dawnchorus_http_request_duration_seconds", "By route and status.", ("method", "route", "status"), buckets=_SECONDS
)
WEBHOOK_ATTEMPTS = Counter("dawnchorus_webhook_attempts_total", "Requests to webhooks by outcome.", ("outcome",))
LIVE_CLIENTS = Gauge("dawnchorus_live_clients", "Clients listening to live events.")
SEARCH_VECTORS = Gauge("dawnchorus_search_vectors", "Recordings whose vectors this process searches.")
DEAD_LETTERS_KEPT = Counter(
    "dawnchorus_dead_letters_kept_total", "Parked messages that became documents.", ("consumer", "reason")
)
RECORDINGS_STUCK = Gauge(
    "dawnchorus_recordings_stuck", "Recordings, or wishes about them, that do not end though they were announced anew."
)
RECORDINGS_REANNOUNCED = Counter(
    "dawnchorus_recordings_reannounced_total", "Recordings, or wishes about them, that were announced anew."
)
OBJECTS_SWEPT = Counter("dawnchorus_objects_swept_total", "What nothing names, and was removed, by kind.", ("kind",))
POOL_SLOTS = Gauge("dawnchorus_pool_slots", "Jobs that a pool of child processes does at once.", ("pool",))
POOL_BUSY = Gauge("dawnchorus_pool_busy", "Children of a pool that work on a job now.", ("pool",))
JOB_ENDS = Counter("dawnchorus_job_ends_total", "Jobs in child processes by how they ended.", ("pool", "outcome"))
STORAGE_USED = Gauge(
    "dawnchorus_storage_used_ratio", "How full the disk of the scratch folders, the bucket and its disk are.", ("what",)
)
UPLOADS_REFUSED = Counter(
    "dawnchorus_uploads_refused_total", "Uploads, imports and batches that there was no room for.", ("reason",)
)
