"""Levels that need no reference: 8-bit indices of dBFS, in steps of half a decibel, and palettes for them."""

from math import log
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from .pooling import Power

STEP_DB = 0.5
# A sine at full scale is 0 dBFS; a clipped one has a little more in its fundamental.
TOP_DBFS = 3.0
BOTTOM_DBFS = TOP_DBFS - 255 * STEP_DB


def absolute_indices(power: Power, full_scale: float) -> npt.NDArray[np.uint8]:
    """Return the index of each cell, (m, n) float32: 0 at -124.5 dBFS and below, 255 at 3 dBFS and above.

    full_scale  the power of a full-scale sine, which is 0 dBFS

    A logarithm of ten bits would do: OpenCV's takes half a nanosecond per cell, a table six times that.
    """
    bottom_power = full_scale * 10 ** (BOTTOM_DBFS / 10)
    nepers = cv2.log(np.maximum(power, np.float32(bottom_power)))
    per_neper = 10 / log(10) / STEP_DB
    indices = cv2.convertScaleAbs(nepers, alpha=per_neper, beta=-log(bottom_power) * per_neper)
    return cast("npt.NDArray[np.uint8]", indices)


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
