"""Queues and health, asked of real servers, with and without RabbitMQ's management."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from faststream.rabbit import RabbitBroker

from chassis.documents import Database, open_database
from chassis.errors import BrokerUnavailableError
from chassis.objects import ObjectStore
from chassis.outbox import outbox_entry
from chassis.settings import ServiceSettings
from contracts.documents import RECORDINGS, SPECTROGRAMS
from contracts.envelope import envelop
from contracts.topology import work_queue_name
from contracts.vocabulary import Lane
from deploy.local.servers import Servers
from services.gateway.health_checks import HealthBoard, Part, Status, overall
from services.gateway.queue_counts import QueueCounts, Source
from services.gateway.queues import QueueBoard

from .consumers import EVENT, SERVICE, Consumer, send
from .polling import eventually
from .rabbit import Rabbit

pytestmark = pytest.mark.servers

NOBODY = "http://127.0.0.1:9"
Counted = tuple[int, int | None, int]


@pytest_asyncio.fixture
async def management(servers: Servers) -> AsyncIterator[httpx.AsyncClient]:
    """RabbitMQ's management interface."""
    async with httpx.AsyncClient(base_url=servers.rabbitmq.management_url, timeout=5) as client:
        yield client


async def test_management_knows_what_waits_and_what_runs(
    consumer: Consumer, rabbit: Rabbit, broker: RabbitBroker, management: httpx.AsyncClient
) -> None:
    counts = QueueCounts(broker, management, rabbit.url, 5)
    gate = asyncio.Event()

    async def wait(_: Any) -> None:
        await gate.wait()

    async with consumer.doing(wait):
        for number in range(3):
            await send(rabbit, headers={"ce-id": f"event-{number}"})
        await consumer.has_heard(1)
        await eventually(lambda: _counted(counts, (2, 1, 1)))
        found = await counts.now()
        gate.set()

    assert found.source is Source.MANAGEMENT


async def test_the_queues_themselves_know_what_waits(consumer: Consumer, rabbit: Rabbit, broker: RabbitBroker) -> None:
    async with httpx.AsyncClient(base_url=NOBODY) as silent:
        counts = QueueCounts(broker, silent, rabbit.url, 5)
        await send(rabbit)

        await eventually(lambda: _counted(counts, (1, None, 0)))

        assert (await counts.now()).source is Source.QUEUES


async def test_without_a_broker_nobody_knows(broker: RabbitBroker, rabbit: Rabbit) -> None:
    await broker.stop()

    with pytest.raises(BrokerUnavailableError):
        await QueueCounts(broker, None, rabbit.url, 5).now()


async def test_the_oldest_is_the_first_recording_that_has_not_ended(
    consumer: Consumer, rabbit: Rabbit, broker: RabbitBroker, database: Database
) -> None:
    now = datetime.now(UTC)
    for name, age_s in (("ended", 300), ("working", 200), ("waiting", 100)):
        await _recording(database, name, now - timedelta(seconds=age_s))
    await database[SPECTROGRAMS].insert_many(
        [
            {"_id": "ended/p", "recording_id": "ended", "state": "failed"},
            {"_id": "working/p", "recording_id": "working", "state": "processing"},
        ]
    )
    await send(rabbit)
    board = QueueBoard(database, QueueCounts(broker, None, rabbit.url, 5))
    await eventually(lambda: _counted(QueueCounts(broker, None, rabbit.url, 5), (1, None, 0)))

    [spectrogram, analysis] = (await board.view()).services

    lanes = {each.lane: each.oldest_recording_s for each in spectrogram.lanes}
    assert lanes[Lane.BULK] == pytest.approx(200, abs=30)
    assert lanes[Lane.INTERACTIVE] is None
    assert {each.lane: each.oldest_recording_s for each in analysis.lanes}[Lane.BULK] == pytest.approx(300, abs=30)


async def test_a_system_without_workers_is_degraded_and_says_whose_are_missing(
    consumer: Consumer, rabbit: Rabbit, broker: RabbitBroker, database: Database, objects: ObjectStore
) -> None:
    async with _ingest(200) as ingest:
        board = HealthBoard(database, objects, ingest, QueueCounts(broker, None, rabbit.url, 5), 5)

        parts = await board.parts()

    assert {part for part, health in parts.items() if health.status is not Status.OK} == {
        Part.SPECTROGRAM,
        Part.ANALYSIS,
    }
    assert (parts[Part.ANALYSIS].status, parts[Part.ANALYSIS].workers) == (Status.DOWN, 0)
    assert overall(parts) is Status.DEGRADED


async def test_a_lane_without_workers_degrades_its_service(
    consumer: Consumer, rabbit: Rabbit, broker: RabbitBroker, database: Database, objects: ObjectStore
) -> None:
    async def nothing(_: Any) -> None:
        return

    async with consumer.doing(nothing), _ingest(503) as ingest:
        board = HealthBoard(database, objects, ingest, QueueCounts(broker, None, rabbit.url, 5), 5)
        parts = await board.parts()

    assert (parts[Part.SPECTROGRAM].status, parts[Part.SPECTROGRAM].workers) == (Status.DEGRADED, 1)
    assert parts[Part.SPECTROGRAM].detail == "No worker takes the lane interactive."
    assert (parts[Part.INGEST].status, parts[Part.INGEST].detail) == (Status.DEGRADED, "It is not ready.")


async def test_events_that_wait_long_degrade_the_outbox(
    broker: RabbitBroker, rabbit: Rabbit, database: Database, objects: ObjectStore
) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=5)
    entry = outbox_entry(envelop(EVENT, source="test", id_="e1", time=long_ago))
    await database[RECORDINGS].insert_one({"_id": "r1", "outbox": [entry.model_dump()]})
    async with _ingest(200) as ingest:
        parts = await HealthBoard(database, objects, ingest, QueueCounts(broker, None, rabbit.url, 5), 5).parts()

    outbox = parts[Part.OUTBOX]
    assert (outbox.status, outbox.backlog) == (Status.DEGRADED, 1)
    assert outbox.oldest_s == pytest.approx(300, abs=30)


async def test_what_is_stuck_degrades_the_recordings_and_is_counted_with_the_queues(
    broker: RabbitBroker, rabbit: Rabbit, database: Database, objects: ObjectStore
) -> None:
    await database[RECORDINGS].insert_one({"_id": "stuck", "watch": {"stuck_since": datetime.now(UTC)}})
    await database[RECORDINGS].insert_one({"_id": "watched", "watch": {"looked_at": datetime.now(UTC)}})
    counts = QueueCounts(broker, None, rabbit.url, 5)
    async with _ingest(200) as ingest:
        parts = await HealthBoard(database, objects, ingest, counts, 5).parts()

    assert (parts[Part.RECORDINGS].status, parts[Part.RECORDINGS].backlog) == (Status.DEGRADED, 1)
    assert (await QueueBoard(database, counts).view()).stuck == 1


async def test_a_system_without_its_database_is_down(
    settings: ServiceSettings, broker: RabbitBroker, rabbit: Rabbit, objects: ObjectStore
) -> None:
    nowhere = ServiceSettings(**{**settings.model_dump(), "mongodb_url": "mongodb://127.0.0.1:9/dawnchorus"})
    async with open_database(nowhere) as database, httpx.AsyncClient(base_url=NOBODY) as ingest:
        parts = await HealthBoard(database, objects, ingest, QueueCounts(broker, None, rabbit.url, 1), 1).parts()

    down = {part for part, health in parts.items() if health.status is Status.DOWN}
    assert {Part.DATABASE, Part.INGEST, Part.OUTBOX} <= down
    assert (parts[Part.STORAGE].status, overall(parts)) == (Status.OK, Status.DOWN)


def _ingest(status: int) -> httpx.AsyncClient:
    transport = httpx.MockTransport(lambda request: httpx.Response(status, json={}))
    return httpx.AsyncClient(base_url="http://ingest", transport=transport)


async def _counted(counts: QueueCounts, expected: Counted) -> bool:
    count = (await counts.now()).queues[work_queue_name(SERVICE, Lane.BULK)]
    return (count.waiting, count.running, count.consumers) == expected


async def _recording(database: Database, name: str, uploaded_at: datetime) -> None:
    facts = {"lane": Lane.BULK, "state": "completed", "uploaded_at": uploaded_at}
    await database[RECORDINGS].insert_one({"_id": name, **facts})
