import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from pydantic import ValidationError

from chassis.documents import Database
from chassis.errors import ObjectMissingError
from chassis.objects import ObjectStore
from chassis.outbox import OutboxRelay
from chassis.problems import ProblemError
from chassis.storage import Storage
from contracts.changing import RecordingChange
from contracts.documents import RECORDINGS, RecordingDocument
from contracts.envelope import from_message
from contracts.events import Event, RecordingDeleted, RecordingRestored, RecordingUploaded
from contracts.objects import audio_key
from contracts.vocabulary import State
from services.ingest.changes import ChangeDesk
from services.ingest.recordings import Recordings
from services.ingest.sweeping import purge_deleted
from tests.fakes import FakePublisher

pytestmark = pytest.mark.servers

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ONE, THEIRS, ANEW = (f"{n}" * 8 + "-0000-0000-0000-000000000000" for n in (1, 2, 3))
FIELD = ("field",)


@pytest_asyncio.fixture
async def desk(database: Database) -> ChangeDesk:
    """The desk over an empty database; nothing is relayed."""
    await Recordings(database).prepare()
    return _desk(database)


async def test_what_a_client_says_is_written_and_the_rest_stays(desk: ChangeDesk, database: Database) -> None:
    await _add(database, ONE, tags=["old"])

    await desk.change("field", ONE, _change(name="Dawn.wav", recorded_at="2020-04-04T10:25:00+02:00"))
    await desk.change("field", ONE, _change(place={"latitude_deg": 51.7, "longitude_deg": -1.2}))

    found = await _one(database, ONE)
    assert (found.name, found.tags) == ("Dawn.wav", ("old",))
    assert found.recorded_at is not None
    assert (found.recorded_at.local, found.recorded_at.utc_offset_s) == ("2020-04-04T10:25:00", 7200)
    assert found.recorded_at.utc == datetime(2020, 4, 4, 8, 25, tzinfo=UTC)
    assert found.place is not None
    assert (found.place.latitude_deg, found.place.source) == (51.7, "client")


async def test_a_time_without_a_zone_is_kept_as_one_and_null_takes_it_away(
    desk: ChangeDesk, database: Database
) -> None:
    await _add(database, ONE)

    await desk.change("field", ONE, _change(recorded_at="1970-01-01T00:00:00", tags=["b", "a", "b"]))
    said = (await _one(database, ONE)).recorded_at
    await desk.change("field", ONE, _change(recorded_at=None, tags=None))

    assert said is not None
    assert (said.utc, said.doubts) == (None, ("before_1990", "clock_not_set"))
    assert (await _one(database, ONE)).recorded_at is None
    assert (await _one(database, ONE)).tags == ()


async def test_a_change_of_nothing_changes_nothing(desk: ChangeDesk, database: Database) -> None:
    await _add(database, ONE)
    before = await _one(database, ONE)

    await desk.change("field", ONE, _change())

    assert await _one(database, ONE) == before


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": None},
        {"name": ""},
        {"name": "../etc/passwd"},
        {"name": "a\nb"},
        {"tags": ["x" * 65]},
        {"tags": ["a"] * 51},
        {"recorded_at": 7},
        {"recorded_at": "yesterday"},
        {"recorded_at": "0001-01-01T00:00:00+14:00"},
        {"recorded_at": "2020-01-01T00:00:00+23:00"},
        {"place": {"latitude_deg": 91, "longitude_deg": 0}},
        {"colour": "red"},
    ],
)
def test_a_change_that_makes_no_sense_is_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RecordingChange.model_validate_json(json.dumps(wanted))


@pytest.mark.parametrize("project_id", ["another", ""])
async def test_what_is_not_there_cannot_be_changed(desk: ChangeDesk, database: Database, project_id: str) -> None:
    await _add(database, ONE)

    with pytest.raises(ProblemError) as refusal:
        await desk.change(project_id, ONE, _change(name="b"))

    assert refusal.value.status == 404


async def test_a_deleted_recording_is_hidden_and_announced_once(desk: ChangeDesk, database: Database) -> None:
    await _add(database, ONE)
    await _add(database, THEIRS, project_id="music")

    deleted = await desk.delete(FIELD, [ONE, THEIRS, "nobody's"])
    again = await desk.delete(FIELD, [ONE])

    assert (deleted.recording_ids, again.recording_ids) == ((ONE,), ())
    found = await _one(database, ONE)
    assert (found.current, found.deleted_at is None, found.purge_at) == (False, False, deleted.restorable_until)
    assert [type(each) for each in _events(found)] == [RecordingDeleted]
    assert (await _one(database, THEIRS)).deleted_at is None


async def test_of_two_deletions_at_once_one_announces_it(desk: ChangeDesk, database: Database) -> None:
    await _add(database, ONE)

    await asyncio.gather(*(desk.delete(FIELD, [ONE]) for _ in range(5)))

    assert len((await _one(database, ONE)).outbox) == 1


async def test_what_is_restored_is_there_again_and_its_work_goes_on(desk: ChangeDesk, database: Database) -> None:
    await _add(database, ONE)
    await desk.delete(FIELD, [ONE])

    await desk.restore(FIELD, ONE)
    await desk.delete(FIELD, [ONE])
    await desk.restore(FIELD, ONE)

    found = await _one(database, ONE)
    assert (found.current, found.deleted_at, found.purge_at) == (True, None, None)
    round_trip = [RecordingDeleted, RecordingUploaded, RecordingRestored]
    assert [type(each) for each in _events(found)] == [*round_trip, *round_trip]
    ids = [each.event_id for each in found.outbox]
    # A second deletion is another fact; the upload is the same one.
    assert (len(set(ids)), ids[1]) == (5, ids[4])


async def test_what_was_sent_anew_meanwhile_is_not_restored_beside_it(desk: ChangeDesk, database: Database) -> None:
    await _add(database, ONE)
    await desk.delete(FIELD, [ONE])
    await _add(database, ANEW)

    with pytest.raises(ProblemError) as refusal:
        await desk.restore(FIELD, ONE)

    assert (refusal.value.status, refusal.value.code) == (409, "recorded_again")
    assert (await _one(database, ONE)).deleted_at is not None


@pytest.mark.parametrize("recording_id", [THEIRS, ONE, ANEW, "nobody's"])
async def test_what_cannot_be_restored_is_not_found(database: Database, recording_id: str) -> None:
    await _add(database, THEIRS, project_id="music")
    await _add(database, ONE, sha256="b" * 64)
    await _add(database, ANEW, sha256="c" * 64)
    await _desk(database, retention_s=-1).delete((*FIELD, "music"), [THEIRS, ANEW])

    with pytest.raises(ProblemError) as refusal:
        await _desk(database).restore(FIELD, recording_id)

    assert refusal.value.status == 404


async def test_what_nobody_restores_in_time_goes_for_good(database: Database, objects: ObjectStore) -> None:
    for recording_id, sha256 in ((ONE, "a"), (THEIRS, "b"), (ANEW, "c")):
        await _add(database, recording_id, sha256=sha256 * 64)
        await objects.put(audio_key(recording_id), b"audio", "audio/wav")
    await _desk(database, retention_s=-1).delete(FIELD, [ONE])
    await _desk(database).delete(FIELD, [THEIRS])

    await purge_deleted(database[RECORDINGS], objects, Storage(database, "ingest"))

    assert {raw["_id"] async for raw in database[RECORDINGS].find()} == {THEIRS, ANEW}
    assert await objects.get(audio_key(THEIRS)) == b"audio"
    with pytest.raises(ObjectMissingError):
        await objects.get(audio_key(ONE))


def _desk(database: Database, retention_s: float = 3600) -> ChangeDesk:
    publisher: Any = FakePublisher()
    collection = database[RECORDINGS]
    return ChangeDesk(collection, OutboxRelay(collection, publisher, poll_s=3600), retention_s)


def _change(**wanted: Any) -> RecordingChange:
    return RecordingChange.model_validate_json(json.dumps(wanted))


async def _add(database: Database, recording_id: str, **facts: Any) -> None:
    known: dict[str, Any] = {
        "_id": recording_id,
        "project_id": "field",
        "name": "a.wav",
        "lane": "interactive",
        "state": State.COMPLETED,
        "sha256": "a" * 64,
        "size_bytes": 1000,
        "audio": {"container": "wav", "codec": "pcm_s16", "rate_hz": 8000, "channels": 1},
        "uploaded_at": NOON - timedelta(days=1),
        "trace_id": "0" * 32,
        "current": True,
        "outbox": [],
    }
    await database[RECORDINGS].insert_one(known | facts)


async def _one(database: Database, recording_id: str) -> RecordingDocument:
    return RecordingDocument.model_validate(await database[RECORDINGS].find_one({"_id": recording_id}))


def _events(document: RecordingDocument) -> list[Event]:
    return [from_message(entry.headers, entry.body.encode()).event for entry in document.outbox]
