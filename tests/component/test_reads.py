from datetime import timedelta

import pytest

from chassis.documents import Database
from chassis.problems import ProblemError
from contracts.documents import ANALYSES, RECORDINGS, SPECTROGRAMS
from contracts.rendering import PRESETS, RenderParameters
from contracts.vocabulary import Role, State
from services.gateway.keys import Caller
from services.gateway.reads import Reads

from .stored import NOON, add_recording, add_task

pytestmark = pytest.mark.servers

ANNA = Caller("anna", {"field": Role.OWNER, "lab": Role.OWNER})
BERT = Caller("bert", {"music": Role.OWNER})


@pytest.fixture
def reads(database: Database) -> Reads:
    """Reads of an empty database."""
    return Reads(database)


async def test_a_recording_is_found_with_what_came_of_it(reads: Reads, database: Database) -> None:
    await add_recording(database, "one")
    await add_task(database, SPECTROGRAMS, "one", state=State.COMPLETED)

    found = await reads.recording(ANNA, "one")

    assert found.recording.id == "one"
    assert found.spectrogram is not None
    assert found.spectrogram.state is State.COMPLETED
    assert found.analysis is None


async def test_a_status_costs_a_query_for_each_collection(reads: Reads, database: Database) -> None:
    await add_recording(database, "one")
    await add_task(database, SPECTROGRAMS, "one", state=State.COMPLETED)
    await database.command("profile", 2)

    await reads.recording(ANNA, "one")

    await database.command("profile", 0)
    asked = [raw["ns"].partition(".")[2] async for raw in database["system.profile"].find({"op": "query"})]
    assert sorted(asked) == sorted([RECORDINGS, SPECTROGRAMS, ANALYSES])


async def test_a_recordings_own_way_to_be_seen_is_told_to_its_callers_only(reads: Reads, database: Database) -> None:
    await add_recording(database, "one", rendering=PRESETS["bat"].model_dump())
    await add_recording(database, "two")

    assert await reads.own_rendering(ANNA, "one") == PRESETS["bat"]
    assert await reads.own_rendering(ANNA, "two") == RenderParameters()
    assert await reads.own_rendering(BERT, "one") == RenderParameters()
    assert (await reads.recording(ANNA, "one")).rendering == PRESETS["bat"]
    assert (await reads.recording(ANNA, "two")).rendering == RenderParameters()


@pytest.mark.parametrize("recording_id", ["two", "", "$ne", "one/", "x" * 10_000])
async def test_an_unknown_recording_is_not_found(reads: Reads, database: Database, recording_id: str) -> None:
    await add_recording(database, "one")

    with pytest.raises(ProblemError) as refusal:
        await reads.recording(ANNA, recording_id)

    assert (refusal.value.status, refusal.value.code) == (404, "not_found")
    assert len(refusal.value.detail) < 200


async def test_somebody_elses_recording_is_told_apart_from_an_unknown_one_by_nothing(
    reads: Reads, database: Database
) -> None:
    await add_recording(database, "one")

    with pytest.raises(ProblemError) as theirs:
        await reads.recording(BERT, "one")
    with pytest.raises(ProblemError) as unknown:
        await reads.recording(BERT, "two")

    assert (theirs.value.status, theirs.value.code) == (404, "not_found")
    assert theirs.value.detail == unknown.value.detail.replace("two", "one")


async def test_the_newest_of_several_tasks_is_shown(reads: Reads, database: Database) -> None:
    await add_recording(database, "one")
    await add_task(database, ANALYSES, "one", parameters_id="new", created_at=NOON + timedelta(days=1))
    await add_task(database, ANALYSES, "one", parameters_id="old", created_at=NOON)

    found = await reads.recording(ANNA, "one")

    assert found.analysis is not None
    assert found.analysis.parameters_id == "new"


async def test_renderings_are_akin_that_differ_in_nothing_else(reads: Reads, database: Database) -> None:
    await add_recording(database, "one")
    ways = {
        "own": RenderParameters(),
        "coloured": RenderParameters(palette="magma", floor_db=-60),
        "narrow": RenderParameters(f_max_hz=8000),
        "failed": RenderParameters(palette="gray"),
    }
    for name, parameters in ways.items():
        state = State.FAILED if name == "failed" else State.COMPLETED
        facts = {"parameters_id": name, "parameters": parameters.document(), "state": state}
        await add_task(database, SPECTROGRAMS, "one", **facts)
    await add_task(database, SPECTROGRAMS, "two", parameters=ways["own"].document(), state=State.COMPLETED)
    recording = (await reads.recording(ANNA, "one")).recording

    akin = await reads.akin(recording, RenderParameters(palette="cividis"), frozenset({"palette", "floor_db"}))
    same = await reads.akin(recording, RenderParameters(palette="cividis"), frozenset())

    assert {each.parameters_id for each in akin} == {"own", "coloured"}
    assert same == []
