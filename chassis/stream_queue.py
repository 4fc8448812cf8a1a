"""Read a RabbitMQ stream queue: every message in its one order, from any offset, as often as one likes."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from .broker import CONNECTION_ERRORS

# A stream is only given out to who says how much may be on its way.
PREFETCH = 200

Offset = int | str


@dataclass(frozen=True)
class StoredMessage:
    """One message and its place in the stream; places grow, but may leave some out."""

    offset: int
    headers: Mapping[str, Any]
    body: bytes


async def stored_messages(
    url: str, queue_name: str, offset: Offset, timeout_s: float
) -> AsyncGenerator[list[StoredMessage], None]:
    """Yield what is in a stream from `offset` on (a number, `first`, `last`, `next`), then what comes; wait for ever.

    Messages come in lists of at most `PREFETCH`; no more than that are fetched before the last list is done with.
    Ends when the connection does. A number beyond the end waits for that offset to be reached. Raises one of
    `CONNECTION_ERRORS` where there is no connection to begin with.
    """
    connection = await aio_pika.connect(url, timeout=timeout_s)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        waiting: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
        channel.close_callbacks.add(lambda *_: waiting.put_nowait(None))
        queue = await channel.get_queue(queue_name)
        await queue.consume(waiting.put, arguments={"x-stream-offset": offset}, timeout=timeout_s)
        while batch := await _next_batch(waiting):
            yield [_stored(message) for message in batch]
            try:
                await batch[-1].ack(multiple=True)
            except CONNECTION_ERRORS:
                return


async def _next_batch(waiting: asyncio.Queue[AbstractIncomingMessage | None]) -> list[AbstractIncomingMessage]:
    batch: list[AbstractIncomingMessage] = []
    while not batch or not waiting.empty():
        message = await waiting.get()
        if message is None:
            # Nothing that was not acknowledged is lost: it is read again.
            return []
        batch.append(message)
    return batch


def _stored(message: AbstractIncomingMessage) -> StoredMessage:
    offset: Any = message.headers["x-stream-offset"]
    return StoredMessage(int(offset), message.headers, message.body)
