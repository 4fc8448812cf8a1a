"""The mel filter bank is librosa's."""

import librosa
import numpy as np
import pytest

from services.analysis.mel import MelProjection, mel_filters


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
