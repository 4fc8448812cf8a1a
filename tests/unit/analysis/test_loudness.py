"""Loudness is that of ITU-R BS.1770-4, written out plainly here with recursive filters."""

from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import lfilter  # type: ignore[import-untyped] # scipy ships no stubs; it comes with librosa

from services.analysis.kweighting import WeightedEnergy, k_weighting

from .signals import RATE_HZ, Floats, noise, payload, sine

# The standard's own coefficients, tables 1 and 2, for 48 kHz.
SHELF = ([1.53512485958697, -2.69169618940638, 1.19839281085285], [1.0, -1.69065929318241, 0.73248077421585])
HIGH_PASS = ([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621])


def test_k_weighting_at_48_khz_is_the_standards_two_filters() -> None:
    samples = noise(duration_s=2, rate_hz=48_000)[:, np.newaxis]
    samples[0] = 0
    energy = WeightedEnergy(rate_hz=48_000, channels=1, steps_per_s=100)

    mean_squares = energy.add(samples)

    expected = np.square(plainly_weighted(samples)).reshape(-1, 480).mean(axis=1)
    np.testing.assert_allclose(mean_squares, expected, rtol=1e-5)
    np.testing.assert_allclose(k_weighting(48_000)[0], [*SHELF[0], *SHELF[1][1:]], atol=1e-7)
    np.testing.assert_allclose(k_weighting(48_000)[1], [*HIGH_PASS[0], *HIGH_PASS[1][1:]], atol=1e-7)


def test_a_step_that_is_no_whole_number_of_samples_keeps_its_place() -> None:
    samples = noise(duration_s=3, rate_hz=11_025)[:, np.newaxis]
    energy = WeightedEnergy(rate_hz=11_025, channels=1, steps_per_s=100)

    steps = [len(energy.add(piece)) for piece in np.array_split(samples, 50)]

    assert sum(steps) == 300


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["voice.flac", "1min.wav", "spinetail.wav", "night/S4A03895_20190522_070000.wav"])
def test_loudness_of_real_recordings_is_the_standards(recordings: Path, name: str) -> None:
    channels, rate_hz = soundfile.read(recordings / name, dtype="float32", always_2d=True)
    resampled = librosa.resample(channels, orig_sr=rate_hz, target_sr=48_000, axis=0)

    measured = payload("loudness", resampled, 48_000)["integrated_loudness"]["value"]

    assert measured == pytest.approx(plain_loudness_lufs(resampled), abs=0.001)
    native = payload("loudness", channels, rate_hz)["integrated_loudness"]["value"]
    assert native == pytest.approx(measured, abs=0.1)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("level_dbfs", [-23.0, -33.0])
def test_a_stereo_sine_reads_its_level_at_every_rate(rate_hz: int, level_dbfs: float) -> None:
    """EBU Tech 3341, cases 1 and 2: 1 kHz at -23 and -33 dBFS in both channels, within 0.1 LU."""
    tone = sine(1000, duration_s=5, peak=10 ** (level_dbfs / 20), rate_hz=rate_hz)

    measured = payload("loudness", np.stack([tone, tone], axis=1), rate_hz)

    assert measured["integrated_loudness"]["value"] == pytest.approx(level_dbfs, abs=0.1)


def test_quiet_passages_are_gated_out() -> None:
    """EBU Tech 3341, case 3: -36 dBFS around one minute of -23 dBFS, here ten times shorter."""
    levels_dbfs_and_s = [(-36, 1), (-23, 6), (-36, 1)]
    tone = np.concatenate([sine(1000, duration_s=s, peak=10 ** (db / 20)) for db, s in levels_dbfs_and_s])

    measured = payload("loudness", np.stack([tone, tone], axis=1))

    assert measured["integrated_loudness"]["value"] == pytest.approx(-23.0, abs=0.2)


def test_the_low_frequency_channel_is_not_heard_and_surrounds_weigh_more() -> None:
    tone = sine(1000, duration_s=3, peak=0.1)
    silent = np.zeros_like(tone)
    centre = payload("loudness", np.stack([silent, silent, tone, silent, silent, silent], axis=1))
    low = payload("loudness", np.stack([silent, silent, silent, tone, silent, silent], axis=1))
    surround = payload("loudness", np.stack([silent, silent, silent, silent, tone, silent], axis=1))

    gain_lu = surround["integrated_loudness"]["value"] - centre["integrated_loudness"]["value"]

    assert low["integrated_loudness"]["reason"] == "below_loudness_gate"
    assert gain_lu == pytest.approx(10 * np.log10(1.41), abs=1e-3)


def test_a_recorders_offset_is_not_heard_as_a_click_at_the_start() -> None:
    samples = noise(duration_s=3, deviation=0.001)

    clean = payload("loudness", samples)["integrated_loudness"]["value"]
    offset = payload("loudness", samples + np.float32(0.1))["integrated_loudness"]["value"]

    assert offset == pytest.approx(clean, abs=0.05)


def test_less_than_one_gating_block_has_no_loudness() -> None:
    measured = payload("loudness", sine(1000, duration_s=0.399))

    assert measured["integrated_loudness"] == {"value": None, "unit": "LUFS", "reason": "too_short"}


def test_loudness_does_not_depend_on_the_blocks_that_samples_came_in() -> None:
    samples = noise(duration_s=3)

    whole = payload("loudness", samples, RATE_HZ, block_frames=10**6)
    pieces = payload("loudness", samples, RATE_HZ, block_frames=777)

    assert pieces["integrated_loudness"]["value"] == pytest.approx(whole["integrated_loudness"]["value"], abs=1e-5)


def plainly_weighted(samples: Floats) -> NDArray[np.float64]:
    shelved = lfilter(*SHELF, samples.astype(np.float64), axis=0)
    return np.asarray(lfilter(*HIGH_PASS, shelved, axis=0))


def plain_loudness_lufs(samples: Floats) -> float:
    primed = np.concatenate([np.repeat(samples[:1], 48_000, axis=0), samples])
    squares = np.square(plainly_weighted(primed)[48_000:])
    starts = range(0, len(squares) - 19_200 + 1, 4_800)
    blocks = np.array([squares[start : start + 19_200].mean(axis=0).sum() for start in starts])
    audible = blocks[loudness_lufs(blocks) > -70]
    foreground = audible[loudness_lufs(audible) > loudness_lufs(audible.mean()) - 10]
    return float(loudness_lufs(foreground.mean()))


def loudness_lufs(mean_square: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(mean_square, 1e-12)))
