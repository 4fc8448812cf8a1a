"""Documents of recordings as they are written first, and the events that they announce."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from audio.errors import AudioError
from chassis.clock import now_ms
from chassis.faults import fault_of
from chassis.outbox import outbox_entry
from chassis.tracing import trace_id
from contracts.documents import AudioFacts, OutboxEntry, RecordingDocument
from contracts.envelope import envelop, event_id
from contracts.events import Event, RecordingRejected, RecordingUploaded
from contracts.objects import audio_key
from contracts.rendering import RenderParameters
from contracts.vocabulary import Lane, State
from contracts.watching import Watch

from .probing import Probed
from .recorded import place, recorded_at

SOURCE = "ingest"


@dataclass(frozen=True)
class Upload:
    """A recording on its way in; `rendering` is what its project asks for, where it asks for anything."""

    project_id: str
    name: str
    lane: Lane
    chunks: AsyncIterator[bytes]
    rendering: RenderParameters | None = None
    idempotency_key: str | None = None
    batch_id: str | None = None


@dataclass(frozen=True)
class Received:
    """The bytes of a recording that lie in S3 now."""

    sha256: str
    size_bytes: int


def accepted_document(recording_id: str, upload: Upload, received: Received, probed: Probed) -> RecordingDocument:
    """Return the document of a new recording, with the event that has workers begin."""
    audio = probed.audio
    facts = AudioFacts(
        container=str(audio.container),
        codec=audio.codec,
        rate_hz=audio.rate_hz,
        channels=audio.channels,
        bit_depth=audio.bit_depth,
        duration_claimed_s=audio.claimed_duration_s,
    )
    known = {
        "audio": facts,
        "object_key": audio_key(recording_id),
        "recorded_at": recorded_at(probed.recorded),
        "place": place(probed.position),
    }
    document = _document(recording_id, upload, received)
    document = document.model_copy(update={**known, "watch": Watch.begun(document.uploaded_at)})
    event = uploaded_event(document, facts)
    return document.model_copy(update={"outbox": (entry(event, time=document.uploaded_at),)})


def rejected_document(recording_id: str, upload: Upload, received: Received, error: AudioError) -> RecordingDocument:
    """Return the document that says why these bytes are no recording."""
    fault = fault_of(error)
    failed = {"state": State.FAILED, "current": False, "error": fault}
    document = _document(recording_id, upload, received)
    event = RecordingRejected(
        recording_id=recording_id,
        project_id=upload.project_id,
        lane=upload.lane,
        batch_id=upload.batch_id,
        error=fault,
    )
    return document.model_copy(update={**failed, "outbox": (entry(event, time=document.uploaded_at),)})


def uploaded_event(document: RecordingDocument, facts: AudioFacts) -> RecordingUploaded:
    """Return the event that has workers begin; of one recording it is always the same."""
    return RecordingUploaded(
        recording_id=document.id,
        project_id=document.project_id,
        lane=document.lane,
        batch_id=document.batch_id,
        sha256=document.sha256,
        size_bytes=document.size_bytes,
        uploaded_at=document.uploaded_at,
        rendering=document.rendering.model_dump(mode="json") if document.rendering is not None else None,
        recorded_at=document.recorded_at,
        place=document.place,
        **facts.model_dump(),
    )


def entry(event: Event, *, time: datetime, run: int = 1) -> OutboxEntry:
    """Return what waits in a document until the broker has confirmed it."""
    return outbox_entry(envelop(event, source=SOURCE, id_=event_id(event, run=run), time=time))


def _document(recording_id: str, upload: Upload, received: Received) -> RecordingDocument:
    return RecordingDocument(
        id=recording_id,
        project_id=upload.project_id,
        name=upload.name,
        lane=upload.lane,
        state=State.COMPLETED,
        sha256=received.sha256,
        size_bytes=received.size_bytes,
        uploaded_at=now_ms(),
        rendering=upload.rendering,
        trace_id=trace_id(),
        current=True,
        batch_id=upload.batch_id,
    )
