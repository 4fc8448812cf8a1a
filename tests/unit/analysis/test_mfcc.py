"""Cepstral coefficients and their derivatives are librosa's."""

from pathlib import Path

import librosa
import numpy as np
import pytest

from services.analysis.extractors.mfcc import Mfcc
from services.analysis.mfcc import deltas, mfccs

from .signals import RATE_HZ, Floats, heard, heard_with_series, load, noise
from .test_onsets import mel_power
from .test_tempo import as_music


@pytest.mark.recordings
@pytest.mark.parametrize("coefficients", [13, 20, 40])
@pytest.mark.parametrize("name", ["music_fast.ogg", "night/S4A03895_20190522_070000.wav"])
def test_aggregates_are_those_of_librosas_frames(recordings: Path, name: str, coefficients: int) -> None:
    samples, rate_hz = load(recordings / name)
    music, music_rate_hz = as_music(samples, rate_hz)

    measured, series = heard_with_series(Mfcc(coefficients=coefficients), samples, rate_hz)

    mfcc = librosa.feature.mfcc(y=music, sr=music_rate_hz, n_mfcc=coefficients)
    counted = np.isfinite(series["mfcc_0"])
    frames = {"mfcc": mfcc, "delta": librosa.feature.delta(mfcc), "delta2": librosa.feature.delta(mfcc, order=2)}
    for measure, expected in frames.items():
        stated, inside = measured[measure], expected[:, counted]
        np.testing.assert_allclose(stated["mean"], inside.mean(axis=1), rtol=0, atol=1e-3)
        np.testing.assert_allclose(stated["std"], inside.std(axis=1), rtol=0, atol=1e-3)
        np.testing.assert_allclose(stated["min"], inside.min(axis=1), rtol=0, atol=2e-3)
        np.testing.assert_allclose(stated["max"], inside.max(axis=1), rtol=0, atol=2e-3)
        np.testing.assert_allclose(stated["p50"], np.median(inside, axis=1), rtol=0, atol=2e-3)
        assert stated["frames"] == counted.sum()


@pytest.mark.parametrize("frames", [9, 10, 200])
@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_are_librosas_to_the_ends(frames: int, order: int) -> None:
    values = np.random.default_rng(0).normal(0, 100, (frames, 13)).astype(np.float32)

    found = deltas(values, order=order)

    expected = librosa.feature.delta(values.T, order=order).T
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_fewer_than_nine_frames_have_no_derivative() -> None:
    assert deltas(np.zeros((8, 13), dtype=np.float32), order=1) is None


def test_the_levels_of_silence_are_cut_80_db_below_the_loudest_as_librosa_does() -> None:
    samples = np.concatenate([noise(duration_s=1), np.zeros(RATE_HZ, dtype=np.float32), noise(duration_s=1)])
    power = mel_power(samples, RATE_HZ)

    coefficients = mfccs(power, 20)

    expected = librosa.feature.mfcc(S=librosa.power_to_db(power.T)).T
    uncut = librosa.feature.mfcc(S=librosa.power_to_db(power.T, top_db=None)).T
    np.testing.assert_allclose(coefficients, expected, rtol=0, atol=1e-2)
    assert np.abs(expected - uncut).max() > 100


def test_windows_of_a_long_recording_are_each_as_if_they_were_alone() -> None:
    samples = np.concatenate([noise(duration_s=5), noise(duration_s=5, deviation=1e-3)])

    _, series = heard_with_series(Mfcc(window_s=2.0), samples)

    power = mel_power(samples, RATE_HZ)
    frames = 1 + 2 * 22_050 // 512
    alone = [mfccs(power[start : start + frames], 20) for start in range(0, len(power), frames)]
    counted = np.isfinite(series["mfcc_0"])
    np.testing.assert_array_equal(stacked(series)[counted], np.concatenate(alone)[counted])
    np.testing.assert_allclose(np.diff(series["times_s"]), 512 / 22_050)


def test_coefficients_do_not_depend_on_blocks() -> None:
    samples = noise(duration_s=5)

    whole, pieces = (heard(Mfcc(), samples, block_frames=frames) for frames in (300_000, 777))

    for measure in ("mfcc", "delta", "delta2"):
        np.testing.assert_allclose(pieces[measure]["p95"], whole[measure]["p95"], rtol=0, atol=1e-4)


def stacked(series: dict[str, Floats]) -> Floats:
    return np.stack([series[f"mfcc_{index}"] for index in range(20)], axis=1)
