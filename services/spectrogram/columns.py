"""Pool frames into columns while they pass, and columns into the pixels of an image afterwards."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from contracts.rendering import Pool

from .geometry import Plan, shares
from .rows import Bands
from .segments import Indices
from .stft import Power

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

    def __init__(self, plan: Plan, bands: Bands, pool: Pool, capacity: int) -> None:
        self._plan = plan
        self._bands = bands
        self._pool = pool
        self._join = _JOIN[pool]
        self._cells = np.zeros((capacity, len(bands.bins.starts)), dtype=np.float32)
        self._seen = 0
        self._folds = 0

    def add(self, power: Power) -> None:
        """Pool the next frames, (frames, bins)."""
        columns = self._plan.column_of(np.arange(self._seen, self._seen + len(power), dtype=np.int64))
        while columns[-1] >> self._folds >= len(self._cells):
            self._fold()
        columns >>= self._folds
        starts = np.concatenate([[0], np.flatnonzero(np.diff(columns)) + 1])
        # Frames before bins: for a long recording that leaves one row of bins to be pooled, of sixty.
        banded = self._bands.bins.pooled(self._runs(power, starts), self._pool)
        # There are no fewer frames than columns, so those of a batch are neighbours.
        cells = self._cells[columns[0] : columns[-1] + 1]
        self._join(cells, banded, out=cells)
        self._seen += len(power)

    def columns(self, rate_hz: int) -> Columns:
        """Return what was pooled so far, without unused columns."""
        used = (self._seen - 1) * self._plan.columns // self._plan.frames // 2**self._folds + 1
        firsts = self._plan.first_frame_of(np.arange(used + 1, dtype=np.int64) << self._folds)
        frames = np.diff(np.minimum(firsts, self._seen))
        seconds = self._plan.seconds_per_column(rate_hz) * 2**self._folds
        return Columns(self._cells[:used], frames, seconds)

    def _runs(self, power: Power, starts: Indices) -> Power:
        if len(starts) == len(power):
            return power
        return _reduced(power, np.append(starts, len(power)), self._pool)

    def _fold(self) -> None:
        half = len(self._cells) // 2
        # Row by row, in place: a copy of all columns would be the job's peak of memory.
        for column in range(half):
            self._join(self._cells[2 * column], self._cells[2 * column + 1], out=self._cells[column])
        self._cells[half:] = 0
        self._folds += 1


def narrowed(columns: Columns, width: int, pool: Pool) -> Columns:
    """Pool columns until there are `width` of them."""
    if width == len(columns.cells):
        return columns
    edges = shares(width, len(columns.cells))
    seconds = columns.seconds * len(columns.cells) / width
    return Columns(_reduced(columns.cells, edges, pool), np.add.reduceat(columns.frames, edges[:-1]), seconds)


def _reduced(rows: Power, edges: Indices, pool: Pool) -> Power:
    if pool == "max" and np.diff(edges).max() <= 2:
        return np.asarray(np.maximum(rows[edges[:-1]], rows[edges[1:] - 1]))
    # `reduceat` along the first axis takes ten times longer than one call of `reduce` per part.
    reduced = np.empty((len(edges) - 1, rows.shape[1]), dtype=np.float32)
    for part, (start, end) in enumerate(pairwise(edges.tolist())):
        _JOIN[pool].reduce(rows[start:end], axis=0, out=reduced[part])
    return reduced
