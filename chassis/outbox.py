"""The only way an event leaves: from the document that made it true, confirmed by the broker, then pulled."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import structlog

from contracts.documents import OutboxEntry
from contracts.envelope import Envelope, to_message
from contracts.events import EVENTS
from contracts.vocabulary import Lane

from .broker import Publisher
from .documents import Collection, PyMongoError
from .errors import BrokerUnavailableError
from .metrics import OUTBOX_FAILURES, OUTBOX_PUBLISHED
from .tracing import SpanKind, attached, current_trace, span
from .waking import WakeableSleep

log = structlog.get_logger()

BATCH = 100

_INTERACTIVE = [f"{event.versioned_type()}.{Lane.INTERACTIVE}" for event in EVENTS]
# Their keys by name, because an index finds no endings.
_URGENT: Mapping[str, Any] = {"outbox.routing_key": {"$in": _INTERACTIVE}}
_OTHERS: Mapping[str, Any] = {"outbox.routing_key": {"$exists": True, "$nin": _INTERACTIVE}}


def outbox_entry(envelope: Envelope) -> OutboxEntry:
    """Return what is stored in the document: the message, and the trace it belongs to."""
    message = to_message(envelope)
    return OutboxEntry(
        event_id=envelope.id,
        routing_key=envelope.routing_key,
        headers=message.headers,
        body=message.body.decode() if isinstance(message.body, bytes) else json.dumps(message.body),
        trace=current_trace(),
    )


async def prepare_outbox(collection: Collection) -> None:
    """Make the indexes that find waiting entries."""
    await collection.create_index("outbox.event_id", sparse=True, name="outbox")
    await collection.create_index("outbox.routing_key", sparse=True, name="outbox_by_key")


class OutboxRelay:
    """Publishes the outbox entries of one collection; two relays that race only repeat an event."""

    def __init__(self, collection: Collection, publisher: Publisher, poll_s: float) -> None:
        self.collection = collection
        self._publisher = publisher
        self._poll_s = poll_s
        self._sleep = WakeableSleep()

    def wake(self) -> None:
        """Say that an entry was just written, so that it need not wait for the next look."""
        self._sleep.wake()

    async def run(self) -> None:
        """Publish for ever: at once when woken, and at every poll for what others left behind."""
        while True:
            await self._publisher.usable()
            try:
                while await self.drain() >= BATCH:
                    pass
            except (BrokerUnavailableError, PyMongoError) as error:
                OUTBOX_FAILURES.labels(self.collection.name).inc()
                log.warning("outbox_waiting", collection=self.collection.name, reason=str(error))
                await asyncio.sleep(self._poll_s)
                continue
            await self._sleep.at_most(self._poll_s)

    async def drain(self) -> int:
        """Publish what waits now, at most two batches of documents; return how many entries left.

        What somebody waits for leaves first: after an outage an import is at most a batch ahead of a person.
        """
        return await self._drain(_URGENT) + await self._drain(_OTHERS)

    async def _drain(self, waiting: Mapping[str, Any]) -> int:
        published = 0
        async for document in self.collection.find(waiting, {"outbox": 1}).limit(BATCH):
            for raw in document["outbox"]:
                await self._send(document["_id"], OutboxEntry.model_validate(raw))
                published += 1
        return published

    async def _send(self, document_id: Any, entry: OutboxEntry) -> None:  # noqa: ANN401
        destination = f"{entry.exchange}:{entry.routing_key}"
        attributes = {
            "messaging.system": "rabbitmq",
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.destination.name": destination,
            "messaging.rabbitmq.destination.routing_key": entry.routing_key,
            "messaging.message.id": entry.event_id,
        }
        with (
            attached(entry.trace),
            span(f"send {destination}", kind=SpanKind.PRODUCER, attributes=attributes),
        ):
            await self._publisher.publish(
                entry.body.encode(),
                exchange=entry.exchange,
                routing_key=entry.routing_key,
                headers={**entry.headers, **current_trace()},
            )
            await self.collection.update_one({"_id": document_id}, {"$pull": {"outbox": {"event_id": entry.event_id}}})
        OUTBOX_PUBLISHED.labels(self.collection.name).inc()
