"""What was announced and does not end is announced anew, by real documents."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from chassis.documents import Database
from chassis.outbox import OutboxRelay
from chassis.reconciling import STUCK, Reconciler, prepare_watch
from chassis.watching import WatchRules
from contracts.analysing import AnalysisWish
from contracts.changing import Deletion
from contracts.documents import ANALYSES, RECORDINGS, SPECTROGRAMS, TASKS, RecordingDocument
from contracts.interventions import Selection
from contracts.rendering import RenderParameters
from contracts.vocabulary import Lane, State
from contracts.watching import Watch
from services.gateway.analyses import AnalysisRequests, analysis_request
from services.gateway.reconciling import WatchedWishes
from services.gateway.renderings import RenderRequests
from services.gateway.wishes import Wishes
from services.ingest.changes import ChangeDesk
from services.ingest.interventions import InterventionDesk
from services.ingest.reconciling import UploadedRecordings
from services.ingest.recordings import Recordings
from tests.fakes import FakePublisher

from .stored import add_recording, add_task

pytestmark = pytest.mark.servers

ONE, TWO = (f"{n}" * 8 + "-0000-0000-0000-000000000000" for n in (1, 2))
MINUTE = timedelta(minutes=1)
AUDIO = {"container": "wav", "codec": "pcm_s16", "rate_hz": 8000, "channels": 1, "duration_claimed_s": 1.0}
RULES = WatchRules(15 * MINUTE, 60 * MINUTE)


@pytest_asyncio.fixture
async def reconciler(database: Database) -> Reconciler:
    """Ingest's, with the indexes that ingest makes."""
    await Recordings(database).prepare()
    await prepare_watch(database[RECORDINGS], forgets=False)
    return _reconciler(database)


async def test_a_recording_that_nobody_heard_of_is_announced_anew_as_the_same_event_once_in_a_round(
    reconciler: Reconciler, database: Database
) -> None:
    await _add(database, ONE, minutes_ago=20)
    await _add(database, TWO, minutes_ago=10)

    announced = [await reconciler.look_around() for _ in range(3)]

    one, two = await _one(database, ONE), await _one(database, TWO)
    assert announced == [1, 0, 0]
    assert [each.headers["ce-type"] for each in one.outbox] == ["recording.uploaded.v1"]
    assert (two.outbox, two.watch and two.watch.repeats) == ((), 0)


async def test_of_replicas_that_race_one_announces_it(reconciler: Reconciler, database: Database) -> None:
    await _add(database, ONE, minutes_ago=20)

    await asyncio.gather(*(_reconciler(database).look_around() for _ in range(5)))

    assert len((await _one(database, ONE)).outbox) == 1


async def test_it_is_the_same_event_whenever_it_is_told(reconciler: Reconciler, database: Database) -> None:
    ids = set()
    for minutes_ago in (20, 2000):
        await database[RECORDINGS].delete_many({})
        await _add(database, ONE, minutes_ago=minutes_ago, uploaded_at=datetime(2026, 11, 21, tzinfo=UTC))
        await reconciler.look_around()
        ids |= {(each.event_id, each.body) for each in (await _one(database, ONE)).outbox}

    assert len(ids) == 1


@pytest.mark.parametrize("state", [State.COMPLETED, State.FAILED, State.CANCELLED])
async def test_a_recording_whose_tasks_have_ended_is_not_looked_at_again(
    reconciler: Reconciler, database: Database, state: State
) -> None:
    await _add(database, ONE, minutes_ago=20)
    for collection in (SPECTROGRAMS, ANALYSES):
        await add_task(database, collection, ONE, state=state, completed_at=_ago(15))

    await reconciler.look_around()

    assert (await _one(database, ONE)).watch is None
    assert (await _one(database, ONE)).outbox == ()


async def test_one_task_that_does_not_end_is_enough(reconciler: Reconciler, database: Database) -> None:
    await _add(database, ONE, minutes_ago=20)
    await add_task(database, SPECTROGRAMS, ONE, state=State.COMPLETED, completed_at=_ago(15))

    assert await reconciler.look_around() == 1


@pytest.mark.parametrize(("lease_minutes", "announced"), [(1, 0), (-1, 1)])
async def test_what_a_worker_holds_is_left_to_it_until_its_lease_is_over(
    reconciler: Reconciler, database: Database, lease_minutes: int, announced: int
) -> None:
    await _add(database, ONE, minutes_ago=20)
    await add_task(database, SPECTROGRAMS, ONE, state=State.PROCESSING, lease_until=_ago(-lease_minutes))

    assert await reconciler.look_around() == announced


async def test_what_waits_behind_others_of_its_lane_is_not_lost(reconciler: Reconciler, database: Database) -> None:
    await _add(database, ONE, minutes_ago=20)
    for collection in (SPECTROGRAMS, ANALYSES):
        running = {"state": State.PROCESSING, "lease_until": _ago(-1), "lane": "interactive"}
        await add_task(database, collection, TWO, announced_at=_ago(30), **running)
    waited = await reconciler.look_around()

    await database[RECORDINGS].update_one({"_id": ONE}, {"$set": {"watch.looked_at": _ago(20)}})
    await add_task(database, ANALYSES, TWO, parameters_id="later", announced_at=_ago(5), lane="interactive")
    overtaken = await reconciler.look_around()

    assert (waited, overtaken) == (0, 1)


async def test_an_event_that_still_waits_for_the_broker_is_not_pushed_twice(
    reconciler: Reconciler, database: Database
) -> None:
    await _add(database, ONE, minutes_ago=20)
    await reconciler.look_around()

    await database[RECORDINGS].update_one({"_id": ONE}, {"$set": {"watch.looked_at": _ago(2000)}})
    await reconciler.look_around()

    assert len((await _one(database, ONE)).outbox) == 1


async def test_what_is_deleted_cancelled_or_no_recording_is_not_announced(
    reconciler: Reconciler, database: Database
) -> None:
    await _add(database, "deleted", minutes_ago=20, deleted_at=_ago(5))
    await _add(database, "cancelled", minutes_ago=20, cancelled_at=_ago(5))
    await _add(database, "refused", minutes_ago=20, audio=None, state=State.FAILED)

    assert await reconciler.look_around() == 0
    assert await database[RECORDINGS].count_documents({"watch": {"$ne": None}}) == 0


async def test_it_counts_as_stuck_until_it_ends(reconciler: Reconciler, database: Database) -> None:
    repeated = {"looked_at": _ago(20), "announced_at": _ago(20), "repeats": 3, "repeated_since": _ago(90)}
    await _add(database, ONE, minutes_ago=200, watch=repeated)

    await reconciler.look_around()
    stuck = await database[RECORDINGS].count_documents(STUCK)
    for collection in (SPECTROGRAMS, ANALYSES):
        await add_task(database, collection, ONE, state=State.COMPLETED, completed_at=_ago(0))
    # At the next look, not only after the pause: what was stuck is looked at every time.
    await reconciler.look_around()

    assert (stuck, await database[RECORDINGS].count_documents(STUCK)) == (1, 0)


@pytest.mark.parametrize("again", ["retried", "restored"])
async def test_what_begins_anew_is_watched_anew(reconciler: Reconciler, database: Database, again: str) -> None:
    await _add(database, ONE, minutes_ago=200, watch=None)
    relay = _relay(database, RECORDINGS)
    if again == "retried":
        await InterventionDesk(database[RECORDINGS], relay).retry(
            Selection(project_ids=("field",), recording_ids=(ONE,))
        )
    else:
        desk, wanted = (
            ChangeDesk(database[RECORDINGS], relay, 3600),
            Deletion(project_ids=("field",), recording_ids=(ONE,)),
        )
        await desk.delete(wanted.project_ids, [ONE])
        await desk.restore(wanted.project_ids, ONE)

    watch = (await _one(database, ONE)).watch

    assert watch is not None
    assert datetime.now(UTC) - watch.announced_at < MINUTE


async def test_a_season_that_has_ended_costs_a_round_nothing(reconciler: Reconciler, database: Database) -> None:
    await database[RECORDINGS].insert_many([{"_id": f"ended-{n}", "watch": None} for n in range(2000)])
    await _add(database, ONE, minutes_ago=20)

    silent = await _explained(database, {"watch.looked_at": {"$gt": _ago(9_999_999), "$lte": _ago(15)}})
    stuck = await _explained(database, STUCK)

    assert (silent["totalDocsExamined"], stuck["totalDocsExamined"]) == (1, 0)
    assert (silent["totalKeysExamined"], stuck["totalKeysExamined"]) <= (2, 1)


async def test_more_than_one_look_holds_is_announced_over_several_rounds(
    reconciler: Reconciler, database: Database
) -> None:
    await asyncio.gather(*(_add(database, f"{n:08}{ONE[8:]}", minutes_ago=20, sha256=f"{n:064}") for n in range(501)))

    assert [await reconciler.look_around() for _ in range(3)] == [500, 1, 0]


async def test_a_wish_that_nobody_heard_of_is_announced_anew_as_it_was_asked_for(database: Database) -> None:
    await _add(database, ONE, minutes_ago=200, watch=None)
    told = await _wished(database)

    announced = await _wishes_reconciler(database).look_around()

    again = {raw["_id"]: raw["outbox"] async for raw in database[TASKS].find()}
    assert announced == 2
    assert {id_: [(e["event_id"], e["body"]) for e in outbox] for id_, outbox in again.items()} == told


async def test_a_wish_that_has_ended_or_whose_recording_is_gone_is_watched_no_more(database: Database) -> None:
    await _add(database, ONE, minutes_ago=200, watch=None)
    await _wished(database)
    await add_task(database, ANALYSES, ONE, parameters_id="0" * 16, state=State.PARTIAL, completed_at=_ago(1))
    reconciler = _wishes_reconciler(database)

    first = await reconciler.look_around()
    await database[RECORDINGS].delete_many({})
    await database[TASKS].update_many({"watch": {"$ne": None}}, {"$set": {"watch.looked_at": _ago(20), "outbox": []}})
    second = await reconciler.look_around()

    assert (first, second) == (1, 0)
    assert await database[TASKS].count_documents({"watch": {"$ne": None}}) == 0


async def _wished(database: Database) -> dict[str, list[tuple[str, str]]]:
    """Ask for a rendering and an analysis, lose both events, and return what they were."""
    relay, recording = _relay(database, TASKS), await _one(database, ONE)
    await RenderRequests(database[TASKS], relay, 600).ask(recording, RenderParameters(hop=32), Lane.BULK, "batch")
    wanted = analysis_request(recording, AnalysisWish(), request_id="0" * 16, lane=Lane.BULK, batch_id="batch")
    await AnalysisRequests(database[TASKS], relay).ask([wanted])
    told = {r["_id"]: [(e["event_id"], e["body"]) for e in r["outbox"]] async for r in database[TASKS].find()}
    lost = {"outbox": [], "watch.looked_at": _ago(20), "watch.announced_at": _ago(20)}
    await database[TASKS].update_many({}, {"$set": lost})
    return told


def _wishes_reconciler(database: Database) -> Reconciler:
    relay = _relay(database, TASKS)
    wishes = Wishes(database[TASKS], relay, RenderRequests(database[TASKS], relay, 600))
    return Reconciler(database[TASKS], relay, RULES, WatchedWishes(database, wishes), every_s=3600)


def _reconciler(database: Database) -> Reconciler:
    relay = _relay(database, RECORDINGS)
    return Reconciler(database[RECORDINGS], relay, RULES, UploadedRecordings(database), every_s=3600)


def _relay(database: Database, collection: str) -> OutboxRelay:
    publisher: Any = FakePublisher()
    return OutboxRelay(database[collection], publisher, poll_s=3600)


async def _add(database: Database, recording_id: str, *, minutes_ago: int, **facts: Any) -> None:
    at = _ago(minutes_ago)
    known = {"audio": AUDIO, "uploaded_at": at, "current": False, "watch": Watch.begun(at).document()}
    await add_recording(database, recording_id, **{**known, **facts})


async def _one(database: Database, recording_id: str) -> RecordingDocument:
    return RecordingDocument.model_validate(await database[RECORDINGS].find_one({"_id": recording_id}))


async def _explained(database: Database, query: dict[str, Any]) -> dict[str, Any]:
    cursor = database[RECORDINGS].find(query).sort("watch.looked_at", 1).limit(500)
    stats: dict[str, Any] = (await cursor.explain())["executionStats"]
    return stats


def _ago(minutes: float) -> datetime:
    return datetime.now(UTC) - minutes * MINUTE
