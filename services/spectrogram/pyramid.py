"""Zoom levels in time, as tiles of full height: the coarser ones are kept from the one pass, in one object."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import log10

import numpy as np

from contracts.palettes import palette
from contracts.rendering import RenderParameters
from contracts.tiles import BOTTOM_DBFS, TILE_PX, TOP_DBFS, TileGrid

from .columns import ColumnPool, Columns
from .geometry import Plan
from .image import geometry_of
from .levels import Levels, level_scale
from .notes import notes
from .pixels import drawn_levels, loudest_power
from .png import palette_png
from .rows import Bands, ImageRows
from .scales import FrequencyAxis
from .windows import full_scale_power

# Columns of four windows at least are stored: a tile of shorter ones is drawn from seconds of audio when it is wanted.
_LEAST_FOLDS = 2
_UNCOLOURED = palette("gray")


@dataclass(frozen=True, slots=True)
class Pyramid:
    """The levels of a recording, and the tiles of the coarser ones: level after level, each from left to right.

    loudest_dbfs  level of the loudest cell above a recorder's offset; None where nothing is above the bottom
    """

    grid: TileGrid
    tiles: tuple[bytes, ...]
    loudest_dbfs: float | None


def tile_bands(axis: FrequencyAxis) -> Bands:
    """Return which bins a tile does not part."""
    return Bands.of(axis, (TILE_PX,))


def tile_columns(outline: Plan, axis: FrequencyAxis, *, capacity: int) -> ColumnPool:
    """Return what pools frames into at most `capacity` columns of 1, 2, 4 ... of them; more fold by themselves."""
    folds = max(_folds(outline.frames, capacity), _least_folds(outline.frames))
    return grouped_columns(1 << folds, outline.hop, axis, capacity=capacity)


def grouped_columns(windows: int, hop: int, axis: FrequencyAxis, *, capacity: int) -> ColumnPool:
    """Return what pools so many windows into each column."""
    grouped = Plan(hop, frames=windows, columns=1)
    return ColumnPool(grouped, tile_bands(axis), "max", first_bin=axis.first, capacity=capacity)


def pyramid(
    columns: Columns, outline: Plan, axis: FrequencyAxis, rate_hz: int, parameters: RenderParameters
) -> Pyramid:
    """Return the tiles from the level that is a single one to the finest that is stored.

    columns  pooled by `tile_columns`
    """
    frames = int(columns.frames.sum())
    folds = round(columns.seconds * rate_hz / outline.hop).bit_length() - 1
    zooms = [tile_levels(columns, axis, parameters)]
    while folds < _least_folds(frames):
        zooms, folds = [_halved(zooms[0])], folds + 1
    while zooms[-1].shape[1] > TILE_PX:
        zooms.append(_halved(zooms[-1]))
    grid = TileGrid(
        rate_hz=rate_hz,
        hop=outline.hop,
        frames=frames,
        levels=folds + len(zooms),
        f_min_hz=axis.f_min_hz,
        f_max_hz=axis.f_max_hz,
        scale=axis.scale,
    )
    tiles = tuple(tile for level, zoom in enumerate(reversed(zooms)) for tile in _tiles(zoom, grid, parameters, level))
    return Pyramid(grid, tiles, _loudest_dbfs(columns, axis, parameters) if zooms[-1].any() else None)


def tile_levels(columns: Columns, axis: FrequencyAxis, parameters: RenderParameters) -> Levels:
    """Return the absolute levels of pooled columns, upright: (TILE_PX, columns) uint8."""
    rows = ImageRows.of(axis, tile_bands(axis), TILE_PX)
    full_scale = full_scale_power(parameters.window, parameters.window_size)
    scale = level_scale(full_scale, BOTTOM_DBFS, TOP_DBFS)
    return drawn_levels(columns, rows, len(columns.cells), "max", scale)


def tile_png(upright: Levels, grid: TileGrid, parameters: RenderParameters, *, level: int, x: int) -> bytes:
    """Return a tile of (TILE_PX, columns) levels, in gray; its text tells the levels, whatever colours it gets."""
    absolute = {"pool": "max", "pcen": False, "reference": "full_scale"}
    drawn = parameters.model_copy(update={**absolute, "floor_db": BOTTOM_DBFS, "ceiling_db": TOP_DBFS})
    seconds_per_px = grid.seconds_per_px(level)
    geometry = geometry_of(upright, grid, drawn, seconds_per_px=seconds_per_px, reference_dbfs=None)
    reading = asdict(geometry) | {"start_s": x * TILE_PX * seconds_per_px}
    del reading["palette"]
    return palette_png(upright, _UNCOLOURED, notes(reading, drawn, hop=grid.hop))


def _tiles(zoom: Levels, grid: TileGrid, parameters: RenderParameters, level: int) -> Iterator[bytes]:
    for x in range(grid.tiles(level)):
        upright = np.ascontiguousarray(zoom[:, x * TILE_PX : (x + 1) * TILE_PX])
        yield tile_png(upright, grid, parameters, level=level, x=x)


def _loudest_dbfs(columns: Columns, axis: FrequencyAxis, parameters: RenderParameters) -> float:
    rows = ImageRows.of(axis, tile_bands(axis), TILE_PX)
    loudest = loudest_power(columns, rows, len(columns.cells), "max")
    return 10 * log10(loudest / full_scale_power(parameters.window, parameters.window_size))


def _halved(zoom: Levels) -> Levels:
    # A maximum may be taken of indices as well as of power, in a quarter of the bytes.
    halved, odd = zoom[:, 0::2].copy(), zoom[:, 1::2]
    np.maximum(halved[:, : odd.shape[1]], odd, out=halved[:, : odd.shape[1]])
    return halved


def _least_folds(frames: int) -> int:
    return min(_LEAST_FOLDS, _folds(frames, TILE_PX))


def _folds(columns: int, limit: int) -> int:
    """Return how often columns must fold in pairs until there are no more than `limit`."""
    folds = 0
    while (columns - 1) >> folds >= limit:
        folds += 1
    return folds
