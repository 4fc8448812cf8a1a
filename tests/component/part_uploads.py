"""Uploads in parts: the desk that takes them, a recording of three parts, and a client that sends them."""

from typing import Any

import httpx
import pytest
import pytest_asyncio

from audio.format import AudioLimits
from chassis.documents import Database
from chassis.jobs import JobPool
from chassis.objects import ObjectStore
from contracts.documents import UploadDocument
from contracts.uploading import NewUpload, UploadOrder
from contracts.vocabulary import Lane
from services.ingest import parts
from services.ingest.parts import PartDesk
from services.ingest.recordings import Recordings
from tests.audio import tone, wav_bytes

from .uploading import upload_desk

PART_BYTES = 5 * 1024 * 1024


@pytest_asyncio.fixture(name="desk")
async def small_parts_desk(
    database: Database, objects: ObjectStore, pool: JobPool, monkeypatch: pytest.MonkeyPatch
) -> PartDesk:
    """The desk over an empty database and bucket, with parts as small as S3 allows."""
    monkeypatch.setattr(parts, "PART_BYTES", PART_BYTES)
    await Recordings(database).prepare()
    return part_desk(database, objects, pool)


@pytest.fixture(scope="module")
def body() -> bytes:
    """A recording of three parts, the last of them short."""
    recording = wav_bytes(tone(100, duration_s=130))
    assert 2 * PART_BYTES < len(recording) < 3 * PART_BYTES
    return recording


def part_desk(database: Database, objects: ObjectStore, pool: JobPool, *, probe_timeout_s: float = 60) -> PartDesk:
    """Return a desk that takes recordings of up to a gigabyte."""
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


def order(body: bytes, **facts: Any) -> UploadOrder:
    """Return what a client says before it sends `body`."""
    known: dict[str, Any] = {"name": "night.wav", "size_bytes": len(body)}
    return UploadOrder(upload=NewUpload(**known | facts), project_id="default", lane=Lane.INTERACTIVE)


async def begun_and_sent(desk: PartDesk, body: bytes) -> UploadDocument:
    """Begin an upload of three parts and send all of them; nobody has completed it."""
    document = await desk.begin(order(body))
    await put_parts(desk, document, body, [1, 2, 3])
    return document


async def put_parts(desk: PartDesk, document: UploadDocument, body: bytes, numbers: list[int]) -> None:
    """Send the parts of these numbers."""
    async with httpx.AsyncClient() as client:
        for number, url in zip(numbers, await desk.urls(document.id, numbers), strict=True):
            start = (number - 1) * document.part_bytes
            answer = await client.put(url, content=body[start : start + document.part_size_bytes(number)], timeout=60)
            assert answer.status_code == 200, answer.text
