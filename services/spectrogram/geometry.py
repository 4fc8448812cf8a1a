"""Which pixel is when and which frequency: sizes of the images, and the plan of the one pass."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from contracts.rendering import PaletteName, Reference, RenderParameters, ScaleName

# Windows overlap by seven eighths, short ones less: a hop of 256 for 2048 samples.
_OVERLAP = 8
_SHORTEST_MAX_HOP = 128
# Decoders give a little more than containers claim; that much fits before columns fold.
_SURPLUS = 128


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

    def panel_height(self, panels: int) -> int:
        """Return how high each of several stacked channels is; together they are as high as one."""
        return max(1, self.height // panels)


THUMBNAIL = ImageSize("thumbnail", px_per_s=50, min_width=1, max_width=800, height=200)
STANDARD = ImageSize("standard", px_per_s=200, min_width=800, max_width=1600, height=400)
FULL = ImageSize("full", px_per_s=400, min_width=1600, max_width=6400, height=600)
SIZES = (THUMBNAIL, STANDARD, FULL)
# What is shorter gets more pixels per second, so that the full image has its least width.
DENSEST_S = FULL.min_width / FULL.px_per_s


@dataclass(frozen=True, slots=True)
class Geometry:
    """What a ruler on the image reads.

    The time t is in column floor(t / seconds_per_px). On a linear `scale` the frequency f is in row
    floor((f - f_min_hz) / hz_per_px), counted from the bottom; on the others `scales.FrequencyAxis.position` says
    where, and `hz_per_px` is the mean. With several `panels` the image is that many spectrograms of equal height,
    the first channel at the top. Index 0 is `floor_db`, 255 `ceiling_db`; `reference` says relative to what,
    `reference_dbfs` how loud that is. In PCEN, which has no decibels, index 255 is the recording's largest value.
    """

    width: int
    height: int
    seconds_per_px: float
    hz_per_px: float
    f_min_hz: float
    f_max_hz: float
    scale: ScaleName
    panels: int
    quantity: Literal["dB", "PCEN"]
    floor_db: float | None
    ceiling_db: float | None
    reference: Reference
    reference_dbfs: float | None
    palette: PaletteName


@dataclass(frozen=True, slots=True)
class Plan:
    """The pass over one recording: `frames` windows, `hop` samples apart, shared out over `columns`."""

    hop: int
    frames: int
    columns: int

    @property
    def is_open(self) -> bool:
        """Tell whether nobody knows how many windows will come: each has a column, until they fold."""
        return self.frames == 1

    @property
    def capacity(self) -> int:
        """How many columns are kept at most; of an open end twice the full image's: folded in pairs they fill it."""
        return 2 * FULL.max_width if self.is_open else FULL.max_width + _SURPLUS

    def first_frame_of(self, column: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return -(-column * self.frames // self.columns)

    def seconds_per_column(self, rate_hz: int) -> float:
        return self.frames * self.hop / self.columns / rate_hz


def max_hop(parameters: RenderParameters) -> int:
    """Return how far apart windows may be at most."""
    return parameters.hop or max(_SHORTEST_MAX_HOP, parameters.window_size // _OVERLAP)


def plan(expected_frames: int | None, rate_hz: int, longest_hop: int) -> Plan:
    """Choose hop and columns so that the full image has one window per pixel, or more.

    Without an expectation there is a column per window, at the full image's pixels per second, which is enough from
    `DENSEST_S` on; folding does the rest.
    """
    if not expected_frames:
        return Plan(hop=_within(rate_hz // FULL.px_per_s, 1, longest_hop), frames=1, columns=1)
    wanted = FULL.width(expected_frames / rate_hz)
    hop = _within(expected_frames // wanted, 1, longest_hop)
    frames = 1 + expected_frames // hop
    return Plan(hop=hop, frames=frames, columns=min(wanted, frames))


def shares(parts: int, whole: int) -> npt.NDArray[np.int64]:
    """Return where each of `parts` begins among `whole` cells, and the end: item i goes to i * parts // whole."""
    return -(-np.arange(parts + 1, dtype=np.int64) * whole // parts)


def _within(number: int, low: int, high: int) -> int:
    return min(high, max(low, number))
