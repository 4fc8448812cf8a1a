"""Which pixel is when and which frequency: sizes of the images, and the plan of the one pass."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from .palettes import PaletteName

FFT_SIZE = 2048
BINS = FFT_SIZE // 2 + 1
MAX_HOP = 256

Pool = Literal["max", "mean"]


@dataclass(frozen=True, slots=True)
class ImageSize:
    """The wanted size of one image; its width follows the duration between two limits."""

    name: str
    px_per_s: int
    min_width: int
    max_width: int
    height: int

    def width(self, duration_s: float) -> int:
        return min(self.max_width, max(self.min_width, round(duration_s * self.px_per_s)))


THUMBNAIL = ImageSize("thumbnail", px_per_s=50, min_width=1, max_width=800, height=200)
STANDARD = ImageSize("standard", px_per_s=200, min_width=800, max_width=1600, height=400)
FULL = ImageSize("full", px_per_s=400, min_width=1600, max_width=6400, height=600)


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """How images look. `pool` joins cells that share a pixel: by maximum, a call of 5 ms survives in an hour."""

    pool: Pool = "max"
    palette: PaletteName = "viridis"
    floor_db: float = -80.0


@dataclass(frozen=True, slots=True)
class Geometry:
    """What a ruler on the image reads.

    The time t is in column floor(t / seconds_per_px); the frequency f in row floor((f - f_min_hz) / hz_per_px),
    counted from the bottom. Index 0 is `floor_db`, 255 `ceiling_db`, relative to the recording's loudest cell.
    """

    width: int
    height: int
    seconds_per_px: float
    hz_per_px: float
    f_min_hz: float
    f_max_hz: float
    floor_db: float
    ceiling_db: float
    palette: PaletteName


@dataclass(frozen=True, slots=True)
class Plan:
    """The pass over one recording: `frames` windows, `hop` samples apart, shared out over `columns`."""

    hop: int
    frames: int
    columns: int

    def column_of(self, frame: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return frame * self.columns // self.frames

    def first_frame_of(self, column: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return -(-column * self.frames // self.columns)

    def seconds_per_column(self, rate_hz: int) -> float:
        return self.frames * self.hop / self.columns / rate_hz


def plan(expected_frames: int | None, rate_hz: int) -> Plan:
    """Choose hop and columns so that the full image has one window per pixel, or more.

    Without an expectation there is a column per window, at the full image's pixels per second; folding does the rest.
    """
    if not expected_frames:
        return Plan(hop=_within(rate_hz // FULL.px_per_s, 1, MAX_HOP), frames=1, columns=1)
    wanted = FULL.width(expected_frames / rate_hz)
    hop = _within(expected_frames // wanted, 1, MAX_HOP)
    frames = 1 + expected_frames // hop
    return Plan(hop=hop, frames=frames, columns=min(wanted, frames))


def shares(parts: int, whole: int) -> npt.NDArray[np.int64]:
    """Return where each of `parts` begins among `whole` cells, and the end: item i goes to i * parts // whole."""
    return -(-np.arange(parts + 1, dtype=np.int64) * whole // parts)


def bin_shares(height: int) -> npt.NDArray[np.int64]:
    """Return where each row of an image begins among the FFT's bins, and the end; Nyquist joins the top row."""
    edges = shares(height, BINS - 1)
    edges[-1] = BINS
    return edges


def _within(number: int, low: int, high: int) -> int:
    return min(high, max(low, number))
