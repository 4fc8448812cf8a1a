"""What has to be asked of MongoDB, and what its driver says by itself."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from chassis.background import background
from chassis.documents import Database, open_database
from chassis.outbox import outbox_entry
from chassis.sampling import outbox_look, sample
from chassis.settings import ServiceSettings
from contracts.dead_letters import DEAD_LETTERS
from contracts.envelope import envelop
from contracts.events import RecordingDeleted
from services.gateway.dead_letters import DeadLetters
from tests.figures import figure

from .polling import eventually

pytestmark = pytest.mark.servers

EVENT = RecordingDeleted(recording_id="0" * 36, project_id="default", deleted_at=datetime.now(UTC))
CLOSED = "mongodb://127.0.0.1:1/dawnchorus?directConnection=true"


async def test_waiting_events_are_counted_with_the_age_of_the_oldest(database: Database) -> None:
    look = outbox_look(database["facts"])
    await database["facts"].insert_many([_document(30), _document(90, 20), {"outbox": []}, {}])

    await look()
    pending, oldest_s = _pending(), _oldest_s()
    await database["facts"].update_many({}, {"$set": {"outbox": []}})
    await look()

    assert pending == 3
    assert 90 <= oldest_s < 200
    assert (_pending(), _oldest_s()) == (0, 0)


async def test_a_database_that_is_away_is_asked_again(database: Database, settings: ServiceSettings) -> None:
    away = settings.model_copy(update={"mongodb_url": type(settings.mongodb_url)(CLOSED), "mongodb_timeout_s": 0.05})
    await database["facts"].insert_one(_document(1))
    looked = 0

    async def look_at_both() -> None:
        nonlocal looked
        looked += 1
        if looked == 1:
            async with open_database(away) as gone:
                await outbox_look(gone["facts"])()
        await outbox_look(database["facts"])()

    async with background(sample(0.01, look_at_both)):
        await eventually(lambda: asyncio.sleep(0, _pending() == 1))

    assert looked > 1


async def test_letters_that_nobody_has_seen_to_are_counted(database: Database) -> None:
    letters = DeadLetters(database[DEAD_LETTERS], lambda: None, replays_per_minute=1, kept_days=1)
    states = ["parked", "parked", "replayed", "discarded"]
    await database[DEAD_LETTERS].insert_many([{"service": "analysis", "state": state} for state in states])

    await letters.look()

    assert figure("dawnchorus_dead_letters", service="analysis") == 2
    assert figure("dawnchorus_dead_letters", service="spectrogram") == 0


async def test_connections_are_counted_by_what_they_do(settings: ServiceSettings) -> None:
    before = _connections()
    async with open_database(settings) as opened:
        napping = [asyncio.create_task(_nap(opened)) for _ in range(3)]
        await eventually(lambda: asyncio.sleep(0, _connections()[0] == before[0] + 3))
        await asyncio.gather(*napping)
        in_use, idle = _connections()

        assert in_use == before[0]
        assert idle >= before[1] + 3
    assert figure("dawnchorus_mongodb_pool_connections_max") == 100
    await eventually(lambda: asyncio.sleep(0, _connections() == before))


async def test_commands_are_timed_and_unknown_ones_are_one(database: Database) -> None:
    finds, others = _commands("find"), _commands("other")

    await database["facts"].find_one({})
    await database.command("dbStats")

    assert _commands("find") == finds + 1
    assert _commands("other") == others + 1


async def _nap(database: Database) -> None:
    await database["naps"].insert_one({})
    await database["naps"].find_one({"$where": "sleep(400) || true"})


def _document(*ages_s: float) -> dict[str, object]:
    times = [datetime.now(UTC) - timedelta(seconds=age_s) for age_s in ages_s]
    entries = [outbox_entry(envelop(EVENT, source="test", id_=str(time), time=time)) for time in times]
    return {"outbox": [entry.model_dump() for entry in entries]}


def _pending() -> float:
    return figure("dawnchorus_outbox_pending", collection="facts")


def _oldest_s() -> float:
    return figure("dawnchorus_outbox_oldest_age_seconds", collection="facts")


def _connections() -> tuple[float, float]:
    name = "dawnchorus_mongodb_pool_connections"
    return figure(name, state="in_use"), figure(name, state="idle")


def _commands(command: str) -> float:
    return figure("dawnchorus_mongodb_duration_seconds_count", command=command, outcome="ok")
