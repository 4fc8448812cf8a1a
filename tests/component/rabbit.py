"""The broker as other systems see it."""

from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from contracts.topology import EVENTS_EXCHANGE

from .polling import eventually


@dataclass(frozen=True)
class Rabbit:
    """What another system sees of the broker."""

    url: str
    channel: AbstractChannel

    async def send(self, body: bytes, headers: dict[str, Any], routing_key: str, **properties: Any) -> None:
        """Publish to the exchange of events."""
        exchange = await self.channel.get_exchange(EVENTS_EXCHANGE)
        await exchange.publish(aio_pika.Message(body, headers=headers, **properties), routing_key)

    async def count(self, queue: str) -> int:
        """Return how many messages are ready in a queue."""
        declared = await self.channel.declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0

    async def taken(self, queue: str) -> AbstractIncomingMessage:
        """Take the next message out of a queue, as soon as there is one."""
        declared = await self.channel.get_queue(queue)

        async def next_message() -> AbstractIncomingMessage | None:
            return await declared.get(fail=False, no_ack=True)

        message = await eventually(next_message)
        assert message is not None
        return message
