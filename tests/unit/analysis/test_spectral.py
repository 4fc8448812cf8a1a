"""Spectral frame values are librosa's, on real recordings at their own rate."""

from pathlib import Path

import librosa
import numpy as np
import pytest

from services.analysis.extractors.spectral import Spectral
from services.analysis.spectral import ZeroCrossings

from .signals import RATE_HZ, Floats, load, noise, payload, shared_blocks, sine

RECORDINGS = [
    "spinetail.wav",
    "voice.flac",
    "music_fast.ogg",
    "music_slow.ogg",
    "birds_10s.wav",
    "night/S4A03895_20190522_070000.wav",
    "night/S4A03895_20190522_190000.wav",
]


@pytest.mark.recordings
@pytest.mark.parametrize("name", RECORDINGS)
def test_spectral_frames_are_librosas(recordings: Path, name: str) -> None:
    samples, rate_hz = load(recordings / name)

    values = frame_values(samples, rate_hz)

    magnitude = np.abs(librosa.stft(samples))
    centroid = librosa.feature.spectral_centroid(S=magnitude, sr=rate_hz)[0]
    bandwidth = librosa.feature.spectral_bandwidth(S=magnitude, sr=rate_hz)[0]
    flatness = librosa.feature.spectral_flatness(S=magnitude)[0]
    np.testing.assert_allclose(values["centroid"], centroid, rtol=1e-4, atol=0.01)
    np.testing.assert_allclose(values["bandwidth"], bandwidth, rtol=1e-4, atol=0.01)
    np.testing.assert_allclose(values["flatness"], flatness, rtol=1e-3, atol=1e-9)


@pytest.mark.recordings
@pytest.mark.parametrize("name", RECORDINGS)
def test_rolloff_is_librosas_bin_but_for_rounding(recordings: Path, name: str) -> None:
    samples, rate_hz = load(recordings / name)

    rolloff = frame_values(samples, rate_hz)["rolloff"]

    expected = librosa.feature.spectral_rolloff(S=np.abs(librosa.stft(samples)), sr=rate_hz)[0]
    bins_apart = np.abs(rolloff - expected) * 2048 / rate_hz
    assert bins_apart.max() < 1.01
    assert (bins_apart > 0.5).mean() < 0.002


@pytest.mark.recordings
@pytest.mark.parametrize("name", RECORDINGS)
def test_rms_and_zero_crossings_are_librosas(recordings: Path, name: str) -> None:
    samples, _ = load(recordings / name)
    blocks = list(shared_blocks(samples, block_frames=30_000))
    crossings = ZeroCrossings()

    rate = np.concatenate([*(crossings.add(block.samples) for block in blocks), crossings.finish()])
    rms = np.concatenate([np.hypot(block.frame_deviation, block.frame_mean) for block in blocks])

    np.testing.assert_allclose(rate, librosa.feature.zero_crossing_rate(samples)[0], rtol=0, atol=1e-7)
    np.testing.assert_allclose(rms, librosa.feature.rms(y=samples)[0], rtol=1e-4, atol=1e-7)


@pytest.mark.recordings
def test_aggregates_leave_out_frames_that_reach_over_an_end(recordings: Path) -> None:
    samples, rate_hz = load(recordings / "spinetail.wav")

    centroid = payload("spectral", samples, rate_hz)["centroid"]

    last = (len(samples) - 1024) // 512
    inner = librosa.feature.spectral_centroid(y=samples, sr=rate_hz)[0][2 : last + 1]
    assert centroid["frames"] == len(inner)
    assert centroid["mean"] == pytest.approx(inner.mean(), rel=1e-5)
    assert centroid["p95"] == pytest.approx(np.quantile(inner, 0.95), rel=1e-5)


def test_silent_frames_have_no_spectrum_but_a_level() -> None:
    samples = np.concatenate([sine(1000, duration_s=2), np.zeros(2 * RATE_HZ, dtype=np.float32)])

    measured = payload("spectral", samples)

    assert measured["centroid"]["p50"] == pytest.approx(1000, abs=25)
    assert measured["centroid"]["frames"] < 0.55 * measured["rms"]["frames"]
    assert measured["rms"]["min"] == 0.0


def test_white_noise_is_flat_and_a_sine_is_not() -> None:
    flat = payload("spectral", noise(duration_s=2))["flatness"]["mean"]
    tonal = payload("spectral", sine(1000, duration_s=2))["flatness"]["mean"]

    assert flat == pytest.approx(np.exp(-np.euler_gamma), abs=0.02)
    assert tonal < 0.01


def frame_values(samples: Floats, rate_hz: int) -> dict[str, Floats]:
    accumulator = Spectral().accumulator(rate_hz=rate_hz, channels=1)
    values = [accumulator.frame_values(block) for block in shared_blocks(samples, block_frames=30_000)]
    return {measure: np.concatenate([value[measure] for value in values]) for measure in values[0]}
