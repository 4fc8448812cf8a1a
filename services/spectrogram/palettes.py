"""Palettes: 256 colours, from the floor to the loudest cell, as PNG's PLTE chunk wants them."""

from base64 import b64decode

from contracts.rendering import PaletteName

from .colours import CIVIDIS, INFERNO, MAGMA, VIRIDIS

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
    return b"".join(table[start : start + 3] for start in range(len(table) - 3, -1, -3))
