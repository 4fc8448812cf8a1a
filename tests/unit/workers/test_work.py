import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chassis.work import Worker
from contracts.documents import AnalysisDocument, OutboxEntry, SpectrogramDocument, TaskDocument
from contracts.envelope import from_message
from contracts.events import (
    AnalysisCompleted,
    AnalysisFailed,
    Event,
    RecordingUploaded,
    SpectrogramCompleted,
    SpectrogramFailed,
)
from contracts.objects import audio_key, image_key, manifest_key
from contracts.rendering import RenderParameters
from contracts.vocabulary import Lane, State
from services.analysis.settings import AnalysisSettings
from services.analysis.work import AnalysisWork
from services.spectrogram.settings import SpectrogramSettings
from services.spectrogram.work import SpectrogramWork
from tests.audio import tone, write
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
KINDS = ["spectrogram", "analysis"]
_MODELS: dict[str, type[TaskDocument]] = {"spectrogram": SpectrogramDocument, "analysis": AnalysisDocument}


@pytest.fixture
def wav(tmp_path: Path) -> bytes:
    """Two seconds of a tone."""
    return write(tmp_path / "tone.wav", tone(duration_s=2)).read_bytes()


async def test_a_rendered_recording_has_three_images_and_says_where_they_are(wav: bytes) -> None:
    bench, work = Bench(), _work("spectrogram")

    document = await _done(bench, work, wav)

    assert isinstance(document, SpectrogramDocument)
    assert document.state is State.COMPLETED
    assert document.images.keys() == {"thumbnail", "standard", "full"}
    for name, image in document.images.items():
        assert image.key == image_key(RECORDING, work.parameters_id, name)
        assert bench.objects.stored[image.key].startswith(b"\x89PNG")
        assert image.size_bytes == len(bench.objects.stored[image.key])


async def test_an_upload_has_tiles_and_a_wish_has_none(wav: bytes) -> None:
    bench, wished = Bench(), SpectrogramWork(SpectrogramSettings(**SERVERS), RenderParameters(), requested=True)

    document = await _done(bench, _work("spectrogram"), wav)
    without = await _done(Bench(), wished, wav)

    assert isinstance(document, SpectrogramDocument)
    assert isinstance(without, SpectrogramDocument)
    assert document.tiles is not None
    assert len(bench.objects.stored[document.tiles.key]) == sum(document.tiles.sizes_bytes)
    assert without.tiles is None


async def test_the_announced_images_are_the_stored_ones(wav: bytes) -> None:
    bench, work = Bench(), _work("spectrogram")

    document = await _done(bench, work, wav)

    event = _announced(document)
    assert isinstance(document, SpectrogramDocument)
    assert isinstance(event, SpectrogramCompleted)
    assert {image.name: image.size_bytes for image in event.images} == {
        name: image.size_bytes for name, image in document.images.items()
    }
    assert event.duration_decoded_s == document.duration_decoded_s == pytest.approx(2)


async def test_an_analysed_recording_has_a_manifest_and_says_where_it_is(wav: bytes) -> None:
    bench, work = Bench(), _work("analysis")

    document = await _done(bench, work, wav)

    event = _announced(document)
    assert isinstance(document, AnalysisDocument)
    assert isinstance(event, AnalysisCompleted)
    assert document.manifest_key == manifest_key(RECORDING, work.parameters_id)
    assert json.loads(bench.objects.stored[document.manifest_key])
    assert document.state is event.state
    assert {each["name"] for each in document.extractors} == {each.name for each in event.extractors}
    assert {each.name for each in event.extractors} == set(AnalysisSettings(**SERVERS).extractors)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_redelivery_writes_the_same_objects_and_repeats_the_same_event(kind: str, wav: bytes) -> None:
    first, second = Bench(), Bench()

    one = await _done(first, _work(kind), wav)
    two = await _done(second, _work(kind), wav)

    assert first.objects.stored.keys() == second.objects.stored.keys()
    assert one.outbox[0].event_id == two.outbox[0].event_id


@pytest.mark.parametrize("kind", KINDS)
async def test_an_event_keeps_the_lane_and_the_project_of_its_recording(kind: str, wav: bytes) -> None:
    document = await _done(Bench(), _work(kind), wav, lane=Lane.BULK, project_id="season-7")

    event = _announced(document)
    assert (event.lane, event.project_id, event.recording_id) == (Lane.BULK, "season-7", RECORDING)
    assert document.outbox[0].routing_key.endswith(".bulk")
    assert document.project_id == "season-7"


@pytest.mark.parametrize(("kind", "event_type"), [("spectrogram", SpectrogramFailed), ("analysis", AnalysisFailed)])
async def test_a_recording_that_cannot_be_decoded_fails_at_once_and_leaves_no_objects(
    kind: str, event_type: type[SpectrogramFailed | AnalysisFailed], wav: bytes
) -> None:
    bench = Bench()

    document = await _done(bench, _work(kind), wav[:44])

    event = _announced(document)
    assert (document.state, document.attempts) == (State.FAILED, 1)
    assert isinstance(event, event_type)
    assert document.error == event.error
    assert event.error.code == "empty"
    assert bench.objects.stored.keys() == {audio_key(RECORDING)}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_stage_is_in_the_documents_timings(kind: str, wav: bytes) -> None:
    document = await _done(Bench(), _work(kind), wav)

    assert document.timings_s.keys() >= {"queued", "fetch", "compute"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_longer_recording_may_take_longer(kind: str) -> None:
    work = _work(kind)

    short_s = work.timeout_s(_event(b"", duration_claimed_s=10))
    long_s = work.timeout_s(_event(b"", duration_claimed_s=36_000))
    unknown_s = work.timeout_s(_event(b"", duration_claimed_s=None))

    assert short_s < long_s < unknown_s


def test_the_same_parameters_have_the_same_name_and_others_another() -> None:
    fewer = AnalysisWork(AnalysisSettings(**SERVERS, extractors=("levels",)))

    assert _work("analysis").parameters_id == _work("analysis").parameters_id
    assert fewer.parameters_id != _work("analysis").parameters_id


def _work(kind: str) -> AnyWork:
    if kind == "spectrogram":
        return SpectrogramWork(SpectrogramSettings(**SERVERS), RenderParameters(), requested=False)
    return AnalysisWork(AnalysisSettings(**SERVERS))


def _event(body: bytes, **facts: Any) -> RecordingUploaded:
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


async def _done(bench: Bench, work: AnyWork, body: bytes, **facts: Any) -> TaskDocument:
    bench.objects.stored[audio_key(RECORDING)] = body
    worker: Worker[RecordingUploaded] = Worker(bench.equipment(work.task), work)
    await worker.carry_out(_event(body, **facts), NOW)
    [(task_id, document)] = bench.tasks.documents.items()
    # The lease is the fake's own clock, and no date.
    return _MODELS[work.task].model_validate({**document, "_id": task_id, "lease_until": None, "created_at": NOW})


def _announced(document: TaskDocument) -> Event:
    [entry] = document.outbox
    assert isinstance(entry, OutboxEntry)
    return from_message(entry.headers, entry.body.encode()).event
