"""A recording that is taken in is durable before its sender hears so, and announced with what is known of it."""

import asyncio
import hashlib

import pytest

from chassis.documents import Database, PyMongoError
from chassis.jobs import JobPool
from chassis.objects import ObjectStore
from contracts.documents import RecordingDocument
from contracts.envelope import event_id
from contracts.events import RecordingUploaded
from contracts.objects import audio_key
from contracts.rendering import PRESETS
from contracts.vocabulary import Lane, State
from services.ingest.recordings import Recordings
from services.ingest.uploads import UploadDesk

from .stored import stored_keys, stored_recordings
from .uploading import announced, upload_desk, upload_of, wav

pytestmark = pytest.mark.servers


async def test_an_accepted_recording_is_durable_and_announced(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    body = wav()

    accepted = await desk.accept(upload_of(body, lane=Lane.BULK))

    [document] = await stored_recordings(database)
    event = announced(document)
    assert (document.id, accepted.duplicate) == (accepted.recording_id, False)
    assert await objects.get(audio_key(document.id)) == body
    assert (document.sha256, document.size_bytes) == (hashlib.sha256(body).hexdigest(), len(body))
    assert (document.state, document.name, document.lane) == (State.COMPLETED, "dawn.wav", Lane.BULK)
    assert isinstance(event, RecordingUploaded)
    assert (event.recording_id, event.sha256, event.lane) == (document.id, document.sha256, Lane.BULK)
    assert (event.container, event.rate_hz, event.channels, event.bit_depth) == ("wav", 44_100, 1, 16)
    assert event.duration_claimed_s == pytest.approx(1)
    assert document.outbox[0].event_id == event_id(event)


async def test_what_a_project_asks_for_is_announced_and_kept(desk: UploadDesk, database: Database) -> None:
    await desk.accept(upload_of(wav(), rendering=PRESETS["bat"]))

    [document] = await stored_recordings(database)
    event = announced(document)
    assert isinstance(event, RecordingUploaded)
    assert document.rendering == PRESETS["bat"]
    assert event.rendering == PRESETS["bat"].model_dump(mode="json")


async def test_a_recording_larger_than_a_part_is_stored_whole(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    body = wav(rate_hz=96_000, duration_s=48)

    accepted = await desk.accept(upload_of(body))

    assert len(body) > 9_000_000
    assert await objects.get(audio_key(accepted.recording_id)) == body


async def test_when_and_where_it_was_recorded_is_kept_and_announced(desk: UploadDesk, database: Database) -> None:
    await desk.accept(upload_of(wav(), name="S4A03895_20190522_003000.wav"))

    [document] = await stored_recordings(database)
    event = announced(document)
    assert document.recorded_at is not None
    assert document.recorded_at.local == "2019-05-22T00:30:00"
    assert (document.recorded_at.local_source, document.recorded_at.utc) == ("name", None)
    assert isinstance(event, RecordingUploaded)
    assert (event.recorded_at, event.place) == (document.recorded_at, None)


@pytest.mark.parametrize("loss", [PyMongoError("connection lost"), asyncio.CancelledError()], ids=["answer", "sender"])
async def test_a_document_whose_writing_was_not_answered_keeps_its_object(
    database: Database, objects: ObjectStore, pool: JobPool, loss: BaseException
) -> None:
    # The write may have been done although its answer never came.
    desk = upload_desk(database, Unanswered(database, loss), objects, pool)

    with pytest.raises(type(loss)):
        await desk.accept(upload_of(wav()))

    [document] = await stored_recordings(database)
    assert await stored_keys(objects) == [document.object_key]


class Unanswered(Recordings):
    """The database writes, but its answer is lost."""

    def __init__(self, database: Database, loss: BaseException) -> None:
        super().__init__(database)
        self._loss = loss

    async def add(self, document: RecordingDocument) -> bool:
        await super().add(document)
        raise self._loss
