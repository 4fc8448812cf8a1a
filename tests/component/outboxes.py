"""Documents with events that wait in their outboxes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chassis.documents import Collection, Database
from chassis.outbox import outbox_entry
from contracts.envelope import envelop
from contracts.events import RecordingDeleted
from contracts.vocabulary import Lane
from tests.fakes import FakePublisher

from .polling import eventually

LONG_S = 3600.0


@pytest.fixture
def collection(database: Database) -> Collection:
    """Documents with outboxes."""
    return database["facts"]


def deletion(lane: Lane = Lane.BULK) -> RecordingDeleted:
    """Return the event that the outboxes hold."""
    return RecordingDeleted(
        recording_id="0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10",
        project_id="default",
        lane=lane,
        deleted_at=datetime(2026, 11, 21, tzinfo=UTC),
    )


def waiting_entry(id_: str, lane: Lane = Lane.BULK) -> dict[str, Any]:
    """Return the event as an outbox holds it."""
    return outbox_entry(envelop(deletion(lane), source="test", id_=id_)).model_dump()


async def write_fact(collection: Collection, id_: str) -> None:
    """Write a document that makes the event true."""
    await collection.insert_one({"_id": id_, "outbox": [waiting_entry(id_)], "fact": "true"})


async def waiting(collection: Collection) -> int:
    """Return how many documents hold events that wait."""
    return int(await collection.count_documents({"outbox.event_id": {"$exists": True}}))


async def emptied(collection: Collection) -> None:
    """Wait until no event waits."""

    async def is_empty() -> bool:
        return await waiting(collection) == 0

    await eventually(is_empty)


def as_publisher(fake: FakePublisher) -> Any:
    """Return the fake where a publisher is asked for."""
    return fake
