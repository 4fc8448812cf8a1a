"""What the history stream holds, and the same told again."""

import asyncio
import json
import uuid
from collections.abc import Iterable
from contextlib import aclosing

import aio_pika

from chassis.stream_queue import StoredMessage, stored_messages
from contracts.topology import EVENTS_EXCHANGE, HISTORY_QUEUE

MARK_HEADER = "x-chaos-mark"
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0


def read_history(amqp_url: str) -> list[StoredMessage]:
    """Return every event of the stream, in its order. Raises what connecting raises, `TimeoutError` too."""
    return asyncio.run(_read(amqp_url))


def tell_again(amqp_url: str, messages: Iterable[StoredMessage]) -> None:
    """Publish events of the stream once more, in this order, as they were published first."""
    asyncio.run(_publish(amqp_url, [(_key_of(each), _headers_of(each), each.body) for each in messages]))


async def _read(amqp_url: str) -> list[StoredMessage]:
    # A stream delivers in order: a mark of our own at its end says when everything before it has been read.
    mark = str(uuid.uuid4())
    await _publish(amqp_url, [("chaos.mark", {MARK_HEADER: mark}, b"{}")])
    found: list[StoredMessage] = []
    async with asyncio.timeout(READ_TIMEOUT_S):
        async with aclosing(stored_messages(amqp_url, HISTORY_QUEUE, "first", CONNECT_TIMEOUT_S)) as batches:
            async for batch in batches:
                found += batch
                if any(each.headers.get(MARK_HEADER) == mark for each in batch):
                    break
    return [each for each in found if "ce-id" in each.headers]


async def _publish(amqp_url: str, messages: list[tuple[str, dict[str, str], bytes]]) -> None:
    async with await aio_pika.connect(amqp_url, timeout=CONNECT_TIMEOUT_S) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EVENTS_EXCHANGE)
        for routing_key, headers, body in messages:
            message = aio_pika.Message(
                body,
                headers=dict(headers),
                message_id=headers.get("ce-id"),
                content_type="application/json",
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            )
            await exchange.publish(message, routing_key=routing_key, timeout=CONNECT_TIMEOUT_S)


def _key_of(message: StoredMessage) -> str:
    return f"{message.headers['ce-type']}.{json.loads(message.body)['lane']}"


def _headers_of(message: StoredMessage) -> dict[str, str]:
    return {name: str(each) for name, each in message.headers.items() if name.startswith(("ce-", "trace"))}
