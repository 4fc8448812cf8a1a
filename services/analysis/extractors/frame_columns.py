"""Frames of several values of one kind: bands, coefficients, pitch classes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.analysis.measures import Measure, Reason, aggregated_each, unaggregated
from services.analysis.series import Columns
from services.analysis.shared import HOP, Floats

from .pending import PendingSeries
from .protocol import SeriesBlock


class FrameColumns:
    """Statistics of the frames that count, and all of them as series, NaN where they do not.

    Row i of the series is frame i of `librosa` with its defaults.
    """

    def __init__(self, names: Sequence[str], unit: str, rate_hz: int) -> None:
        """Start before the first frame of music at `rate_hz`."""
        self.units = dict.fromkeys(names, unit)
        self._unit = unit
        self._frame_s = HOP / rate_hz
        self._columns = Columns(len(names))
        self._passed = 0
        self._pending = PendingSeries()

    def add(self, values: Floats, counted: NDArray[np.bool_]) -> None:
        """Take the next frames: (k, columns) float32, and which of them count, (k,)."""
        if not len(values):
            return
        self._columns.add(values[counted])
        times_s = np.multiply(self._passed + np.arange(len(values)), self._frame_s, dtype=np.float64)
        self._passed += len(values)
        shown = np.where(counted[:, np.newaxis], values, np.float32(np.nan))
        self._pending.add(SeriesBlock(times_s, dict(zip(self.units, shown.T, strict=True))))

    def series(self) -> SeriesBlock | None:
        """Return the frames since the last call."""
        return self._pending.take()

    def aggregated(self, reason: Reason | None) -> Measure:
        """State the statistics, or why there are none."""
        if reason is not None:
            return unaggregated(reason, unit=self._unit)
        return aggregated_each(self._columns, unit=self._unit, otherwise=Reason.SILENT)


def numbered(name: str, count: int) -> list[str]:
    """Return the names of series of one kind, from name_0 on."""
    return [f"{name}_{index}" for index in range(count)]
