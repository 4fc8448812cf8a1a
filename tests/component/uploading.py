"""Where uploads are taken in: the desk of ingest over real servers, and recordings to bring to it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from audio.format import AudioLimits
from chassis.documents import Database
from chassis.jobs import JobPool, Limits, Outlet, open_job_pool
from chassis.objects import ObjectStore
from chassis.outbox import OutboxRelay
from contracts.documents import OutboxEntry, RecordingDocument
from contracts.envelope import from_message
from contracts.events import Event
from contracts.vocabulary import Lane
from deploy.local.servers import Servers
from services.ingest.drafts import Upload
from services.ingest.recordings import Recordings
from services.ingest.upload_keys import UploadKeys
from services.ingest.uploads import UploadDesk
from tests.audio import tone, wav_bytes
from tests.fakes import FakePublisher

MEMORY_BYTES = 2_000_000_000
LIMIT_BYTES = 10_000_000
UP_TO_A_MINUTE = AudioLimits(max_duration_s=60)


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
    return upload_desk(database, recordings, objects, pool)


def upload_desk(
    database: Database,
    recordings: Recordings,
    objects: ObjectStore,
    pool: JobPool,
    *,
    limits: AudioLimits = UP_TO_A_MINUTE,
    max_upload_bytes: int = LIMIT_BYTES,
    probe_timeout_s: float = 60,
) -> UploadDesk:
    """Return a desk whose events nobody relays."""
    publisher: Any = FakePublisher()
    return UploadDesk(
        objects,
        recordings,
        OutboxRelay(recordings.collection, publisher, poll_s=3600),
        pool,
        limits,
        UploadKeys(database, kept_s=3600),
        max_upload_bytes=max_upload_bytes,
        probe_timeout_s=probe_timeout_s,
    )


def upload_of(body: bytes, **facts: Any) -> Upload:
    """Return an upload by somebody who waits, to the project `default`."""
    known: dict[str, Any] = {"project_id": "default", "name": "dawn.wav", "lane": Lane.INTERACTIVE}
    return Upload(**known | facts, chunks=chunks_of(body))


async def chunks_of(body: bytes) -> AsyncIterator[bytes]:
    """Give a body in chunks of 65,000 bytes, as a connection might."""
    for start in range(0, len(body), 65_000):
        yield body[start : start + 65_000]


def wav(*, rate_hz: int = 44_100, duration_s: float = 1) -> bytes:
    """Return a WAV file that holds a tone of 100 Hz."""
    return wav_bytes(tone(100, duration_s=duration_s, rate_hz=rate_hz), rate_hz)


def announced(document: RecordingDocument) -> Event:
    """Return the event that the document's outbox holds, which must be one."""
    [entry] = document.outbox
    assert isinstance(entry, OutboxEntry)
    return from_message(entry.headers, entry.body.encode()).event
