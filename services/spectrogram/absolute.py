"""Palettes for levels that need no reference: indices of dBFS, in steps of half a decibel."""

import numpy as np

from contracts.tiles import BOTTOM_DBFS, STEP_DB


def absolute_palette(
    colours: bytes, *, reference_dbfs: float | None, floor_db: float = -80.0, ceiling_db: float = 0.0
) -> bytes:
    """Return the palette that shows absolute indices as `colours` show levels relative to a reference.

    colours         256 RGB triples, from floor to ceiling
    reference_dbfs  what is 0 dB; None in silence, which is all floor
    """
    if reference_dbfs is None:
        return colours[:3] * 256
    relative_db = BOTTOM_DBFS + STEP_DB * np.arange(256) - reference_dbfs
    shares = np.clip((relative_db - floor_db) / (ceiling_db - floor_db), 0, 1)
    table = np.frombuffer(colours, dtype=np.uint8).reshape(256, 3)
    return bytes(table[np.rint(255 * shares).astype(np.intp)])
