"""Autocorrelations put together from hops are those of the frames."""

import numpy as np
import pytest

from services.analysis.hop_correlation import hop_autocorrelations


@pytest.mark.parametrize(("hop", "frame_hops", "lags"), [(512, 4, 339), (512, 4, 513), (8, 3, 9), (6, 2, 1)])
def test_autocorrelations_from_hops_are_those_of_the_frames(hop: int, frame_hops: int, lags: int) -> None:
    hops = np.random.default_rng(0).normal(0.3, 1.0, (12, hop))

    found = hop_autocorrelations(hops, frame_hops=frame_hops, lags=lags)

    frames = [hops[first : first + frame_hops].ravel() for first in range(len(hops) - frame_hops + 1)]
    expected = np.array([[frame[: len(frame) - lag] @ frame[lag:] for lag in range(lags)] for frame in frames])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * expected.max())


def test_too_few_hops_for_a_frame_have_no_autocorrelations() -> None:
    assert hop_autocorrelations(np.ones((3, 8)), frame_hops=4, lags=5).shape == (0, 5)
