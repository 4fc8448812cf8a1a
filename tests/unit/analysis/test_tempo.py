"""Tempo is librosa's where there is one, and no number where there is none."""

from pathlib import Path

import librosa
import numpy as np
import pytest

from services.analysis.extractors.tempo import Tempo
from services.analysis.mel import MelProjection
from services.analysis.onsets import onset_frames, onset_strength
from services.analysis.tempogram import estimate_tempo

from .signals import RATE_HZ, Floats, clicks, load, noise, payload, shared_blocks, sine

RECORDINGS = [
    "spinetail.wav",
    "voice.flac",
    "music_fast.ogg",
    "music_slow.ogg",
    "snare_accelerate.ogg",
    "birds_10s.wav",
    "rugr_drum.wav",
    "1min.wav",
    "night/S4A03895_20190522_070000.wav",
    "night/S4A03895_20190522_120000.wav",
]


@pytest.mark.recordings
@pytest.mark.parametrize("name", RECORDINGS)
def test_onset_strength_and_tempo_are_librosas(recordings: Path, name: str) -> None:
    samples, rate_hz = load(recordings / name)

    strength = onset_strength(mel_power(samples, rate_hz))
    bpm = estimate_tempo(strength, rate_hz).bpm

    expected = librosa.onset.onset_strength(y=samples, sr=rate_hz)
    np.testing.assert_allclose(strength, expected, rtol=0, atol=1e-3)
    assert bpm == pytest.approx(librosa.feature.tempo(y=samples, sr=rate_hz).item(), rel=1e-9)


@pytest.mark.recordings
@pytest.mark.parametrize("name", RECORDINGS)
def test_onsets_are_librosas(recordings: Path, name: str) -> None:
    samples, rate_hz = load(recordings / name)
    strength = librosa.onset.onset_strength(y=samples, sr=rate_hz)

    found = onset_frames(strength, rate_hz)

    expected = librosa.onset.onset_detect(onset_envelope=strength, sr=rate_hz)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.recordings
def test_music_has_a_tempo_and_a_bird_recording_has_none(recordings: Path) -> None:
    music = payload("tempo", *load(recordings / "music_fast.ogg"))
    birds = payload("tempo", *load(recordings / "birds_10s.wav"))

    assert music["bpm"]["value"] == pytest.approx(87.59, abs=0.01)
    assert birds["bpm"] == {"value": None, "unit": "BPM", "reason": "no_periodicity"}
    assert birds["confidence"]["value"] < 0.2


@pytest.mark.parametrize("bpm", [60, 90, 120, 140])
def test_regular_clicks_have_their_tempo_and_high_confidence(bpm: int) -> None:
    times_s = np.arange(0.1, 19.9, 60 / bpm)

    measured = payload("tempo", clicks(times_s, duration_s=20))

    assert measured["bpm"]["value"] == pytest.approx(bpm, rel=0.02)
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


def test_a_long_recording_has_a_tempo_for_each_window_and_their_median_for_the_whole() -> None:
    settings = Tempo(window_s=8.0)
    parts = [clicks(np.arange(0.1, 7.9, 60 / bpm), duration_s=8) for bpm in (90, 120, 140)]
    accumulator = settings.accumulator(rate_hz=RATE_HZ, channels=1)

    for block in shared_blocks(np.concatenate([*parts, noise(duration_s=2)])):
        accumulator.add(block)
    measured = accumulator.result()

    windows = measured["windows"]
    assert isinstance(windows, list)
    assert [window["bpm"]["value"] for window in windows[:3]] == pytest.approx([90, 120, 140], rel=0.03)
    assert windows[3]["bpm"]["reason"] == "too_short"
    assert [window["start_s"] for window in windows] == pytest.approx([0, 8, 16, 24], abs=0.05)
    assert measured["bpm"] == windows[1]["bpm"]


def mel_power(samples: Floats, rate_hz: int) -> Floats:
    projection = MelProjection(rate_hz, bins=1025, bands=128)
    return np.concatenate([projection.project(block.power) for block in shared_blocks(samples)])


def random_times_s(random: np.random.Generator, until_s: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    times_s = np.cumsum(random.exponential(0.35, 100))
    return times_s[times_s < until_s]
