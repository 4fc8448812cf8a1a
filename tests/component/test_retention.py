"""What goes by its age: recordings where an operator wishes it, wishes and batches that have ended."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from chassis.documents import Database
from chassis.outbox import OutboxRelay
from chassis.reconciling import Reconciler
from chassis.watching import WatchRules
from contracts.batches import BATCH_ITEMS, BATCHES
from contracts.documents import ANALYSES, RECORDINGS, TASKS
from contracts.vocabulary import State
from contracts.watching import Watch
from services.gateway.batches import Batches
from services.gateway.reconciling import WatchedWishes
from services.gateway.renderings import RenderRequests
from services.gateway.wishes import Wishes
from services.ingest.changes import ChangeDesk
from services.ingest.retention import Retention, prepare_retention
from services.ingest.settings import IngestSettings
from tests.fakes import FakePublisher

from .stored import add_recording, add_task

pytestmark = pytest.mark.servers

ONE = "11111111-0000-0000-0000-000000000000"
DAY = timedelta(days=1)


async def test_recordings_go_by_age_and_state_and_by_what_their_project_has_instead(database: Database) -> None:
    for project_id in ("field", "archive"):
        for state in (State.COMPLETED, State.FAILED):
            for days in (5, 40):
                facts = {"state": state, "uploaded_at": _ago(days), "current": False, "project_id": project_id}
                await add_recording(database, _id(project_id, state, days), **facts)
    kept_days = {"failed": 30, "archive:failed": 3, "archive:completed": 30}
    retention = _retention(database, kept_days)
    await prepare_retention(database[RECORDINGS], kept_days)

    deleted = [await retention.apply(), await retention.apply()]

    gone = {raw["_id"] async for raw in database[RECORDINGS].find({"deleted_at": {"$ne": None}})}
    assert deleted == [4, 0]
    assert gone == {
        _id("field", State.FAILED, 40),
        _id("archive", State.FAILED, 40),
        _id("archive", State.FAILED, 5),
        _id("archive", State.COMPLETED, 40),
    }


async def test_what_goes_by_its_age_is_announced_and_can_be_had_back(database: Database) -> None:
    await add_recording(database, ONE, uploaded_at=_ago(2))

    await _retention(database, {"completed": 1}).apply()

    raw = await database[RECORDINGS].find_one({"_id": ONE})
    assert raw is not None
    assert [each["headers"]["ce-type"] for each in raw["outbox"]] == ["recording.deleted.v1"]
    assert raw["purge_at"] > datetime.now(UTC)


async def test_by_default_nothing_goes_by_its_age(database: Database) -> None:
    await add_recording(database, ONE, uploaded_at=_ago(9999))

    assert await _retention(database, {}).apply() == 0


@pytest.mark.parametrize("wrong", ['{"processing": 3}', '{"failed": 0}', '{"failed": -1}', '{"field": 3}'])
def test_an_age_of_no_state_is_refused(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AMQP_URL", "MONGODB_URL", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "DAWNCHORUS_INTERNAL_TOKEN"):
        monkeypatch.setenv(name, "unused")
    monkeypatch.setenv("DAWNCHORUS_RECORDINGS_KEPT_DAYS", wrong)

    with pytest.raises(ValidationError):
        IngestSettings()


async def test_a_wish_is_forgotten_only_after_it_has_ended(database: Database) -> None:
    await add_recording(database, ONE)
    for request_id in ("open", "ended"):
        wish = {"recording_id": ONE, "request_id": request_id, "requested_at": _ago(1), "lane": "bulk", "wish": "{}"}
        watch = Watch.begun(_ago(1)).model_copy(update={"announced_at": datetime.now(UTC)}).document()
        await database[TASKS].insert_one({"_id": f"{ONE}/analysis/{request_id}", **wish, "watch": watch})
    await add_task(database, ANALYSES, ONE, parameters_id="ended", state=State.COMPLETED, completed_at=_ago(0))

    await _wishes_reconciler(database).look_around()

    forgotten = {raw["request_id"]: raw.get("forgotten_at") async for raw in database[TASKS].find()}
    assert forgotten["open"] is None
    assert forgotten["ended"] - datetime.now(UTC) > 6 * DAY


async def test_a_batch_is_forgotten_with_its_items_once_it_has_ended_and_is_old(database: Database) -> None:
    for name, facts in {
        "old": {"is_open": False, "completed_at": _ago(8)},
        "young": {"is_open": False, "completed_at": _ago(6)},
        "open": {"is_open": True, "completed_at": None},
    }.items():
        await database[BATCHES].insert_one({"_id": name, "project_id": "field", **facts})
        await database[BATCH_ITEMS].insert_one({"_id": f"{name}-0", "batch_id": name, "number": 0})
    batches = Batches(database)
    await batches.prepare()

    forgotten = [await batches.forget(_ago(7)) for _ in range(2)]

    assert forgotten == [True, False]
    assert {raw["_id"] async for raw in database[BATCHES].find()} == {"young", "open"}
    assert {raw["batch_id"] async for raw in database[BATCH_ITEMS].find()} == {"young", "open"}


def _retention(database: Database, kept_days: Mapping[str, float]) -> Retention:
    publisher: Any = FakePublisher()
    collection = database[RECORDINGS]
    changes = ChangeDesk(collection, OutboxRelay(collection, publisher, poll_s=3600), 3600)
    return Retention(collection, changes, kept_days)


def _wishes_reconciler(database: Database) -> Reconciler:
    publisher: Any = FakePublisher()
    relay = OutboxRelay(database[TASKS], publisher, poll_s=3600)
    wishes = Wishes(database[TASKS], relay, RenderRequests(database[TASKS], relay, 600))
    rules = WatchRules(timedelta(minutes=15), timedelta(hours=1))
    return Reconciler(database[TASKS], relay, rules, WatchedWishes(database, wishes), 3600, kept=7 * DAY)


def _id(project_id: str, state: State, days: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{project_id}-{state}-{days}"))


def _ago(days: float) -> datetime:
    return datetime.now(UTC) - days * DAY
