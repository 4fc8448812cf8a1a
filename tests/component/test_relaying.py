"""When a relay looks for events, which of them leave first, and what it leaves alone."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from chassis.documents import Collection
from chassis.outbox import _OTHERS, _URGENT, BATCH, OutboxRelay, prepare_outbox
from contracts.vocabulary import Lane
from tests.fakes import FakePublisher

from .background import in_background
from .outboxes import LONG_S, as_publisher, emptied, waiting, waiting_entry, write_fact
from .polling import eventually

pytestmark = pytest.mark.servers


class RestingPublisher(FakePublisher):
    """A broker that fails some messages; then none is tried until it is up."""

    TRIES = 3

    def __init__(self) -> None:
        super().__init__()
        self.failures = self.TRIES
        self.tries = 0
        self.rests = False
        self.is_up = asyncio.Event()

    async def publish(
        self, body: bytes, *, exchange: str, routing_key: str, headers: Mapping[str, Any], persist: bool = True
    ) -> None:
        self.tries += 1
        await super().publish(body, exchange=exchange, routing_key=routing_key, headers=headers, persist=persist)

    async def usable(self) -> None:
        if self.failures == 0:
            self.rests = True
            await self.is_up.wait()


class CountingRelay(OutboxRelay):
    """Counts how often it looks for entries."""

    looks = 0

    async def drain(self) -> int:
        self.looks += 1
        return await super().drain()


async def test_while_the_broker_is_down_an_entry_waits_and_leaves_afterwards(collection: Collection) -> None:
    publisher = FakePublisher()
    publisher.failures = 3
    await write_fact(collection, "one")

    async with in_background(OutboxRelay(collection, as_publisher(publisher), 0.01).run()):
        await emptied(collection)

    assert publisher.failures == 0
    assert [each.headers["ce-id"] for each in publisher.published] == ["one"]


async def test_a_woken_relay_does_not_wait_for_its_poll(collection: Collection) -> None:
    publisher = FakePublisher()
    relay = OutboxRelay(collection, as_publisher(publisher), LONG_S)
    async with in_background(relay.run()):
        await write_fact(collection, "first")
        relay.wake()
        await emptied(collection)

        await write_fact(collection, "second")
        relay.wake()
        await emptied(collection)

    assert len(publisher.published) == 2


async def test_a_relay_with_nothing_to_do_leaves_the_database_alone(collection: Collection) -> None:
    relay = CountingRelay(collection, as_publisher(FakePublisher()), LONG_S)
    async with in_background(relay.run()):
        await write_fact(collection, "one")
        relay.wake()
        await emptied(collection)
        looks = relay.looks

        for _ in range(20):
            await waiting(collection)

    # One look more, to find that nothing is left.
    assert relay.looks <= looks + 1


async def test_what_another_process_left_behind_is_found_by_polling(collection: Collection) -> None:
    publisher = FakePublisher()
    async with in_background(OutboxRelay(collection, as_publisher(publisher), 0.05).run()):
        await write_fact(collection, "left behind")

        await emptied(collection)

    assert len(publisher.published) == 1


async def test_more_than_a_batch_leaves_without_waiting_for_the_next_poll(collection: Collection) -> None:
    publisher = FakePublisher()
    await collection.insert_many([{"_id": str(n), "outbox": [waiting_entry(str(n))]} for n in range(BATCH + 5)])

    async with in_background(OutboxRelay(collection, as_publisher(publisher), LONG_S).run()):
        await emptied(collection)

    assert len(publisher.published) == BATCH + 5


async def test_what_somebody_waits_for_leaves_before_what_was_there_first(collection: Collection) -> None:
    publisher = FakePublisher()
    await collection.insert_many([{"_id": str(n), "outbox": [waiting_entry(str(n))]} for n in range(2 * BATCH)])
    await collection.insert_one({"_id": "urgent", "outbox": [waiting_entry("urgent", Lane.INTERACTIVE)]})

    async with in_background(OutboxRelay(collection, as_publisher(publisher), LONG_S).run()):
        await emptied(collection)

    ids = [each.headers["ce-id"] for each in publisher.published]
    assert (ids[0], len(ids)) == ("urgent", 2 * BATCH + 1)


async def test_an_import_leaves_although_somebody_always_waits_for_something(collection: Collection) -> None:
    publisher = FakePublisher()
    await collection.insert_many(
        [{"_id": str(n), "outbox": [waiting_entry(str(n), Lane.INTERACTIVE)]} for n in range(2 * BATCH)]
    )
    await write_fact(collection, "import")

    await OutboxRelay(collection, as_publisher(publisher), LONG_S).drain()

    assert "import" in [each.headers["ce-id"] for each in publisher.published]


async def test_while_publishing_rests_a_relay_asks_neither_broker_nor_database(collection: Collection) -> None:
    publisher = RestingPublisher()
    relay = CountingRelay(collection, as_publisher(publisher), 0.001)
    await write_fact(collection, "one")

    async with in_background(relay.run()):
        await eventually(lambda: _is_resting(publisher))
        for _ in range(20):
            await waiting(collection)
        looks, tries = relay.looks, publisher.tries
        publisher.is_up.set()
        await emptied(collection)

    assert (looks, tries) == (RestingPublisher.TRIES, RestingPublisher.TRIES)


@pytest.mark.parametrize("query", [_URGENT, _OTHERS], ids=["urgent", "others"])
async def test_waiting_entries_are_found_by_an_index(collection: Collection, query: dict[str, Any]) -> None:
    await prepare_outbox(collection)

    plan = await collection.find(query).explain()

    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])


async def _is_resting(publisher: RestingPublisher) -> bool:
    return publisher.rests
