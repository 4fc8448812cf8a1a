"""A backfill finds exactly the recordings that lack an extractor's version, prices them, and asks for each once."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chassis.documents import Database
from contracts.documents import ANALYSES, RECORDINGS, TASKS, ExtractorDocument
from contracts.envelope import from_message
from contracts.events import AnalysisRequested
from contracts.vocabulary import Lane, Role, State
from contracts.wish_documents import AnalysisRequestDocument
from services.gateway.analyses import AnalysisRequests
from services.gateway.backfill import BATCH, Backfills
from services.gateway.keys import Caller
from tests.fakes import FakeRelay

pytestmark = pytest.mark.servers

ANNA = Caller("anna", {"field": Role.OWNER, "lab": Role.OWNER})
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PITCH = ExtractorDocument(
    id="pitch",
    version="2",
    description="",
    device="cpu",
    needs="samples",
    cost_per_audio_s=0.5,
    by_default=True,
    parameters_schema="{}",
    published_at=NOON,
)


@pytest.fixture
def relay() -> FakeRelay:
    """Counts how often it was woken."""
    return FakeRelay()


@pytest.fixture
def backfills(database: Database, relay: FakeRelay) -> Backfills:
    """Backfills over an empty database."""
    return Backfills(database, AnalysisRequests(database[TASKS], relay))  # type: ignore[arg-type]  # the fake


async def test_a_plan_counts_what_lacks_this_version_in_the_callers_projects(
    backfills: Backfills, database: Database
) -> None:
    await _add(database, "never")
    await _add(database, "old", result("pitch", version="1"))
    await _add(database, "failed", result("pitch", success=False))
    await _add(database, "other", result("levels"))
    await _add(database, "has", result("pitch"))
    await _add(database, "has_twice", result("levels"), result("pitch"))
    await _add(database, "theirs", project_id="music")
    await _add(database, "refused", state=State.FAILED)

    plan = await backfills.plan(ANNA, PITCH)

    assert (plan.recordings, plan.audio_s, plan.unknown_length) == (4, 240.0, 0)


async def test_a_plan_is_priced_by_what_results_took_here_decoding_included(
    backfills: Backfills, database: Database
) -> None:
    await _add(database, "never")
    await _add(database, "has", result("pitch", took_s=5.0), result("levels", took_s=100.0))

    plan = await backfills.plan(ANNA, PITCH)

    assert plan.cost_from == "results"
    assert plan.cost_per_audio_s == pytest.approx((5.0 + 0.6 + 0.4) / 60)
    assert plan.cost_s == pytest.approx(6.0)


async def test_without_results_the_price_is_what_the_extractor_states(backfills: Backfills, database: Database) -> None:
    await _add(database, "never")
    await _add(database, "unknown", audio_s=None)

    plan = await backfills.plan(ANNA, PITCH)

    assert (plan.cost_from, plan.cost_per_audio_s, plan.cost_s) == ("stated", 0.5, 30.0)
    assert (plan.recordings, plan.unknown_length) == (2, 1)


async def test_nothing_to_do_costs_nothing(backfills: Backfills) -> None:
    plan = await backfills.plan(ANNA, PITCH)

    assert (plan.recordings, plan.audio_s, plan.cost_s) == (0, 0, 0)
    assert await backfills.start(ANNA, PITCH) == 0


async def test_a_start_asks_for_that_extractor_alone_in_the_bulk_lane_and_once(
    backfills: Backfills, database: Database, relay: FakeRelay
) -> None:
    await _add(database, "never")
    await _add(database, "has", result("pitch"))

    announced = [await backfills.start(ANNA, PITCH) for _ in range(2)]

    [raw] = await database[TASKS].find().to_list(None)
    document = AnalysisRequestDocument.model_validate(raw)
    event = from_message(document.outbox[0].headers, document.outbox[0].body.encode()).event
    assert announced == [1, 0]
    assert isinstance(event, AnalysisRequested)
    assert (event.recording_id, event.lane, event.wish.extractors) == (_id("never"), Lane.BULK, ("pitch",))
    assert document.outbox[0].routing_key == "analysis.requested.v1.bulk"
    assert json.loads(document.wish)["extractors"] == ["pitch"]
    assert relay.woken > 0


async def test_what_failed_is_asked_for_again_when_somebody_says_so(backfills: Backfills, database: Database) -> None:
    await _add(database, "failed", result("pitch", success=False))
    await backfills.start(ANNA, PITCH)

    assert [await backfills.start(ANNA, PITCH, again=again) for again in (False, True, True)] == [0, 1, 1]


async def test_a_new_version_is_asked_for_again(backfills: Backfills, database: Database) -> None:
    await _add(database, "never")
    await backfills.start(ANNA, PITCH)

    assert await backfills.start(ANNA, PITCH.model_copy(update={"version": "3"})) == 1


async def test_more_recordings_than_a_batch_are_all_asked_for(backfills: Backfills, database: Database) -> None:
    documents = [_recording(f"r{number}") for number in range(BATCH + 3)]
    await database[RECORDINGS].insert_many(documents)

    assert await backfills.start(ANNA, PITCH) == BATCH + 3
    assert await database[TASKS].count_documents({}) == BATCH + 3


def result(name: str, *, version: str = "2", success: bool = True, took_s: float = 1.0) -> dict[str, Any]:
    return {"name": name, "version": version, "success": success, "processing_time": took_s}


def _id(name: str) -> str:
    return f"{name.encode().hex():0>36}"


def _recording(name: str, *, audio_s: float | None = 60.0, **facts: Any) -> dict[str, Any]:
    audio = {"container": "wav", "codec": "pcm_s16", "rate_hz": 44_100, "channels": 1, "duration_claimed_s": audio_s}
    known: dict[str, Any] = {
        "_id": _id(name),
        "project_id": "field",
        "name": "dawn.wav",
        "lane": "interactive",
        "state": State.COMPLETED,
        "sha256": "0" * 64,
        "size_bytes": 1000,
        "audio": audio,
        "uploaded_at": NOON,
        "trace_id": "f" * 32,
        "current": True,
        "outbox": [],
    }
    return known | facts


async def _add(database: Database, name: str, *results: dict[str, Any], **facts: Any) -> None:
    await database[RECORDINGS].insert_one(_recording(name, **facts))
    if results:
        task = {
            "_id": f"{_id(name)}/p",
            "recording_id": _id(name),
            "manifest_key": "key",
            "completed_at": NOON,
            "duration_decoded_s": 60.0,
            "timings_s": {"decode": 0.6, "shared": 0.4},
            "extractors": list(results),
        }
        await database[ANALYSES].insert_one(task)
