"""Levels in one-third-octave bands, of the whole recording and of every ten seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from services.analysis.measures import Measure, Payload, Reason, absent, gathered, listed, measured, unlisted
from services.analysis.shared import Input, SharedBlock
from services.analysis.third_octaves import WINDOW_S, BandSpectrum, Doubles, third_octaves

from .protocol import Device, SeriesBlock
from .settings import ExtractorSettings

_STATISTICS = ("minimum", "mean", "maximum")
# Nothing that a converter or a float32 can hold is as quiet.
_NOTHING = 1e-20


@dataclass(frozen=True)
class Levels(ExtractorSettings):
    """Settings of the levels extractor.

    0 dBFS is the mean square of a square wave of full scale: a full-scale sine has -3.01 dBFS in its band. `minimum`,
    `mean` (of powers) and `maximum` are of windows of a second, half a second apart, inside the recording; a window
    belongs to the interval in which its middle lies. The highest band is the last that ends below half the rate.
    """

    window_s: float = field(default=WINDOW_S, init=False)
    interval_s: float = field(default=10.0, init=False)

    name: ClassVar[str] = "levels"
    version: ClassVar[str] = "3"
    description: ClassVar[str] = "Levels in one-third-octave bands from 25 Hz to half the rate, whole and per 10 s."
    needs: ClassVar[Input] = Input.SAMPLES
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0004

    def accumulator(self, *, rate_hz: int, channels: int) -> "LevelsAccumulator":
        """Start on a recording."""
        return LevelsAccumulator(self, rate_hz)


class LevelsAccumulator:
    """Three powers per band, for the whole and for the present interval."""

    def __init__(self, settings: Levels, rate_hz: int) -> None:
        """Start before the first sample."""
        self._interval_s = settings.interval_s
        self._rate_hz = rate_hz
        self._bands = third_octaves(rate_hz)
        self._spectrum = BandSpectrum(rate_hz, self._bands)
        self._windows = 0
        self._whole = _Extent(len(self._bands))
        self._interval = _Extent(len(self._bands))
        self._interval_index = 0
        self._ended: list[tuple[float, Doubles]] = []
        self._names = [f"{statistic}_{band.nominal}_hz" for statistic in _STATISTICS for band in self._bands]

    @property
    def series_units(self) -> Mapping[str, str]:
        """Levels of each interval of ten seconds, by statistic and nominal frequency: `mean_31.5_hz`."""
        return dict.fromkeys(self._names, "dBFS")

    def add(self, block: SharedBlock) -> None:
        """Take the next samples."""
        for powers in self._spectrum.push(block.samples):
            self._take(powers)
            self._windows += 1

    def result(self) -> Payload:
        """Return a list per statistic, one level per band."""
        self._close_interval()
        midbands = listed([band.midband_hz for band in self._bands], unit="Hz")
        return {"midband_frequency": midbands, **{name: self._levels(name) for name in _STATISTICS}}

    def series(self) -> SeriesBlock | None:
        """Return the intervals that ended since the last call."""
        if not self._ended:
            return None
        times_s, levels = zip(*self._ended, strict=True)
        self._ended = []
        columns = dict(zip(self._names, np.stack(levels).T.astype(np.float32), strict=True))
        return SeriesBlock(np.array(times_s), columns)

    def _take(self, powers: Doubles) -> None:
        middle = self._windows * self._spectrum.hop + self._spectrum.length // 2
        index = int(middle / (self._rate_hz * self._interval_s))
        if index > self._interval_index:
            self._close_interval()
            self._interval_index = index
        self._interval.add(powers)
        self._whole.add(powers)

    def _close_interval(self) -> None:
        if self._interval.windows:
            middle_s = (self._interval_index + 0.5) * self._interval_s
            powers = np.concatenate([self._interval.minimum, self._interval.mean(), self._interval.maximum])
            heard = np.where(powers > _NOTHING, powers, np.nan)
            self._ended.append((middle_s, 10 * np.log10(heard)))
        self._interval = _Extent(len(self._bands))

    def _levels(self, statistic: str) -> Measure:
        if not self._bands:
            return unlisted(Reason.RATE_TOO_LOW, unit="dBFS")
        if not self._whole.windows:
            return unlisted(Reason.TOO_SHORT, unit="dBFS")
        powers = {"minimum": self._whole.minimum, "mean": self._whole.mean(), "maximum": self._whole.maximum}
        return gathered([_level(float(power)) for power in powers[statistic]], unit="dBFS")


class _Extent:
    """Smallest, mean and largest power of windows."""

    def __init__(self, bands: int) -> None:
        self.windows = 0
        self.minimum = np.full(bands, np.inf)
        self.maximum = np.zeros(bands)
        self._sum = np.zeros(bands)

    def add(self, powers: Doubles) -> None:
        self.windows += 1
        self.minimum = np.minimum(self.minimum, powers)
        self.maximum = np.maximum(self.maximum, powers)
        self._sum += powers

    def mean(self) -> Doubles:
        return self._sum / self.windows


def _level(power: float) -> Measure:
    if power <= _NOTHING:
        return absent(Reason.SILENT, unit="dBFS")
    return measured(10 * float(np.log10(power)), unit="dBFS")
