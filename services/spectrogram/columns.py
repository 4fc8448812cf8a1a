"""Pool frames into columns while they pass, and cells into the pixels of an image afterwards."""

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from .geometry import FFT_SIZE, Plan, Pool, bin_shares, shares
from .stft import Power, unpacked

_JOIN = {"max": np.maximum, "mean": np.add}


@dataclass(frozen=True, slots=True)
class Columns:
    """A recording's power, pooled in time.

    cells    (columns, BINS) float32: the maximum, or the sum, over the frames of a column
    frames   (columns,) how many frames each column holds
    seconds  how long one column is
    """

    cells: Power
    frames: npt.NDArray[np.int64]
    seconds: float


class ColumnPool:
    """Takes frames in order, keeps columns; when there is no room for another one, neighbours fold into one.

    So a header that claims too much leaves columns unused, one that claims too little (or nothing) makes
    columns longer; memory is the same.
    """

    def __init__(self, plan: Plan, pool: Pool, capacity: int) -> None:
        self._plan = plan
        self._join = _JOIN[pool]
        self._cells = np.zeros((capacity, FFT_SIZE), dtype=np.float32)
        self._seen = 0
        self._folds = 0

    def add(self, packed: Power) -> None:
        """Pool the next frames, (frames, FFT_SIZE) packed power."""
        columns = self._plan.column_of(np.arange(self._seen, self._seen + len(packed), dtype=np.int64))
        while columns[-1] >> self._folds >= len(self._cells):
            self._fold()
        columns >>= self._folds
        starts = [0, *(np.flatnonzero(np.diff(columns)) + 1).tolist(), len(packed)]
        for start, end in pairwise(starts):
            cell = self._cells[columns[start]]
            self._join(cell, self._join.reduce(packed[start:end], axis=0), out=cell)
        self._seen += len(packed)

    def columns(self, rate_hz: int) -> Columns:
        """Return what was pooled so far, without unused columns."""
        used = (self._seen - 1) * self._plan.columns // self._plan.frames // 2**self._folds + 1
        firsts = self._plan.first_frame_of(np.arange(used + 1, dtype=np.int64) << self._folds)
        frames = np.diff(np.minimum(firsts, self._seen))
        seconds = self._plan.seconds_per_column(rate_hz) * 2**self._folds
        return Columns(unpacked(self._cells[:used]), frames, seconds)

    def _fold(self) -> None:
        half = len(self._cells) // 2
        # Row by row, in place: a copy of all columns would be the job's peak of memory.
        for column in range(half):
            self._join(self._cells[2 * column], self._cells[2 * column + 1], out=self._cells[column])
        self._cells[half:] = 0
        self._folds += 1


def image_power(columns: Columns, *, width: int, height: int, pool: Pool) -> Power:
    """Pool columns and bins into pixels.

    returns  (height, width) float32 power, lowest frequency first: the maximum, or the mean, of a pixel's cells
    """
    if width == len(columns.cells):
        narrowed = columns.cells
    else:
        narrowed = _pooled(columns.cells, shares(width, len(columns.cells)), pool)
    # By bins from here: rows that lie side by side in memory are joined ten times faster than columns.
    edges = bin_shares(height)
    power = _pooled(cast("Power", cv2.transpose(narrowed)), edges, pool)
    if pool == "mean":
        frames = np.add.reduceat(columns.frames, shares(width, len(columns.frames))[:-1])
        power /= (np.diff(edges)[:, None] * frames[None, :]).astype(np.float32)
    return power


def _pooled(cells: Power, edges: npt.NDArray[np.int64], pool: Pool) -> Power:
    pooled = np.empty((len(edges) - 1, cells.shape[1]), dtype=np.float32)
    for part, (start, end) in enumerate(pairwise(edges.tolist())):
        _JOIN[pool].reduce(cells[start:end], axis=0, out=pooled[part])
    return pooled
