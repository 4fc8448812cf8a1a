"""Onsets and their strength are librosa's, and nothing begins where nothing sounds."""

from pathlib import Path

import librosa
import numpy as np
import pytest

from services.analysis.extractors.onsets import Onsets
from services.analysis.onsets import onset_frames, onset_strength
from services.analysis.shared import Input

from .signals import Floats, clicks, heard, heard_with_series, load, noise, payload, shared_blocks, sine
from .test_tempo import RECORDINGS, as_music


@pytest.mark.recordings
@pytest.mark.parametrize("name", RECORDINGS)
def test_onset_strength_is_librosas(recordings: Path, name: str) -> None:
    samples, rate_hz = load(recordings / name)
    music, music_rate_hz = as_music(samples, rate_hz)

    strength = onset_strength(mel_power(samples, rate_hz))

    mean = librosa.onset.onset_strength(y=music, sr=music_rate_hz)
    median = librosa.onset.onset_strength(y=music, sr=music_rate_hz, aggregate=np.median)
    np.testing.assert_allclose(strength.mean, mean, rtol=0, atol=1e-3)
    np.testing.assert_allclose(strength.median, median, rtol=0, atol=2e-3)


@pytest.mark.recordings
@pytest.mark.parametrize("name", RECORDINGS)
def test_onsets_of_a_recording_are_librosas(recordings: Path, name: str) -> None:
    samples, rate_hz = load(recordings / name)
    music, music_rate_hz = as_music(samples, rate_hz)

    measured, series = heard_with_series(Onsets(), samples, rate_hz)

    expected = librosa.onset.onset_detect(y=music, sr=music_rate_hz)
    np.testing.assert_array_equal(np.flatnonzero(series["onset"]), expected)
    assert measured["onset_times"]["values"] == pytest.approx((expected * 512 / music_rate_hz).tolist(), abs=1e-9)
    assert measured["onsets"]["value"] == measured["onset_strength"]["frames"] == len(expected)


@pytest.mark.recordings
@pytest.mark.parametrize("name", RECORDINGS)
def test_onsets_of_an_onset_strength_are_librosas(recordings: Path, name: str) -> None:
    samples, rate_hz = load(recordings / name)
    strength = librosa.onset.onset_strength(y=samples, sr=rate_hz)

    found = onset_frames(strength, rate_hz)

    expected = librosa.onset.onset_detect(onset_envelope=strength, sr=rate_hz)
    np.testing.assert_array_equal(found, expected)


def test_every_click_is_an_onset_at_its_time_and_silence_between_tones_is_counted() -> None:
    times_s = np.arange(0.2, 9.9, 0.5)

    measured = payload("onsets", clicks(times_s, duration_s=10))
    halves = payload("onsets", np.concatenate([sine(440, duration_s=5), np.zeros(5 * 44_100, dtype=np.float32)]))

    # The first onset is that of the recording itself.
    assert measured["onset_times"]["values"][1:] == pytest.approx(times_s.tolist(), abs=0.05)
    assert measured["onset_rate"]["value"] == pytest.approx(2.1, abs=0.05)
    assert measured["silent_ratio"]["value"] == 0
    assert halves["silent_ratio"]["value"] == pytest.approx(0.5, abs=0.01)


def test_a_steady_tone_has_no_onsets_and_silence_has_a_reason_instead() -> None:
    tone = payload("onsets", sine(440, duration_s=10))
    silence = payload("onsets", np.zeros(441_000, dtype=np.float32))

    assert tone["onsets"]["value"] == 0
    assert tone["onset_times"]["values"] == []
    assert tone["onset_strength"]["reason"] == "no_onsets"
    assert silence["onsets"] == {"value": None, "unit": "onsets", "reason": "silent"}
    assert silence["onset_times"] == {"values": None, "unit": "s", "reason": "silent"}
    assert silence["silent_ratio"]["value"] == 1


def test_a_tone_above_the_band_of_music_is_not_called_silent() -> None:
    measured = payload("onsets", sine(15_000, duration_s=5))

    assert measured["onsets"]["value"] == 0
    assert measured["silent_ratio"]["value"] == 0


def test_windows_find_the_onsets_of_the_whole_and_list_the_first() -> None:
    samples = clicks(np.arange(0.25, 29.9, 0.5), duration_s=30)

    whole = heard(Onsets(), samples)
    cut = heard(Onsets(window_s=10.0, listed_onsets=25), samples)

    assert cut["onsets"] == whole["onsets"]
    assert cut["onset_times"]["values"] == whole["onset_times"]["values"][:25]


def test_noise_below_minus_70_dbfs_is_silent() -> None:
    assert payload("onsets", noise(duration_s=5, deviation=1e-4))["onsets"]["reason"] == "silent"


def mel_power(samples: Floats, rate_hz: int) -> Floats:
    blocks = shared_blocks(samples, rate_hz, needs=[Input.MUSIC_MEL])
    return np.concatenate([block.music_mel for block in blocks])
