from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from chassis.documents import Database
from chassis.outbox import OutboxRelay
from contracts.documents import RECORDINGS, RecordingDocument
from contracts.envelope import from_message
from contracts.events import RecordingCancelled, RecordingRetried, RecordingUploaded
from contracts.interventions import Selection
from contracts.vocabulary import State
from services.ingest.interventions import InterventionDesk
from services.ingest.recordings import Recordings
from tests.fakes import FakePublisher

pytestmark = pytest.mark.servers

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ONE, THEIRS, REFUSED = (f"{n}" * 8 + "-0000-0000-0000-000000000000" for n in (1, 2, 3))
AUDIO = {"container": "wav", "codec": "pcm_16", "rate_hz": 44_100, "channels": 1}


@pytest_asyncio.fixture
async def desk(database: Database) -> InterventionDesk:
    """The desk over three recordings, one of another project, one that was refused; nothing is relayed."""
    await Recordings(database).prepare()
    await _add(database, ONE)
    await _add(database, THEIRS, project_id="music")
    await _add(database, REFUSED, audio=None, state=State.FAILED, current=False)
    publisher: Any = FakePublisher()
    return InterventionDesk(database[RECORDINGS], OutboxRelay(database[RECORDINGS], publisher, poll_s=3600))


async def test_a_cancellation_is_said_and_announced_in_one_write_and_of_ones_own_only(
    desk: InterventionDesk, database: Database
) -> None:
    cancelled = await desk.cancel(_selection(ONE, THEIRS, "nobody's"))

    mine, theirs = await _one(database, ONE), await _one(database, THEIRS)
    assert cancelled == (ONE,)
    assert mine.interventions.cancels(mine.uploaded_at)
    assert [type(each) for each in _events(mine)] == [RecordingCancelled]
    assert (theirs.cancelled_at, theirs.outbox) == (None, ())


async def test_a_retry_takes_a_cancellation_back_however_soon_it_comes(
    desk: InterventionDesk, database: Database
) -> None:
    await desk.cancel(_selection(ONE))
    await desk.retry(_selection(ONE))
    retried = await _one(database, ONE)
    await desk.cancel(_selection(ONE))

    again = await _one(database, ONE)
    assert not retried.interventions.cancels(retried.uploaded_at)
    assert again.interventions.cancels(again.uploaded_at)
    kinds = [RecordingCancelled, RecordingRetried, RecordingUploaded, RecordingCancelled]
    assert [type(each) for each in _events(again)] == kinds
    assert len({each.event_id for each in again.outbox}) == 4


async def test_of_what_was_refused_nothing_is_tried_again(desk: InterventionDesk, database: Database) -> None:
    assert await desk.retry(_selection(REFUSED)) == ()

    assert (await _one(database, REFUSED)).outbox == ()


def _selection(*recording_ids: str) -> Selection:
    return Selection(project_ids=("field",), recording_ids=recording_ids)


async def _one(database: Database, recording_id: str) -> RecordingDocument:
    return RecordingDocument.model_validate(await database[RECORDINGS].find_one({"_id": recording_id}))


def _events(document: RecordingDocument) -> list[Any]:
    return [from_message(each.headers, each.body.encode()).event for each in document.outbox]


async def _add(database: Database, recording_id: str, **facts: Any) -> None:
    raw = {
        "_id": recording_id,
        "project_id": "field",
        "name": "a.wav",
        "lane": "interactive",
        "state": State.COMPLETED,
        "sha256": recording_id[0] * 64,
        "size_bytes": 7,
        "audio": AUDIO,
        "uploaded_at": NOON,
        "trace_id": "0" * 32,
        "current": True,
        "outbox": [],
    }
    await database[RECORDINGS].insert_one({**raw, **facts})
