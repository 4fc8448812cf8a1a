"""Palettes: 256 colours, as PNG's PLTE chunk wants them, and what of them shows indices of another scale."""

from base64 import b64decode

from .colours import CIVIDIS, INFERNO, MAGMA, VIRIDIS
from .rendering import PaletteName

_GRAY = bytes(level for level in range(256) for _ in range(3))
_TABLES: dict[str, bytes] = {
    "viridis": b64decode(VIRIDIS),
    "magma": b64decode(MAGMA),
    "inferno": b64decode(INFERNO),
    "cividis": b64decode(CIVIDIS),
    "gray": _GRAY,
}


def palette(name: PaletteName) -> bytes:
    """Return the 768 bytes of the palette: red, green, blue of index 0, then of index 1; `_r` from the last to it."""
    table = _TABLES[name.removesuffix("_r")]
    if not name.endswith("_r"):
        return table
    return b"".join(_triples(table)[::-1])


def stretched(colours: bytes, *, bottom_db: float, top_db: float, floor_db: float, ceiling_db: float) -> bytes:
    """Return the palette that shows levels from `floor_db` to `ceiling_db` as `colours`, from the first to the last.

    bottom_db, top_db  the levels of the indices 0 and 255 of the image that gets the palette
    """
    triples = _triples(colours)
    step_db = (top_db - bottom_db) / 255
    shares = ((bottom_db + step_db * index - floor_db) / (ceiling_db - floor_db) for index in range(256))
    return b"".join(triples[round(255 * min(1.0, max(0.0, share)))] for share in shares)


def _triples(colours: bytes) -> list[bytes]:
    return [colours[start : start + 3] for start in range(0, len(colours), 3)]
