"""What became of messages that were published past every outbox."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from chassis.documents import Collection
from contracts.topology import RETRY_DELAYS_S, retry_queue_name
from tests.component.polling import eventually
from tests.e2e.letters import dead_letters
from tests.system import System

from .case import PARKED, PASSED_OVER, REFUSED
from .messages import REPLY_QUEUE, SERVICE, Message

_WITHIN_S = 120.0
_OVERTAKEN_BY_S = 1.0
_POSTPONED, _REPLIED = "postponed", "replied"


async def ends_of(system: System, messages: Mapping[str, Message]) -> dict[str, str]:
    """Publish messages to a lane that is worked off one by one, and say of each how it ended."""
    async with dead_letters(system) as letters, _channel(system) as channel:
        await channel.declare_queue(REPLY_QUEUE, auto_delete=True)
        started = datetime.now(UTC) - timedelta(seconds=1)
        refused = {name for name, each in messages.items() if not await _published(system, each)}
        await _behind_all(system, letters)
        marks = await _marks(channel)
        taken = {name: each for name, each in messages.items() if name not in refused}
        ends = await asyncio.gather(*(_end(letters, each, started) for each in taken.values()))
    known = dict(zip(taken, ends, strict=True))
    return {name: marks or known.get(name, REFUSED) for name in messages}


async def _behind_all(system: System, letters: Collection) -> None:
    """Send what is no event, and wait until it is parked: the queue keeps its order, so all before it has ended."""
    last = Message({"ce-id": f"corpus-{uuid.uuid4()}"}, b"the last")
    await _published(system, last)
    await eventually(lambda: letters.find_one({"event_id": last.headers["ce-id"]}), within_s=_WITHIN_S)


async def _end(letters: Collection, message: Message, since: datetime) -> str:
    # Letters may overtake each other on their way into the database.
    with contextlib.suppress(AssertionError):
        await eventually(lambda: letters.find_one(_letter(message, since)), within_s=_OVERTAKEN_BY_S)
        return PARKED
    return PASSED_OVER


def _letter(message: Message, since: datetime) -> dict[str, Any]:
    named = {"event_id": str(message.headers["ce-id"])} if message.headers.get("ce-id") else {"body": message.body}
    return {"service": SERVICE, "last_at": {"$gte": since}, **named}


async def _marks(channel: AbstractChannel) -> str | None:
    """Return what no message may leave behind: one on the ladder, or an answer to whoever asked for one."""
    for queue in (*(retry_queue_name(SERVICE, delay) for delay in RETRY_DELAYS_S), REPLY_QUEUE):
        declared = await channel.declare_queue(queue, passive=True)
        if declared.declaration_result.message_count:
            return _REPLIED if queue == REPLY_QUEUE else _POSTPONED
    return None


async def _published(system: System, message: Message) -> bool:
    """Publish over a connection of its own, which the broker may close."""
    try:
        async with _channel(system) as channel:
            exchange = (
                channel.default_exchange if not message.exchange else await channel.get_exchange(message.exchange)
            )
            for _ in range(message.copies):
                body = aio_pika.Message(message.body, headers=message.headers, **message.properties)
                await exchange.publish(body, message.routing_key, timeout=_WITHIN_S)
    except (AMQPError, ChannelInvalidStateError, ConnectionError):
        return False
    return True


@asynccontextmanager
async def _channel(system: System) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(system.environment["AMQP_URL"], timeout=_WITHIN_S)
    async with connection:
        yield await connection.channel()
