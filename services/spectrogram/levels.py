"""Power to 8-bit levels: exact rounding of decibels, without a logarithm per pixel."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .pooling import Power

_STEPS = 255
_HIGH_HALVES = 1 << 15
# Cells at a time: what lies between stays in the cache, and the whole takes half the time.
_CHUNK = 16_384


@dataclass(frozen=True, slots=True)
class LevelScale:
    """255 thresholds of power, ascending: index i is for power from threshold i - 1 up to below threshold i."""

    thresholds: npt.NDArray[np.float32]


SILENCE = LevelScale(np.full(_STEPS, np.inf, dtype=np.float32))


def level_scale(reference: float, floor_db: float, ceiling_db: float = 0.0) -> LevelScale:
    """Return the scale on which `ceiling_db` from `reference` (a power) is 255 and `floor_db` 0, rounded to nearest."""
    middles_db = (np.arange(1, _STEPS + 1) - 0.5) / _STEPS * (ceiling_db - floor_db) + floor_db
    return _scale(reference * 10 ** (middles_db / 10))


def linear_scale(largest: float) -> LevelScale:
    """Return the scale on which `largest` is 255 and nothing is 0, rounded to the nearest."""
    return _scale((np.arange(1, _STEPS + 1) - 0.5) / _STEPS * largest)


def _scale(exact: npt.NDArray[np.float64]) -> LevelScale:
    thresholds = exact.astype(np.float32)
    # The smallest float32 that is not below the exact threshold, so that float32 compares as float64 would.
    below = thresholds < exact
    thresholds[below] = np.nextafter(thresholds[below], np.float32(np.inf))
    return LevelScale(thresholds)


def levels(power: Power, scale: LevelScale) -> npt.NDArray[np.uint8]:
    """Return the index, 0 to 255, of each cell of `power`, (rows, n) float32, >= 0 and finite.

    The upper 16 bits of a float32 fix it within 0.03 dB. Where that is less than a step at most one threshold lies
    there: a table gives the index at the lower end and that threshold, and one comparison the rest.
    """
    lower_ends = (np.arange(_HIGH_HALVES, dtype=np.uint32) << 16).view(np.float32)
    base = np.searchsorted(scale.thresholds, np.nan_to_num(lower_ends), side="right")
    if np.diff(base).max() > 1:
        return np.searchsorted(scale.thresholds, power, side="right").astype(np.uint8)
    following = np.append(scale.thresholds, np.float32(np.inf))[base]
    indices = base.astype(np.uint8)
    image = np.empty(power.shape, dtype=np.uint8)
    cells, drawn = power.reshape(-1), image.reshape(-1)
    for start in range(0, len(cells), _CHUNK):
        chunk = cells[start : start + _CHUNK]
        high_halves = (chunk.view(np.uint32) >> 16).astype(np.intp)
        reached = chunk >= following.take(high_halves, mode="clip")
        np.add(indices.take(high_halves, mode="clip"), reached.view(np.uint8), out=drawn[start : start + _CHUNK])
    return image
