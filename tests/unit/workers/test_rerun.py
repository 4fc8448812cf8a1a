"""A recording analysed again: only what is missing, stale or failed is computed, and the rest stays."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from chassis.work import Worker
from contracts.analysing import AnalysisWish, Segmentation
from contracts.documents import AnalysisDocument
from contracts.events import AnalysisRequested, RecordingUploaded
from contracts.manifest import AudioManifest, ExtractorEntry
from contracts.objects import audio_key
from contracts.vocabulary import State
from services.analysis.extractors import EXTRACTORS, Accumulator
from services.analysis.extractors.loudness import LoudnessFamily
from services.analysis.settings import AnalysisSettings
from services.analysis.work import AnalysisWork
from tests.audio import tone, write
from tests.fakes import Bench
from tests.unit.workers.doing import NOW, RECORDING, SERVERS, event_of

SETTINGS = AnalysisSettings(**SERVERS, extractors=("loudness", "spectral"))


@pytest.fixture
def wav(tmp_path: Path) -> bytes:
    """Two seconds of a tone."""
    return write(tmp_path / "tone.wav", tone(duration_s=2)).read_bytes()


@pytest.fixture
def accumulated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the extractors that were started, in order."""
    started: list[str] = []

    def counting(extractor: Any, begin: Any) -> Any:
        def accumulator(self: Any, *, rate_hz: int, channels: int) -> Accumulator:
            started.append(extractor.name)
            made: Accumulator = begin(self, rate_hz=rate_hz, channels=channels)
            return made

        return accumulator

    for each in EXTRACTORS.values():
        monkeypatch.setattr(type(each), "accumulator", counting(each, type(each).accumulator))
    return started


async def test_a_wish_for_one_more_extractor_computes_only_that(wav: bytes, accumulated: list[str]) -> None:
    bench = await uploaded(wav)
    before = newest(bench)

    document = await asked(bench, wav, extractors=("pitch",))

    after = newest(bench)
    assert accumulated == ["loudness", "spectral", "pitch"]
    assert [entry.name for entry in after.extractors] == ["loudness", "spectral", "pitch"]
    assert after.extractors[:2] == before.extractors
    assert (document.state, document.requested) == (State.COMPLETED, True)
    assert after.total_processing_time == sum(entry.processing_time for entry in after.extractors)


async def test_a_wish_for_what_is_there_computes_and_fetches_nothing(wav: bytes, accumulated: list[str]) -> None:
    bench = await uploaded(wav)
    before = newest(bench)

    document = await asked(bench, wav)

    assert accumulated == ["loudness", "spectral"]
    assert document.timings_s.keys() == {"queued", "store"}
    assert newest(bench).extractors == before.extractors
    assert newest(bench).task_id == document.id


async def test_a_new_version_is_computed_again_and_alone(
    wav: bytes, accumulated: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = await uploaded(wav)
    monkeypatch.setattr(LoudnessFamily, "version", "new")

    await asked(bench, wav)

    assert accumulated == ["loudness", "spectral", "loudness"]
    versions = {entry.name: entry.version for entry in newest(bench).extractors}
    assert versions == {"loudness": "new", "spectral": EXTRACTORS["spectral"].version}


async def test_parameters_that_are_tuples_are_the_lists_a_manifest_gives_back(
    wav: bytes, accumulated: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoudnessFamily, "parameters", {"bands_hz": (20, 200)})
    bench = await uploaded(wav)

    await asked(bench, wav)

    assert accumulated == ["loudness", "spectral"]


async def test_other_parameters_and_segments_are_another_identity(wav: bytes, accumulated: list[str]) -> None:
    bench = await uploaded(wav)

    await asked(bench, wav, extractors=("spectral",), parameters={"spectral": {"rolloff_share": 0.5}})
    await asked(bench, wav, extractors=("spectral",), segments=Segmentation(mode="both", length_s=1))
    await asked(bench, wav, extractors=("spectral",), segments=Segmentation(mode="both", length_s=1))

    assert accumulated == ["loudness", "spectral", "spectral", "spectral"]
    spectral = newest(bench).extractors[1]
    assert spectral.parameters["rolloff_share"] == 0.85
    assert spectral.segments is not None
    assert spectral.segments.start_s == (0.0, 1.0)
    assert len(spectral.segments.series["centroid"]["mean"]) == 2


async def test_what_failed_is_tried_again(wav: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setitem(EXTRACTORS, "loudness", BrokenNow())
        bench = await uploaded(wav)
    failed = newest(bench).extractors[0]

    document = await asked(bench, wav)

    assert not failed.success
    assert newest(bench).extractors[0].success
    assert document.state is State.COMPLETED


async def test_a_result_is_never_hidden_by_a_later_failure(wav: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await uploaded(wav)
    good = newest(bench).extractors[0]
    monkeypatch.setitem(EXTRACTORS, "loudness", Broken())

    document = await asked(bench, wav)

    kept = newest(bench).extractors[0]
    assert document.state is State.PARTIAL
    assert (kept.success, kept.payload, kept.version) == (True, good.payload, good.version)
    assert kept.last_error is not None
    assert kept.last_error.code == "extractor_failed"


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"extractors": ("tarot",)}, "unknown_extractor"),
        # It is there, but the operator did not opt for it.
        ({"extractors": ("species",)}, "unknown_extractor"),
        ({"parameters": {"spectral": {"rolloff_share": 7}}}, "invalid_extractor_parameters"),
    ],
)
async def test_a_wish_that_cannot_be_granted_fails_and_leaves_the_results(
    wish: dict[str, Any], code: str, wav: bytes
) -> None:
    bench = await uploaded(wav)
    before = newest(bench)

    document = await asked(bench, wav, **wish)

    assert document.state is State.FAILED
    assert document.error is not None
    assert document.error.code == code
    assert newest(bench) == before


async def test_what_a_document_holds_of_a_segmented_analysis_is_the_manifest_without_segments(wav: bytes) -> None:
    bench = await uploaded(wav)

    document = await asked(bench, wav, segments=Segmentation(mode="both", length_s=1))

    entries = [ExtractorEntry.model_validate(each) for each in document.extractors]
    assert entries == [entry.model_copy(update={"segments": None}) for entry in newest(bench).extractors]


class Broken(LoudnessFamily):
    """Another version, which fails."""

    version: ClassVar[str] = "3"

    def accumulator(self, *, rate_hz: int, channels: int) -> Accumulator:  # type: ignore[override]  # it makes none
        raise ZeroDivisionError


class BrokenNow(Broken):
    """The present version, in a moment when it fails."""

    version: ClassVar[str] = LoudnessFamily.version


async def uploaded(wav: bytes) -> Bench:
    """Return a bench on which the recording was analysed as every upload is."""
    bench = Bench()
    bench.objects.stored[audio_key(RECORDING)] = wav
    worker: Worker[RecordingUploaded] = Worker(bench.equipment("analysis"), AnalysisWork(SETTINGS))
    await worker.carry_out(event_of(wav), NOW)
    return bench


async def asked(bench: Bench, wav: bytes, **wish: Any) -> AnalysisDocument:
    """Return the document of a task that a reader asked for."""
    sent = AnalysisWish(**wish)
    request = AnalysisRequested(
        recording_id=RECORDING,
        project_id="default",
        request_id=f"{len(bench.tasks.documents):016x}",
        sha256=hashlib.sha256(wav).hexdigest(),
        container="wav",
        duration_claimed_s=2.0,
        wish=sent,
        requested_at=NOW,
    )
    worker: Worker[AnalysisRequested] = Worker(bench.equipment("analysis"), AnalysisWork(SETTINGS, request))
    await worker.carry_out(request, datetime.now(UTC))
    task_id = f"{RECORDING}/{request.request_id}"
    document = bench.tasks.documents[task_id]
    return AnalysisDocument.model_validate({**document, "_id": task_id, "lease_until": None, "created_at": NOW})


def newest(bench: Bench) -> AudioManifest:
    """Return the manifest of the task that ended last."""
    ended = [each for each in bench.tasks.documents.values() if each.get("manifest_key")]
    last = max(ended, key=lambda each: each["completed_at"])
    return AudioManifest.model_validate(json.loads(bench.objects.stored[last["manifest_key"]]))
