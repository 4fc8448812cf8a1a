"""Power as decibels."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FLOOR_POWER = 1e-10
RANGE_DB = 80.0


def power_levels_db(power: Floats) -> Floats:
    """Return 10·log10 of power, float32 of the same shape; what is below 1e-10 is -100 dB.

    `librosa.power_to_db` with `top_db=None`.
    """
    return np.asarray(10 * np.log10(np.maximum(power, np.float32(FLOOR_POWER))), dtype=np.float32)


def floor_db(power: Floats) -> float:
    """Return the level 80 dB below the loudest value: where `librosa.power_to_db` cuts by default."""
    return power_levels_db(power.max(keepdims=True)).item() - RANGE_DB
