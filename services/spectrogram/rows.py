"""Which bins share a row of an image, and which of them may be pooled while they pass."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from contracts.rendering import Pool

from .scales import FrequencyAxis
from .segments import Indices, Segments
from .stft import Power


@dataclass(frozen=True, slots=True)
class Bands:
    """The bins that no image parts: as many as a column needs to keep, however large the transform.

    bins  the bins of each band
    """

    bins: Segments

    @classmethod
    def of(cls, axis: FrequencyAxis, heights: tuple[int, ...]) -> Self:
        """Join neighbouring bins that share their row in images of all `heights`."""
        rows = np.stack([axis.row_of_bin(height) for height in heights])
        parted = np.any(np.diff(rows, axis=1) != 0, axis=0)
        return cls(Segments.of(np.flatnonzero(np.concatenate([[True], parted])), axis.bins))


@dataclass(frozen=True, slots=True)
class ImageRows:
    """How the rows of an image are pooled from bands.

    bands   the bands of each row in which a bin stands
    bins    how many bins those are
    source  (height,) which of those rows each row shows: between bins, the nearest row that has one
    """

    bands: Segments
    bins: Indices
    source: Indices

    @classmethod
    def of(cls, axis: FrequencyAxis, bands: Bands, height: int) -> Self:
        row_of_band = axis.row_of_bin(height)[bands.bins.starts]
        filled, starts = np.unique(row_of_band, return_index=True)
        distances = np.abs(filled[None, :] - np.arange(height)[:, None])
        bins = np.add.reduceat(bands.bins.lengths, starts)
        return cls(Segments.of(starts, len(row_of_band)), bins, np.argmin(distances, axis=1))

    def pooled(self, cells: Power, pool: Pool) -> Power:
        """Return (columns, rows with bins) of (columns, bands): the maximum, or for "mean" the sum."""
        return self.bands.pooled(cells, pool)
