from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.documents import Database
from contracts.documents import ANALYSES, RECORDINGS, SPECTROGRAMS, AnalysisDocument, AudioFacts, RecordingDocument
from contracts.vocabulary import Lane, State
from services.gateway.forecast import Forecasts
from services.gateway.views import nothing_heard

pytestmark = pytest.mark.servers

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


async def test_where_nothing_was_measured_nothing_is_foretold(database: Database) -> None:
    mine = await _recording(database, "mine")

    found = await Forecasts(database).of(mine, None, None, nothing_heard)

    assert (found.finish_at, found.analysis.finish_at, found.analysis.reason) == (None, None, "nothing_measured")
    assert (found.analysis.position, found.analysis.cost_per_audio_s) == (1, None)


async def test_the_cost_is_that_of_what_ended_well_lately(database: Database) -> None:
    await _task(database, ANALYSES, "one", State.COMPLETED, spent_s=6, audio_s=60)
    await _task(database, ANALYSES, "two", State.COMPLETED, spent_s=4, audio_s=40)
    await _task(database, ANALYSES, "bad", State.FAILED, spent_s=900, audio_s=1)

    cost = await Forecasts(database).cost(ANALYSES)

    assert (cost.per_audio_s, cost.tasks) == (pytest.approx(0.1), 2)


async def test_who_came_before_and_was_not_taken_up_yet_is_ahead(database: Database) -> None:
    for collection in (ANALYSES, SPECTROGRAMS):
        await _task(database, collection, "done", State.COMPLETED, spent_s=6, audio_s=60)
    for number in range(3):
        await _recording(database, f"before-{number}", minutes=1 + number, duration_s=100)
    await _recording(database, "another lane", minutes=5, lane=Lane.BULK)
    await _recording(database, "after", minutes=11)
    mine = await _recording(database, "mine", minutes=10, duration_s=50)
    before = datetime.now(UTC)

    found = await Forecasts(database).of(mine, None, None, nothing_heard)

    assert (found.analysis.position, found.analysis.ahead_audio_s, found.analysis.running) == (4, 300, 0)
    assert found.finish_at is not None
    # 300 s that wait and 50 s of its own, at a tenth of a second each.
    assert found.finish_at - before == pytest.approx(timedelta(seconds=35), abs=timedelta(seconds=5))


async def test_what_is_under_way_has_no_place_in_the_queue_and_what_ended_none_at_all(database: Database) -> None:
    mine = await _recording(database, "mine")
    await _task(database, ANALYSES, "done", State.COMPLETED, spent_s=6, audio_s=60)
    running = await _task(database, ANALYSES, "mine", State.PROCESSING, spent_s=0, audio_s=60)

    under_way = await Forecasts(database).of(mine, None, running, lambda _: 0.5)
    ended = await Forecasts(database).of(
        mine, None, running.model_copy(update={"state": State.COMPLETED}), nothing_heard
    )

    assert (under_way.analysis.position, under_way.analysis.running) == (0, 1)
    assert (ended.analysis.position, ended.analysis.reason) == (None, "ended")


async def _recording(
    database: Database, id_: str, *, minutes: int = 0, duration_s: float = 60, lane: Lane = Lane.INTERACTIVE
) -> RecordingDocument:
    document = RecordingDocument(
        id=id_,
        project_id="field",
        name=id_,
        lane=lane,
        state=State.COMPLETED,
        sha256="0" * 64,
        size_bytes=7,
        audio=AudioFacts(container="wav", codec="pcm_16", rate_hz=44_100, channels=1, duration_claimed_s=duration_s),
        uploaded_at=NOON + timedelta(minutes=minutes),
        trace_id="0" * 32,
        current=True,
    )
    await database[RECORDINGS].insert_one(document.model_dump(by_alias=True))
    return document


async def _task(
    database: Database, collection: str, id_: str, state: State, *, spent_s: float, audio_s: float
) -> AnalysisDocument:
    facts: dict[str, Any] = {"lease_until": datetime.now(UTC) + timedelta(minutes=1)}
    if state.is_terminal:
        facts = {"completed_at": NOON + timedelta(seconds=spent_s), "duration_decoded_s": audio_s}
    document = AnalysisDocument(
        id=f"{id_}/p",
        recording_id=id_,
        project_id="field",
        parameters_id="p",
        parameters={},
        state=state,
        lane=Lane.INTERACTIVE,
        created_at=NOON,
        announced_at=NOON,
        started_at=NOON,
        **facts,
    )
    await database[collection].insert_one(document.model_dump(by_alias=True))
    return document
