"""Levels of signals whose levels are known."""

import numpy as np
import pytest

from .signals import payload, sine


def test_a_full_scale_sine_peaks_at_0_dbfs_and_has_an_rms_of_minus_3() -> None:
    measured = payload("loudness", sine(997, duration_s=1, peak=1.0))

    assert measured["peak"]["value"] == pytest.approx(0, abs=0.001)
    assert measured["rms"]["value"] == pytest.approx(-3.01, abs=0.01)
    assert measured["crest_factor"]["value"] == pytest.approx(3.01, abs=0.01)


def test_a_recorders_offset_is_left_out_of_the_rms() -> None:
    measured = payload("loudness", sine(997, duration_s=1, peak=0.01) + np.float32(0.25))

    assert measured["rms"]["value"] == pytest.approx(-43.01, abs=0.01)


def test_opposite_channels_do_not_cancel_each_other() -> None:
    tone = sine(997, duration_s=1)

    measured = payload("loudness", np.stack([tone, -0.5 * tone], axis=1))

    assert measured["peak_per_channel"]["values"] == pytest.approx([0.5, 0.25], abs=1e-4)
    assert measured["rms"]["value"] == pytest.approx(10 * np.log10((0.125 + 0.03125) / 2), abs=0.01)


@pytest.mark.parametrize("rate_hz", [11_025, 44_100])
def test_the_silence_ratio_is_the_share_of_silent_tenths_of_a_second(rate_hz: int) -> None:
    quiet = np.full(rate_hz, 0.2, dtype=np.float32)
    samples = np.concatenate([sine(440, duration_s=3, rate_hz=rate_hz), quiet])

    measured = payload("loudness", samples, rate_hz, block_frames=1234)

    assert measured["silence_ratio"]["value"] == pytest.approx(0.25, abs=0.001)


def test_below_4_khz_there_is_no_k_weighting_and_so_no_loudness() -> None:
    measured = payload("loudness", sine(100, duration_s=1, rate_hz=2000), 2000)

    assert measured["integrated_loudness"]["reason"] == "rate_too_low"
    assert measured["peak"]["value"] == pytest.approx(-6.02, abs=0.01)
