"""Statistics of segments, from the frames of an extractor, while they come."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any

import numpy as np

from contracts.analysing import Segmentation

from .extractors import SeriesBlock
from .series import KEPT_FRAMES_MIN, STATISTICS, Aggregate, Series

# Of more series than that, the statistics of segments would be larger than the series themselves.
SERIES_MAX = 128


@dataclass(frozen=True)
class SegmentGrid:
    """When the segments of a recording begin and end; `hop_s` is what became of the hop that was asked for."""

    length_s: float
    hop_s: float
    start_s: tuple[float, ...]
    end_s: tuple[float, ...]


def segment_grid(segmentation: Segmentation, duration_s: float) -> SegmentGrid:
    """Return the segments of a recording of that duration, at least one."""
    hop_s = segmentation.asked_hop_s
    while segmentation.segments_max * hop_s < duration_s:
        hop_s *= 2
    starts = (0.0, *takewhile(lambda start_s: start_s < duration_s, (number * hop_s for number in count(1))))
    ends = tuple(min(start_s + segmentation.length_s, duration_s) for start_s in starts)
    return SegmentGrid(segmentation.length_s, hop_s, starts, ends)


class SegmentCutter:
    """Statistics of each segment of one extractor's series.

    How long the recording is, is known at its end. So segments begin at the asked hop, and whenever more than the
    limit have begun, every second one is dropped and the hop doubled. The frames of a segment are held until it ends:
    at most eight are open, and `Series` bounds each.
    """

    def __init__(self, segmentation: Segmentation, units: Mapping[str, str]) -> None:
        """Start before the first frame."""
        self._segmentation = segmentation
        self._units = dict(units)
        self._hop_s = segmentation.asked_hop_s
        self._open: dict[float, dict[str, Series]] = {}
        self._closed: dict[float, dict[str, Aggregate | None]] = {}
        self._next = 0

    def add(self, block: SeriesBlock) -> None:
        """Take the next frames; a frame belongs to the segments that its centre lies in."""
        if not len(block.times_s):
            return
        self._begin_until(float(block.times_s[-1]))
        for start_s, series in self._open.items():
            first, stop = np.searchsorted(block.times_s, [start_s, start_s + self._segmentation.length_s])
            for name, each in series.items():
                values = block.values[name][first:stop]
                each.add(values[~np.isnan(values)])
        self._close_before(float(block.times_s[-1]))

    def result(self, grid: SegmentGrid) -> dict[str, Any]:
        """Return, per series, its unit and one list per statistic, null where a segment has no value."""
        self._close_before(np.inf)
        return {name: self._lists(name, grid) for name in self._units}

    def _begin_until(self, time_s: float) -> None:
        while self._next * self._hop_s <= time_s:
            self._open[self._next * self._hop_s] = self._begun()
            self._next += 1
            if self._next > self._segmentation.segments_max:
                self._thin()

    def _begun(self) -> dict[str, Series]:
        # Eight segments of 64 bands are open at once.
        return {name: Series(kept_frames=KEPT_FRAMES_MIN) for name in self._units}

    def _thin(self) -> None:
        self._hop_s *= 2
        self._next = (self._next + 1) // 2
        kept = {number * self._hop_s for number in range(self._next)}
        self._open = {start_s: each for start_s, each in self._open.items() if start_s in kept}
        self._closed = {start_s: each for start_s, each in self._closed.items() if start_s in kept}

    def _close_before(self, time_s: float) -> None:
        ended = [start_s for start_s in self._open if start_s + self._segmentation.length_s <= time_s]
        for start_s in ended:
            self._closed[start_s] = {name: each.aggregate() for name, each in self._open.pop(start_s).items()}

    def _lists(self, name: str, grid: SegmentGrid) -> dict[str, Any]:
        found = [self._closed.get(start_s, {}).get(name) for start_s in grid.start_s]
        statistics = {
            stated: [None if each is None else getattr(each, field) for each in found]
            for stated, field in STATISTICS.items()
        }
        frames = [0 if each is None else each.count for each in found]
        return {"unit": self._units[name], **statistics, "frames": frames}
