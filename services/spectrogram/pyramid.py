"""Zoom levels in time: tiles of 512 columns and full height, made while frames pass, kept in one object."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import BinaryIO, cast

import cv2
import numpy as np
import numpy.typing as npt

from contracts.rendering import Pool

from .absolute import BOTTOM_DBFS, STEP_DB, absolute_indices
from .columns import JOIN
from .palettes import palette
from .png import palette_png
from .pooling import Power, pool_power
from .recolour import recoloured
from .rows import Bands, ImageRows
from .scales import FrequencyAxis
from .tile_index import TileIndex, TileLevel

TILE_WIDTH = 512
HEIGHT = 512
# An hour of 256-sample columns, at rates up to 74 kHz; a longer recording's finest column is 2, 4, 8 ... times longer.
MAX_COLUMNS = 1 << 20

Cells = npt.NDArray[np.uint8] | Power
_UNCOLOURED = palette("gray")


@dataclass(slots=True)
class _Level:
    """A level while it grows.

    cells    (TILE_WIDTH, HEIGHT) the tile in progress, lowest frequency first, `used` columns of it filled
    columns  in the tiles that are complete
    tiles    (offset, size) of each in the scratch
    """

    cells: Cells
    used: int = 0
    columns: int = 0
    tiles: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Pyramid:
    """A finished pyramid, its tiles still in the scratch, in the order in which they were completed."""

    index: TileIndex
    scratch: BinaryIO
    tiles: tuple[tuple[int, int], ...]

    def write(self, target: BinaryIO, colours: bytes) -> None:
        """Write the object: the index, then all tiles, coarsest level first, in a palette of `absolute_palette`."""
        target.write(self.index.header())
        for offset, size_bytes in self.tiles:
            self.scratch.seek(offset)
            target.write(recoloured(self.scratch.read(size_bytes), colours))


class PyramidPool:
    """Takes frames in order; a tile goes to `scratch` when it is complete, so memory is one tile per level.

    Tiles hold absolute levels: the recording's reference is known only at its end, and then palettes show it.
    A column is 1, 2, 4 ... frames, as few as leave no more than `max_columns`. Where more frames come than
    expected, the finest level is given up when it passes that.
    Coarser columns are the maximum, or the mean, of two finer ones.

    to_rows     pools the bins of power, (n, bins) float32, into (n, HEIGHT), lowest frequency first
    full_scale  the power that is 0 dBFS
    """

    def __init__(
        self,
        scratch: BinaryIO,
        pool: Pool,
        to_rows: Callable[[Power], Power],
        *,
        full_scale: float,
        expected_frames: int,
        max_columns: int = MAX_COLUMNS,
    ) -> None:
        self._scratch = scratch
        self._pool = pool
        self._to_rows = to_rows
        self._full_scale = full_scale
        self._max_columns = max_columns
        self._frames_per_column = _frames_per_column(expected_frames, max_columns)
        self._open: Power | None = None
        self._seen = 0
        self._levels: list[_Level] = []
        self._finest = 0

    def add(self, power: Power) -> None:
        """Pool the next frames, (frames, any) power."""
        self._push(power if self._frames_per_column == 1 else self._folded(power))

    def finish(self, *, seconds_per_frame: float, hz_per_px: float) -> Pyramid:
        """Write the tiles in progress; the coarsest level is the first that is a single tile."""
        if self._open is not None:
            self._push(self._open[None, :] / np.float32(self._share(self._seen % self._frames_per_column)))
        top = 0
        while not self._completes_as_one_tile(top):
            top += 1
        kept = list(reversed(self._levels[self._finest : top + 1]))
        finest_s = seconds_per_frame * self._frames_per_column
        levels = tuple(
            TileLevel(finest_s * 2 ** (top - place), level.columns, tuple(size for _, size in level.tiles))
            for place, level in enumerate(kept)
        )
        index = TileIndex(TILE_WIDTH, HEIGHT, hz_per_px, BOTTOM_DBFS, STEP_DB, levels)
        return Pyramid(index, self._scratch, tuple(tile for level in kept for tile in level.tiles))

    def _completes_as_one_tile(self, number: int) -> bool:
        level = self._levels[number]
        fits = level.columns + level.used <= TILE_WIDTH
        self._complete(number)
        return fits and number >= self._finest

    def _folded(self, power: Power) -> Power:
        """Return the columns that these frames complete; the one they only begin stays open."""
        first = -self._seen % self._frames_per_column
        edges = sorted({0, *range(first, len(power), self._frames_per_column), len(power)})
        columns = np.empty((len(edges) - 1, power.shape[1]), dtype=np.float32)
        for column, (start, end) in zip(columns, pairwise(edges), strict=True):
            JOIN[self._pool].reduce(power[start:end], axis=0, out=column)
        if self._open is not None:
            JOIN[self._pool](columns[0], self._open, out=columns[0])
        self._seen += len(power)
        is_complete = self._seen % self._frames_per_column == 0
        self._open = None if is_complete else columns[-1].copy()
        return columns[: len(columns) if is_complete else -1] / np.float32(self._share(self._frames_per_column))

    def _share(self, frames: int) -> int:
        return frames if self._pool == "mean" else 1

    def _push(self, power: Power) -> None:
        if not len(power):
            return
        rows = self._to_rows(power)
        # A maximum may be taken of indices as well as of power, in a quarter of the bytes; a mean may not.
        self._append(0, absolute_indices(rows, self._full_scale) if self._pool == "max" else rows)

    def _append(self, number: int, cells: Cells) -> None:
        if number == len(self._levels):
            self._levels.append(_Level(np.empty((TILE_WIDTH, HEIGHT), dtype=cells.dtype)))
        level = self._levels[number]
        while len(cells):
            taken = cells[: TILE_WIDTH - level.used]
            level.cells[level.used : level.used + len(taken)] = taken
            level.used += len(taken)
            cells = cells[len(taken) :]
            if level.used == TILE_WIDTH:
                self._complete(number)

    def _complete(self, number: int) -> None:
        """Write the tile in progress, and hand it, half as wide, to the next coarser level."""
        level = self._levels[number]
        cells = level.cells[: level.used]
        if not len(cells):
            return
        level.columns += level.used
        level.used = 0
        if level.columns > self._max_columns:
            self._finest = max(self._finest, number + 1)
            level.tiles.clear()
        if number >= self._finest:
            level.tiles.append((self._scratch.tell(), self._scratch.write(self._tile(cells))))
        self._append(number + 1, _halved(cells, self._pool))

    def _tile(self, cells: Cells) -> bytes:
        indices = cells if cells.dtype == np.uint8 else absolute_indices(cast("Power", cells), self._full_scale)
        upright = cv2.rotate(indices, cv2.ROTATE_90_COUNTERCLOCKWISE)
        return palette_png(cast("npt.NDArray[np.uint8]", upright), _UNCOLOURED, {})


def tile_rows(axis: FrequencyAxis, pool: Pool) -> Callable[[Power], Power]:
    """Return what pools power, (n, axis.bins), into (n, HEIGHT); rows between two bins repeat the nearest."""
    bands = Bands.of(axis, (HEIGHT,))
    rows = ImageRows.of(axis, bands, HEIGHT)
    edges = bands.edges[rows.edges]
    is_whole = len(rows.bins) == HEIGHT

    def pooled(power: Power) -> Power:
        cells = np.zeros((len(power), len(rows.bins)), dtype=np.float32)
        pool_power(power, np.arange(len(power)), edges, cells, pool)
        if pool == "mean":
            cells /= rows.bins.astype(np.float32)
        return cells if is_whole else cells[:, rows.source]

    return pooled


def _frames_per_column(frames: int, max_columns: int) -> int:
    folds = 0
    while frames > max_columns << folds:
        folds += 1
    return 1 << folds


def _halved(cells: Cells, pool: Pool) -> Cells:
    even, odd = cells[0::2], cells[1::2]
    halved = even.copy()
    if pool == "max":
        np.maximum(even[: len(odd)], odd, out=halved[: len(odd)])
    else:
        halved[: len(odd)] = (even[: len(odd)] + odd) / 2
    return halved
