import numpy as np
import pytest

from services.spectrogram.levels import SILENCE, Levels, LevelScale, level_scale, upright_levels
from services.spectrogram.pooling import Power

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
    at, zero = scale.thresholds[:-1], np.float32(0)
    power = np.stack([np.nextafter(at, zero), at, np.nextafter(at, np.float32(np.inf))])

    np.testing.assert_array_equal(levels(power, scale), indices(power, reference))


def test_the_loudest_is_255_and_nothing_is_0() -> None:
    power = np.array([[0.0, 2.0, 2e-9]], dtype=np.float32)

    assert levels(power, level_scale(2.0, -80.0)).tolist() == [[0, 255, 0]]


def test_silence_is_at_the_floor() -> None:
    assert not levels(np.zeros((2, 3), dtype=np.float32), SILENCE).any()


def test_columns_stand_upright_and_rows_show_their_source() -> None:
    power = np.geomspace(1e-8, 1, 100 * 3, dtype=np.float32).reshape(100, 3)
    scale = level_scale(1.0, -80.0)

    image = upright_levels(power, np.array([0, 0, 1, 2]), scale)

    np.testing.assert_array_equal(image, levels(power, scale)[:, [2, 1, 0, 0]].T)


def levels(power: Power, scale: LevelScale) -> Levels:
    return upright_levels(power, np.arange(power.shape[1]), scale)[::-1].T
