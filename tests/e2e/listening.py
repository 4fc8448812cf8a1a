"""What clients of the live interface and of the broker hear."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import aio_pika
import httpx

from contracts.topology import EVENTS_EXCHANGE, HISTORY_QUEUE


def live_messages(
    client: httpx.Client, recording_id: str | None = None, *, headers: dict[str, str] | None = None, **query: str
) -> Iterator[dict[str, Any]]:
    """Yield Server-Sent Events of one recording, or of all: `id`, `event`, `data`, `comment`."""
    wanted = query if recording_id is None else {**query, "recording": recording_id}
    with client.stream("GET", "/v1/events", params=wanted, headers=headers) as answer:
        answer.raise_for_status()
        message: dict[str, Any] = {}
        for line in answer.iter_lines():
            if line.startswith(":"):
                yield {"comment": line[1:].strip()}
            elif line:
                field, _, value = line.partition(": ")
                message[field] = json.loads(value) if field == "data" else value
            elif message:
                yield message
                message = {}


def history(amqp_url: str) -> list[aio_pika.abc.AbstractIncomingMessage]:
    """Return every event that the history stream has kept."""
    return asyncio.run(_history(amqp_url))


async def _history(amqp_url: str) -> list[aio_pika.abc.AbstractIncomingMessage]:
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=500)
        queue = await channel.get_queue(HISTORY_QUEUE)
        # A stream delivers in order: a mark of our own at its end says when everything before it has been read.
        exchange = await channel.get_exchange(EVENTS_EXCHANGE)
        mark = aio_pika.Message(b"{}", message_id=f"end-of-history-{id(connection)}")
        await exchange.publish(mark, routing_key="test.mark")
        messages: list[aio_pika.abc.AbstractIncomingMessage] = []
        async with queue.iterator(arguments={"x-stream-offset": "first"}, timeout=30) as stored:
            async for message in stored:
                await message.ack()
                if message.message_id == mark.message_id:
                    return messages
                messages.append(message)
    return messages
