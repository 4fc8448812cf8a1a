"""What is no recording, or cannot be taken in, leaves no object behind, and no document but one with the reason."""

import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from audio.errors import EmptyRecordingError, TooLargeError, UnsupportedError
from chassis.documents import Database
from chassis.errors import JobTimeoutError
from chassis.objects import ObjectStore
from contracts.events import RecordingRejected
from contracts.vocabulary import Lane, State
from services.ingest.digests import DigestMismatchError, verified
from services.ingest.drafts import Upload
from services.ingest.recordings import Recordings
from services.ingest.uploads import RejectedError, UploadDesk

from .stored import stored_keys, stored_recordings
from .uploading import LIMIT_BYTES, announced, chunks_of, upload_desk, upload_of, wav

pytestmark = pytest.mark.servers


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (lambda: wav()[:44], "empty"),
        (lambda: b"fLaC" + bytes(2000), "not_decodable"),
        (lambda: wav(rate_hz=8000, duration_s=61), "too_long"),
        (lambda: wav(rate_hz=500), "unsupported_rate"),
    ],
    ids=["header only", "broken", "too long", "strange rate"],
)
async def test_what_arrives_whole_and_is_no_recording_is_remembered_with_its_reason(
    desk: UploadDesk, database: Database, objects: ObjectStore, body: Any, code: str
) -> None:
    with pytest.raises(RejectedError) as refusal:
        await desk.accept(upload_of(body()))

    [document] = await stored_recordings(database)
    event = announced(document)
    assert (refusal.value.recording_id, refusal.value.cause.code) == (document.id, code)
    assert (document.state, document.current, document.object_key) == (State.FAILED, False, None)
    assert document.error is not None
    assert (document.error.code, document.error.sentence) == (code, str(refusal.value.cause))
    assert isinstance(event, RecordingRejected)
    assert event.error == document.error
    assert await stored_keys(objects) == []


async def test_a_refused_recording_can_be_sent_again(desk: UploadDesk, database: Database) -> None:
    for _ in range(2):
        with pytest.raises(RejectedError):
            await desk.accept(upload_of(wav()[:44]))

    assert len(await stored_recordings(database)) == 2


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (lambda: b"", EmptyRecordingError),
        (lambda: b"no birds here\n" * 100, UnsupportedError),
        (lambda: wav() + bytes(LIMIT_BYTES), TooLargeError),
    ],
    ids=["empty", "text", "too large"],
)
async def test_what_is_refused_on_its_way_in_leaves_nothing_behind(
    desk: UploadDesk, database: Database, objects: ObjectStore, body: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await desk.accept(upload_of(body()))

    assert await stored_recordings(database) == []
    assert await stored_keys(objects) == []


async def test_a_sender_that_goes_away_leaves_nothing_behind(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield wav()
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await desk.accept(Upload("default", "dawn.wav", Lane.INTERACTIVE, chunks()))

    assert await stored_recordings(database) == []
    assert await stored_keys(objects) == []


async def test_a_probe_that_took_too_long_is_a_passing_failure_and_leaves_nothing_behind(
    database: Database, objects: ObjectStore
) -> None:
    pool: Any = SlowPool()
    desk = upload_desk(database, Recordings(database), objects, pool)

    with pytest.raises(JobTimeoutError):
        await desk.accept(upload_of(wav()))

    assert await stored_recordings(database) == []
    assert await stored_keys(objects) == []


async def test_a_body_that_is_not_what_its_sender_hashed_leaves_nothing_behind(
    desk: UploadDesk, database: Database, objects: ObjectStore
) -> None:
    body, other = wav(rate_hz=96_000, duration_s=48), hashlib.sha256(b"other").digest()
    upload = Upload("default", "dawn.wav", Lane.INTERACTIVE, verified(chunks_of(body), {"sha-256": other}))

    with pytest.raises(DigestMismatchError):
        await desk.accept(upload)

    assert await stored_recordings(database) == []
    assert await stored_keys(objects) == []


class SlowPool:
    """A pool whose jobs take too long."""

    async def run(self, function: Callable[..., object], *arguments: object, timeout_s: float) -> object:
        raise JobTimeoutError(timeout_s)
