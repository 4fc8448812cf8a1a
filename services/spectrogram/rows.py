"""Which bins share a row of an image, and which of them may be pooled while they pass."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from contracts.rendering import Pool

from .pooling import Indices, Power, pool_power
from .scales import FrequencyAxis


@dataclass(frozen=True, slots=True)
class Bands:
    """The bins that no image parts: as many as a column needs to keep, however large the transform.

    edges  (bands + 1,) the bin that each band begins with, and where the last one ends; counted from the lowest drawn
    """

    edges: Indices

    @property
    def count(self) -> int:
        return len(self.edges) - 1

    @classmethod
    def of(cls, axis: FrequencyAxis, heights: tuple[int, ...]) -> Self:
        """Join neighbouring bins that share their row in images of all `heights`."""
        rows = np.stack([axis.row_of_bin(height) for height in heights])
        parted = np.any(np.diff(rows, axis=1) != 0, axis=0)
        return cls(np.flatnonzero(np.concatenate([[True], parted, [True]])))


@dataclass(frozen=True, slots=True)
class ImageRows:
    """How the rows of an image are pooled from bands.

    edges   (rows + 1,) the band that each row in which a bin stands begins with, and where the last one ends
    bins    how many bins each of them has
    source  (height,) which of those rows each row shows: between bins, the nearest row that has one
    """

    edges: Indices
    bins: Indices
    source: Indices

    @classmethod
    def of(cls, axis: FrequencyAxis, bands: Bands, height: int) -> Self:
        row_of_band = axis.row_of_bin(height)[bands.edges[:-1]]
        filled, starts = np.unique(row_of_band, return_index=True)
        edges = np.append(starts, bands.count)
        # Up to the middle between two of them the lower one is nearer.
        middles = (filled[:-1] + filled[1:]) / 2
        return cls(edges, np.diff(bands.edges[edges]), np.searchsorted(middles, np.arange(height)))

    def pooled(self, cells: Power, frames: Indices, width: int, pool: Pool) -> Power:
        """Return the power of `width` pixels by rows with bins, float32: the maximum or the mean.

        cells   (columns, bands) maxima or sums, of
        frames  (columns,) frames each; column i goes to pixel i * width // columns
        """
        pixels = np.arange(len(cells)) * width // len(cells)
        power = np.zeros((width, len(self.bins)), dtype=np.float32)
        pool_power(cells, pixels, self.edges, power, pool)
        if pool == "mean":
            counts = np.bincount(pixels, weights=frames).clip(min=1)
            power /= (counts[:, None] * self.bins).astype(np.float32)
        return power
