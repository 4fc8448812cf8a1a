"""From pooled columns to the levels of an image, some pixels at a time: the power of all of them is never there."""

from collections.abc import Iterator

import numpy as np

from contracts.rendering import Pool

from .columns import Columns
from .geometry import shares
from .levels import Levels, LevelScale, draw_upright
from .pooling import Power
from .rows import ImageRows

# Their power stays in the second cache.
_CHUNK_PX = 256


def loudest_power(columns: Columns, rows: ImageRows, width: int, pool: Pool) -> float:
    """Return the power of the loudest pixel of `drawn_levels`."""
    if pool == "max":
        return float(columns.cells.max())
    return max(float(power.max()) for _, power in _chunks(columns, rows, width, pool))


def drawn_levels(columns: Columns, rows: ImageRows, width: int, pool: Pool, scale: LevelScale) -> Levels:
    """Return the levels of an image, (height, width) uint8, highest frequency first.

    Column i goes to pixel i * width // columns; there are no fewer columns than pixels.
    """
    image = np.empty((len(rows.source), width), dtype=np.uint8)
    for first_px, power in _chunks(columns, rows, width, pool):
        draw_upright(power, rows.source, scale, image, first_px=first_px)
    return image


def _chunks(columns: Columns, rows: ImageRows, width: int, pool: Pool) -> Iterator[tuple[int, Power]]:
    edges = shares(width, len(columns.cells))
    for first_px in range(0, width, _CHUNK_PX):
        here = np.arange(edges[first_px], edges[min(width, first_px + _CHUNK_PX)])
        pixels = here * width // len(columns.cells) - first_px
        part = slice(int(here[0]), int(here[-1]) + 1)
        yield first_px, rows.pooled(columns.cells[part], columns.frames[part], pixels, pool)
