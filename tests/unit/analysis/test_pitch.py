"""Pitch is librosa's pYIN frame by frame; what the aggregates count is a pitch, and no artefact of it."""

from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analysis.extractors.pitch import Pitch
from services.analysis.extractors.pitch_measures import note_name

from .signals import RATE_HZ, Floats, clicks, harmonic_tone, heard_with_series, load, noise, payload, sine, vibrato_tone

AT_22050 = [
    "1min.wav",
    "audiomoth_gps.wav",
    "birds_10s.wav",
    "metadata.wav",
    "music_fast.ogg",
    "music_slow.ogg",
    "rugr_drum.wav",
    "short_no_metadata.wav",
    "silence_10s.mp3",
    "snare_accelerate.ogg",
    "spinetail.wav",
    "stereo.wav",
    "voice.flac",
    "voice.ogg",
]
# 22,000 Hz, and a direct current of seven times the sound: float32 leaves librosa too little of it.
AT_22000 = [f"night/S4A03895_20190522_{time}.wav" for time in ("000000", "053000", "070000", "180000", "213000")]
SETTINGS = Pitch()


@pytest.mark.recordings
@pytest.mark.parametrize("name", AT_22050)
def test_every_frame_is_librosas_pyin(recordings: Path, name: str) -> None:
    samples, rate_hz = first_seconds(recordings / name)
    music = librosa.resample(samples, orig_sr=rate_hz, target_sr=22_050)

    series = pitch_series(samples, rate_hz)

    assert_equal_to_librosa(series, music, 22_050)


@pytest.mark.recordings
@pytest.mark.parametrize("name", AT_22000)
def test_every_frame_at_a_lower_rate_is_librosas_pyin_of_float64_samples(recordings: Path, name: str) -> None:
    samples, rate_hz = first_seconds(recordings / name)

    series = pitch_series(samples, rate_hz)

    assert_equal_to_librosa(series, samples.astype(np.float64), rate_hz)


def test_series_have_one_value_per_hop_in_the_order_of_time() -> None:
    series = pitch_series(harmonic_tone(220, duration_s=5), RATE_HZ)

    assert len(series["times_s"]) == 1 + 5 * 22_050 // 512
    np.testing.assert_allclose(np.diff(series["times_s"]), 512 / 22_050)


@pytest.mark.recordings
def test_a_voice_is_voiced_and_a_bird_above_the_range_is_not(recordings: Path) -> None:
    voice = payload("pitch", *load(recordings / "voice.flac"))
    bird = payload("pitch", *load(recordings / "spinetail.wav"))

    assert 100 < voice["f0"]["p50"] < 250
    assert voice["voiced_ratio"]["value"] > 0.6
    assert 12 < voice["range"]["value"] < 30
    assert bird["voiced_ratio"]["value"] < 0.005
    assert bird["above_range_ratio"]["value"] > 0.05


@pytest.mark.parametrize("samples", [noise(duration_s=5), clicks(np.arange(0.1, 4.9, 0.5), duration_s=5)])
def test_what_librosa_calls_voiced_in_noise_and_clicks_is_not_counted(samples: Floats) -> None:
    measured = payload("pitch", samples)

    series = pitch_series(samples, RATE_HZ)
    assert np.isfinite(series["f0_pyin"]).mean() > 0.1
    assert np.isnan(series["f0"]).all()
    assert measured["f0"]["reason"] == "no_voiced_frames"
    assert measured["voiced_ratio"]["value"] == 0


@pytest.mark.parametrize(("rate_hz", "extent_cents"), [(4.5, 30), (5.5, 50), (7, 100)])
def test_a_vibrato_has_its_rate_and_extent(rate_hz: float, extent_cents: float) -> None:
    measured = payload("pitch", vibrato_tone(rate_hz, extent_cents, duration_s=4))

    assert measured["vibrato_rate"]["value"] == pytest.approx(rate_hz, abs=0.26)
    assert measured["vibrato_extent"]["value"] == pytest.approx(extent_cents, rel=0.15)


@pytest.mark.parametrize(("rate_hz", "extent_cents"), [(0, 0), (1, 100), (12, 50), (6, 5)])
def test_a_steady_tone_a_slow_glide_a_trill_and_a_tremble_are_no_vibrato(rate_hz: float, extent_cents: float) -> None:
    measured = payload("pitch", vibrato_tone(rate_hz, extent_cents, duration_s=4))

    assert measured["f0"]["p50"] == pytest.approx(440, rel=0.06)
    assert measured["vibrato_rate"] == {"value": None, "unit": "Hz", "reason": "no_vibrato"}
    assert measured["vibrato_extent"]["reason"] == "no_vibrato"


# pYIN answers in tenths of a semitone; above 1 kHz a parabola through three samples of d' is off by more.
@given(fundamental_hz=st.floats(80, 950))
@settings(max_examples=25)
def test_a_harmonic_tone_has_its_fundamental_as_pitch(fundamental_hz: float) -> None:
    measured = payload("pitch", harmonic_tone(fundamental_hz, duration_s=0.5))

    assert measured["f0"]["p50"] == pytest.approx(fundamental_hz, rel=0.006)
    assert measured["voiced_ratio"]["value"] > 0.9


@pytest.mark.parametrize("frequency_hz", [2150, 2500, 3000, 4186, 5000, 8000, 10_060, 12_000])
def test_a_tone_above_the_range_is_unvoiced_and_not_an_octave_lower(frequency_hz: float) -> None:
    measured = payload("pitch", sine(frequency_hz, duration_s=1))

    assert measured["f0"]["reason"] == "no_voiced_frames"


@pytest.mark.parametrize("rate_hz", [22_050, 32_000, 44_100])
def test_a_tone_just_above_the_range_is_unvoiced_and_not_at_its_edge(rate_hz: int) -> None:
    measured = payload("pitch", sine(2150, duration_s=1, rate_hz=rate_hz), rate_hz)

    assert measured["f0"]["reason"] == "no_voiced_frames"


def test_slow_rumble_is_unvoiced() -> None:
    rumble = sine(20, duration_s=2) + noise(duration_s=2, deviation=0.01)

    measured = payload("pitch", rumble)

    assert measured["f0"]["reason"] == "no_voiced_frames"


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 48_000, 96_000, 192_000])
def test_a_tone_has_the_same_pitch_at_every_rate(rate_hz: int) -> None:
    measured = payload("pitch", sine(440, duration_s=0.5, rate_hz=rate_hz), rate_hz)

    ten_cents = 2 ** (10 / 1200) - 1
    assert measured["f0"]["p50"] == pytest.approx(440, rel=ten_cents)
    assert measured["note"]["value"] == "A4"


def test_a_low_rate_ends_the_range_at_a_quarter_of_it() -> None:
    measured = payload("pitch", sine(200, duration_s=10, rate_hz=1000), 1000)

    assert measured["searched_to"]["value"] == 250
    assert measured["f0"]["p50"] == pytest.approx(200, rel=0.02)


@pytest.mark.parametrize(
    ("frequency_hz", "name"), [(440, "A4"), (261.6, "C4"), (65.5, "C2"), (987.8, "B5"), (554.4, "C#5")]
)
def test_notes_are_named_by_scientific_pitch(frequency_hz: float, name: str) -> None:
    assert note_name(frequency_hz) == name


def first_seconds(recording: Path, *, duration_s: int = 10) -> tuple[Floats, int]:
    samples, rate_hz = load(recording)
    return samples[: duration_s * rate_hz], rate_hz


def pitch_series(samples: Floats, rate_hz: int) -> dict[str, Any]:
    _, series = heard_with_series(SETTINGS, samples, rate_hz, block_frames=30_011)
    return series


def assert_equal_to_librosa(series: dict[str, Any], samples: Any, rate_hz: int) -> None:
    f0_hz, voiced, probability = librosa.pyin(
        samples, fmin=SETTINGS.f_min_hz, fmax=SETTINGS.f_max_hz, sr=rate_hz, frame_length=2048, hop_length=512
    )
    np.testing.assert_array_equal(np.isfinite(series["f0_pyin"]), voiced)
    np.testing.assert_array_equal(series["f0_pyin"], f0_hz.astype(np.float32))
    # Stored as float32.
    np.testing.assert_allclose(series["voiced_probability"], probability, rtol=1e-7, atol=1e-9)
