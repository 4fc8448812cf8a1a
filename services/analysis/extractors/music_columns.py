"""Accumulators that have several values of one kind for each frame of music."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from services.analysis.measures import Measure, Payload, measured
from services.analysis.music_heard import MusicHeard
from services.analysis.shared import SharedBlock

from .frame_columns import FrameColumns
from .protocol import SeriesBlock


class MusicColumns(ABC):
    """Columns of frames of music, and whether there is any; a subclass fills `columns`, and states them."""

    def __init__(self, names: Sequence[str], unit: str, rate_hz: int) -> None:
        """Start before the first frame of music at `rate_hz`."""
        self.columns = FrameColumns(names, unit, rate_hz)
        self.heard = MusicHeard(rate_hz)
        self._rate_hz = rate_hz

    @property
    def series_units(self) -> Mapping[str, str]:
        """The unit of each series."""
        return self.columns.units

    def add(self, block: SharedBlock) -> None:
        """Take the frames that are known with this block."""
        self.heard.add(block)
        if self.heard.usable:
            self.take(block)

    def series(self) -> SeriesBlock | None:
        """Return the columns of the frames since the last call."""
        return self.columns.series()

    def rate(self) -> Measure:
        """State the rate at which the music was heard."""
        return measured(self._rate_hz, unit="Hz")

    @abstractmethod
    def take(self, block: SharedBlock) -> None:
        """Add the frames of a block that can be heard to `columns`."""

    @abstractmethod
    def result(self) -> Payload:
        """Return the measures of everything taken."""
