import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
import soundfile

from audio.errors import EmptyRecordingError, TooLargeError, UnsupportedError
from audio.format import AudioLimits
from chassis.documents import Database, PyMongoError
from chassis.errors import JobTimeoutError
from chassis.jobs import JobPool, Limits, Outlet, open_job_pool
from chassis.objects import ObjectStore
from chassis.outbox import OutboxRelay
from contracts.documents import ANALYSES, RECORDINGS, SPECTROGRAMS, OutboxEntry, RecordingDocument
from contracts.envelope import event_id, from_message
from contracts.events import Event, RecordingRejected, RecordingUploaded
from contracts.objects import audio_key
from contracts.rendering import PRESETS
from contracts.vocabulary import Lane, State
from deploy.local.servers import Servers
from services.ingest.digests import DigestMismatchError, verified
from services.ingest.drafts import Upload
from services.ingest.recordings import Recordings
from services.ingest.upload_keys import KeyReusedError, UploadKeys
from services.ingest.uploads import RejectedError, UploadDesk
from tests.audio import tone
from tests.fakes import FakePublisher

pytestmark = pytest.mark.servers

MEMORY_BYTES = 2_000_000_000
LIMIT_BYTES = 10_000_000


@pytest_asyncio.fixture(scope="module")
async def pool(servers: Servers) -> AsyncIterator[JobPool]:
    """Children that probe, and reach S3 alone."""
    async with open_job_pool(2, Limits(MEMORY_BYTES), outlet=Outlet.to(servers.s3.url, 10)) as opened:
        yield opened


@pytest_asyncio.fixture
async def desk(database: Database, objects: ObjectStore, pool: JobPool) -> UploadDesk:
    """The desk of ingest over an empty database and an empty bucket; nothing is relayed."""
    recordings = Recordings(database)
    await recordings.prepare()
    return _desk(database, recordings, objects, pool)


async def test_an_accepted_recording_is_durable_and_announced(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    body = _wav()

    accepted = await desk.accept(_upload(body, lane=Lane.BULK))

    [document] = await _documents(database)
    event = _announced(document)
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
    await desk.accept(_upload(_wav(), rendering=PRESETS["bat"]))

    [document] = await _documents(database)
    event = _announced(document)
    assert isinstance(event, RecordingUploaded)
    assert document.rendering == PRESETS["bat"]
    assert event.rendering == PRESETS["bat"].model_dump(mode="json")


async def test_a_recording_larger_than_a_part_is_stored_whole(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    body = _wav(rate_hz=96_000, duration_s=48)

    accepted = await desk.accept(_upload(body))

    assert len(body) > 9_000_000
    assert await objects.get(audio_key(accepted.recording_id)) == body


async def test_the_same_bytes_again_are_the_same_recording(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    first = await desk.accept(_upload(_wav()))

    again = await desk.accept(_upload(_wav(), name="another name.wav"))

    assert (again.recording_id, again.duplicate) == (first.recording_id, True)
    assert len(await _documents(database)) == 1
    assert await _keys(objects) == [audio_key(first.recording_id)]


async def test_the_same_bytes_in_another_project_are_another_recording(desk: UploadDesk) -> None:
    first = await desk.accept(_upload(_wav()))

    other = await desk.accept(_upload(_wav(), project_id="another"))

    assert (other.duplicate, other.recording_id != first.recording_id) == (False, True)


async def test_the_same_bytes_are_tried_again_after_everything_about_them_failed(
    desk: UploadDesk, database: Database
) -> None:
    first = await desk.accept(_upload(_wav()))
    await _end_tasks(database, first.recording_id, spectrogram=State.FAILED, analysis=State.FAILED)

    second = await desk.accept(_upload(_wav()))
    third = await desk.accept(_upload(_wav()))

    assert (second.duplicate, second.recording_id != first.recording_id) == (False, True)
    assert (third.duplicate, third.recording_id) == (True, second.recording_id)


@pytest.mark.parametrize("analysis", [State.COMPLETED, State.PROCESSING])
async def test_a_recording_of_which_something_came_is_not_tried_again(
    desk: UploadDesk, database: Database, analysis: State
) -> None:
    first = await desk.accept(_upload(_wav()))
    await _end_tasks(database, first.recording_id, spectrogram=State.FAILED, analysis=analysis)

    assert (await desk.accept(_upload(_wav()))).duplicate


async def test_of_the_same_bytes_at_once_one_is_the_recording_and_no_object_is_orphaned(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    results = await asyncio.gather(*(desk.accept(_upload(_wav())) for _ in range(3)))

    [document] = await _documents(database)
    assert {result.recording_id for result in results} == {document.id}
    assert sorted(result.duplicate for result in results) == [False, True, True]
    assert await _keys(objects) == [audio_key(document.id)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (lambda: _wav()[:44], "empty"),
        (lambda: b"fLaC" + bytes(2000), "not_decodable"),
        (lambda: _wav(rate_hz=8000, duration_s=61), "too_long"),
        (lambda: _wav(rate_hz=500), "unsupported_rate"),
    ],
    ids=["header only", "broken", "too long", "strange rate"],
)
async def test_what_arrives_whole_and_is_no_recording_is_remembered_with_its_reason(
    desk: UploadDesk, database: Database, objects: ObjectStore, body: Any, code: str
) -> None:
    with pytest.raises(RejectedError) as refusal:
        await desk.accept(_upload(body()))

    [document] = await _documents(database)
    event = _announced(document)
    assert (refusal.value.recording_id, refusal.value.cause.code) == (document.id, code)
    assert (document.state, document.current, document.object_key) == (State.FAILED, False, None)
    assert document.error is not None
    assert (document.error.code, document.error.sentence) == (code, str(refusal.value.cause))
    assert isinstance(event, RecordingRejected)
    assert event.error == document.error
    assert await _keys(objects) == []


async def test_a_refused_recording_can_be_sent_again(desk: UploadDesk, database: Database) -> None:
    for _ in range(2):
        with pytest.raises(RejectedError):
            await desk.accept(_upload(_wav()[:44]))

    assert len(await _documents(database)) == 2


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (lambda: b"", EmptyRecordingError),
        (lambda: b"no birds here\n" * 100, UnsupportedError),
        (lambda: _wav() + bytes(LIMIT_BYTES), TooLargeError),
    ],
    ids=["empty", "text", "too large"],
)
async def test_what_is_refused_on_its_way_in_leaves_nothing_behind(
    desk: UploadDesk, database: Database, objects: ObjectStore, body: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await desk.accept(_upload(body()))

    assert await _documents(database) == []
    assert await _keys(objects) == []


async def test_a_sender_that_goes_away_leaves_nothing_behind(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield _wav()
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await desk.accept(Upload("default", "dawn.wav", Lane.INTERACTIVE, chunks()))

    assert await _documents(database) == []
    assert await _keys(objects) == []


async def test_a_probe_that_took_too_long_is_a_passing_failure_and_leaves_nothing_behind(
    database: Database, objects: ObjectStore
) -> None:
    desk = _desk(database, Recordings(database), objects, SlowPool())

    with pytest.raises(JobTimeoutError):
        await desk.accept(_upload(_wav()))

    assert await _documents(database) == []
    assert await _keys(objects) == []


@pytest.mark.parametrize("loss", [PyMongoError("connection lost"), asyncio.CancelledError()], ids=["answer", "sender"])
async def test_a_document_whose_writing_was_not_answered_keeps_its_object(
    database: Database, objects: ObjectStore, pool: JobPool, loss: BaseException
) -> None:
    # The write may have been done although its answer never came.
    desk = _desk(database, Unanswered(database, loss), objects, pool)

    with pytest.raises(type(loss)):
        await desk.accept(_upload(_wav()))

    [document] = await _documents(database)
    assert await _keys(objects) == [document.object_key]


async def test_the_same_key_and_bytes_are_answered_the_same(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    first = await desk.accept(_upload(_wav(), idempotency_key="one"))

    again = await desk.accept(_upload(_wav(), idempotency_key="one"))
    without = await desk.accept(_upload(_wav()))

    assert again == first
    assert (without.recording_id, without.duplicate) == (first.recording_id, True)
    assert await _keys(objects) == [audio_key(first.recording_id)]


async def test_a_key_for_other_bytes_is_refused_and_leaves_nothing_behind(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    first = await desk.accept(_upload(_wav(), idempotency_key="one"))

    with pytest.raises(KeyReusedError):
        await desk.accept(_upload(_wav(duration_s=2), idempotency_key="one"))
    elsewhere = await desk.accept(_upload(_wav(duration_s=2), idempotency_key="one", project_id="another"))

    assert not elsewhere.duplicate
    assert sorted(await _keys(objects)) == sorted(
        audio_key(each) for each in (first.recording_id, elsewhere.recording_id)
    )


async def test_a_key_whose_upload_failed_is_good_for_the_next_try(desk: UploadDesk) -> None:
    with pytest.raises(RejectedError):
        await desk.accept(_upload(_wav()[:44], idempotency_key="one"))
    with pytest.raises(RejectedError):
        await desk.accept(_upload(_wav()[:44], idempotency_key="one"))


async def test_of_one_key_and_two_recordings_at_once_one_is_refused(desk: UploadDesk, database: Database) -> None:
    bodies = (_wav(), _wav(duration_s=2))
    results = await asyncio.gather(
        *(desk.accept(_upload(body, idempotency_key="one")) for body in bodies), return_exceptions=True
    )

    assert sorted(type(each).__name__ for each in results) == ["Accepted", "KeyReusedError"]
    assert len(await _documents(database)) == 1


async def test_a_body_that_is_not_what_its_sender_hashed_leaves_nothing_behind(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    body, other = _wav(rate_hz=96_000, duration_s=48), hashlib.sha256(b"other").digest()
    upload = Upload("default", "dawn.wav", Lane.INTERACTIVE, verified(_chunks(body), {"sha-256": other}))

    with pytest.raises(DigestMismatchError):
        await desk.accept(upload)

    assert await _documents(database) == []
    assert await _keys(objects) == []


async def test_when_and_where_it_was_recorded_is_kept_and_announced(desk: UploadDesk, database: Database) -> None:
    await desk.accept(_upload(_wav(), name="S4A03895_20190522_003000.wav"))

    [document] = await _documents(database)
    event = _announced(document)
    assert document.recorded_at is not None
    assert document.recorded_at.local == "2019-05-22T00:30:00"
    assert (document.recorded_at.local_source, document.recorded_at.utc) == ("name", None)
    assert isinstance(event, RecordingUploaded)
    assert (event.recorded_at, event.place) == (document.recorded_at, None)


class SlowPool:
    """A pool whose jobs take too long."""

    async def run(self, function: Callable[..., object], *arguments: object, timeout_s: float) -> object:
        raise JobTimeoutError(timeout_s)


class Unanswered(Recordings):
    """The database writes, but its answer is lost."""

    def __init__(self, database: Database, loss: BaseException) -> None:
        super().__init__(database)
        self._loss = loss

    async def add(self, document: RecordingDocument) -> bool:
        await super().add(document)
        raise self._loss


def _desk(database: Database, recordings: Recordings, objects: ObjectStore, pool: JobPool | SlowPool) -> UploadDesk:
    publisher: Any = FakePublisher()
    children: Any = pool
    return UploadDesk(
        objects,
        recordings,
        OutboxRelay(recordings.collection, publisher, poll_s=3600),
        children,
        AudioLimits(max_duration_s=60),
        UploadKeys(database, kept_s=3600),
        max_upload_bytes=LIMIT_BYTES,
        probe_timeout_s=60,
    )


def _upload(body: bytes, **facts: Any) -> Upload:
    known: dict[str, Any] = {"project_id": "default", "name": "dawn.wav", "lane": Lane.INTERACTIVE}
    return Upload(**known | facts, chunks=_chunks(body))


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 65_000):
        yield body[start : start + 65_000]


def _wav(*, rate_hz: int = 44_100, duration_s: float = 1) -> bytes:
    target = io.BytesIO()
    soundfile.write(target, tone(100, duration_s=duration_s, rate_hz=rate_hz), rate_hz, format="WAV")
    return target.getvalue()


async def _documents(database: Database) -> list[RecordingDocument]:
    return [RecordingDocument.model_validate(raw) async for raw in database[RECORDINGS].find()]


def _announced(document: RecordingDocument) -> Event:
    [entry] = document.outbox
    assert isinstance(entry, OutboxEntry)
    return from_message(entry.headers, entry.body.encode()).event


async def _keys(objects: ObjectStore) -> list[str]:
    listed = await objects._client.list_objects_v2(Bucket=objects._bucket)
    return [each["Key"] for each in listed.get("Contents", [])]


async def _end_tasks(database: Database, recording_id: str, *, spectrogram: State, analysis: State) -> None:
    for collection, state in ((SPECTROGRAMS, spectrogram), (ANALYSES, analysis)):
        task = {"_id": f"{recording_id}/p", "recording_id": recording_id, "state": state, "at": datetime.now(UTC)}
        await database[collection].insert_one(task)
