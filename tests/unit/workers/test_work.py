import json
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from contracts.documents import AnalysisDocument, SpectrogramDocument
from contracts.events import (
    AnalysisCompleted,
    AnalysisFailed,
    SpectrogramCompleted,
    SpectrogramFailed,
)
from contracts.manifest import ExtractorEntry
from contracts.objects import audio_key, image_key, manifest_key
from contracts.published import SCHEMAS
from contracts.rendering import RenderParameters
from contracts.vocabulary import Lane, State
from services.analysis.settings import AnalysisSettings
from services.analysis.work import AnalysisWork
from services.spectrogram import lanes
from services.spectrogram.settings import SpectrogramSettings
from services.spectrogram.work import SpectrogramWork
from tests.audio import tone, write
from tests.fakes import Bench
from tests.unit.workers.doing import RECORDING, SERVERS, AnyWork, announced, done, event_of

KINDS = ["spectrogram", "analysis"]


@pytest.fixture
def wav(tmp_path: Path) -> bytes:
    """Two seconds of a tone."""
    return write(tmp_path / "tone.wav", tone(duration_s=2)).read_bytes()


async def test_a_rendered_recording_has_three_images_and_says_where_they_are(wav: bytes) -> None:
    bench, work = Bench(), _work("spectrogram")

    document = await done(bench, work, wav)

    assert isinstance(document, SpectrogramDocument)
    assert document.state is State.COMPLETED
    assert document.images.keys() == {"thumbnail", "standard", "full"}
    for name, image in document.images.items():
        assert image.key == image_key(RECORDING, work.parameters_id, name)
        assert bench.objects.stored[image.key].startswith(b"\x89PNG")
        assert image.size_bytes == len(bench.objects.stored[image.key])


async def test_an_upload_has_tiles_and_a_wish_has_none(wav: bytes) -> None:
    bench, wished = Bench(), SpectrogramWork(SpectrogramSettings(**SERVERS), RenderParameters(), requested=True)

    document = await done(bench, _work("spectrogram"), wav)
    without = await done(Bench(), wished, wav)

    assert isinstance(document, SpectrogramDocument)
    assert isinstance(without, SpectrogramDocument)
    assert document.tiles is not None
    assert len(bench.objects.stored[document.tiles.key]) == sum(document.tiles.sizes_bytes)
    assert without.tiles is None


async def test_the_outline_is_kept_by_the_upload_and_not_made_again_for_a_wish(
    wav: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploaded, bench = await done(Bench(), _work("spectrogram"), wav), Bench()
    wished = SpectrogramWork(SpectrogramSettings(**SERVERS), RenderParameters(), requested=True)
    monkeypatch.setattr(lanes, "PeakPool", _never_made)

    asked = await done(bench, wished, wav)

    assert isinstance(uploaded, SpectrogramDocument)
    assert isinstance(asked, SpectrogramDocument)
    assert uploaded.waveform is not None
    assert uploaded.zooms
    assert all(zoom.rms_dat_key == zoom.dat_key.replace(".dat", ".rms.dat") for zoom in uploaded.zooms)
    assert (asked.state, asked.waveform, asked.zooms) == (State.COMPLETED, None, ())
    assert not [key for key in bench.objects.stored if key.startswith("waveforms/")]


@pytest.mark.parametrize("other", [RenderParameters(pcen=True), RenderParameters(pool="mean")])
async def test_tiles_know_what_0_db_is_though_the_images_are_in_pcen_or_means(
    wav: bytes, other: RenderParameters
) -> None:
    works = [
        SpectrogramWork(SpectrogramSettings(**SERVERS), each, requested=False) for each in (RenderParameters(), other)
    ]

    documents = [await done(Bench(), work, wav) for work in works]

    loudest = [each.tiles.reference_dbfs for each in documents if isinstance(each, SpectrogramDocument) and each.tiles]
    assert loudest[0] == pytest.approx(loudest[1], abs=1e-6)


async def test_the_sidecar_is_stored_beside_the_images(wav: bytes) -> None:
    bench = Bench()

    document = await done(bench, _work("spectrogram"), wav)

    assert isinstance(document, SpectrogramDocument)
    assert document.geometry_key is not None
    sidecar = json.loads(bench.objects.stored[document.geometry_key])
    assert sidecar["images"].keys() == document.images.keys()
    assert sidecar["recording"]["duration_s"] == document.duration_decoded_s


async def test_the_announced_images_are_the_stored_ones(wav: bytes) -> None:
    bench, work = Bench(), _work("spectrogram")

    document = await done(bench, work, wav)

    event = announced(document)
    assert isinstance(document, SpectrogramDocument)
    assert isinstance(event, SpectrogramCompleted)
    assert {image.name: image.size_bytes for image in event.images} == {
        name: image.size_bytes for name, image in document.images.items()
    }
    assert event.duration_decoded_s == document.duration_decoded_s == pytest.approx(2)


async def test_an_analysed_recording_has_a_manifest_and_says_where_it_is(wav: bytes) -> None:
    bench, work = Bench(), _work("analysis")

    document = await done(bench, work, wav)

    event = announced(document)
    assert isinstance(document, AnalysisDocument)
    assert isinstance(event, AnalysisCompleted)
    assert document.manifest_key == manifest_key(RECORDING, work.parameters_id)
    stored = json.loads(bench.objects.stored[document.manifest_key])
    Draft202012Validator(json.loads((SCHEMAS / "audio_manifest.v1.json").read_text())).validate(stored)
    kept = [ExtractorEntry.model_validate(each) for each in document.extractors]
    assert [ExtractorEntry.model_validate(each) for each in stored["extractors"]] == kept
    assert (stored["task_id"], stored["manifest_uri"]) == (f"{RECORDING}/{work.parameters_id}", document.manifest_key)
    assert stored["engine"]["libraries"]["numpy"] == np.__version__
    assert document.state is event.state
    assert {each["name"] for each in document.extractors} == {each.name for each in event.extractors}
    assert {each.name for each in event.extractors} == set(AnalysisSettings(**SERVERS).extractors)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_redelivery_writes_the_same_objects_and_repeats_the_sameevent_of(kind: str, wav: bytes) -> None:
    first, second = Bench(), Bench()

    one = await done(first, _work(kind), wav)
    two = await done(second, _work(kind), wav)

    assert first.objects.stored.keys() == second.objects.stored.keys()
    assert one.outbox[0].event_id == two.outbox[0].event_id


@pytest.mark.parametrize("kind", KINDS)
async def test_an_event_keeps_the_lane_and_the_project_of_its_recording(kind: str, wav: bytes) -> None:
    document = await done(Bench(), _work(kind), wav, lane=Lane.BULK, project_id="season-7")

    event = announced(document)
    assert (event.lane, event.project_id, event.recording_id) == (Lane.BULK, "season-7", RECORDING)
    assert document.outbox[0].routing_key.endswith(".bulk")
    assert document.project_id == "season-7"


@pytest.mark.parametrize(("kind", "event_type"), [("spectrogram", SpectrogramFailed), ("analysis", AnalysisFailed)])
async def test_a_recording_that_cannot_be_decoded_fails_at_once_and_leaves_no_objects(
    kind: str, event_type: type[SpectrogramFailed | AnalysisFailed], wav: bytes
) -> None:
    bench = Bench()

    document = await done(bench, _work(kind), wav[:44])

    event = announced(document)
    assert (document.state, document.attempts) == (State.FAILED, 1)
    assert isinstance(event, event_type)
    assert document.error == event.error
    assert event.error.code == "empty"
    assert bench.objects.stored.keys() == {audio_key(RECORDING)}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_stage_is_in_the_documents_timings(kind: str, wav: bytes) -> None:
    document = await done(Bench(), _work(kind), wav)

    assert document.timings_s.keys() >= {"queued", "fetch", "compute"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_longer_recording_may_take_longer(kind: str) -> None:
    work = _work(kind)

    short_s = work.timeout_s(event_of(b"", duration_claimed_s=10))
    long_s = work.timeout_s(event_of(b"", duration_claimed_s=36_000))
    unknown_s = work.timeout_s(event_of(b"", duration_claimed_s=None))

    assert short_s < long_s < unknown_s


def test_the_same_parameters_have_the_same_name_and_others_another() -> None:
    fewer = AnalysisWork(AnalysisSettings(**SERVERS, extractors=("loudness",)))

    assert _work("analysis").parameters_id == _work("analysis").parameters_id
    assert fewer.parameters_id != _work("analysis").parameters_id


def _never_made(_: float) -> None:
    raise AssertionError("peaks were pooled for nobody")


def _work(kind: str) -> AnyWork:
    if kind == "spectrogram":
        return SpectrogramWork(SpectrogramSettings(**SERVERS), RenderParameters(), requested=False)
    return AnalysisWork(AnalysisSettings(**SERVERS))
