"""Pitch by SwiftF0 is what its own call says of the whole; what the aggregates count is a pitch."""

from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
from swift_f0 import PitchResult, SwiftF0

from services.analysis.extractors import OPT_IN

from .signals import (
    Floats,
    at_16_khz,
    harmonic_tone,
    heard_with_series,
    load,
    noise,
    payload,
    sine,
    synthetic_speech,
    vibrato_tone,
)

RATE_HZ = 16_000


@pytest.mark.recordings
def test_every_frame_of_the_recordings_is_what_swift_f0_detects_in_the_whole(recordings: Path) -> None:
    for _, samples, rate_hz, at_once in at_16_khz(recordings):
        _, series = heard_with_series(OPT_IN["pitch_swift_f0"], samples, rate_hz, block_frames=30_011)

        assert_equal_to_swift_f0(series, at_once)


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 16_000, 44_100, 96_000])
def test_every_frame_of_speech_is_what_swift_f0_detects_at_every_rate(rate_hz: int) -> None:
    samples = librosa.resample(synthetic_speech(duration_s=10), orig_sr=RATE_HZ, target_sr=rate_hz)

    _, series = heard_with_series(OPT_IN["pitch_swift_f0"], samples, rate_hz, block_frames=1009)

    assert_equal_to_swift_f0(series, librosa.resample(samples, orig_sr=rate_hz, target_sr=RATE_HZ))


def test_frames_are_16_ms_apart_and_begin_with_the_recording() -> None:
    _, series = heard_with_series(OPT_IN["pitch_swift_f0"], harmonic_tone(220, duration_s=9))

    np.testing.assert_allclose(series["times_s"], np.arange(9 * RATE_HZ // 256) * 0.016)


def test_what_is_not_sure_is_not_counted() -> None:
    measured, series = heard_with_series(OPT_IN["pitch_swift_f0"], harmonic_tone(220, duration_s=2))

    counted = series["confidence"] >= 0.5
    np.testing.assert_array_equal(np.isfinite(series["f0"]), counted)
    np.testing.assert_array_equal(series["f0"][counted], series["f0_swift_f0"][counted])
    assert measured["f0"]["frames"] == counted.sum()
    assert measured["voiced_ratio"]["value"] == pytest.approx(counted.mean())


def test_noise_has_no_pitch() -> None:
    measured = payload("pitch_swift_f0", noise(duration_s=5))

    assert measured["f0"]["reason"] == "no_voiced_frames"
    assert measured["voiced_ratio"]["value"] == 0


# A step of the network is 71 cents; it says what lies between by the weights of neighbours. Not every tone: the package
# itself names this one at 1000 Hz an octave higher.
@pytest.mark.parametrize("fundamental_hz", [65.4, 110.0, 123.0, 220.0, 329.6, 440.0, 451.0, 659.3, 880.0, 1500.0])
def test_a_harmonic_tone_has_its_fundamental_as_pitch(fundamental_hz: float) -> None:
    measured = payload("pitch_swift_f0", harmonic_tone(fundamental_hz, duration_s=0.5))

    assert measured["f0"]["p50"] == pytest.approx(fundamental_hz, rel=0.02)
    assert measured["voiced_ratio"]["value"] > 0.8


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 48_000, 192_000])
def test_a_tone_has_the_same_note_at_every_rate(rate_hz: int) -> None:
    measured = payload("pitch_swift_f0", sine(440, duration_s=0.5, rate_hz=rate_hz), rate_hz)

    assert measured["note"]["value"] == "A4"


@pytest.mark.parametrize(("rate_hz", "extent_cents"), [(4.5, 100), (5.5, 100), (7, 200)])
def test_a_vibrato_has_its_rate_and_extent(rate_hz: float, extent_cents: float) -> None:
    measured = payload("pitch_swift_f0", vibrato_tone(rate_hz, extent_cents, duration_s=4))

    assert measured["vibrato_rate"]["value"] == pytest.approx(rate_hz, abs=0.26)
    assert measured["vibrato_extent"]["value"] == pytest.approx(extent_cents, rel=0.06)


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["music_fast.ogg", "music_slow.ogg"])
def test_a_melody_is_as_high_as_pyin_hears_it(recordings: Path, name: str) -> None:
    samples, rate_hz = load(recordings / name)

    by_network, by_pyin = payload("pitch_swift_f0", samples, rate_hz), payload("pitch", samples, rate_hz)

    assert by_network["f0"]["p50"] == pytest.approx(by_pyin["f0"]["p50"], rel=0.01)
    assert by_network["voiced_ratio"]["value"] == pytest.approx(by_pyin["voiced_ratio"]["value"], abs=0.02)
    assert by_network.keys() & by_pyin.keys() >= {"f0", "note", "range", "voiced_ratio", "vibrato_rate"}


def assert_equal_to_swift_f0(series: dict[str, Any], samples: Floats) -> None:
    expected: PitchResult = SwiftF0(threads=1).detect(samples, RATE_HZ)
    np.testing.assert_allclose(series["times_s"], expected.timestamps)
    np.testing.assert_allclose(series["confidence"], expected.confidence, rtol=0, atol=1e-5)
    likely = expected.confidence >= 0.1
    np.testing.assert_allclose(series["f0_swift_f0"][likely], expected.pitch_hz[likely], rtol=1e-4)
