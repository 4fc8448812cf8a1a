"""The numbers every service exposes at /metrics."""

import asyncio
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager

from opentelemetry import trace
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from .errors import DawnchorusError

# When a counter began is a second series for each, and Prometheus sees a restart without it.
disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client annotates it not at all

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_TASK_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)
# From a thumbnail in the interactive lane to the last of a season in the bulk lane.
_WAITS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400)
_CALL_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# 0.01: a minute of audio in 0.6 s.
_FACTORS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_LAGS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)

OTHER = "other"

MESSAGES_HANDLED = Counter(
    "dawnchorus_messages_handled_total", "Messages by how their handling ended.", ("consumer", "outcome")
)
MESSAGE_SECONDS = Histogram(
    "dawnchorus_message_duration_seconds",
    "From delivery to acknowledgement.",
    ("consumer", "lane", "outcome"),
    buckets=_TASK_SECONDS,
)
TASK_SECONDS = Histogram(
    "dawnchorus_task_duration_seconds", "From claim to finalize.", ("task", "lane", "state"), buckets=_TASK_SECONDS
)
TASKS_RUNNING = Gauge("dawnchorus_tasks_running", "Tasks that this process works on now.", ("task",))
TASK_WAIT_SECONDS = Histogram(
    "dawnchorus_task_wait_seconds", "From the announcement to the first claim.", ("task", "lane"), buckets=_WAITS
)
STAGE_SECONDS = Histogram(
    "dawnchorus_stage_duration_seconds", "Stages of tasks.", ("task", "lane", "stage"), buckets=_TASK_SECONDS
)
TASK_ATTEMPTS = Histogram(
    "dawnchorus_task_attempts", "Attempts that a task took until it ended.", ("task",), buckets=(1, 2, 3, 4)
)
TASK_FAILURES = Counter("dawnchorus_task_failures_total", "Tasks that ended without a result.", ("task", "code"))
AUDIO_SECONDS = Counter("dawnchorus_audio_seconds_total", "Seconds of audio worked through.", ("task", "lane"))
REAL_TIME_FACTOR = Histogram(
    "dawnchorus_real_time_factor", "Seconds of work per second of audio.", ("task",), buckets=_FACTORS
)
END_TO_END_SECONDS = Histogram(
    "dawnchorus_end_to_end_seconds",
    "From the upload to each thing that can be read.",
    ("task", "what", "lane"),
    buckets=_WAITS,
)
EXTRACTOR_SECONDS = Histogram(
    "dawnchorus_extractor_duration_seconds", "Extractors by outcome.", ("extractor", "outcome"), buckets=_CALL_SECONDS
)

OUTBOX_PUBLISHED = Counter("dawnchorus_outbox_published_total", "Events the broker has confirmed.", ("collection",))
OUTBOX_FAILURES = Counter("dawnchorus_outbox_failures_total", "Rounds of the relay that failed.", ("collection",))
BREAKER_STATE = Gauge("dawnchorus_breaker_state", "0 closed, 1 half open, 2 open.", ("dependency",))
BREAKER_OPENED = Counter("dawnchorus_breaker_opened_total", "How often a breaker opened.", ("dependency",))
OUTBOX_PENDING = Gauge("dawnchorus_outbox_pending", "Events that wait for the broker.", ("collection",))
OUTBOX_OLDEST_SECONDS = Gauge(
    "dawnchorus_outbox_oldest_age_seconds", "How long the oldest of them waits; 0 without any.", ("collection",)
)

HTTP_SECONDS = Histogram(
    "dawnchorus_http_request_duration_seconds", "By route and status.", ("method", "route", "status"), buckets=_SECONDS
)
RECORDINGS_TAKEN = Counter(
    "dawnchorus_recordings_taken_total", "Recordings that arrived whole, by what came of them.", ("lane", "outcome")
)
RECORDING_BYTES = Counter("dawnchorus_recording_bytes_total", "Bytes of the recordings that arrived.", ("lane",))
IMPORT_SECONDS = Histogram(
    "dawnchorus_import_duration_seconds", "Recordings we fetched.", ("source", "outcome"), buckets=_TASK_SECONDS
)
WEBHOOK_ATTEMPTS = Counter("dawnchorus_webhook_attempts_total", "Requests to webhooks by outcome.", ("outcome",))
LIVE_CLIENTS = Gauge("dawnchorus_live_clients", "Clients listening to live events.")
LIVE_CLIENTS_DROPPED = Counter(
    "dawnchorus_live_clients_dropped_total", "Clients cut off because they did not keep up.", ("reason",)
)
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
DEAD_LETTERS = Gauge("dawnchorus_dead_letters", "Parked messages that nobody has seen to.", ("service",))

EVENT_LOOP_LAG = Histogram(
    "dawnchorus_event_loop_lag_seconds", "How late the event loop comes to what is due.", buckets=_LAGS
)
OBJECT_STORE_SECONDS = Histogram(
    "dawnchorus_object_store_duration_seconds", "Calls of S3.", ("operation", "outcome"), buckets=_CALL_SECONDS
)
PUBLISH_SECONDS = Histogram(
    "dawnchorus_publish_duration_seconds", "Until the broker had it.", ("exchange", "outcome"), buckets=_CALL_SECONDS
)
MONGODB_SECONDS = Histogram(
    "dawnchorus_mongodb_duration_seconds", "Commands of MongoDB.", ("command", "outcome"), buckets=_CALL_SECONDS
)
MONGODB_CONNECTIONS = Gauge("dawnchorus_mongodb_pool_connections", "Connections by what they do now.", ("state",))
MONGODB_CONNECTIONS_MAX = Gauge("dawnchorus_mongodb_pool_connections_max", "Connections that there may be.")


def observe(histogram: Histogram, value: float) -> None:
    """Observe a value; where its trace is kept, the value leads to it."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid and context.trace_flags.sampled:
        histogram.observe(value, {"trace_id": trace.format_trace_id(context.trace_id)})
    else:
        histogram.observe(value)


@contextmanager
def timed(histogram: Histogram, label: str) -> Iterator[None]:
    """Observe how long the block took, by `label` and outcome: `ok`, `cancelled`, or the error's code."""
    started, outcome = time.monotonic(), "ok"
    try:
        yield
    except BaseException as error:
        outcome = _outcome_of(error)
        raise
    finally:
        observe(histogram.labels(label, outcome), time.monotonic() - started)


def bounded(value: str, known: Container[str]) -> str:
    """Return a label's value where it is known, or else `other`: what somebody sends makes no series."""
    return value if value in known else OTHER


def _outcome_of(error: BaseException) -> str:
    if isinstance(error, DawnchorusError):
        return error.code
    # A reader that wants no more of a stream closes it.
    return "cancelled" if isinstance(error, asyncio.CancelledError | GeneratorExit) else "failed"
