"""Audio at a higher rate is what librosa's `kaiser_fast` makes of it, whatever blocks it comes in."""

import numpy as np
import pytest

from services.analysis.upsampled import Upsampler

from .signals import Floats, noise, sine

RATES_HZ = [8000, 11_025, 16_000, 22_050, 32_000, 44_100, 47_999]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("block_samples", [1, 47, 1000, 100_000])
def test_it_does_not_depend_on_the_blocks(rate_hz: int, block_samples: int) -> None:
    samples = noise(duration_s=0.1, rate_hz=rate_hz)

    pieces = upsampled(samples, rate_hz, block_samples=block_samples)

    np.testing.assert_array_equal(pieces, upsampled(samples, rate_hz, block_samples=len(samples)))


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_its_length_is_librosas(rate_hz: int) -> None:
    for count in (0, 1, 5, 48, 1001):
        made = upsampled(np.ones(count, dtype=np.float32), rate_hz, block_samples=100)

        assert len(made) == -(-count * 48_000 // rate_hz)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_tone_stays_where_it_is(rate_hz: int) -> None:
    heard = upsampled(sine(1000, duration_s=0.5, rate_hz=rate_hz), rate_hz, block_samples=4096)

    expected = sine(1000, duration_s=0.5, rate_hz=48_000)
    np.testing.assert_allclose(heard[500:23_000], expected[500:23_000], atol=1e-4)


def test_the_band_ends_where_that_of_the_filter_does() -> None:
    """At the published roll-off, 0.868 of half the rate, a windowed sinc has half its amplitude."""
    edge = upsampled(sine(0.868212 * 16_000, duration_s=0.5, rate_hz=32_000), 32_000, block_samples=4096)
    beyond = upsampled(sine(15_500, duration_s=0.5, rate_hz=32_000), 32_000, block_samples=4096)

    assert np.abs(edge[500:-500]).max() == pytest.approx(0.25, rel=0.01)
    assert np.abs(beyond[500:-500]).max() < 0.005


def upsampled(samples: Floats, rate_hz: int, *, block_samples: int) -> Floats:
    made = Upsampler(rate_hz, 48_000)
    pieces = [made.push(samples[start : start + block_samples]) for start in range(0, len(samples), block_samples)]
    return np.concatenate([*pieces, made.finish()])
