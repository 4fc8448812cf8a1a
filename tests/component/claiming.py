"""Stores of claims over the same documents, for the suites that run over the fake and the real thing."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from chassis.documents import Database
from chassis.errors import LeaseHeldError
from chassis.tasks import Claim, TaskStore
from contracts.documents import RECORDINGS, OutboxEntry
from contracts.interventions import Interventions
from tests.fake_tasks import FakeTasks

from .polling import eventually
from .stored import NOON

TASK = "recording/parameters"
FACTS = {"recording_id": "recording", "project_id": "default", "announced_at": NOON}
ENTRY = OutboxEntry(event_id="event-1", routing_key="key", headers={}, body="{}")
SHORT_S = 0.3

AnyTasks = TaskStore | FakeTasks


@dataclass(frozen=True)
class Office:
    """Stores over the same documents, and a look at those."""

    open_store: Callable[[float], AnyTasks]
    document: Callable[[], Awaitable[dict[str, Any]]]
    delete_recording: Callable[[], Awaitable[None]]
    restore_recording: Callable[[], Awaitable[None]]
    intervene: Callable[[Interventions], Awaitable[None]]
    add_recording: Callable[[dict[str, str]], Awaitable[None]]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.servers)])
def office(request: pytest.FixtureRequest) -> Office:
    """The fake and the real thing: what is asserted of one holds for the other."""
    return _fake() if request.param == "fake" else _real(request.getfixturevalue("database"))


@pytest.fixture
def tasks(office: Office) -> AnyTasks:
    """A store whose leases outlive the test."""
    return office.open_store(60)


async def claimed(tasks: AnyTasks) -> Claim:
    """Claim the task, which must be free."""
    claim = await tasks.claim(TASK, FACTS)
    assert claim is not None
    return claim


async def taken_over(office: Office) -> Claim:
    """Claim the task for another worker, as soon as its lease has run out."""

    async def claim() -> Claim | None:
        try:
            return await office.open_store(60).claim(TASK, FACTS)
        except LeaseHeldError:
            return None

    taken = await eventually(claim)
    assert taken is not None
    return taken


def _fake() -> Office:
    documents: dict[str, dict[str, Any]] = {}

    async def document() -> dict[str, Any]:
        return documents[TASK]

    deleted: set[str] = set()

    async def delete_recording() -> None:
        deleted.add("recording")

    async def restore_recording() -> None:
        deleted.clear()

    interventions: dict[str, Interventions] = {}

    async def intervene(done: Interventions) -> None:
        interventions["recording"] = done

    recordings: dict[str, dict[str, Any]] = {}

    async def add_recording(fields: dict[str, str]) -> None:
        recordings["recording"] = fields

    def open_store(lease_s: float) -> FakeTasks:
        return FakeTasks(lease_s, documents, deleted, interventions, recordings)

    return Office(open_store, document, delete_recording, restore_recording, intervene, add_recording)


def _real(database: Database) -> Office:
    collection = database["tasks"]

    async def document() -> dict[str, Any]:
        found = await collection.find_one({"_id": TASK})
        assert found is not None
        return found

    async def delete_recording() -> None:
        await database[RECORDINGS].insert_one({"_id": "recording", "deleted_at": datetime.now(UTC)})

    async def restore_recording() -> None:
        await database[RECORDINGS].update_one({"_id": "recording"}, {"$set": {"deleted_at": None}})

    async def intervene(done: Interventions) -> None:
        said = {"cancelled_at": done.cancelled_at, "retried_at": done.retried_at}
        await database[RECORDINGS].update_one({"_id": "recording"}, {"$set": said}, upsert=True)

    async def add_recording(fields: dict[str, str]) -> None:
        await database[RECORDINGS].insert_one({"_id": "recording", **fields})

    def open_store(lease_s: float) -> TaskStore:
        return TaskStore(collection, lease_s)

    return Office(open_store, document, delete_recording, restore_recording, intervene, add_recording)
