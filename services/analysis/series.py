"""Statistics of a stream of frame values, in memory that a day-long recording does not outgrow."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

# What the quantiles are taken from: 1 MiB of float32, and of many columns at least so many frames.
KEPT_VALUES = 1 << 18
KEPT_FRAMES_MIN = 1 << 14

# As they are stated, and as they are named here.
STATISTICS = {
    "mean": "mean",
    "std": "std",
    "min": "minimum",
    "max": "maximum",
    "p05": "p05",
    "p50": "p50",
    "p95": "p95",
}

_QUANTILES = (0.05, 0.5, 0.95)
_FRAMES_AT_ONCE = 4096
_FRAMES_FIRST = 256

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Aggregate:
    """What is said of a series instead of the series itself."""

    count: int
    mean: float
    std: float
    minimum: float
    maximum: float
    p05: float
    p50: float
    p95: float


@dataclass(frozen=True, eq=False)
class Aggregates:
    """What is said of each of several series of as many frames; (columns,) float64 each."""

    count: int
    mean: Doubles
    std: Doubles
    minimum: Doubles
    maximum: Doubles
    p05: Doubles
    p50: Doubles
    p95: Doubles

    def column(self, index: int) -> Aggregate:
        """Return what is said of one of them."""
        return Aggregate(self.count, **{name: float(getattr(self, name)[index]) for name in STATISTICS.values()})


class Columns:
    """Mean, deviation, minimum and maximum of every value of several series; quantiles of at most `kept_frames`.

    Up to as many frames the quantiles are exact. Beyond, they come from every second frame, then every fourth, and so
    on. That are 2¹⁸ frames of one column, and never less than 2¹⁴: six minutes at 43 frames per second.
    """

    def __init__(self, columns: int, *, kept_frames: int | None = None) -> None:
        """Start empty."""
        self.count = 0
        self._kept_frames_max = kept_frames or max(KEPT_VALUES // columns, KEPT_FRAMES_MIN)
        self._mean = np.zeros(columns)
        self._squared_deviations = np.zeros(columns)
        self._minimum = np.full(columns, np.inf)
        self._maximum = np.full(columns, -np.inf)
        self._kept = np.empty((0, columns), dtype=np.float32)
        self._kept_frames = 0
        self._stride = 1

    def add(self, values: NDArray[np.float32]) -> None:
        """Take the next frames, (k, columns) float32."""
        for start in range(0, len(values), _FRAMES_AT_ONCE):
            piece = values[start : start + _FRAMES_AT_ONCE]
            self._keep(piece)
            moments = (self._mean, self._squared_deviations, self._minimum, self._maximum)
            _merge(np.ascontiguousarray(piece), self.count, *moments)
            self.count += len(piece)

    def aggregates(self) -> Aggregates | None:
        """Return the statistics, or None when there was no frame."""
        if not self.count:
            return None
        # One column at a time: all of them at once would be held three times.
        kept = self._kept[: self._kept_frames]
        p05, p50, p95 = np.array([np.quantile(column, _QUANTILES) for column in kept.T]).T
        std = np.sqrt(self._squared_deviations / self.count)
        return Aggregates(self.count, self._mean, std, self._minimum, self._maximum, p05, p50, p95)

    def _keep(self, values: NDArray[np.float32]) -> None:
        kept = values[-self.count % self._stride :: self._stride]
        stop = self._kept_frames + len(kept)
        if stop > len(self._kept):
            self._make_room(stop)
        self._kept[self._kept_frames : stop] = kept
        self._kept_frames = stop
        while self._kept_frames > self._kept_frames_max:
            self._thin()

    def _make_room(self, frames: int) -> None:
        doubled = min(2 * len(self._kept), self._kept_frames_max)
        larger = np.empty((max(frames, doubled, _FRAMES_FIRST), self._kept.shape[1]), dtype=np.float32)
        larger[: self._kept_frames] = self._kept[: self._kept_frames]
        self._kept = larger

    def _thin(self) -> None:
        thinned = self._kept[: self._kept_frames : 2].copy()
        self._kept[: len(thinned)] = thinned
        self._kept_frames = len(thinned)
        self._stride *= 2


class Series:
    """The statistics of one series, which keeps at most `kept_frames` values: 2¹⁸ by default, 1 MiB."""

    def __init__(self, *, kept_frames: int | None = None) -> None:
        """Start empty."""
        self._column = Columns(1, kept_frames=kept_frames)

    @property
    def count(self) -> int:
        """How many values there were."""
        return self._column.count

    def add(self, values: NDArray[np.float32]) -> None:
        """Take the next values of the series, (k,) float32."""
        self._column.add(values[:, np.newaxis])

    def aggregate(self) -> Aggregate | None:
        """Return the statistics, or None when there was no value."""
        found = self._column.aggregates()
        return None if found is None else found.column(0)


@compiled("void(float32[:,::1], int64, float64[::1], float64[::1], float64[::1], float64[::1])")
def _merge(
    values: NDArray[np.float32],
    count: int,
    mean: Doubles,
    squared_deviations: Doubles,
    minimum: Doubles,
    maximum: Doubles,
) -> None:
    """Add a block's moments to those of `count` frames by the pairwise rule of Chan, Golub and LeVeque (1979)."""
    frames, columns = values.shape
    block_mean, block_squares = np.zeros(columns), np.zeros(columns)
    for frame in range(frames):
        for column in range(columns):
            value = np.float64(values[frame, column])
            block_mean[column] += value
            minimum[column] = min(minimum[column], value)
            maximum[column] = max(maximum[column], value)
    block_mean /= frames
    for frame in range(frames):
        for column in range(columns):
            block_squares[column] += (np.float64(values[frame, column]) - block_mean[column]) ** 2
    shift = block_mean - mean
    squared_deviations += block_squares + shift * shift * (count * frames / (count + frames))
    mean += shift * (frames / (count + frames))
