"""Palettes: 256 colours, from the floor to the loudest cell, as PNG's PLTE chunk wants them."""

from base64 import b64decode
from typing import Literal

from .colours import CIVIDIS, INFERNO, MAGMA, VIRIDIS

PaletteName = Literal["viridis", "magma", "inferno", "cividis", "gray"]

_GRAY = bytes(level for level in range(256) for _ in range(3))
_TABLES: dict[str, bytes] = {
    "viridis": b64decode(VIRIDIS),
    "magma": b64decode(MAGMA),
    "inferno": b64decode(INFERNO),
    "cividis": b64decode(CIVIDIS),
    "gray": _GRAY,
}


def palette(name: PaletteName) -> bytes:
    """Return the 768 bytes of the palette: red, green, blue of index 0, then of index 1, and so on."""
    return _TABLES[name]
