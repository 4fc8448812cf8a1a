"""A recording taken through a worker's task, with fakes around it."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from chassis.work import Worker
from contracts.documents import AnalysisDocument, OutboxEntry, SpectrogramDocument, TaskDocument
from contracts.envelope import from_message
from contracts.events import Event, RecordingUploaded
from contracts.objects import audio_key
from services.analysis.work import AnalysisWork
from services.spectrogram.work import SpectrogramWork
from tests.fakes import Bench

RECORDING = "0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SERVERS: dict[str, Any] = {
    "amqp_url": "amqp://nowhere",
    "mongodb_url": "mongodb://nowhere",
    "s3_access_key_id": "nobody",
    "s3_secret_access_key": "nothing",
    "internal_token": "nothing",
}

AnyWork = SpectrogramWork | AnalysisWork
_MODELS: dict[str, type[TaskDocument]] = {"spectrogram": SpectrogramDocument, "analysis": AnalysisDocument}


def event_of(body: bytes, **facts: Any) -> RecordingUploaded:
    known: dict[str, Any] = {
        "recording_id": RECORDING,
        "project_id": "default",
        "sha256": hashlib.sha256(body).hexdigest(),
        "size_bytes": max(1, len(body)),
        "container": "wav",
        "codec": "pcm_s16",
        "rate_hz": 44_100,
        "channels": 1,
        "duration_claimed_s": 2.0,
        "uploaded_at": NOW,
    }
    return RecordingUploaded(**known | facts)


async def done(bench: Bench, work: AnyWork, body: bytes, **facts: Any) -> TaskDocument:
    bench.objects.stored[audio_key(RECORDING)] = body
    worker: Worker[RecordingUploaded] = Worker(bench.equipment(work.task), work)
    await worker.carry_out(event_of(body, **facts), NOW)
    [(task_id, document)] = bench.tasks.documents.items()
    # The lease is the fake's own clock, and no date.
    return _MODELS[work.task].model_validate({**document, "_id": task_id, "lease_until": None, "created_at": NOW})


def announced(document: TaskDocument) -> Event:
    [entry] = document.outbox
    assert isinstance(entry, OutboxEntry)
    return from_message(entry.headers, entry.body.encode()).event
