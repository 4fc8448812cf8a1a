"""Pool neighbouring cells along the frequency axis, many rows at a time."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from contracts.rendering import Pool

from .stft import Power

# Rows at a time: what lies between stays in the cache.
_CHUNK = 64

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Segments:
    """Where each of n parts of the second axis begins; the parts follow each other and the last one has the rest.

    low, high  two windows of a power of two of cells cover each part: where these are in `_windows`
    """

    starts: Indices
    whole: int
    octaves: int
    low: Indices
    high: Indices

    @classmethod
    def of(cls, starts: Indices, whole: int) -> Self:
        """Plan parts that begin at `starts`, ascending from 0, among `whole` cells."""
        lengths = np.diff(starts, append=whole)
        # The shortest windows of which two cover a part: 1 for 1 and 2 cells, 2 for 3 and 4, 4 for 5 to 8.
        octave = np.maximum(np.frexp(lengths - 1)[1].astype(np.int64) - 1, 0)
        low = octave * whole + starts
        return cls(starts, whole, int(octave.max()) + 1, low, low + lengths - (1 << octave))

    @property
    def lengths(self) -> Indices:
        return np.diff(self.starts, append=self.whole)

    def pooled(self, cells: Power, pool: Pool) -> Power:
        """Return the maximum, or for "mean" the sum, of each part of each row: (rows, n) of (rows, whole)."""
        if len(self.starts) == self.whole:
            return cells
        if pool == "mean":
            return np.asarray(np.add.reduceat(cells, self.starts, axis=1))
        # A maximum may count a cell twice, so two windows that overlap do; `maximum.reduceat` takes five times longer.
        highest = np.empty((len(cells), len(self.starts)), dtype=np.float32)
        for start in range(0, len(cells), _CHUNK):
            windows, part = self._windows(cells[start : start + _CHUNK]), highest[start : start + _CHUNK]
            np.take(windows, self.low, axis=1, mode="clip", out=part)
            np.maximum(part, np.take(windows, self.high, axis=1, mode="clip"), out=part)
        return highest

    def _windows(self, cells: Power) -> Power:
        """Return the maxima of all windows of 1, 2, 4 ... cells, side by side."""
        octaves = [cells]
        for octave in range(1, self.octaves):
            half, previous = 1 << (octave - 1), octaves[-1]
            widened = previous.copy()
            np.maximum(previous[:, :-half], previous[:, half:], out=widened[:, :-half])
            octaves.append(widened)
        return octaves[0] if self.octaves == 1 else np.concatenate(octaves, axis=1)
