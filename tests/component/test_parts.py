import asyncio
import hashlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from audio.errors import TooLargeError
from audio.format import AudioLimits
from chassis.documents import Database
from chassis.errors import JobTimeoutError
from chassis.jobs import JobPool
from chassis.objects import ObjectStore, open_object_store
from chassis.problems import ProblemError
from chassis.settings import ServiceSettings
from contracts.documents import UPLOADS, UploadDocument
from contracts.objects import audio_key
from contracts.uploading import NewUpload, UploadOrder
from contracts.vocabulary import Lane
from services.ingest import parts
from services.ingest.digests import DigestMismatchError
from services.ingest.drafts import Received, Upload
from services.ingest.parts import PartDesk
from services.ingest.recordings import Recordings
from services.ingest.streams import nothing_more
from services.ingest.uploads import Accepted, RejectedError
from tests.audio import tone, wav_bytes

from .stored import stored_keys, stored_recordings
from .uploading import upload_desk

pytestmark = pytest.mark.servers

PART_BYTES = 5 * 1024 * 1024


@pytest_asyncio.fixture
async def desk(database: Database, objects: ObjectStore, pool: JobPool, monkeypatch: pytest.MonkeyPatch) -> PartDesk:
    """The desk over an empty database and bucket, with parts as small as S3 allows."""
    monkeypatch.setattr(parts, "PART_BYTES", PART_BYTES)
    await Recordings(database).prepare()
    return _desk(database, objects, pool)


@pytest.fixture(scope="module")
def body() -> bytes:
    """A recording of three parts, the last of them short."""
    recording = wav_bytes(tone(100, duration_s=130))
    assert 2 * PART_BYTES < len(recording) < 3 * PART_BYTES
    return recording


async def test_a_recording_in_parts_is_a_recording_like_others(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    document = await desk.begin(_order(body))
    await _put(desk, document, body, [1, 2, 3])

    answer = await desk.complete(document.id)

    [recording] = await stored_recordings(database)
    assert (answer, recording.id) == ({"id": document.id, "duplicate": False}, document.id)
    assert (recording.sha256, recording.size_bytes) == (hashlib.sha256(body).hexdigest(), len(body))
    assert len(recording.outbox) == 1
    assert await objects.get(audio_key(recording.id)) == body


async def test_an_interrupted_upload_goes_on_with_what_is_missing(
    desk: PartDesk, database: Database, objects: ObjectStore, pool: JobPool, body: bytes
) -> None:
    document = await desk.begin(_order(body))
    await _put(desk, document, body, [1, 3])
    with pytest.raises(ProblemError) as refusal:
        await desk.complete(document.id)

    later = _desk(database, objects, pool)
    stored = [each.number for each in await later.stored(document.id)]
    await _put(later, document, body, [2])

    assert (refusal.value.status, refusal.value.code) == (409, "parts_missing")
    assert (refusal.value.extra["missing"], stored) == ([2], [1, 3])
    assert (await later.complete(document.id))["id"] == document.id


async def test_completing_again_is_answered_the_same_and_keeps_the_object(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    document = await desk.begin(_order(body))
    await _put(desk, document, body, [1, 2, 3])
    first = await desk.complete(document.id)

    again = await desk.complete(document.id)
    # As after a death between the two documents.
    await database[UPLOADS].update_one({"_id": document.id}, {"$set": {"answer": None}})
    recovered = await desk.complete(document.id)

    assert first == again == recovered
    assert await objects.size_bytes(audio_key(document.id)) == len(body)
    assert len(await stored_recordings(database)) == 1


async def test_what_was_joined_by_somebody_who_died_is_completed_by_the_next(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    document = await desk.begin(_order(body))
    await _put(desk, document, body, [1, 2, 3])
    await desk._join(document)

    assert (await desk.complete(document.id))["id"] == document.id


async def test_what_was_not_completed_for_a_passing_reason_is_when_it_is_asked_for_again(
    desk: PartDesk, database: Database, objects: ObjectStore, pool: JobPool, body: bytes
) -> None:
    document = await desk.begin(_order(body))
    await _put(desk, document, body, [1, 2, 3])

    with pytest.raises(JobTimeoutError):
        await _desk(database, objects, pool, probe_timeout_s=0.001).complete(document.id)

    assert (await desk.complete(document.id))["id"] == document.id
    assert await objects.size_bytes(audio_key(document.id)) == len(body)


async def test_a_recording_that_is_settled_twice_keeps_its_object(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    document = await desk.begin(_order(body))
    await _put(desk, document, body, [1, 2, 3])
    await desk._join(document)
    received = Received(hashlib.sha256(body).hexdigest(), len(body))
    upload = Upload("default", "night.wav", Lane.INTERACTIVE, nothing_more())

    # As two that complete the same upload, one of them after the other's time was over.
    answers = [await desk._desk.settle(document.id, upload, received, comes_again=True) for _ in range(2)]

    assert answers == 2 * [Accepted(document.id, duplicate=False)]
    assert await objects.size_bytes(audio_key(document.id)) == len(body)
    assert len(await stored_recordings(database)) == 1


async def test_an_upload_of_which_nothing_is_left_says_so(desk: PartDesk, objects: ObjectStore, body: bytes) -> None:
    document = await desk.begin(_order(body))
    await _put(desk, document, body, [1, 2, 3])
    # As after a death between the removal of a duplicate's bytes and its answer.
    await desk._join(document)
    await objects.delete(audio_key(document.id))

    with pytest.raises(ProblemError) as refusal:
        await desk.complete(document.id)

    assert (refusal.value.status, refusal.value.code) == (410, "upload_gone")


async def test_of_two_that_complete_at_once_one_is_told_to_wait(
    desk: PartDesk, database: Database, body: bytes
) -> None:
    document = await desk.begin(_order(body))
    await _put(desk, document, body, [1, 2, 3])

    results = await asyncio.gather(*(desk.complete(document.id) for _ in range(2)), return_exceptions=True)

    assert sorted(type(each).__name__ for each in results) == ["ProblemError", "dict"]
    [refusal] = [each for each in results if isinstance(each, ProblemError)]
    assert (refusal.status, refusal.code) == (409, "upload_completing")
    assert len(await stored_recordings(database)) == 1


async def test_bytes_of_another_hash_are_removed(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    document = await desk.begin(_order(body, sha256="0" * 64))
    await _put(desk, document, body, [1, 2, 3])

    with pytest.raises(DigestMismatchError):
        await desk.complete(document.id)

    assert await stored_recordings(database) == []
    assert await stored_keys(objects) == []
    assert await database[UPLOADS].count_documents({}) == 0


async def test_what_is_no_recording_is_remembered_with_its_reason(
    desk: PartDesk, database: Database, objects: ObjectStore
) -> None:
    text = b"no birds here\n" * 1000
    document = await desk.begin(_order(text))
    await _put(desk, document, text, [1])

    with pytest.raises(RejectedError) as refusal:
        await desk.complete(document.id)

    assert refusal.value.cause.code == "unsupported"
    assert [each.error.code for each in await stored_recordings(database) if each.error] == ["unsupported"]
    assert await stored_keys(objects) == []


async def test_the_same_bytes_again_are_the_same_recording(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    first, second = await desk.begin(_order(body)), await desk.begin(_order(body))
    for document in (first, second):
        await _put(desk, document, body, [1, 2, 3])

    answers = [await desk.complete(each.id) for each in (first, second)]

    assert answers == [{"id": first.id, "duplicate": False}, {"id": first.id, "duplicate": True}]
    assert await stored_keys(objects) == [audio_key(first.id)]


async def test_what_is_given_up_leaves_nothing_behind(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    document = await desk.begin(_order(body))
    await _put(desk, document, body, [1])

    await desk.abort(document.id)

    with pytest.raises(ProblemError) as refusal:
        await desk.stored(document.id)
    assert refusal.value.status == 404
    assert await stored_keys(objects) == []
    assert (await objects._client.list_multipart_uploads(Bucket=objects._bucket)).get("Uploads", []) == []


async def test_what_nobody_completes_is_given_up_and_what_was_completed_stays(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    kept, left = await desk.begin(_order(body)), await desk.begin(_order(body))
    await _put(desk, kept, body, [1, 2, 3])
    await desk.complete(kept.id)
    past = {"$set": {"expires_at": datetime.now(UTC) - timedelta(hours=1)}}
    await database[UPLOADS].update_many({}, past)

    await desk.give_up_expired()

    assert await database[UPLOADS].count_documents({}) == 0
    assert await objects.size_bytes(audio_key(kept.id)) == len(body)
    assert await stored_keys(objects) == [audio_key(kept.id)], left.id


async def test_a_part_of_another_size_does_not_count(desk: PartDesk, body: bytes) -> None:
    document = await desk.begin(_order(body))
    [url] = await desk.urls(document.id, [1])
    # S3 refuses a length that was not signed, some of them by hanging up; whatever takes it is not believed.
    with suppress(httpx.TransportError):
        async with httpx.AsyncClient() as client:
            await client.put(url, content=body[: PART_BYTES - 1], timeout=30)

    assert await desk.stored(document.id) == []


async def test_a_recording_beyond_the_limit_is_not_begun(desk: PartDesk, objects: ObjectStore) -> None:
    with pytest.raises(TooLargeError):
        await desk.begin(_order(b"", size_bytes=10**12))


async def test_a_part_that_there_is_none_of_has_no_address(desk: PartDesk, body: bytes) -> None:
    document = await desk.begin(_order(body))

    with pytest.raises(ProblemError) as refusal:
        await desk.urls(document.id, [3, 4])

    assert refusal.value.status == 400


async def test_addresses_are_those_that_clients_outside_find(settings: ServiceSettings) -> None:
    async with open_object_store(settings, "https://audio.example.org") as objects:
        url = await objects.part_url("key", "upload", 1, 5, 60)

    assert url.startswith("https://audio.example.org/")
    assert "content-length" in url


def test_a_gigantic_recording_has_no_more_parts_than_s3_takes() -> None:
    facts: dict[str, Any] = {"project_id": "p", "name": "n", "lane": "bulk", "store_upload_id": "s"}
    now = datetime.now(UTC)
    size_bytes = 500_000_000_001
    part_bytes = PART_BYTES * -(-size_bytes // (PART_BYTES * 9000))
    document = UploadDocument(
        id="u", size_bytes=size_bytes, part_bytes=part_bytes, created_at=now, expires_at=now, **facts
    )

    assert document.parts <= 10_000
    assert sum(document.part_size_bytes(number) for number in range(1, document.parts + 1)) == size_bytes


def _desk(database: Database, objects: ObjectStore, pool: JobPool, *, probe_timeout_s: float = 60) -> PartDesk:
    recordings = Recordings(database)
    desk = upload_desk(
        database,
        recordings,
        objects,
        pool,
        limits=AudioLimits(),
        max_upload_bytes=100,
        probe_timeout_s=probe_timeout_s,
    )
    return PartDesk(database, objects, desk, max_bytes=10**9, kept_s=3600)


def _order(body: bytes, **facts: Any) -> UploadOrder:
    known: dict[str, Any] = {"name": "night.wav", "size_bytes": len(body)}
    return UploadOrder(upload=NewUpload(**known | facts), project_id="default", lane=Lane.INTERACTIVE)


async def _put(desk: PartDesk, document: UploadDocument, body: bytes, numbers: list[int]) -> None:
    async with httpx.AsyncClient() as client:
        for number, url in zip(numbers, await desk.urls(document.id, numbers), strict=True):
            start = (number - 1) * document.part_bytes
            answer = await client.put(url, content=body[start : start + document.part_size_bytes(number)], timeout=60)
            assert answer.status_code == 200, answer.text
