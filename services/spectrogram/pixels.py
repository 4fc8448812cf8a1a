"""From pooled columns to the levels of an image, some pixels at a time: the power of all of them is never there."""

from collections.abc import Iterator

import numpy as np

from contracts.rendering import Pool

from .columns import Columns
from .geometry import shares
from .levels import Levels, LevelScale, draw_upright
from .pooling import Power, pool_power
from .rows import ImageRows

# Their power stays in the second cache.
_CHUNK_PX = 128


def loudest_power(columns: Columns, rows: ImageRows, width: int, pool: Pool) -> float:
    """Return the power of the loudest pixel of `drawn_levels` above a recorder's offset; of all, where it is alone."""
    return _loudest(columns, rows, width, pool, rows.heard) or _loudest(columns, rows, width, pool, 0)


def drawn_levels(columns: Columns, rows: ImageRows, width: int, pool: Pool, scale: LevelScale) -> Levels:
    """Return the levels of an image, (height, width) uint8, highest frequency first.

    Column i goes to pixel i * width // columns; there are no fewer columns than pixels.
    """
    image = np.empty((len(rows.source), width), dtype=np.uint8)
    for first_px, power in _chunks(columns, rows, width, pool):
        draw_upright(power, rows.source, scale, image, first_px=first_px)
    return image


def _loudest(columns: Columns, rows: ImageRows, width: int, pool: Pool, first_row: int) -> float:
    if pool == "max":
        return float(columns.cells[:, rows.edges[first_row] :].max())
    return max(float(power[:, first_row:].max()) for _, power in _chunks(columns, rows, width, pool))


def _chunks(columns: Columns, rows: ImageRows, width: int, pool: Pool) -> Iterator[tuple[int, Power]]:
    """Yield the first of some pixels, and their power, (pixels, rows with bins), which is valid until the next."""
    edges = shares(width, len(columns.cells))
    room = np.empty((_CHUNK_PX, len(rows.bins)), dtype=np.float32)
    for first_px in range(0, width, _CHUNK_PX):
        power = room[: width - first_px]
        part = slice(int(edges[first_px]), int(edges[first_px + len(power)]))
        pixels = np.arange(part.start, part.stop) * width // len(columns.cells) - first_px
        power[:] = 0
        pool_power(columns.cells[part], pixels, rows.edges, power, pool)
        if pool == "mean":
            frames = np.bincount(pixels, weights=columns.frames[part]).clip(min=1)
            power /= (frames[:, None] * rows.bins).astype(np.float32)
        yield first_px, power
