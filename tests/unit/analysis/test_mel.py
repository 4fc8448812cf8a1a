"""The mel filter bank and the levels of its bands are librosa's."""

from pathlib import Path

import librosa
import numpy as np
import pytest

from services.analysis.extractors.mel import Mel
from services.analysis.mel import MelProjection, mel_filters

from .signals import RATE_HZ, heard, heard_with_series, load, noise, payload, sine
from .test_tempo import as_music


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 32_000, 44_100, 48_000])
def test_mel_filters_are_librosas_at_any_rate(rate_hz: int) -> None:
    filters = mel_filters(rate_hz, bins=1025, bands=128)

    expected = librosa.filters.mel(sr=rate_hz, n_fft=2048, n_mels=128)
    np.testing.assert_allclose(filters, expected, rtol=0, atol=1e-6 * expected.max())


# librosa warns that its lowest filters are narrower than a bin; so are ours, and that is what is compared.
@pytest.mark.filterwarnings("ignore:Empty filters detected in mel frequency basis:UserWarning")
def test_filters_narrower_than_a_bin_stay_empty_at_high_rates() -> None:
    filters = mel_filters(384_000, bins=1025, bands=128)

    expected = librosa.filters.mel(sr=384_000, n_fft=2048, n_mels=128)
    np.testing.assert_allclose(filters, expected, rtol=0, atol=1e-6 * expected.max())


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 384_000])
def test_the_grouped_projection_is_the_product_with_the_whole_bank(rate_hz: int) -> None:
    power = np.random.default_rng(0).exponential(1, (7, 1025)).astype(np.float32)

    projected = MelProjection(rate_hz, bins=1025, bands=128).project(power)

    expected = power @ mel_filters(rate_hz, bins=1025, bands=128).T
    np.testing.assert_allclose(projected, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.recordings
@pytest.mark.parametrize("bands", [16, 64, 128])
def test_the_levels_of_any_number_of_bands_are_librosas(recordings: Path, bands: int) -> None:
    samples, rate_hz = load(recordings / "spinetail.wav")
    music, music_rate_hz = as_music(samples, rate_hz)

    measured, series = heard_with_series(Mel(bands=bands), samples, rate_hz)

    power = librosa.feature.melspectrogram(y=music, sr=music_rate_hz, n_mels=bands)
    expected = librosa.power_to_db(power, top_db=None)
    levels_db = np.stack([series[f"mel_{band}"] for band in range(bands)])
    counted = np.isfinite(levels_db[0])
    np.testing.assert_allclose(levels_db[:, counted], expected[:, counted], rtol=0, atol=0.05)
    np.testing.assert_allclose(series["times_s"], librosa.times_like(expected, sr=music_rate_hz))
    np.testing.assert_allclose(measured["mel"]["mean"], expected[:, counted].mean(axis=1), rtol=0, atol=1e-3)
    np.testing.assert_allclose(measured["mel"]["p95"], np.quantile(expected[:, counted], 0.95, axis=1), atol=1e-3)
    assert measured["mel"]["frames"] == counted.sum() == counted.size - 4


def test_a_tone_is_loudest_in_its_band_and_ten_times_the_amplitude_is_20_db_more() -> None:
    quiet, loud = (payload("mel", sine(1000, duration_s=2, peak=peak))["mel"]["p50"] for peak in (0.05, 0.5))

    band = int(np.argmax(loud))
    assert mel_filters(22_050, bins=1025, bands=64)[band, round(1000 * 2048 / 22_050)] > 0
    assert loud[band] - quiet[band] == pytest.approx(20, abs=0.01)


def test_levels_do_not_depend_on_blocks_and_silence_between_sounds_is_null() -> None:
    silence = np.zeros(RATE_HZ, dtype=np.float32)
    samples = np.concatenate([noise(duration_s=1), silence, noise(duration_s=1)])

    whole, pieces = (heard(Mel(), samples, block_frames=frames) for frames in (200_000, 777))
    _, series = heard_with_series(Mel(), samples)

    assert pieces["mel"]["p50"] == pytest.approx(whole["mel"]["p50"], abs=1e-4)
    assert pieces["mel"]["mean"] == pytest.approx(whole["mel"]["mean"])
    assert np.isnan(series["mel_0"][np.abs(series["times_s"] - 1.5) < 0.4]).all()
