"""Spectral frame values are librosa's, on real recordings at their own rate."""

from pathlib import Path

import librosa
import numpy as np
import pytest

from services.analysis.contrast import OctaveBands, spectral_contrasts_db
from services.analysis.extractors.spectral import Spectral
from services.analysis.spectral import SpectralFlux, ZeroCrossings

from .signals import RATE_HZ, Floats, heard_with_series, load, noise, payload, shared_blocks, sine

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


@pytest.mark.parametrize("rate_hz", [12_801, 22_050, 44_100, 51_200, 192_000, 409_600])
def test_the_bands_of_contrast_are_librosas_at_any_rate(rate_hz: int) -> None:
    magnitude = np.random.default_rng(0).exponential(1, (50, 1025)).astype(np.float32)
    magnitude[20:] *= np.float32(1e-9)

    contrast_db = spectral_contrasts_db(*OctaveBands(rate_hz).extremes(magnitude))

    expected = librosa.feature.spectral_contrast(S=magnitude.T, sr=rate_hz).T
    np.testing.assert_allclose(contrast_db, expected, rtol=0, atol=1e-4)


def test_a_tone_contrasts_in_its_own_band() -> None:
    samples = sine(1000, duration_s=2) + noise(duration_s=2, deviation=0.001)

    contrast = payload("spectral", samples)["contrast"]

    assert int(np.argmax(contrast["p50"])) == 3
    assert len(contrast["mean"]) == 7


@pytest.mark.parametrize(("rate_hz", "reason"), [(12_800, "rate_too_low"), (500_000, "empty_band")])
def test_where_a_band_of_contrast_has_no_bins_there_is_none(rate_hz: int, reason: str) -> None:
    measured, series = heard_with_series(Spectral(), noise(duration_s=1), rate_hz)

    assert measured["contrast"]["reason"] == reason
    assert measured["centroid"]["frames"] > 0
    assert np.isnan(series["contrast_0"]).all()
    assert np.isfinite(series["centroid"]).all()


def test_flux_rises_where_a_tone_begins_and_is_none_where_it_ends() -> None:
    quiet = noise(duration_s=1, deviation=0.001)
    # A tone that is cut off clicks.
    fading = np.minimum(1, np.linspace(5, 0, RATE_HZ)).astype(np.float32)
    samples = np.concatenate([quiet, sine(1000, duration_s=1) * fading + quiet, quiet])

    _, series = heard_with_series(Spectral(), samples)

    flux, times_s = series["flux"], series["times_s"]
    assert np.isnan(flux[0])
    assert times_s[1 + np.argmax(flux[1:])] == pytest.approx(1, abs=0.03)
    assert flux[np.abs(times_s - 2) < 0.01].max() < flux[1:].max() / 20


def test_flux_does_not_depend_on_blocks() -> None:
    magnitude = np.random.default_rng(0).exponential(1, (100, 1025)).astype(np.float32)
    flux = SpectralFlux()

    pieces = [flux.add(piece) for piece in (magnitude[:1], magnitude[1:1], magnitude[1:40], magnitude[40:])]

    expected = librosa.onset.onset_strength(S=magnitude.T, sr=RATE_HZ, center=False)
    np.testing.assert_allclose(np.concatenate(pieces)[1:], expected[1:], rtol=1e-5)


def test_windows_of_contrast_are_each_as_if_they_were_alone() -> None:
    samples = np.concatenate([noise(duration_s=3), noise(duration_s=3, deviation=1e-3)])

    _, series = heard_with_series(Spectral(window_frames=256), samples)

    contrasts = np.stack([series[f"contrast_{band}"] for band in range(7)])
    magnitude = np.abs(librosa.stft(samples))
    alone = [
        librosa.feature.spectral_contrast(S=magnitude[:, start : start + 256], sr=RATE_HZ)
        for start in range(0, magnitude.shape[1], 256)
    ]
    np.testing.assert_allclose(contrasts, np.concatenate(alone, axis=1)[:, 2:-2], rtol=0, atol=1e-3)
    assert series["times_s"][0] == pytest.approx(1024 / RATE_HZ)
    np.testing.assert_allclose(np.diff(series["times_s"]), 512 / RATE_HZ)


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
