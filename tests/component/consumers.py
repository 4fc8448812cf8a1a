"""A consuming service whose handler a test decides, and the event it hears."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest_asyncio
from faststream.rabbit import RabbitBroker

from chassis.broker import Publisher, create_broker, declare_topology, lane_subscriber
from chassis.consuming import RetryLadder, Telemetry
from chassis.settings import ServiceSettings
from contracts.envelope import envelop, to_message
from contracts.events import RecordingUploaded
from contracts.topology import RETRY_DELAYS_S, work_queue_name
from contracts.vocabulary import Lane

from .polling import eventually
from .rabbit import Rabbit

SERVICE = "spectrogram"
PARKED = f"{SERVICE}.dlq"
EVENT = RecordingUploaded(
    recording_id="0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10",
    project_id="default",
    lane=Lane.BULK,
    sha256="0" * 64,
    size_bytes=1000,
    container="wav",
    codec="pcm_s16",
    rate_hz=44_100,
    channels=1,
    uploaded_at=datetime(2026, 11, 21, tzinfo=UTC),
)

Handle = Callable[[RecordingUploaded], Awaitable[None]]


@dataclass
class Consumer:
    """A service that does with an event what a test decides."""

    broker: RabbitBroker
    ladder: RetryLadder
    slots: int = 1
    heard: list[RecordingUploaded] = field(default_factory=list)

    def register(self, handle: Handle) -> None:
        """Have the bulk lane consumed once the broker is started."""

        @lane_subscriber(self.broker, SERVICE, Lane.BULK, self.slots)  # type: ignore[untyped-decorator]  # FastStream's
        async def take(event: RecordingUploaded) -> str:
            self.heard.append(event)
            await handle(event)
            return "a result that nobody asked for"

    @asynccontextmanager
    async def doing(self, handle: Handle) -> AsyncIterator[None]:
        """Consume the bulk lane."""
        self.register(handle)
        await self.broker.start()
        try:
            yield
        finally:
            await self.broker.stop()

    async def has_heard(self, count: int) -> None:
        """Wait until so many events were handed over."""

        async def enough() -> bool:
            return len(self.heard) >= count

        await eventually(enough)


@pytest_asyncio.fixture
async def consumer(settings: ServiceSettings, amqp_url: str) -> AsyncIterator[Consumer]:
    """A service's broker, with what surrounds every handler."""
    ladder = RetryLadder(SERVICE)
    broker = create_broker(ServiceSettings(**{**settings.model_dump(), "amqp_url": amqp_url}), [Telemetry, ladder])
    ladder.publisher = Publisher(broker, timeout_s=5)
    await broker.connect()
    await declare_topology(broker)
    yield Consumer(broker, ladder)
    await broker.stop()


async def send(
    rabbit: Rabbit,
    *,
    headers: dict[str, Any] | None = None,
    body: bytes | None = None,
    lane: Lane = Lane.BULK,
    **properties: Any,
) -> None:
    """Publish the event; headers that are None are left out."""
    message = to_message(envelop(EVENT, source="test", id_="event-1"))
    changed = {name: value for name, value in {**message.headers, **(headers or {})}.items() if value is not None}
    await rabbit.send(event_body() if body is None else body, changed, f"{EVENT.versioned_type()}.{lane}", **properties)


def event_body() -> bytes:
    """Return the event as it is on the wire."""
    body = to_message(envelop(EVENT, source="test", id_="event-1")).body
    return body if isinstance(body, bytes) else str(body).encode()


async def all_counts(rabbit: Rabbit) -> dict[str, int]:
    """Return how much waits in the service's queues, where anything does."""
    names = [work_queue_name(SERVICE, Lane.BULK), PARKED, *(f"{SERVICE}.retry.{delay}" for delay in RETRY_DELAYS_S)]
    counts = {name: await rabbit.count(name) for name in names}
    return {name: count for name, count in counts.items() if count}


async def nothing(_: RecordingUploaded) -> None:
    """Handle an event by doing nothing."""
    return


def raising(error: Exception) -> Handle:
    """Return a handler that fails."""

    async def fail(_: RecordingUploaded) -> None:
        raise error

    return fail
