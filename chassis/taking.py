"""Whether this process takes messages: looked at, ended, and never silently over."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from faststream.rabbit import RabbitBroker

from .broker import CONNECTION_ERRORS, is_connected, start_patiently
from .departure import Departure
from .errors import ConsumerGoneError

_LOOK_S = 1.0


def is_consuming(broker: RabbitBroker) -> bool:
    """Tell whether every subscriber has its consumer in RabbitMQ, as far as this process was told."""
    return all(_has_consumer(subscriber) for subscriber in broker.subscribers)


async def take_messages(broker: RabbitBroker, departure: Departure) -> None:
    """Take messages, once the broker is there, until this process is to leave; then RabbitMQ sends no more."""
    # One after the other: told to leave in between, it would give back the same messages until RabbitMQ parks them.
    await start_patiently(broker)
    await departure.wanted()
    await stop_taking(broker)


async def stop_taking(broker: RabbitBroker) -> None:
    """Have RabbitMQ send no more messages; those that are here are acknowledged or given back as ever.

    FastStream's own way keeps consuming while it waits for its handlers, and leaves what comes meanwhile unanswered.
    """
    for subscriber in broker.subscribers:
        consumer: Any = subscriber
        tag, queue = consumer._consumer_tag, consumer._queue_obj  # noqa: SLF001 (there is no other way to it)
        if tag is None or queue is None:
            continue
        consumer._consumer_tag = None  # noqa: SLF001
        try:
            await queue.cancel(tag)
        except CONNECTION_ERRORS:
            # Without a connection nothing comes, and what was here is the broker's again.
            continue


async def watch_consumers(
    broker: RabbitBroker,
    is_leaving: Callable[[], bool],
    *,
    patience_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Return never; raise `ConsumerGoneError` when a consumer is gone for so long although the connection stands.

    A queue that is deleted, or whose leader fails, takes its consumers with it, and nobody is told: a process that
    takes nothing any more looks as well as ever (faststream#2758).
    """
    seen_s = clock()
    while True:
        if is_consuming(broker) or not is_connected(broker) or is_leaving():
            seen_s = clock()
        if clock() - seen_s >= patience_s:
            raise ConsumerGoneError(patience_s)
        await asyncio.sleep(min(_LOOK_S, patience_s / 4))


def _has_consumer(subscriber: Any) -> bool:  # noqa: ANN401
    tag, queue = subscriber._consumer_tag, subscriber._queue_obj  # noqa: SLF001 (there is no other way to it)
    if tag is None or queue is None:
        return False
    underlay = queue.channel._channel  # noqa: SLF001 (asking for it in public waits for a connection)
    return underlay is not None and tag in underlay.channel.consumers
