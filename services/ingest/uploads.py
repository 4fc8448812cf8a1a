"""Accept one recording: object first, then one document write that makes it true and announces it."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from opentelemetry import trace

from audio.errors import AudioError
from audio.format import AudioFormat, AudioLimits
from chassis.errors import TransientError
from chassis.jobs import JobPool
from chassis.objects import ObjectStore
from chassis.outbox import OutboxRelay, outbox_entry
from chassis.tracing import span, trace_id
from chassis.work import fault_of
from contracts.documents import AudioFacts, RecordingDocument
from contracts.envelope import envelop, event_id
from contracts.events import Event, RecordingRejected, RecordingUploaded
from contracts.objects import audio_key
from contracts.rendering import RenderParameters
from contracts.vocabulary import Lane, State

from .probing import probe_object
from .recordings import Recordings
from .streams import MeteredStream

log = structlog.get_logger()

SOURCE = "ingest"


@dataclass(frozen=True)
class Upload:
    """A recording on its way in; `rendering` is what its project asks for, where it asks for anything."""

    project_id: str
    name: str
    lane: Lane
    chunks: AsyncIterator[bytes]
    rendering: RenderParameters | None = None


@dataclass(frozen=True)
class Accepted:
    """What the sender is told: the recording's id, and whether it was here before."""

    recording_id: str
    duplicate: bool


class RejectedError(Exception):
    """The bytes arrived whole, but are no recording; there is a document that says so."""

    def __init__(self, recording_id: str, cause: AudioError) -> None:
        super().__init__(recording_id, cause)
        self.recording_id = recording_id
        self.cause = cause


class UploadRacedError(TransientError):
    """The same bytes came first by another request, and that one failed meanwhile."""

    code = "upload_raced"


class UploadDesk:
    """Takes recordings in."""

    def __init__(
        self,
        objects: ObjectStore,
        recordings: Recordings,
        relay: OutboxRelay,
        pool: JobPool,
        limits: AudioLimits,
        *,
        max_upload_bytes: int,
        probe_timeout_s: float,
    ) -> None:
        self._objects = objects
        self._recordings = recordings
        self._relay = relay
        self._pool = pool
        self._limits = limits
        self.max_upload_bytes = max_upload_bytes
        self._probe_timeout_s = probe_timeout_s

    async def accept(self, upload: Upload) -> Accepted:
        """Return once object and document are durable; what is refused leaves no object behind."""
        recording_id = str(uuid.uuid4())
        trace.get_current_span().set_attribute("recording.id", recording_id)
        stream = MeteredStream(upload.chunks, self.max_upload_bytes)
        await self._objects.put_stream(audio_key(recording_id), aiter(stream))
        received = time.monotonic()
        accepted = await self._settle(recording_id, upload, stream)
        log.info(
            "recording_accepted",
            recording_id=accepted.recording_id,
            duplicate=accepted.duplicate,
            size_bytes=stream.size_bytes,
            after_last_byte_s=round(time.monotonic() - received, 4),
        )
        return accepted

    async def _settle(self, recording_id: str, upload: Upload, stream: MeteredStream) -> Accepted:
        try:
            same = await self._recordings.find_same(upload.project_id, stream.sha256)
            audio = await self._probe(recording_id, upload, stream) if same is None else None
        except BaseException:
            await asyncio.shield(self._objects.delete(audio_key(recording_id)))
            raise
        if audio is not None:
            # When the answer to this write is lost it may have been done: the object must stay.
            if await self._recordings.add(_document(recording_id, upload, stream, audio)):
                self._relay.wake()
                return Accepted(recording_id, duplicate=False)
            same = await self._recordings.find_same(upload.project_id, stream.sha256)
        await self._objects.delete(audio_key(recording_id))
        if same is None:
            raise UploadRacedError
        return Accepted(same, duplicate=True)

    async def _probe(self, recording_id: str, upload: Upload, stream: MeteredStream) -> AudioFormat:
        url = await self._objects.presigned_url(audio_key(recording_id), lifetime_s=300)
        try:
            with span("probe"):
                return await self._pool.run(
                    probe_object, url, stream.size_bytes, self._limits, timeout_s=self._probe_timeout_s
                )
        except AudioError as error:
            await self._recordings.add(_rejected(recording_id, upload, stream, error))
            self._relay.wake()
            raise RejectedError(recording_id, error) from error


def _document(recording_id: str, upload: Upload, stream: MeteredStream, audio: AudioFormat) -> RecordingDocument:
    now = datetime.now(UTC)
    facts = AudioFacts(
        container=str(audio.container),
        codec=audio.codec,
        rate_hz=audio.rate_hz,
        channels=audio.channels,
        bit_depth=audio.bit_depth,
        duration_claimed_s=audio.claimed_duration_s,
    )
    event = RecordingUploaded(
        recording_id=recording_id,
        project_id=upload.project_id,
        lane=upload.lane,
        sha256=stream.sha256,
        size_bytes=stream.size_bytes,
        uploaded_at=now,
        rendering=upload.rendering.model_dump(mode="json") if upload.rendering is not None else None,
        **facts.model_dump(),
    )
    base = _base(recording_id, upload, stream, now, event)
    return base.model_copy(update={"audio": facts, "object_key": audio_key(recording_id)})


def _rejected(recording_id: str, upload: Upload, stream: MeteredStream, error: AudioError) -> RecordingDocument:
    fault = fault_of(error)
    event = RecordingRejected(recording_id=recording_id, project_id=upload.project_id, lane=upload.lane, error=fault)
    base = _base(recording_id, upload, stream, datetime.now(UTC), event)
    return base.model_copy(update={"state": State.FAILED, "current": False, "error": fault})


def _base(recording_id: str, upload: Upload, stream: MeteredStream, now: datetime, event: Event) -> RecordingDocument:
    return RecordingDocument(
        id=recording_id,
        project_id=upload.project_id,
        name=upload.name,
        lane=upload.lane,
        state=State.COMPLETED,
        sha256=stream.sha256,
        size_bytes=stream.size_bytes,
        uploaded_at=now,
        rendering=upload.rendering,
        trace_id=trace_id(),
        current=True,
        outbox=(outbox_entry(envelop(event, source=SOURCE, id_=event_id(event), time=now)),),
    )
