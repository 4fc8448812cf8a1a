"""Statistics of a stream of frame values, in memory that a day-long recording does not outgrow."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KEPT_MAX = 1 << 20


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


class Series:
    """Mean, deviation, minimum and maximum of every value; quantiles of at most 2²⁰ of them.

    Up to 2²⁰ values (3.4 h of frames at 44.1 kHz) the quantiles are exact. Beyond, they come from every second value,
    then every fourth, and so on. A series is at most 4 MiB of float32.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.count = 0
        self._mean = 0.0
        self._squared_deviations = 0.0
        self._minimum = np.inf
        self._maximum = -np.inf
        self._kept: list[NDArray[np.float32]] = []
        self._kept_count = 0
        self._stride = 1

    def add(self, values: NDArray[np.float32]) -> None:
        """Take the next values of the series, (k,) float32."""
        if not len(values):
            return
        self._keep(values)
        self._merge_moments(values.astype(np.float64))
        self._minimum = min(self._minimum, float(values.min()))
        self._maximum = max(self._maximum, float(values.max()))

    def aggregate(self) -> Aggregate | None:
        """Return the statistics, or None when there was no value."""
        if not self.count:
            return None
        p05, p50, p95 = np.quantile(np.concatenate(self._kept), [0.05, 0.5, 0.95])
        return Aggregate(
            count=self.count,
            mean=self._mean,
            std=float(np.sqrt(self._squared_deviations / self.count)),
            minimum=self._minimum,
            maximum=self._maximum,
            p05=float(p05),
            p50=float(p50),
            p95=float(p95),
        )

    def _keep(self, values: NDArray[np.float32]) -> None:
        kept = values[-self.count % self._stride :: self._stride].astype(np.float32)
        self._kept.append(kept)
        self._kept_count += len(kept)
        while self._kept_count > KEPT_MAX:
            self._fold()

    def _fold(self) -> None:
        thinned = np.concatenate(self._kept)[::2].copy()
        self._kept = [thinned]
        self._kept_count = len(thinned)
        self._stride *= 2

    def _merge_moments(self, values: NDArray[np.float64]) -> None:
        """Add the block's moments by the pairwise rule of Chan, Golub and LeVeque (1979)."""
        total = self.count + len(values)
        block_mean = float(values.mean())
        shift = block_mean - self._mean
        self._squared_deviations += float(np.square(values - block_mean).sum())
        self._squared_deviations += shift * shift * self.count * len(values) / total
        self._mean += shift * len(values) / total
        self.count = total
