"""Power to 8-bit levels: exact rounding of decibels, without a logarithm per pixel."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from chassis.compiled import compiled

from .pooling import Indices, Power

Levels = npt.NDArray[np.uint8]

_STEPS = 255
_HIGH_HALVES = 1 << 15
# Columns at a time: a line of the cache holds that many pixels of a row.
_BLOCK = 64


@dataclass(frozen=True, slots=True)
class LevelScale:
    """255 thresholds of power, ascending: index i is for power from threshold i - 1 up to below threshold i.

    thresholds  (256,) float32, the last one infinite
    lowest      (32768,) uint8: the index at the lowest power with these upper 16 bits of a float32. They fix it within
                0.03 dB, so that few thresholds, and in most scales one at most, are left to compare with
    """

    thresholds: npt.NDArray[np.float32]
    lowest: Levels

    @classmethod
    def of(cls, thresholds: npt.NDArray[np.float32]) -> Self:
        """Return the scale of 255 thresholds."""
        lower_ends = (np.arange(_HIGH_HALVES, dtype=np.uint32) << 16).view(np.float32)
        lowest = np.searchsorted(thresholds, np.nan_to_num(lower_ends), side="right")
        return cls(np.append(thresholds, np.float32(np.inf)), lowest.astype(np.uint8))


SILENCE = LevelScale.of(np.full(_STEPS, np.inf, dtype=np.float32))


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
    return LevelScale.of(thresholds)


def upright_levels(power: Power, source: Indices, scale: LevelScale) -> Levels:
    """Return the level of each cell, columns turned upright: (height, columns) uint8, highest frequency first.

    power   (columns, rows) float32, >= 0 and finite, lowest frequency first
    source  (height,) which of those rows each row of the image shows, counted from the bottom
    """
    image = np.empty((len(source), len(power)), dtype=np.uint8)
    draw_upright(power, source, scale, image, first_px=0)
    return image


def draw_upright(power: Power, source: Indices, scale: LevelScale, image: Levels, *, first_px: int) -> None:
    """Put `upright_levels` into `image`, (height, any), from the pixel `first_px` on."""
    _draw(power, power.view(np.uint32), source[::-1].copy(), scale.lowest, scale.thresholds, image, first_px)


@compiled("void(float32[:, ::1], uint32[:, ::1], int64[::1], uint8[::1], float32[::1], uint8[:, ::1], int64)")
def _draw(
    power: Power,
    bits: npt.NDArray[np.uint32],
    source: Indices,
    lowest: Levels,
    thresholds: Power,
    image: Levels,
    first_px: int,
) -> None:
    rows = power.shape[1]
    block = np.empty((rows, _BLOCK), dtype=np.uint8)
    for start in range(0, len(power), _BLOCK):
        columns = min(_BLOCK, len(power) - start)
        for column in range(columns):
            cells, halves = power[start + column], bits[start + column]
            for row in range(rows):
                level = lowest[halves[row] >> 16]
                while cells[row] >= thresholds[level]:
                    level += 1
                block[row, column] = level
        for row in range(len(source)):
            drawn = image[row, first_px + start : first_px + start + columns]
            drawn[:] = block[source[row], :columns]
