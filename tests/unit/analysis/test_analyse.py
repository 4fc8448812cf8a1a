"""One pass over a recording runs every extractor, and one that fails leaves the others standing."""

import errno
import json
import pickle
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.decode import AudioLimits
from audio.errors import EmptyRecordingError, TooLongError
from audio.sniff import Container
from services.analysis.analyse import analyse
from services.analysis.errors import UnknownExtractorError
from services.analysis.extractors import EXTRACTORS, OPT_IN, Accumulator, Device, extractors_named
from services.analysis.measures import Payload
from services.analysis.plan import Plan
from services.analysis.results import Analysis
from services.analysis.shared import Input, SharedBlock

from .signals import RATE_HZ, Floats, harmonic_tone, noise, payload

NAMES = tuple(EXTRACTORS)


class DiskFullError(OSError):
    """As the system says it."""

    def __init__(self, said: str) -> None:
        super().__init__(errno.ENOSPC, said)


def test_an_analysis_says_what_was_decoded_and_what_each_extractor_found(tmp_path: Path) -> None:
    samples = harmonic_tone(220, duration_s=3)
    recording = written(tmp_path / "tone.wav", samples, subtype="FLOAT")

    analysis = analysed(recording, Container.WAV)

    assert (analysis.decoded_frames, analysis.rate_hz, analysis.channels) == (3 * RATE_HZ, RATE_HZ, 1)
    assert (analysis.span.start_s, analysis.span.end_s, analysis.duration_s) == (0.0, 3.0, 3.0)
    assert analysis.warnings == ()
    assert tuple(result.name for result in analysis.extractors) == NAMES
    for result in analysis.extractors:
        assert result.success
        assert result.error is None
        assert result.payload == payload(result.name, samples)
        assert result.parameters == EXTRACTORS[result.name].parameters
        assert 0 < result.processing_time_s < analysis.timings_s["extract"]


def test_an_analysis_survives_pickling_and_is_strict_json(tmp_path: Path) -> None:
    recording = written(tmp_path / "noise.wav", noise(duration_s=0.5))

    analysis = analysed(recording, Container.WAV)

    assert pickle.loads(pickle.dumps(analysis)) == analysis  # noqa: S301 - our own bytes
    json.dumps(asdict(analysis), allow_nan=False)


def test_integer_samples_have_the_values_of_the_same_samples_in_floating_point(tmp_path: Path) -> None:
    samples = np.stack([harmonic_tone(220, duration_s=1), noise(duration_s=1)], axis=1)
    integers = written(tmp_path / "integers.wav", samples, subtype="PCM_16")
    exact, _ = soundfile.read(integers, dtype="float32", always_2d=True)
    floats = written(tmp_path / "floats.wav", exact, subtype="FLOAT")

    payloads = [[result.payload for result in analysed(path, Container.WAV).extractors] for path in (integers, floats)]

    assert payloads[0] == payloads[1]


def test_progress_rises_to_one_and_reaches_it_once(tmp_path: Path) -> None:
    recording = written(tmp_path / "noise.wav", noise(duration_s=10))
    told: list[float] = []

    analyse(recording, Container.WAV, AudioLimits(), Plan(("loudness",)), told.append)

    assert told == sorted(set(told))
    assert told[-1] == 1.0
    assert 3 <= len(told) <= 100


def test_a_truncated_recording_is_analysed_as_far_as_it_goes_with_a_warning(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.flac", noise(duration_s=4))
    cut = tmp_path / "cut.flac"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    analysis = analysed(cut, Container.FLAC)

    assert [warning.code for warning in analysis.warnings] == ["truncated"]
    assert 1 < analysis.span.end_s < 3
    assert analysis.span.end_s == analysis.decoded_frames / RATE_HZ
    assert all(result.success for result in analysis.extractors)


def test_an_extractor_that_raises_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRACTORS, "broken", Broken())
    recording = written(tmp_path / "noise.wav", noise(duration_s=3))

    loudness, broken = analysed(recording, Container.WAV, "loudness", "broken").extractors

    assert loudness.success
    assert not broken.success
    assert broken.payload is None
    assert broken.error is not None
    assert broken.error.code == "extractor_failed"
    assert broken.error.sentence == "The extractor broken failed with ZeroDivisionError: after 2 blocks"


@pytest.mark.parametrize("error", [MemoryError, DiskFullError])
def test_running_out_of_memory_or_disk_is_no_fault_of_the_extractor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    monkeypatch.setitem(EXTRACTORS, "broken", Broken(error))
    recording = written(tmp_path / "noise.wav", noise(duration_s=3))

    with pytest.raises(error):
        analysed(recording, Container.WAV, "broken")


def test_an_unknown_extractor_is_named_beside_those_there_are() -> None:
    with pytest.raises(UnknownExtractorError) as raised:
        extractors_named(["levels", "tarot"])

    known = ", ".join([*EXTRACTORS, *OPT_IN])
    assert str(raised.value) == f"There is no extractor named 'tarot'; there are {known}."
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)  # noqa: S301 - our own bytes


def test_an_extractor_asked_for_twice_runs_once() -> None:
    extractors = extractors_named(["pitch", "levels", "pitch"])

    assert [extractor.name for extractor in extractors] == ["pitch", "levels"]


def test_a_recording_that_cannot_be_analysed_raises_what_the_decoder_says(tmp_path: Path) -> None:
    empty = written(tmp_path / "empty.wav", np.empty(0, dtype=np.float32))
    long = written(tmp_path / "long.wav", noise(duration_s=2))

    with pytest.raises(EmptyRecordingError):
        analysed(empty, Container.WAV)
    with pytest.raises(TooLongError):
        analyse(long, Container.WAV, AudioLimits(max_duration_s=1), Plan(NAMES), lambda _: None)


class Broken:
    """An extractor that fails in the middle of a recording."""

    name = "broken"
    version = "1"
    description = "Fails."
    needs = Input.SAMPLES
    device = Device.CPU
    cost_per_audio_s = 0.0

    def __init__(self, error: type[BaseException] = ZeroDivisionError) -> None:
        self._error = error
        self._blocks = 0

    @property
    def parameters(self) -> dict[str, object]:
        return {}

    def accumulator(self, *, rate_hz: int, channels: int) -> Accumulator:
        return self

    def add(self, block: SharedBlock) -> None:
        self._blocks += 1
        if self._blocks == 2:
            raise self._error("after 2 blocks")

    def result(self) -> Payload:
        return {}


def analysed(recording: Path, container: Container, *names: str) -> Analysis:
    return analyse(recording, container, AudioLimits(), Plan(names or NAMES), lambda _: None)


def written(recording: Path, samples: Floats, *, subtype: str = "PCM_16") -> Path:
    soundfile.write(recording, samples, RATE_HZ, subtype=subtype)
    return recording
