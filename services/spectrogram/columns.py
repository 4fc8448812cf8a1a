"""Pool frames into columns while they pass, and columns into the pixels of an image afterwards."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from contracts.rendering import Pool

from .geometry import Plan, shares
from .rows import Bands
from .segments import Indices
from .stft import Power

JOIN = {"max": np.maximum, "mean": np.add}


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

    def __init__(self, plan: Plan, bands: Bands, pool: Pool, *, capacity: int, batch: int) -> None:
        self._plan = plan
        self._bands = bands.bins
        self._pool = pool
        self._join = JOIN[pool]
        self._cells = np.zeros((capacity, len(self._bands.starts)), dtype=np.float32)
        # Whole columns of bins, of the newest frames: bins are pooled for many columns at a time.
        self._newest = np.zeros((2 * batch, self._bands.whole), dtype=np.float32)
        self._first_newest = 0
        self._seen = 0
        self._folds = 0

    def add(self, power: Power) -> None:
        """Pool the next frames, (frames, bins), no more than `batch`."""
        end = self._seen + len(power)
        while self._column_of(end - 1) >= len(self._cells):
            self._fold()
        first, last = self._column_of(self._seen), self._column_of(end - 1)
        if last - self._first_newest >= len(self._newest):
            self._keep_newest(first)
        # There are no fewer frames than columns, so those of a batch are neighbours.
        inner = self._first_frames_of(np.arange(first + 1, last + 1, dtype=np.int64)) - self._seen
        newest = self._newest[first - self._first_newest : last - self._first_newest + 1]
        edges = np.concatenate([[0], inner, [len(power)]])
        self._join(newest, _reduced(power, edges, self._pool), out=newest)
        self._seen = end

    def columns(self, rate_hz: int) -> Columns:
        """Return what was pooled so far, without unused columns."""
        used = self._column_of(self._seen - 1) + 1
        self._keep_newest(used)
        firsts = self._first_frames_of(np.arange(used + 1, dtype=np.int64))
        frames = np.diff(np.minimum(firsts, self._seen))
        seconds = self._plan.seconds_per_column(rate_hz) * 2**self._folds
        return Columns(self._cells[:used], frames, seconds)

    def _column_of(self, frame: int) -> int:
        return frame * self._plan.columns // self._plan.frames >> self._folds

    def _first_frames_of(self, columns: Indices) -> Indices:
        return self._plan.first_frame_of(columns << self._folds)

    def _keep_newest(self, following: int) -> None:
        """Pool the bins of the newest columns into cells, and go on at the column `following`."""
        cells = self._cells[self._first_newest : self._first_newest + len(self._newest)]
        self._join(cells, self._bands.pooled(self._newest[: len(cells)], self._pool), out=cells)
        self._newest[:] = 0
        self._first_newest = following

    def _fold(self) -> None:
        self._keep_newest(0)
        half = len(self._cells) // 2
        # Row by row, in place: a copy of all columns would be the job's peak of memory.
        for column in range(half):
            self._join(self._cells[2 * column], self._cells[2 * column + 1], out=self._cells[column])
        self._cells[half:] = 0
        self._folds += 1
        self._first_newest = self._column_of(max(0, self._seen - 1))


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
        JOIN[pool].reduce(rows[start:end], axis=0, out=reduced[part])
    return reduced
