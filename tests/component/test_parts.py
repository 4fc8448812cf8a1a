"""A recording that comes in parts: what becomes of it, and what is not taken."""

import hashlib
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from audio.errors import TooLargeError
from chassis.documents import Database
from chassis.jobs import JobPool
from chassis.objects import ObjectStore, open_object_store
from chassis.problems import ProblemError
from chassis.settings import ServiceSettings
from contracts.documents import UPLOADS, UploadDocument
from contracts.objects import audio_key
from services.ingest.digests import DigestMismatchError
from services.ingest.parts import PartDesk
from services.ingest.uploads import RejectedError

from .part_uploads import PART_BYTES, begun_and_sent, body, order, part_desk, put_parts, small_parts_desk
from .stored import stored_keys, stored_recordings

pytestmark = pytest.mark.servers

__all__ = ["body", "small_parts_desk"]


async def test_a_recording_in_parts_is_a_recording_like_others(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    document = await begun_and_sent(desk, body)

    answer = await desk.complete(document.id)

    [recording] = await stored_recordings(database)
    assert (answer, recording.id) == ({"id": document.id, "duplicate": False}, document.id)
    assert (recording.sha256, recording.size_bytes) == (hashlib.sha256(body).hexdigest(), len(body))
    assert len(recording.outbox) == 1
    assert await objects.get(audio_key(recording.id)) == body


async def test_an_interrupted_upload_goes_on_with_what_is_missing(
    desk: PartDesk, database: Database, objects: ObjectStore, pool: JobPool, body: bytes
) -> None:
    document = await desk.begin(order(body))
    await put_parts(desk, document, body, [1, 3])
    with pytest.raises(ProblemError) as refusal:
        await desk.complete(document.id)

    later = part_desk(database, objects, pool)
    stored = [each.number for each in await later.stored(document.id)]
    await put_parts(later, document, body, [2])

    assert (refusal.value.status, refusal.value.code) == (409, "parts_missing")
    assert (refusal.value.extra["missing"], stored) == ([2], [1, 3])
    assert (await later.complete(document.id))["id"] == document.id


async def test_bytes_of_another_hash_are_removed(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    document = await desk.begin(order(body, sha256="0" * 64))
    await put_parts(desk, document, body, [1, 2, 3])

    with pytest.raises(DigestMismatchError):
        await desk.complete(document.id)

    assert await stored_recordings(database) == []
    assert await stored_keys(objects) == []
    assert await database[UPLOADS].count_documents({}) == 0


async def test_what_is_no_recording_is_remembered_with_its_reason(
    desk: PartDesk, database: Database, objects: ObjectStore
) -> None:
    text = b"no birds here\n" * 1000
    document = await desk.begin(order(text))
    await put_parts(desk, document, text, [1])

    with pytest.raises(RejectedError) as refusal:
        await desk.complete(document.id)

    assert refusal.value.cause.code == "unsupported"
    assert [each.error.code for each in await stored_recordings(database) if each.error] == ["unsupported"]
    assert await stored_keys(objects) == []


async def test_the_same_bytes_again_are_the_same_recording(
    desk: PartDesk, database: Database, objects: ObjectStore, body: bytes
) -> None:
    first, second = await desk.begin(order(body)), await desk.begin(order(body))
    for document in (first, second):
        await put_parts(desk, document, body, [1, 2, 3])

    answers = [await desk.complete(each.id) for each in (first, second)]

    assert answers == [{"id": first.id, "duplicate": False}, {"id": first.id, "duplicate": True}]
    assert await stored_keys(objects) == [audio_key(first.id)]


async def test_a_part_of_another_size_does_not_count(desk: PartDesk, body: bytes) -> None:
    document = await desk.begin(order(body))
    [url] = await desk.urls(document.id, [1])
    # S3 refuses a length that was not signed, some of them by hanging up; whatever takes it is not believed.
    with suppress(httpx.TransportError):
        async with httpx.AsyncClient() as client:
            await client.put(url, content=body[: PART_BYTES - 1], timeout=30)

    assert await desk.stored(document.id) == []


async def test_a_recording_beyond_the_limit_is_not_begun(desk: PartDesk, objects: ObjectStore) -> None:
    with pytest.raises(TooLargeError):
        await desk.begin(order(b"", size_bytes=10**12))


async def test_a_part_that_there_is_none_of_has_no_address(desk: PartDesk, body: bytes) -> None:
    document = await desk.begin(order(body))

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
