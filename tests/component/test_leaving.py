import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from chassis.broker import Publisher, create_broker
from chassis.consuming import Leaving, RetryLadder
from chassis.departure import Departure, begun
from chassis.errors import ConsumerGoneError
from chassis.settings import ServiceSettings
from chassis.taking import is_consuming, stop_taking, take_messages, watch_consumers
from contracts.events import RecordingUploaded
from contracts.topology import work_queue_name
from contracts.vocabulary import Lane

from .consumers import SERVICE, Consumer, all_counts, nothing, send
from .polling import DEADLINE_S, eventually
from .rabbit import Rabbit

pytestmark = pytest.mark.servers

QUEUE = work_queue_name(SERVICE, Lane.BULK)
PATIENCE_S = 0.5


@pytest.fixture
def departure() -> Departure:
    return Departure(grace_s=0.2)


@pytest_asyncio.fixture
async def leaver(
    consumer: Consumer, settings: ServiceSettings, amqp_url: str, departure: Departure
) -> AsyncIterator[Consumer]:
    """A service that two messages are handed to at a time."""
    ladder = RetryLadder(SERVICE)
    changed = ServiceSettings(**{**settings.model_dump(), "amqp_url": amqp_url})
    broker = create_broker(changed, [Leaving(SERVICE, departure), ladder])
    ladder.publisher = Publisher(broker, timeout_s=5)
    await consumer.broker.stop()
    await broker.connect()
    yield replace(consumer, broker=broker, ladder=ladder, slots=2)
    await broker.stop()


async def test_a_process_that_leaves_ends_what_it_has_begun_and_gives_the_rest_back(
    leaver: Consumer, rabbit: Rabbit, departure: Departure
) -> None:
    turn, ended = asyncio.Event(), []

    async def work(event: RecordingUploaded) -> None:
        if len(leaver.heard) > 1:
            await turn.wait()
        await begun()
        await departure.wanted()
        ended.append(event)

    async with leaver.doing(work):
        for _ in range(5):
            await send(rabbit)
        await leaver.has_heard(2)
        await stop_taking(leaver.broker)
        departure.leave()
        await departure.over()

        await eventually(lambda: _waits(rabbit, 4))
        assert len(ended) == 1
        assert len(leaver.heard) == 2
        assert await all_counts(rabbit) == {QUEUE: 4}


async def test_what_does_not_end_within_the_grace_is_given_back(
    leaver: Consumer, rabbit: Rabbit, departure: Departure
) -> None:
    async def work(_: RecordingUploaded) -> None:
        await begun()
        await asyncio.Event().wait()

    async with leaver.doing(work):
        await send(rabbit)
        await leaver.has_heard(1)
        await stop_taking(leaver.broker)
        departure.leave()
        await departure.over()

        await eventually(lambda: _waits(rabbit, 1))
        assert await all_counts(rabbit) == {QUEUE: 1}


async def test_a_process_that_is_to_leave_before_it_takes_anything_has_nothing_parked(
    leaver: Consumer, rabbit: Rabbit, departure: Departure
) -> None:
    leaver.register(nothing)
    await send(rabbit)
    departure.leave()

    await take_messages(leaver.broker, departure)
    is_taking = is_consuming(leaver.broker)
    await leaver.broker.stop()

    await eventually(lambda: _waits(rabbit, 1))
    assert (is_taking, leaver.heard) == (False, [])
    assert await all_counts(rabbit) == {QUEUE: 1}


async def test_a_consumer_that_is_gone_although_the_connection_stands_ends_the_process(
    consumer: Consumer, rabbit: Rabbit
) -> None:
    async with consumer.doing(nothing):
        assert is_consuming(consumer.broker)

        await rabbit.channel.queue_delete(QUEUE)

        with pytest.raises(ConsumerGoneError):
            await watch_consumers(consumer.broker, lambda: False, patience_s=PATIENCE_S)
        assert not is_consuming(consumer.broker)


@pytest_asyncio.fixture(autouse=True)
async def bounded() -> AsyncIterator[None]:
    async with asyncio.timeout(3 * DEADLINE_S):
        yield


async def _waits(rabbit: Rabbit, count: int) -> bool:
    return await rabbit.count(QUEUE) == count
