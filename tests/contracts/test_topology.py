import re
from pathlib import Path

import pytest

from contracts.events import EVENTS
from contracts.topology import (
    CONSUMERS,
    DEAD_EXCHANGE,
    DELIVERY_LIMIT,
    EVENTS_EXCHANGE,
    HISTORY_QUEUE,
    PRODUCERS,
    RETRY_DELAYS_S,
    RETRY_EXCHANGE,
    WORK_EXCHANGE,
    Binding,
    Queue,
    exchanges,
    queues,
    retry_key,
    work_queue_name,
)
from contracts.vocabulary import Lane
from tests.audio import REPOSITORY

QUEUES = {queue.name: queue for queue in queues()}
LANES = [(service, lane) for service in CONSUMERS for lane in Lane]

every_lane = pytest.mark.parametrize(("service", "lane"), LANES)


def test_every_queue_is_replicated_or_a_stream() -> None:
    kinds = {name: queue.arguments["x-queue-type"] for name, queue in QUEUES.items()}

    assert kinds.pop(HISTORY_QUEUE) == "stream"
    assert set(kinds.values()) == {"quorum"}


def test_queue_names_are_unique() -> None:
    assert len(QUEUES) == len(queues())


@every_lane
def test_a_work_queue_loses_nothing(service: str, lane: Lane) -> None:
    arguments = QUEUES[work_queue_name(service, lane)].arguments

    assert arguments["x-delivery-limit"] == DELIVERY_LIMIT
    assert arguments["x-dead-letter-exchange"] == DEAD_EXCHANGE
    assert arguments["x-dead-letter-strategy"] == "at-least-once"
    # At-least-once dead-lettering works with this overflow policy alone.
    assert arguments["x-overflow"] == "reject-publish"


@every_lane
def test_what_a_work_queue_gives_up_is_parked_in_the_services_own_queue(service: str, lane: Lane) -> None:
    key = QUEUES[work_queue_name(service, lane)].arguments["x-dead-letter-routing-key"]

    assert _takers(DEAD_EXCHANGE, key) == [f"{service}.dlq"]


@every_lane
def test_an_event_reaches_the_queue_of_its_lane_and_no_other_of_the_service(service: str, lane: Lane) -> None:
    for event in CONSUMERS[service]:
        takers = _takers(EVENTS_EXCHANGE, f"{event.versioned_type()}.{lane}")

        assert [name for name in takers if name.startswith(service)] == [work_queue_name(service, lane)]


@every_lane
@pytest.mark.parametrize("delay", RETRY_DELAYS_S)
def test_a_postponed_message_waits_for_its_delay_and_comes_back_on_its_lane(
    service: str, lane: Lane, delay: str
) -> None:
    key = retry_key(service, delay, lane)

    [name] = _takers(RETRY_EXCHANGE, key)
    arguments = QUEUES[name].arguments

    assert arguments["x-message-ttl"] == RETRY_DELAYS_S[delay] * 1000
    assert arguments["x-dead-letter-strategy"] == "at-least-once"
    assert arguments["x-overflow"] == "reject-publish"
    assert "x-dead-letter-routing-key" not in arguments
    assert _takers(arguments["x-dead-letter-exchange"], key) == [work_queue_name(service, lane)]
    assert arguments["x-dead-letter-exchange"] == WORK_EXCHANGE


def test_the_ladder_becomes_slower_rung_by_rung() -> None:
    delays = list(RETRY_DELAYS_S.values())

    assert delays == sorted(delays)
    assert delays[0] < delays[-1]


def test_a_person_never_waits_behind_an_import() -> None:
    for service in CONSUMERS:
        names = {work_queue_name(service, lane) for lane in Lane}

        assert len(names) == len(Lane)
        assert names <= QUEUES.keys()


def test_the_history_keeps_every_event() -> None:
    for event in EVENTS:
        for lane in Lane:
            assert HISTORY_QUEUE in _takers(EVENTS_EXCHANGE, f"{event.versioned_type()}.{lane}")


def test_every_binding_is_to_an_exchange_that_is_declared() -> None:
    assert {binding.exchange for queue in QUEUES.values() for binding in queue.bindings} <= set(exchanges())


def test_every_event_says_who_sends_it() -> None:
    assert PRODUCERS.keys() == {event.type for event in EVENTS}


def test_producers_and_consumers_are_services_that_exist() -> None:
    named = {*CONSUMERS, *(service for services in PRODUCERS.values() for service in services)}

    assert named <= _services()
    assert {event for heard in CONSUMERS.values() for event in heard} <= set(EVENTS)


def _services() -> set[str]:
    return {path.parent.name for path in Path(REPOSITORY, "services").glob("*/app.py")}


def _takers(exchange: str, routing_key: str) -> list[str]:
    return [name for name, queue in QUEUES.items() if _takes(queue, exchange, routing_key)]


def _takes(queue: Queue, exchange: str, routing_key: str) -> bool:
    return any(_matches(binding, exchange, routing_key) for binding in queue.bindings)


def _matches(binding: Binding, exchange: str, routing_key: str) -> bool:
    pattern = re.escape(binding.routing_key).replace(r"\*", "[^.]+").replace(re.escape("#"), ".*")
    return binding.exchange == exchange and re.fullmatch(pattern, routing_key) is not None
