"""Pool frames into columns while they pass."""

from dataclasses import dataclass

import numpy as np

from chassis.compiled import compiled
from contracts.rendering import Pool

from .geometry import Plan
from .pooling import Indices, Power, pool_power, pool_spectra
from .rows import Bands

_JOIN = {"max": np.maximum, "mean": np.add}


@dataclass(frozen=True, slots=True)
class Columns:
    """A recording's power, pooled in time.

    cells    (columns, bands) float32: the maximum, or the sum, over the frames of a column and the bins of a band
    frames   (columns,) how many frames each column holds
    seconds  how long one column is
    """

    cells: Power
    frames: Indices
    seconds: float


class ColumnPool:
    """Takes frames in order, keeps columns; when there is no room for another one, neighbours fold into one.

    So a header that claims too much leaves columns unused, one that claims too little (or nothing) makes
    columns longer; memory is the same.
    """

    def __init__(self, plan: Plan, bands: Bands, pool: Pool, *, first_bin: int, capacity: int) -> None:
        self._plan = plan
        self._edges = bands.edges
        self._pool = pool
        self._first_bin = first_bin
        self._cells = np.zeros((capacity, bands.count), dtype=np.float32)
        self._seen = 0
        self._folds = 0

    def add_spectra(self, spectra: Power) -> None:
        """Pool the next frames, (frames, size) as `SpectrumStream` gives them."""
        columns = self._columns_of(len(spectra))
        pool_spectra(spectra, self._first_bin, columns, self._edges, self._cells, self._pool)

    def add_power(self, power: Power) -> None:
        """Pool the next frames, (frames, bins), whatever stands for their power."""
        pool_power(power, self._columns_of(len(power)), self._edges, self._cells, self._pool)

    def columns(self, rate_hz: int) -> Columns:
        """Return what was pooled so far, without unused columns."""
        used = self._column_of(self._seen - 1) + 1
        firsts = self._plan.first_frame_of(np.arange(used + 1, dtype=np.int64) << self._folds)
        frames = np.diff(np.minimum(firsts, self._seen))
        seconds = self._plan.seconds_per_column(rate_hz) * 2**self._folds
        return Columns(self._cells[:used], frames, seconds)

    def _columns_of(self, count: int) -> Indices:
        """Return the column of each of the next frames, and make room for it."""
        first, self._seen = self._seen, self._seen + count
        while self._column_of(self._seen - 1) >= len(self._cells):
            self._fold()
        return _columns_of(first, self._seen, self._plan.columns, self._plan.frames, self._folds)

    def _column_of(self, frame: int) -> int:
        return frame * self._plan.columns // self._plan.frames >> self._folds

    def _fold(self) -> None:
        half = len(self._cells) // 2
        # Row by row, in place: a copy of all columns would be the job's peak of memory.
        for column in range(half):
            _JOIN[self._pool](self._cells[2 * column], self._cells[2 * column + 1], out=self._cells[column])
        self._cells[half:] = 0
        self._folds += 1


# In NumPy that is five calls for each batch of windows.
@compiled("int64[::1](int64, int64, int64, int64, int64)")
def _columns_of(first: int, end: int, columns: int, frames: int, folds: int) -> Indices:
    places = np.empty(end - first, dtype=np.int64)
    for frame in range(first, end):
        places[frame - first] = frame * columns // frames >> folds
    return places
