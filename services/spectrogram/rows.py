"""Which bins share a row of an image, and which of them may be pooled while they pass."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from .pooling import Indices
from .scales import FrequencyAxis

# The main lobe of a constant offset, of the widest window there is.
_OFFSET_BINS = 3


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
    heard   the first of those rows that a recorder's constant offset does not reach; 0 where it reaches all of them
    """

    edges: Indices
    bins: Indices
    source: Indices
    heard: int

    @classmethod
    def of(cls, axis: FrequencyAxis, bands: Bands, height: int) -> Self:
        row_of_band = axis.row_of_bin(height)[bands.edges[:-1]]
        filled, starts = np.unique(row_of_band, return_index=True)
        edges = np.append(starts, bands.count)
        # Up to the middle between two of them the lower one is nearer.
        middles = (filled[:-1] + filled[1:]) / 2
        source = np.searchsorted(middles, np.arange(height))
        heard = int(np.searchsorted(axis.first + bands.edges[starts], _OFFSET_BINS))
        return cls(edges, np.diff(bands.edges[edges]), source, heard % len(starts))
