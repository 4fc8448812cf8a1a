"""The waveform: a small image of a recording's outline, with its RMS inside."""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from .geometry import shares
from .notes import reading_note
from .peaks import Amplitudes, Peaks
from .png import palette_png

WIDTH = 800
HEIGHT = 120
_FULL_SCALE = 32_768
# -60 dBFS: the last bit's noise, blown up to the full height, would look like sound.
_SMALLEST_TOP = 33
_BACKGROUND, _OUTLINE, _BODY = (255, 255, 255), (122, 162, 200), (38, 84, 138)
_PALETTE = bytes([*_BACKGROUND, *_OUTLINE, *_BODY])


@dataclass(frozen=True, slots=True)
class WaveformGeometry:
    """What a ruler on the waveform reads: the middle of the image is 0, full scale is 1.

    A quiet recording is drawn up to its own peak, from -60 dBFS on, so that there is something to see:
    `amplitude_per_px` tells.
    """

    width: int
    height: int
    seconds_per_px: float
    amplitude_per_px: float


@dataclass(frozen=True, slots=True)
class Waveform:
    """One PNG, and what a ruler on it reads."""

    png: bytes
    geometry: WaveformGeometry


def waveform(peaks: Peaks, duration_s: float, *, width: int = WIDTH, height: int = HEIGHT) -> Waveform:
    """Draw the outline, lowest to highest sample of each column, and the RMS inside it.

    A short recording gets its natural width. Index 0 is background, 1 outline, 2 within the RMS.
    """
    width = min(width, len(peaks.low))
    edges = shares(width, len(peaks.low))
    low, high = np.minimum.reduceat(peaks.low, edges[:-1]), np.maximum.reduceat(peaks.high, edges[:-1])
    top = max(_SMALLEST_TOP, int(high.max()), -int(low.min()))
    per_px = 2 * top / height
    indices = _between(low / per_px, high / per_px, height)
    body = _rms(peaks.rms, edges) / per_px
    indices += indices * _between(-body, body, height)
    geometry = WaveformGeometry(width, height, duration_s / width, per_px / _FULL_SCALE)
    return Waveform(palette_png(indices, _PALETTE, reading_note(asdict(geometry))), geometry)


def _between(low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], height: int) -> npt.NDArray[np.uint8]:
    """Return 1 in the rows that the span of a column touches; one row at least, so that silence is a line."""
    first = np.clip(np.floor(height / 2 - high), 0, height - 1)
    last = np.clip(np.ceil(height / 2 - low) - 1, first, height - 1)
    rows = np.arange(height)[:, None]
    inside: npt.NDArray[np.bool_] = (first <= rows) & (rows <= last)
    return inside.view(np.uint8)


def _rms(rms: Amplitudes, edges: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    squares = np.add.reduceat(rms.astype(np.float64) ** 2, edges[:-1])
    return np.sqrt(squares / np.diff(edges))
