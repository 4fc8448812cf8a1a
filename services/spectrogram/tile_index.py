"""Which bytes of a pyramid's object are which tile."""

import json
import struct
from dataclasses import asdict, dataclass
from typing import Self

MAGIC = b"DAWNTILE"
PREAMBLE_BYTES = 16
_PREAMBLE = "<8sQ"


@dataclass(frozen=True, slots=True)
class TileLevel:
    """One zoom level: `columns` pixels wide in all, cut into tiles.

    sizes_bytes  of each tile, from left to right
    """

    seconds_per_px: float
    columns: int
    sizes_bytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TileIndex:
    """The header of a pyramid's object; `levels[0]` is the coarsest, a single tile.

    The object is the preamble (magic, length of the header as 64 bits, little-endian), the header as JSON, then the
    tiles as whole PNGs, level after level. Each level has twice the columns of the one before.
    The index of a pixel is a level of `bottom_dbfs` + `step_db` * index.
    """

    tile_width: int
    height: int
    hz_per_px: float
    bottom_dbfs: float
    step_db: float
    levels: tuple[TileLevel, ...]

    def header(self) -> bytes:
        """Return preamble and header."""
        text = json.dumps(asdict(self), separators=(",", ":")).encode()
        return struct.pack(_PREAMBLE, MAGIC, len(text)) + text

    @classmethod
    def parse(cls, head: bytes) -> Self:
        """Return the index from the first bytes of an object; `header_bytes` tells how many it takes."""
        fields = json.loads(head[PREAMBLE_BYTES : header_bytes(head)])
        levels = tuple(TileLevel(**{**level, "sizes_bytes": tuple(level["sizes_bytes"])}) for level in fields["levels"])
        return cls(**{**fields, "levels": levels})

    def byte_range(self, level: int, x: int) -> tuple[int, int]:
        """Return the first byte of a tile in the object, and the byte behind its last.

        Raises `IndexError` where there is no such tile.
        """
        if not (0 <= level < len(self.levels) and 0 <= x < len(self.levels[level].sizes_bytes)):
            raise IndexError(f"no tile {x} in level {level}")
        before = sum(sum(coarser.sizes_bytes) for coarser in self.levels[:level])
        sizes = self.levels[level].sizes_bytes
        start = len(self.header()) + before + sum(sizes[:x])
        return start, start + sizes[x]


def header_bytes(head: bytes) -> int:
    """Return how many bytes preamble and header take, from the first 16. Raises `ValueError` if it is no pyramid."""
    magic, size_bytes = struct.unpack_from(_PREAMBLE, head)
    if magic != MAGIC:
        raise ValueError("this is no pyramid of tiles")
    return PREAMBLE_BYTES + int(size_bytes)
