from collections.abc import Mapping
from typing import Any

import pytest
from faststream.rabbit import RabbitBroker

from chassis.broker import Publisher, declare_topology
from chassis.errors import BrokerUnavailableError
from contracts.topology import EVENTS_EXCHANGE, HISTORY_QUEUE, PROGRESS_EXCHANGE, queues
from tests.fakes import FakePublisher

from .rabbit import Rabbit

AnyPublisher = Publisher | FakePublisher

HEADERS: Mapping[str, Any] = {"ce-id": "event-1", "ce-type": "recording.uploaded.v1"}
KEY = "recording.uploaded.v1.bulk"
QUEUE = "spectrogram.work.bulk"


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.servers)])
def publisher(request: pytest.FixtureRequest) -> AnyPublisher:
    """The fake and the real thing: what is asserted of one holds for the other."""
    if request.param == "fake":
        return FakePublisher()
    return Publisher(request.getfixturevalue("broker"), timeout_s=5)


async def test_a_message_that_a_queue_takes_is_published(publisher: AnyPublisher) -> None:
    await publisher.publish(b"{}", exchange=EVENTS_EXCHANGE, routing_key=KEY, headers=HEADERS)


async def test_progress_that_nobody_listens_to_is_no_failure(publisher: AnyPublisher) -> None:
    await publisher.publish(
        b"{}", exchange=PROGRESS_EXCHANGE, routing_key="task.progressed.v1.bulk", headers=HEADERS, persist=False
    )


async def test_a_message_that_no_queue_takes_is_not_lost_in_silence(publisher: AnyPublisher) -> None:
    with pytest.raises(BrokerUnavailableError):
        await publisher.publish(b"{}", exchange=PROGRESS_EXCHANGE, routing_key="nobody.listens", headers=HEADERS)


@pytest.mark.servers
async def test_a_published_message_is_persistent_and_named_by_its_event(broker: RabbitBroker, rabbit: Rabbit) -> None:
    await Publisher(broker, timeout_s=5).publish(
        b'{"a": 1}', exchange=EVENTS_EXCHANGE, routing_key=KEY, headers=HEADERS
    )

    message = await rabbit.taken(QUEUE)
    assert (message.body, message.content_type, message.app_id) == (b'{"a": 1}', "application/json", "dawnchorus")
    assert (message.message_id, message.delivery_mode) == ("event-1", 2)
    assert {name: message.headers[name] for name in HEADERS} == HEADERS


@pytest.mark.servers
async def test_one_that_failed_does_not_stop_the_next(broker: RabbitBroker, rabbit: Rabbit) -> None:
    publisher = Publisher(broker, timeout_s=5)
    with pytest.raises(BrokerUnavailableError):
        await publisher.publish(b"{}", exchange=PROGRESS_EXCHANGE, routing_key="nobody.listens", headers=HEADERS)

    await publisher.publish(b"{}", exchange=EVENTS_EXCHANGE, routing_key=KEY, headers=HEADERS)

    assert await rabbit.count(QUEUE) == 1


@pytest.mark.servers
async def test_a_publisher_without_a_connection_fails_as_a_passing_fault(broker: RabbitBroker) -> None:
    await broker.stop()

    with pytest.raises(BrokerUnavailableError):
        await Publisher(broker, timeout_s=0.5).publish(
            b"{}", exchange=EVENTS_EXCHANGE, routing_key=KEY, headers=HEADERS
        )


@pytest.mark.servers
async def test_declaring_the_topology_again_is_harmless(broker: RabbitBroker, rabbit: Rabbit) -> None:
    await rabbit.send(b"{}", {}, KEY)

    await declare_topology(broker)

    assert await rabbit.count(QUEUE) == 1


@pytest.mark.servers
async def test_every_queue_of_the_contract_is_there(rabbit: Rabbit) -> None:
    for queue in queues():
        if queue.name != HISTORY_QUEUE:
            assert await rabbit.count(queue.name) == 0
