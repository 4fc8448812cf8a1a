import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from faststream.rabbit import RabbitBroker
from opentelemetry.trace import SpanKind

from chassis.broker import Publisher
from chassis.documents import Collection, Database
from chassis.outbox import _OTHERS, _URGENT, BATCH, OutboxRelay, outbox_entry, prepare_outbox
from chassis.tracing import span, trace_id
from contracts.envelope import envelop, from_message
from contracts.events import RecordingDeleted
from contracts.topology import EVENTS_EXCHANGE
from contracts.vocabulary import Lane
from tests.fakes import FakePublisher, SpanRecorder

from .polling import eventually
from .rabbit import Rabbit

pytestmark = pytest.mark.servers

LONG_S = 3600.0
QUEUE = "test.deleted"


class SlowPublisher(FakePublisher):
    """Lets others go first before it publishes."""

    async def publish(
        self, body: bytes, *, exchange: str, routing_key: str, headers: Mapping[str, Any], persist: bool = True
    ) -> None:
        await asyncio.sleep(0.01)
        await super().publish(body, exchange=exchange, routing_key=routing_key, headers=headers, persist=persist)


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


@pytest.fixture
def collection(database: Database) -> Collection:
    """Documents with outboxes."""
    return database["facts"]


async def test_an_event_reaches_the_broker_as_it_was_written(
    collection: Collection, broker: RabbitBroker, rabbit: Rabbit
) -> None:
    await _listen(rabbit)
    await _write(collection, "one")

    await OutboxRelay(collection, Publisher(broker, 5), LONG_S).drain()

    message = await rabbit.taken(QUEUE)
    read = from_message(message.headers, message.body)
    assert (read.id, read.event) == ("one", _event())
    assert (message.message_id, message.routing_key) == ("one", "recording.deleted.v1.bulk")


async def test_a_published_entry_is_pulled_and_the_document_stays(collection: Collection, broker: RabbitBroker) -> None:
    await _write(collection, "one")

    published = await OutboxRelay(collection, Publisher(broker, 5), LONG_S).drain()

    assert published == 1
    assert await collection.find_one({"_id": "one"}) == {"_id": "one", "outbox": [], "fact": "true"}


async def test_the_message_goes_on_with_the_trace_of_the_writer(
    collection: Collection, broker: RabbitBroker, rabbit: Rabbit, spans: SpanRecorder
) -> None:
    await _listen(rabbit)
    with span("the request") as request:
        written_in = trace_id()
        await _write(collection, "one")

    with span("a relay's own work"):
        await OutboxRelay(collection, Publisher(broker, 5), LONG_S).drain()

    [sent] = [each for each in spans.ended() if each.name.startswith(f"send {EVENTS_EXCHANGE}:")]
    message = await rabbit.taken(QUEUE)
    _, trace_of_message, parent, _ = str(message.headers["traceparent"]).split("-")
    assert (trace_of_message, parent) == (written_in, f"{_span_id(sent.context):016x}")
    assert sent.parent is not None
    assert sent.parent.span_id == request.get_span_context().span_id
    assert sent.kind is SpanKind.PRODUCER


async def test_events_of_one_document_leave_in_their_order(collection: Collection) -> None:
    publisher = FakePublisher()
    entries = [_entry(str(number)) for number in range(5)]
    await collection.insert_one({"_id": "one", "outbox": entries})

    await OutboxRelay(collection, _as_publisher(publisher), LONG_S).drain()

    assert [each.headers["ce-id"] for each in publisher.published] == ["0", "1", "2", "3", "4"]


async def test_while_the_broker_is_down_an_entry_waits_and_leaves_afterwards(collection: Collection) -> None:
    publisher = FakePublisher()
    publisher.failures = 3
    await _write(collection, "one")

    async with _running(OutboxRelay(collection, _as_publisher(publisher), 0.01)):
        await _emptied(collection)

    assert publisher.failures == 0
    assert [each.headers["ce-id"] for each in publisher.published] == ["one"]


async def test_an_entry_is_not_pulled_before_the_broker_has_it(collection: Collection) -> None:
    publisher = FakePublisher()
    publisher.failures = 1
    await _write(collection, "one")
    relay = OutboxRelay(collection, _as_publisher(publisher), LONG_S)

    async with _running(relay):
        await eventually(lambda: _went_wrong(publisher))

        assert await _waiting(collection) == 1


async def test_two_relays_that_race_lose_nothing_and_empty_the_outbox(collection: Collection) -> None:
    publisher = SlowPublisher()
    ids = {str(number) for number in range(20)}
    for id_ in ids:
        await _write(collection, id_)
    relays = [OutboxRelay(collection, _as_publisher(publisher), LONG_S) for _ in range(2)]

    await asyncio.gather(*(relay.drain() for relay in relays))

    assert {each.headers["ce-id"] for each in publisher.published} == ids
    assert await _waiting(collection) == 0


async def test_a_woken_relay_does_not_wait_for_its_poll(collection: Collection) -> None:
    publisher = FakePublisher()
    relay = OutboxRelay(collection, _as_publisher(publisher), LONG_S)
    async with _running(relay):
        await _write(collection, "first")
        relay.wake()
        await _emptied(collection)

        await _write(collection, "second")
        relay.wake()
        await _emptied(collection)

    assert len(publisher.published) == 2


async def test_a_relay_with_nothing_to_do_leaves_the_database_alone(collection: Collection) -> None:
    relay = CountingRelay(collection, _as_publisher(FakePublisher()), LONG_S)
    async with _running(relay):
        await _write(collection, "one")
        relay.wake()
        await _emptied(collection)
        looks = relay.looks

        for _ in range(20):
            await _waiting(collection)

    # One look more, to find that nothing is left.
    assert relay.looks <= looks + 1


async def test_what_another_process_left_behind_is_found_by_polling(collection: Collection) -> None:
    publisher = FakePublisher()
    async with _running(OutboxRelay(collection, _as_publisher(publisher), 0.05)):
        await _write(collection, "left behind")

        await _emptied(collection)

    assert len(publisher.published) == 1


async def test_more_than_a_batch_leaves_without_waiting_for_the_next_poll(collection: Collection) -> None:
    publisher = FakePublisher()
    await collection.insert_many([{"_id": str(n), "outbox": [_entry(str(n))]} for n in range(BATCH + 5)])

    async with _running(OutboxRelay(collection, _as_publisher(publisher), LONG_S)):
        await _emptied(collection)

    assert len(publisher.published) == BATCH + 5


async def test_what_somebody_waits_for_leaves_before_what_was_there_first(collection: Collection) -> None:
    publisher = FakePublisher()
    await collection.insert_many([{"_id": str(n), "outbox": [_entry(str(n))]} for n in range(2 * BATCH)])
    await collection.insert_one({"_id": "urgent", "outbox": [_entry("urgent", Lane.INTERACTIVE)]})

    async with _running(OutboxRelay(collection, _as_publisher(publisher), LONG_S)):
        await _emptied(collection)

    ids = [each.headers["ce-id"] for each in publisher.published]
    assert (ids[0], len(ids)) == ("urgent", 2 * BATCH + 1)


async def test_an_import_leaves_although_somebody_always_waits_for_something(collection: Collection) -> None:
    publisher = FakePublisher()
    await collection.insert_many(
        [{"_id": str(n), "outbox": [_entry(str(n), Lane.INTERACTIVE)]} for n in range(2 * BATCH)]
    )
    await _write(collection, "import")

    await OutboxRelay(collection, _as_publisher(publisher), LONG_S).drain()

    assert "import" in [each.headers["ce-id"] for each in publisher.published]


async def test_while_publishing_rests_a_relay_asks_neither_broker_nor_database(collection: Collection) -> None:
    publisher = RestingPublisher()
    relay = CountingRelay(collection, _as_publisher(publisher), 0.001)
    await _write(collection, "one")

    async with _running(relay):
        await eventually(lambda: _is_resting(publisher))
        for _ in range(20):
            await _waiting(collection)
        looks, tries = relay.looks, publisher.tries
        publisher.is_up.set()
        await _emptied(collection)

    assert (looks, tries) == (RestingPublisher.TRIES, RestingPublisher.TRIES)


@pytest.mark.parametrize("query", [_URGENT, _OTHERS], ids=["urgent", "others"])
async def test_waiting_entries_are_found_by_an_index(collection: Collection, query: dict[str, Any]) -> None:
    await prepare_outbox(collection)

    plan = await collection.find(query).explain()

    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])


def _event(lane: Lane = Lane.BULK) -> RecordingDeleted:
    return RecordingDeleted(
        recording_id="0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10",
        project_id="default",
        lane=lane,
        deleted_at=datetime(2026, 11, 21, tzinfo=UTC),
    )


def _entry(id_: str, lane: Lane = Lane.BULK) -> dict[str, Any]:
    return outbox_entry(envelop(_event(lane), source="test", id_=id_)).model_dump()


async def _write(collection: Collection, id_: str) -> None:
    await collection.insert_one({"_id": id_, "outbox": [_entry(id_)], "fact": "true"})


async def _listen(rabbit: Rabbit) -> None:
    queue = await rabbit.channel.declare_queue(QUEUE, exclusive=False, auto_delete=False)
    await queue.bind(EVENTS_EXCHANGE, "recording.deleted.#")


@asynccontextmanager
async def _running(relay: OutboxRelay) -> AsyncIterator[None]:
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _waiting(collection: Collection) -> int:
    return int(await collection.count_documents({"outbox.event_id": {"$exists": True}}))


async def _emptied(collection: Collection) -> None:
    async def is_empty() -> bool:
        return await _waiting(collection) == 0

    await eventually(is_empty)


async def _is_resting(publisher: RestingPublisher) -> bool:
    return publisher.rests


async def _went_wrong(publisher: FakePublisher) -> bool:
    return publisher.failures == 0


def _as_publisher(fake: FakePublisher) -> Any:
    return fake


def _span_id(context: Any) -> int:
    return int(context.span_id)
