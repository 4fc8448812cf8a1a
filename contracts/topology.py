"""Exchanges, queues and bindings, as data: who hears what, and where a message goes when it fails."""

from dataclasses import dataclass, field
from typing import Any

from .events import AnalysisRequested, Event, RecordingUploaded, SpectrogramRequested
from .vocabulary import Lane

EVENTS_EXCHANGE = "dawnchorus.events"
PROGRESS_EXCHANGE = "dawnchorus.progress"
RETRY_EXCHANGE = "dawnchorus.retry"
WORK_EXCHANGE = "dawnchorus.work"
DEAD_EXCHANGE = "dawnchorus.dead"
HISTORY_QUEUE = "dawnchorus.history"

DELIVERY_LIMIT = 20
HISTORY_BYTES = 2_000_000_000

RETRY_DELAYS_S: dict[str, int] = {"5s": 5, "30s": 30, "2m": 120, "10m": 600}

CONSUMERS: dict[str, tuple[type[Event], ...]] = {
    "spectrogram": (RecordingUploaded, SpectrogramRequested),
    "analysis": (RecordingUploaded, AnalysisRequested),
}

PRODUCERS: dict[str, tuple[str, ...]] = {
    "recording.uploaded": ("ingest",),
    "recording.rejected": ("ingest",),
    "recording.deleted": ("ingest",),
    "recording.restored": ("ingest",),
    "recording.cancelled": ("ingest",),
    "recording.retried": ("ingest",),
    "spectrogram.requested": ("gateway",),
    "spectrogram.previewed": ("spectrogram",),
    "spectrogram.completed": ("spectrogram",),
    "spectrogram.failed": ("spectrogram",),
    "analysis.requested": ("gateway",),
    "analysis.completed": ("analysis",),
    "analysis.failed": ("analysis",),
    "task.progressed": ("spectrogram", "analysis"),
}


@dataclass(frozen=True)
class Binding:
    """Messages on `exchange` whose key matches `routing_key` reach the queue."""

    exchange: str
    routing_key: str


@dataclass(frozen=True)
class Queue:
    """A durable queue: its name, its arguments, what it is bound to."""

    name: str
    arguments: dict[str, Any]
    bindings: tuple[Binding, ...] = field(default=())


def work_queue_name(service: str, lane: Lane) -> str:
    """Return the queue that one lane of a service consumes."""
    return f"{service}.work.{lane}"


def retry_key(service: str, delay: str, lane: Lane) -> str:
    """Return the key that sends a message back to `lane` of `service` after `delay`."""
    return f"{service}.{delay}.{lane}"


def retry_queue_name(service: str, delay: str) -> str:
    """Return the queue that messages of a service wait in for `delay`."""
    return f"{service}.retry.{delay}"


def dead_queue_name(service: str) -> str:
    """Return the queue that a service's messages are parked in."""
    return f"{service}.dlq"


def replay_key(service: str, lane: Lane) -> str:
    """Return the key by which the exchange of work takes a parked message back to one lane of a service."""
    return f"{service}.replay.{lane}"


def queues() -> tuple[Queue, ...]:
    """Return every durable queue of the system."""
    per_service = [queue for service in CONSUMERS for queue in _queues_of(service)]
    return (_history(), *per_service)


def exchanges() -> tuple[str, ...]:
    """Return every durable topic exchange."""
    return (EVENTS_EXCHANGE, PROGRESS_EXCHANGE, RETRY_EXCHANGE, WORK_EXCHANGE, DEAD_EXCHANGE)


def _history() -> Queue:
    arguments = {"x-queue-type": "stream", "x-max-length-bytes": HISTORY_BYTES}
    return Queue(HISTORY_QUEUE, arguments, (Binding(EVENTS_EXCHANGE, "#"),))


def _queues_of(service: str) -> list[Queue]:
    work = [_work(service, lane) for lane in Lane]
    retries = [_retry(service, delay, seconds) for delay, seconds in RETRY_DELAYS_S.items()]
    dead = Queue(dead_queue_name(service), {"x-queue-type": "quorum"}, (Binding(DEAD_EXCHANGE, f"{service}.dead"),))
    return [*work, *retries, dead]


def _work(service: str, lane: Lane) -> Queue:
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD_EXCHANGE,
        "x-dead-letter-routing-key": f"{service}.dead",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    bindings = (
        *(Binding(EVENTS_EXCHANGE, f"{event.versioned_type()}.{lane}") for event in CONSUMERS[service]),
        Binding(WORK_EXCHANGE, f"{service}.*.{lane}"),
    )
    return Queue(work_queue_name(service, lane), arguments, bindings)


def _retry(service: str, delay: str, seconds: int) -> Queue:
    arguments = {
        "x-queue-type": "quorum",
        "x-message-ttl": seconds * 1000,
        # Without a routing key of its own a dead letter keeps the key it came with: the lane survives.
        "x-dead-letter-exchange": WORK_EXCHANGE,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    return Queue(retry_queue_name(service, delay), arguments, (Binding(RETRY_EXCHANGE, f"{service}.{delay}.*"),))
