"""An event leaves the document that made it true as it was written, in its writer's trace, and is pulled afterwards."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from faststream.rabbit import RabbitBroker
from opentelemetry.trace import SpanKind

from chassis.broker import Publisher
from chassis.documents import Collection
from chassis.outbox import OutboxRelay
from chassis.tracing import span, trace_id
from contracts.envelope import from_message
from contracts.topology import EVENTS_EXCHANGE
from tests.fakes import FakePublisher
from tests.recorded_spans import SpanRecorder

from .background import in_background
from .outboxes import LONG_S, as_publisher, deletion, waiting, waiting_entry, write_fact
from .polling import eventually
from .rabbit import Rabbit

pytestmark = pytest.mark.servers

QUEUE = "test.deleted"


class SlowPublisher(FakePublisher):
    """Lets others go first before it publishes."""

    async def publish(
        self, body: bytes, *, exchange: str, routing_key: str, headers: Mapping[str, Any], persist: bool = True
    ) -> None:
        await asyncio.sleep(0.01)
        await super().publish(body, exchange=exchange, routing_key=routing_key, headers=headers, persist=persist)


async def test_an_event_reaches_the_broker_as_it_was_written(
    collection: Collection, broker: RabbitBroker, rabbit: Rabbit
) -> None:
    await _listen(rabbit)
    await write_fact(collection, "one")

    await OutboxRelay(collection, Publisher(broker, 5), LONG_S).drain()

    message = await rabbit.taken(QUEUE)
    read = from_message(message.headers, message.body)
    assert (read.id, read.event) == ("one", deletion())
    assert (message.message_id, message.routing_key) == ("one", "recording.deleted.v1.bulk")


async def test_a_published_entry_is_pulled_and_the_document_stays(collection: Collection, broker: RabbitBroker) -> None:
    await write_fact(collection, "one")

    published = await OutboxRelay(collection, Publisher(broker, 5), LONG_S).drain()

    assert published == 1
    assert await collection.find_one({"_id": "one"}) == {"_id": "one", "outbox": [], "fact": "true"}


async def test_the_message_goes_on_with_the_trace_of_the_writer(
    collection: Collection, broker: RabbitBroker, rabbit: Rabbit, spans: SpanRecorder
) -> None:
    await _listen(rabbit)
    with span("the request") as request:
        written_in = trace_id()
        await write_fact(collection, "one")

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
    entries = [waiting_entry(str(number)) for number in range(5)]
    await collection.insert_one({"_id": "one", "outbox": entries})

    await OutboxRelay(collection, as_publisher(publisher), LONG_S).drain()

    assert [each.headers["ce-id"] for each in publisher.published] == ["0", "1", "2", "3", "4"]


async def test_an_entry_is_not_pulled_before_the_broker_has_it(collection: Collection) -> None:
    publisher = FakePublisher()
    publisher.failures = 1
    await write_fact(collection, "one")
    relay = OutboxRelay(collection, as_publisher(publisher), LONG_S)

    async with in_background(relay.run()):
        await eventually(lambda: _went_wrong(publisher))

        assert await waiting(collection) == 1


async def test_two_relays_that_race_lose_nothing_and_empty_the_outbox(collection: Collection) -> None:
    publisher = SlowPublisher()
    ids = {str(number) for number in range(20)}
    for id_ in ids:
        await write_fact(collection, id_)
    relays = [OutboxRelay(collection, as_publisher(publisher), LONG_S) for _ in range(2)]

    await asyncio.gather(*(relay.drain() for relay in relays))

    assert {each.headers["ce-id"] for each in publisher.published} == ids
    assert await waiting(collection) == 0


async def _listen(rabbit: Rabbit) -> None:
    queue = await rabbit.channel.declare_queue(QUEUE, exclusive=False, auto_delete=False)
    await queue.bind(EVENTS_EXCHANGE, "recording.deleted.#")


async def _went_wrong(publisher: FakePublisher) -> bool:
    return publisher.failures == 0


def _span_id(context: Any) -> int:
    return int(context.span_id)
