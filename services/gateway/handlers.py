"""What the gateway hears from the broker beside the history: progress, on an exclusive queue of each replica."""

import uuid

from faststream import AckPolicy
from faststream.rabbit import QueueType, RabbitBroker, RabbitQueue
from faststream.rabbit.annotations import RabbitMessage

from chassis.broker import topic
from contracts.envelope import from_message
from contracts.topology import PROGRESS_EXCHANGE

from .live import LiveHub, Shown
from .progress import ProgressBoard


def show_progress(broker: RabbitBroker, hub: LiveHub, progress: ProgressBoard) -> None:
    """Have this replica's listeners see all progress; it is never kept, so it has no place in the history."""
    queue = RabbitQueue(
        f"gateway.live.{uuid.uuid4()}",
        queue_type=QueueType.CLASSIC,
        durable=False,
        exclusive=True,
        auto_delete=True,
        routing_key="#",
    )

    @broker.subscriber(queue, topic(PROGRESS_EXCHANGE), ack_policy=AckPolicy.ACK_FIRST, no_reply=True)
    async def show_event(message: RabbitMessage) -> None:
        """Show progress to those who listen now; who listens later reads the documents."""
        envelope = from_message(message.headers, message.body)
        progress.note(envelope.event)
        hub.show(Shown.of(envelope, None))
