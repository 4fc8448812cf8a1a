import numpy as np
import pytest

from services.spectrogram.levels import SILENCE, level_scale, levels

from .slow import indices


@pytest.mark.parametrize("reference", [1e-20, 3.7e-3, 1.0, 262_144.0, 1e20])
def test_every_level_is_the_rounded_decibel(reference: float) -> None:
    decibels = np.random.default_rng(5).uniform(-100, 0, (200, 500))
    power = (reference * 10 ** (decibels / 10)).astype(np.float32)

    found = levels(power, level_scale(reference, -80.0))

    np.testing.assert_array_equal(found, indices(power, reference))


@pytest.mark.parametrize("reference", [1e-7, 12.3, 262_144.0])
def test_the_level_changes_between_two_neighbouring_floats(reference: float) -> None:
    scale = level_scale(reference, -80.0)
    at, zero = scale.thresholds, np.float32(0)
    power = np.stack([np.nextafter(at, zero), at, np.nextafter(at, np.float32(np.inf))])

    np.testing.assert_array_equal(levels(power, scale), indices(power, reference))


def test_the_loudest_is_255_and_nothing_is_0() -> None:
    power = np.array([[0.0, 2.0, 2e-9]], dtype=np.float32)

    assert levels(power, level_scale(2.0, -80.0)).tolist() == [[0, 255, 0]]


def test_silence_is_at_the_floor() -> None:
    assert not levels(np.zeros((2, 3), dtype=np.float32), SILENCE).any()
