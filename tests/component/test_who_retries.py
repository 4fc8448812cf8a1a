"""How often a server is really asked that fails: drivers, breaker and ladder never multiply."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chassis.breaker import BreakerState
from chassis.broker import Publisher, create_broker, declare_topology, publishing_guard
from chassis.documents import Database, PyMongoError, database_guard, open_database
from chassis.errors import BrokerUnavailableError, ObjectStoreError
from chassis.guard import Guard
from chassis.objects import open_object_store
from chassis.s3 import object_store_guard
from chassis.settings import ServiceSettings
from contracts.topology import EVENTS_EXCHANGE
from deploy.local.servers import Servers

from .wire import Wire, wired

pytestmark = pytest.mark.servers

CALLS = 30
CALLS_MIN = 4
# The driver of MongoDB repeats what it may repeat until its time is over, as often as it looks for servers.
LOOKS_PER_S = 2
MONGODB_TIMEOUT_S = 1
ASKED_PER_CALL = 1 + LOOKS_PER_S * MONGODB_TIMEOUT_S
# Once it is open: nothing is tried while the test lasts.
FOR_GOOD = {
    "breaker_calls_min": CALLS_MIN,
    "breaker_open_s": 600,
    "breaker_open_max_s": 600,
    "breaker_window_s": 600,
}
KEY = "recording.uploaded.v1.bulk"
# AMQP's class 60, method 40.
BASIC_PUBLISH = b"\x00\x3c\x00\x28"


async def test_s3_is_asked_once_per_call_and_not_at_all_once_the_breaker_is_open(
    servers: Servers, settings: ServiceSettings
) -> None:
    guard = object_store_guard(_with(settings, **FOR_GOOD))
    async with wired(Wire(servers.s3.port, counted=b"GET /", cuts=False)) as wire:
        away = _with(settings, s3_endpoint_url=f"http://127.0.0.1:{wire.port}", s3_timeout_s=0.3)
        async with open_object_store(away, guard=guard) as objects:
            for _ in range(CALLS):
                with pytest.raises(ObjectStoreError):
                    await objects.get("audio/1/original")

    assert (wire.count, guard.state) == (CALLS_MIN, BreakerState.OPEN)


async def test_a_connection_to_s3_that_is_cut_is_made_once_more_by_http(
    servers: Servers, settings: ServiceSettings
) -> None:
    guard = object_store_guard(_with(settings, **FOR_GOOD))
    async with wired(Wire(servers.s3.port, counted=b"GET /")) as wire:
        away = _with(settings, s3_endpoint_url=f"http://127.0.0.1:{wire.port}")
        async with open_object_store(away, guard=guard) as objects:
            for _ in range(CALLS):
                with pytest.raises(ObjectStoreError):
                    await objects.get("audio/1/original")

    assert CALLS_MIN <= wire.count <= 2 * CALLS_MIN


async def test_mongodb_is_asked_for_a_bounded_time_per_call_and_not_at_all_once_the_breaker_is_open(
    servers: Servers, settings: ServiceSettings
) -> None:
    guard = database_guard(_with(settings, **FOR_GOOD))
    async with _over_a_wire(servers, settings, guard) as (wire, database):
        for _ in range(CALLS):
            with pytest.raises(PyMongoError):
                await database["recordings"].find_one({"_id": "r1"})

    assert guard.state is BreakerState.OPEN
    assert CALLS_MIN <= wire.count <= ASKED_PER_CALL * CALLS_MIN


async def test_cursors_pass_the_guard_too(servers: Servers, settings: ServiceSettings) -> None:
    guard = database_guard(_with(settings, **FOR_GOOD))
    async with _over_a_wire(servers, settings, guard) as (wire, database):
        for _ in range(CALLS):
            with pytest.raises(PyMongoError):
                _ = [each async for each in database["recordings"].find({})]

    assert CALLS_MIN <= wire.count <= ASKED_PER_CALL * CALLS_MIN


async def test_a_message_is_sent_once_and_none_once_the_breaker_is_open(
    servers: Servers, settings: ServiceSettings, amqp_url: str
) -> None:
    guard = publishing_guard(_with(settings, **FOR_GOOD))
    async with wired(Wire(servers.rabbitmq.port, counted=BASIC_PUBLISH, cuts=False)) as wire:
        url = amqp_url.replace(f":{servers.rabbitmq.port}/", f":{wire.port}/")
        broker = create_broker(_with(settings, amqp_url=url))
        await broker.connect()
        await declare_topology(broker)
        publisher = Publisher(broker, 0.2, guard)
        for _ in range(CALLS):
            with pytest.raises(BrokerUnavailableError):
                await publisher.publish(b"{}", exchange=EVENTS_EXCHANGE, routing_key=KEY, headers={})
        wire.is_silent = False
        await broker.stop()

    assert (wire.count, guard.state) == (CALLS_MIN, BreakerState.OPEN)


@asynccontextmanager
async def _over_a_wire(
    servers: Servers, settings: ServiceSettings, guard: Guard
) -> AsyncIterator[tuple[Wire, Database]]:
    """Open a database that answers no question for documents."""
    async with wired(Wire(servers.mongodb.port, counted=b"\x02find\x00")) as wire:
        url = settings.mongodb_url.get_secret_value().replace(f":{servers.mongodb.port}/", f":{wire.port}/")
        reached = _with(settings, mongodb_url=url, mongodb_timeout_s=MONGODB_TIMEOUT_S)
        async with open_database(reached, guard) as database:
            yield wire, database


def _with(settings: ServiceSettings, **changed: object) -> ServiceSettings:
    return ServiceSettings(**{**settings.model_dump(), **changed})
