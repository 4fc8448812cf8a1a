"""Statistics of a mel spectrogram in decibels, by which recordings that sound alike are near each other."""

import numpy as np
from numpy.typing import NDArray

from .mel import MelProjection
from .shared import BINS, MUSIC_RATE_HZ, Floats

Doubles = NDArray[np.float64]

BANDS = 64
DIMENSIONS = 6 * BANDS
# Power below this is no sound: white noise of -89 dBFS, some 10 dB above what 16 bits leave.
_FLOOR_DB = -70.0
_CEILING_DB = 70.0
# Quantiles are interpolated within steps of half a decibel.
_STEP_DB = 0.5
_STEPS = round((_CEILING_DB - _FLOOR_DB) / _STEP_DB)

# For mean, 10th and 90th percentile, deviation, mean and deviation of changes: what is taken off, and one unit, in
# decibels. About the centre and the spread of each over speech, music and soundscapes, so that each weighs alike.
_CENTRES_DB = (0.0, -7.0, 7.0, 5.0, 2.0, 2.0)
_UNITS_DB = (10.0, 11.0, 14.0, 6.0, 1.5, 2.0)


class LogMelStatistics:
    """Six statistics of each of 64 bands from 0 to 11,025 Hz, whatever the recording's rate; in 150 KiB."""

    def __init__(self, rate_hz: int) -> None:
        """Start before the first frame of music at `rate_hz`."""
        self._projection = MelProjection(rate_hz, bins=BINS, bands=BANDS, highest_hz=MUSIC_RATE_HZ / 2)
        self.frames = 0
        self._sum = np.zeros(BANDS)
        self._sum_of_squares = np.zeros(BANDS)
        self._counts = np.zeros((BANDS, _STEPS), dtype=np.int64)
        self._changes = 0
        self._changed = np.zeros(BANDS)
        self._changed_squared = np.zeros(BANDS)
        self._last: Floats = np.empty((0, BANDS), dtype=np.float32)

    def add(self, power: Floats, sounding: NDArray[np.bool_]) -> None:
        """Take frames, (k, 1025) float32, and which of them are to be heard, (k,)."""
        if not len(power):
            return
        if not sounding.any():
            self._last = self._last[:0]
            return
        banded = self._projection.project(power)
        levels_db = np.clip(10 * np.log10(np.maximum(banded, 1e-12)), _FLOOR_DB, _CEILING_DB - _STEP_DB / 2)
        self._count(levels_db[sounding])
        self._compare(levels_db, sounding)

    def vector(self) -> Floats:
        """Return mean, percentiles 10 and 90, deviation, mean and deviation of changes, (384,) float32 of length 1.

        The first three are relative to the mean of all bands: how loud a recording is makes no difference.
        """
        mean = self._sum / self.frames
        changed = self._changed / max(1, self._changes)
        statistics = (
            mean - mean.mean(),
            self._quantile(0.1) - mean.mean(),
            self._quantile(0.9) - mean.mean(),
            _deviation(mean, self._sum_of_squares / self.frames),
            changed,
            _deviation(changed, self._changed_squared / max(1, self._changes)),
        )
        scaled = zip(statistics, _CENTRES_DB, _UNITS_DB, strict=True)
        vector = np.concatenate([(each - centre_db) / unit_db for each, centre_db, unit_db in scaled])
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)

    def _count(self, levels_db: Floats) -> None:
        self.frames += len(levels_db)
        self._sum += levels_db.sum(axis=0, dtype=np.float64)
        self._sum_of_squares += np.square(levels_db, dtype=np.float64).sum(axis=0)
        steps = ((levels_db - _FLOOR_DB) / _STEP_DB).astype(np.int64) + np.arange(BANDS) * _STEPS
        self._counts += np.bincount(steps.ravel(), minlength=BANDS * _STEPS).reshape(BANDS, _STEPS)

    def _compare(self, levels_db: Floats, sounding: NDArray[np.bool_]) -> None:
        """Take the changes from one frame to the next, where both are to be heard."""
        joined = np.concatenate([self._last, levels_db])
        heard = np.concatenate([np.ones(len(self._last), dtype=np.bool_), sounding])
        changed = np.abs(np.diff(joined, axis=0))[heard[1:] & heard[:-1]]
        self._changes += len(changed)
        self._changed += changed.sum(axis=0, dtype=np.float64)
        self._changed_squared += np.square(changed, dtype=np.float64).sum(axis=0)
        self._last = levels_db[-1:] if sounding[-1] else levels_db[:0]

    def _quantile(self, share: float) -> Doubles:
        reached = self._counts.cumsum(axis=1)
        wanted = share * self.frames
        step = (reached < wanted).sum(axis=1)
        bands = np.arange(BANDS)
        within = (wanted - reached[bands, step]) / np.maximum(1, self._counts[bands, step]) + 1
        return np.asarray(_FLOOR_DB + _STEP_DB * (step + within))


def _deviation(mean: Doubles, mean_square: Doubles) -> Doubles:
    return np.asarray(np.sqrt(np.maximum(0.0, mean_square - np.square(mean))))
