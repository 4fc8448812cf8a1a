"""Tempo is librosa's where there is one, and no number where there is none."""

from pathlib import Path

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analysis.beats import beat_frames
from services.analysis.extractors.tempo import Tempo
from services.analysis.tempogram import estimate_tempo

from .signals import Floats, clicks, heard, heard_with_series, load, noise, payload, sine

RECORDINGS = [
    "spinetail.wav",
    "voice.flac",
    "music_fast.ogg",
    "music_slow.ogg",
    "snare_accelerate.ogg",
    "birds_10s.wav",
    "rugr_drum.wav",
    "1min.wav",
    "metadata.wav",
    "night/S4A03895_20190522_070000.wav",
    "night/S4A03895_20190522_120000.wav",
]


@pytest.mark.recordings
@pytest.mark.parametrize("name", RECORDINGS)
def test_tempo_and_beats_are_librosas_beat_track(recordings: Path, name: str) -> None:
    samples, rate_hz = load(recordings / name)
    music, music_rate_hz = as_music(samples, rate_hz)
    bpm, beats = librosa.beat.beat_track(y=music, sr=music_rate_hz)

    # However regular it is: what librosa always answers is stated with its confidence.
    measured = heard(Tempo(confidence_min=0, irregular_s=0, onset_min_db=0), samples, rate_hz)

    assert measured["bpm"]["value"] == pytest.approx(float(np.squeeze(bpm)), rel=1e-9)
    assert measured["beat_times"]["values"] == pytest.approx((beats * 512 / music_rate_hz).tolist(), abs=1e-9)
    assert measured["beats"]["value"] == len(beats)


@pytest.mark.recordings
@pytest.mark.parametrize("name", RECORDINGS)
def test_the_tempo_of_an_onset_strength_is_librosas(recordings: Path, name: str) -> None:
    music, rate_hz = as_music(*load(recordings / name))
    strength = librosa.onset.onset_strength(y=music, sr=rate_hz)

    estimate = estimate_tempo(strength, rate_hz)

    expected = librosa.feature.tempo(onset_envelope=strength, sr=rate_hz).item()
    assert estimate.bpm == pytest.approx(expected, rel=1e-9)
    assert estimate.bpm not in {other.bpm for other in estimate.alternatives}


@given(seed=st.integers(0, 2**32), frames=st.integers(2, 3000), period=st.integers(2, 120), rare=st.booleans())
@settings(max_examples=40)
def test_beats_are_librosas_whatever_the_onsets(seed: int, frames: int, period: int, *, rare: bool) -> None:
    random = np.random.default_rng(seed)
    strength = random.exponential(1, frames).astype(np.float32)
    if rare:
        strength[random.random(frames) < 0.97] = 0
    strength[-1] = max(strength[-1], np.float32(0.1))

    found = beat_frames(strength, period)

    bpm = 60 * 22_050 / 512 / period
    _, expected = librosa.beat.beat_track(onset_envelope=strength, sr=22_050, bpm=bpm)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.recordings
def test_slow_music_is_slower_than_fast_music_and_a_bird_recording_has_no_tempo(recordings: Path) -> None:
    slow = payload("tempo", *load(recordings / "music_slow.ogg"))
    fast = payload("tempo", *load(recordings / "music_fast.ogg"))
    birds = payload("tempo", *load(recordings / "birds_10s.wav"))

    assert slow["bpm"]["value"] == pytest.approx(66.26, abs=0.01)
    assert fast["bpm"]["value"] == pytest.approx(89.10, abs=0.01)
    assert birds["bpm"] == {"value": None, "unit": "BPM", "reason": "no_periodicity"}
    assert birds["beat_times"] == {"values": None, "unit": "s", "reason": "no_periodicity"}
    assert birds["confidence"]["value"] < 0.2


@pytest.mark.recordings
def test_a_snare_that_accelerates_has_no_tempo_but_a_course_that_rises(recordings: Path) -> None:
    samples, rate_hz = load(recordings / "snare_accelerate.ogg")

    measured, series = heard_with_series(Tempo(), samples, rate_hz)

    bpm = series["bpm"][np.isfinite(series["bpm"])]
    assert measured["bpm"]["reason"] == "no_periodicity"
    assert len(bpm) >= 8
    assert (np.diff(bpm) > 0).all()
    assert bpm[0] < 50
    assert bpm[-1] > 190
    assert measured["course_bpm"]["max"] == pytest.approx(bpm[-1])


@pytest.mark.parametrize("bpm", [60, 90, 120, 140])
def test_regular_clicks_have_their_tempo_and_high_confidence(bpm: int) -> None:
    times_s = np.arange(0.1, 19.9, 60 / bpm)

    measured = payload("tempo", clicks(times_s, duration_s=20))

    # A period is a whole number of frames; the beats are not bound to it.
    assert measured["bpm"]["value"] == pytest.approx(bpm, rel=0.03)
    assert measured["beat_bpm"]["value"] == pytest.approx(bpm, rel=0.005)
    assert len(measured["alternative_bpm"]["values"]) == 2
    assert measured["confidence"]["value"] > 0.7
    assert measured["onset_rate"]["value"] == pytest.approx(bpm / 60, rel=0.1)


@pytest.mark.parametrize("duration_s", [4, 6, 10, 30])
@pytest.mark.parametrize("seed", range(3))
def test_noise_has_no_tempo(duration_s: int, seed: int) -> None:
    measured = payload("tempo", noise(duration_s=duration_s, seed=seed))

    assert measured["bpm"] == {"value": None, "unit": "BPM", "reason": "no_periodicity"}
    assert measured["confidence"]["value"] < 0.3


def test_clicks_at_random_times_have_a_tempo_in_one_of_twenty_recordings_at_most() -> None:
    random = np.random.default_rng(2)

    reasons = [payload("tempo", clicks(random_times_s(random, 7.9), duration_s=8))["bpm"]["reason"] for _ in range(20)]

    assert reasons.count("no_periodicity") >= 19


def test_a_steady_tone_has_no_onsets_and_so_no_tempo() -> None:
    measured = payload("tempo", sine(440, duration_s=10))

    assert measured["bpm"] == {"value": None, "unit": "BPM", "reason": "no_onsets"}


def test_a_long_recording_has_a_tempo_for_each_window_and_the_whole_has_the_middle_one() -> None:
    parts = [clicks(np.arange(0.1, 7.9, 60 / bpm), duration_s=8) for bpm in (90, 120, 140)]
    samples = np.concatenate([*parts, noise(duration_s=2)])

    measured = heard(Tempo(window_s=8.0), samples)

    windows = measured["windows"]
    assert [window["bpm"]["value"] for window in windows[:3]] == pytest.approx([90, 120, 140], rel=0.03)
    assert windows[3]["bpm"]["reason"] == "too_short"
    assert [window["start_s"] for window in windows] == pytest.approx([0, 8, 16, 24], abs=0.1)
    assert measured["bpm"] == windows[1]["bpm"]
    beats_s = measured["beat_times"]["values"]
    assert measured["beats"]["value"] == len(beats_s) > 40
    assert (np.diff(beats_s) > 0).all()


def test_no_more_beats_are_listed_than_asked_for_but_all_are_counted() -> None:
    measured = heard(Tempo(listed_beats=5), clicks(np.arange(0.1, 9.9, 0.5), duration_s=10))

    assert len(measured["beat_times"]["values"]) == 5
    assert measured["beats"]["value"] >= 18


def test_a_recording_below_8_khz_has_no_tempo() -> None:
    measured = payload("tempo", noise(duration_s=10, rate_hz=4000), 4000)

    assert measured["bpm"]["reason"] == "rate_too_low"


def as_music(samples: Floats, rate_hz: int) -> tuple[Floats, int]:
    """Return what librosa.load returns, but no rate above the recording's own."""
    if rate_hz <= 22_050:
        return samples, rate_hz
    return librosa.resample(samples, orig_sr=rate_hz, target_sr=22_050), 22_050


def random_times_s(random: np.random.Generator, until_s: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    times_s = np.cumsum(random.exponential(0.35, 100))
    return times_s[times_s < until_s]
