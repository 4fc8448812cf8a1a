"""What the gateway hears from the broker: everything, on an exclusive queue of each replica."""

import uuid

from faststream import AckPolicy
from faststream.rabbit import QueueType, RabbitBroker, RabbitQueue
from faststream.rabbit.annotations import RabbitMessage

from chassis.broker import topic
from contracts.envelope import from_message
from contracts.topology import EVENTS_EXCHANGE, PROGRESS_EXCHANGE

from .indexer import SearchIndexer
from .live import LiveHub
from .progress import ProgressBoard


def show_everything(broker: RabbitBroker, hub: LiveHub, progress: ProgressBoard, indexer: SearchIndexer) -> None:
    """Have this replica's listeners see every event and all progress, and its search every analysis."""
    for exchange in (EVENTS_EXCHANGE, PROGRESS_EXCHANGE):
        queue = RabbitQueue(
            f"gateway.live.{uuid.uuid4()}",
            queue_type=QueueType.CLASSIC,
            durable=False,
            exclusive=True,
            auto_delete=True,
            routing_key="#",
        )

        @broker.subscriber(queue, topic(exchange), ack_policy=AckPolicy.ACK_FIRST, no_reply=True)
        async def show_event(message: RabbitMessage) -> None:
            """Show an event to those who listen now; who listens later reads the documents."""
            envelope = from_message(message.headers, message.body)
            progress.note(envelope.event)
            indexer.note(envelope.event)
            hub.show(envelope)
