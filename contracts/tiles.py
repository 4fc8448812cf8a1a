"""Tiles of a recording at every zoom in time: which windows each one shows, and where the stored ones lie."""

from itertools import accumulate

from pydantic import Field

from .rendering import ScaleName
from .vocabulary import ContractModel

# A tile is as high as it is wide; the last one of a level is as wide as what is left.
TILE_PX = 512
# Tiles hold absolute levels: a recording's reference is known only at its end, and palettes show it.
STEP_DB = 0.5
# A sine at full scale is 0 dBFS; a clipped one has a little more in its fundamental.
TOP_DBFS = 3.0
BOTTOM_DBFS = TOP_DBFS - 255 * STEP_DB


class TileGrid(ContractModel):
    """The zoom levels of one recording, from 0, the coarsest, which is one tile, to columns of a single window.

    A column is the maximum of its windows, and each level's columns are half as long as those of the level before.
    Column c begins at c * `seconds_per_px(level)`; index i of a pixel is the level `BOTTOM_DBFS` + i * `STEP_DB`.
    """

    rate_hz: int = Field(gt=0)
    hop: int = Field(gt=0, description="Samples between windows.")
    frames: int = Field(gt=0, description="How many windows the whole recording has.")
    levels: int = Field(gt=0)
    f_min_hz: float
    f_max_hz: float
    scale: ScaleName

    def frames_per_column(self, level: int) -> int:
        """Return how many windows a column of `level` joins. Raises `IndexError` where there is no such level."""
        if not 0 <= level < self.levels:
            raise IndexError(f"no level {level}")
        return 1 << (self.levels - 1 - level)

    def columns(self, level: int) -> int:
        """Return how many pixels wide a level is. Raises `IndexError`."""
        return -(-self.frames // self.frames_per_column(level))

    def tiles(self, level: int) -> int:
        """Return how many tiles a level has. Raises `IndexError`."""
        return -(-self.columns(level) // TILE_PX)

    def seconds_per_px(self, level: int) -> float:
        """Return how long a column of `level` is. Raises `IndexError`."""
        return self.frames_per_column(level) * self.hop / self.rate_hz

    def window_span(self, level: int, x: int) -> tuple[int, int]:
        """Return the first window of a tile, and the one behind its last. Raises `IndexError` without such a tile."""
        if not 0 <= x < self.tiles(level):
            raise IndexError(f"no tile {x} in level {level}")
        windows = TILE_PX * self.frames_per_column(level)
        return x * windows, min(self.frames, (x + 1) * windows)


class StoredTiles(ContractModel):
    """The coarser levels of a grid in one object: whole PNGs in gray, back to back, level after level.

    sizes_bytes     of each tile in the object; where it ends, finer levels are drawn when somebody looks at them
    reference_dbfs  what is 0 dB where palettes show levels relative to the recording; None in silence
    """

    key: str
    grid: TileGrid
    sizes_bytes: tuple[int, ...]
    reference_dbfs: float | None

    @property
    def stored_levels(self) -> int:
        """Return how many levels, from the coarsest, are in the object."""
        ends = accumulate(self.grid.tiles(level) for level in range(self.grid.levels))
        return sum(end <= len(self.sizes_bytes) for end in ends)

    def byte_range(self, level: int, x: int) -> tuple[int, int] | None:
        """Return the first byte of a tile, and the one behind its last; None of a tile that is not stored.

        Raises `IndexError` where there is no such tile at all.
        """
        self.grid.window_span(level, x)
        number = sum(self.grid.tiles(coarser) for coarser in range(level)) + x
        if number >= len(self.sizes_bytes):
            return None
        start = sum(self.sizes_bytes[:number])
        return start, start + self.sizes_bytes[number]
