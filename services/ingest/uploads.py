"""Accept one recording: object first, then one document write that makes it true and announces it."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from opentelemetry import trace

from audio.errors import AudioError
from audio.format import AudioLimits
from chassis.errors import TransientError
from chassis.jobs import JobPool
from chassis.metrics import RECORDING_BYTES, RECORDINGS_TAKEN
from chassis.objects import ObjectStore
from chassis.outbox import OutboxRelay
from chassis.tracing import span
from contracts.objects import audio_key

from .drafts import Received, Upload, accepted_document, rejected_document
from .probing import Probed, probe_object
from .recordings import Recordings
from .streams import MeteredStream
from .upload_keys import UploadKeys

log = structlog.get_logger()


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
    """Takes recordings in, and tells `took` how many bytes were kept of each."""

    def __init__(
        self,
        objects: ObjectStore,
        recordings: Recordings,
        relay: OutboxRelay,
        pool: JobPool,
        limits: AudioLimits,
        keys: UploadKeys,
        *,
        max_upload_bytes: int,
        probe_timeout_s: float,
        took: Callable[[int], None] = lambda size_bytes: None,
    ) -> None:
        self._objects = objects
        self._recordings = recordings
        self._relay = relay
        self._pool = pool
        self._limits = limits
        self._keys = keys
        self.max_upload_bytes = max_upload_bytes
        self._probe_timeout_s = probe_timeout_s
        self._took = took

    async def accept(self, upload: Upload) -> Accepted:
        """Return once object and document are durable; what is refused leaves no object behind."""
        recording_id = str(uuid.uuid4())
        trace.get_current_span().set_attribute("recording.id", recording_id)
        stream = MeteredStream(upload.chunks, self.max_upload_bytes)
        await self._objects.put_stream(audio_key(recording_id), aiter(stream))
        return await self.settle(recording_id, upload, Received(stream.sha256, stream.size_bytes))

    async def is_known(self, recording_id: str) -> bool:
        """Tell whether there is a document of this recording."""
        return await self._recordings.collection.find_one({"_id": recording_id}, {"_id": 1}) is not None

    async def settle(
        self, recording_id: str, upload: Upload, received: Received, *, comes_again: bool = False
    ) -> Accepted:
        """Make a recording of the bytes that lie under the key of `recording_id`, or remove them.

        comes_again  their sender can ask for the same once more: what fails for a passing reason leaves them there
        """
        started = time.monotonic()
        accepted = await self._repeated(recording_id, upload, received)
        if accepted is None:
            accepted = await self._settle(recording_id, upload, received, comes_again=comes_again)
        if upload.idempotency_key is not None:
            await self._keys.answer(upload.project_id, upload.idempotency_key, accepted.recording_id)
        _count(upload, received, "duplicate" if accepted.duplicate else "accepted")
        log.info(
            "recording_accepted",
            recording_id=accepted.recording_id,
            duplicate=accepted.duplicate,
            size_bytes=received.size_bytes,
            after_last_byte_s=round(time.monotonic() - started, 4),
        )
        return accepted

    async def _repeated(self, recording_id: str, upload: Upload, received: Received) -> Accepted | None:
        """Return the answer that these bytes had under this idempotency key before, while that recording is here."""
        if upload.idempotency_key is None:
            return None
        async with self._removed_on_error(recording_id):
            first = await self._keys.claim(upload.project_id, upload.idempotency_key, received.sha256)
            if first is None or await self._recordings.find_same(upload.project_id, received.sha256) != first:
                return None
            await self._objects.delete(audio_key(recording_id))
        return Accepted(first, duplicate=False)

    async def _settle(self, recording_id: str, upload: Upload, received: Received, *, comes_again: bool) -> Accepted:
        async with self._removed_on_error(recording_id, comes_again=comes_again):
            same = await self._recordings.find_same(upload.project_id, received.sha256)
            probed = await self._probe(recording_id, upload, received) if same is None else None
        if probed is not None:
            # When the answer to this write is lost it may have been done: the object must stay.
            if await self._recordings.add(accepted_document(recording_id, upload, received, probed)):
                self._relay.wake()
                self._took(received.size_bytes)
                return Accepted(recording_id, duplicate=False)
            same = await self._recordings.find_same(upload.project_id, received.sha256)
        if await self.is_known(recording_id):
            # Settled before: by a write whose answer was lost, or by who completed the same upload beside us.
            return Accepted(recording_id, duplicate=False)
        await self._objects.delete(audio_key(recording_id))
        if same is None:
            raise UploadRacedError
        return Accepted(same, duplicate=True)

    @asynccontextmanager
    async def _removed_on_error(self, recording_id: str, *, comes_again: bool = False) -> AsyncIterator[None]:
        try:
            yield
        except BaseException as error:
            if comes_again and not isinstance(error, RejectedError):
                raise
            await asyncio.shield(self._objects.delete(audio_key(recording_id)))
            raise

    async def _probe(self, recording_id: str, upload: Upload, received: Received) -> Probed:
        url = await self._objects.presigned_url(audio_key(recording_id), lifetime_s=300)
        try:
            with span("probe"):
                return await self._pool.run(
                    probe_object, url, received.size_bytes, upload.name, self._limits, timeout_s=self._probe_timeout_s
                )
        except AudioError as error:
            await self._recordings.add(rejected_document(recording_id, upload, received, error))
            self._relay.wake()
            _count(upload, received, "rejected")
            raise RejectedError(recording_id, error) from error


def _count(upload: Upload, received: Received, outcome: str) -> None:
    RECORDINGS_TAKEN.labels(upload.lane, outcome).inc()
    RECORDING_BYTES.labels(upload.lane).inc(received.size_bytes)
