"""What the sound's spectrum looks like."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from services.analysis import contrast
from services.analysis.frame_windows import Arrays, FrameWindows
from services.analysis.measures import Measure, Payload, Reason, aggregated, aggregated_each, summarized, unaggregated
from services.analysis.power_levels import RANGE_DB
from services.analysis.series import Columns, Series
from services.analysis.shared import FRAME_LENGTH, HOP, SILENCE_DBFS, Floats, Input, SharedBlock, frequencies_hz
from services.analysis.spectral import (
    SpectralFlux,
    ZeroCrossings,
    centres_and_widths_hz,
    flatnesses,
    rolloffs_hz,
)

from .frame_columns import numbered
from .pending import PendingSeries
from .protocol import Device, SeriesBlock
from .settings import ExtractorSettings

# Of frames that sound, in the order of their columns.
_UNITS = {
    "centroid": "Hz",
    "bandwidth": "Hz",
    "rolloff": "Hz",
    "flatness": "ratio",
    "zero_crossing_rate": "ratio",
}
_CONTRASTS = numbered("contrast", len(contrast.BANDS_FROM_HZ))
_SERIES_UNITS = {**_UNITS, "flux": "magnitude", **dict.fromkeys(_CONTRASTS, "dB"), "rms": "full_scale"}

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Spectral(ExtractorSettings):
    """Settings of the spectral extractor.

    Frame values are librosa's at the recording's own rate. The aggregates leave out frames that reach over an end of
    the recording, because they describe the padding, and frames below `silence_dbfs`, because a silent frame has no
    spectrum; `rms` counts silent frames too. `flux` is that from the frame before, which lies inside the recording.

    `contrast` is stated band by band: below `contrast_f_min_hz`, octaves from there, and what is above them. More than
    `contrast_range_db` under the greatest peak, or the greatest valley, everything is equal; in recordings longer than
    `window_frames`, that is the greatest of as many frames.
    """

    frame_length: int = field(default=FRAME_LENGTH, init=False)
    hop: int = field(default=HOP, init=False)
    rolloff_share: Annotated[float, Field(gt=0, lt=1)] = 0.85
    contrast_f_min_hz: float = field(default=contrast.BANDS_FROM_HZ[1], init=False)
    contrast_bands: int = field(default=len(contrast.BANDS_FROM_HZ), init=False)
    contrast_quantile: float = field(default=contrast.QUANTILE, init=False)
    contrast_range_db: float = field(default=RANGE_DB, init=False)
    contrast_lowest_rate_hz: int = field(default=contrast.LOWEST_RATE_HZ, init=False)
    contrast_highest_rate_hz: int = field(default=contrast.HIGHEST_RATE_HZ, init=False)
    window_frames: Annotated[int, Field(ge=64, le=65_536)] = 65_536
    silence_dbfs: float = field(default=SILENCE_DBFS, init=False)

    name: ClassVar[str] = "spectral"
    version: ClassVar[str] = "4"
    description: ClassVar[str] = (
        "Centroid, bandwidth, roll-off, flatness, contrast, flux, zero crossings, RMS of frames."
    )
    needs: ClassVar[Input] = Input.SPECTRUM
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0005

    def accumulator(self, *, rate_hz: int, channels: int) -> "SpectralAccumulator":
        """Start on a recording."""
        return SpectralAccumulator(self, rate_hz)


class SpectralAccumulator:
    """A window of 6 MiB, and 4 MiB for the quantiles, for a recording of any length."""

    def __init__(self, settings: Spectral, rate_hz: int) -> None:
        """Start before the first frame."""
        self._settings = settings
        self._rate_hz = rate_hz
        self._frequencies_hz = frequencies_hz(rate_hz)
        self._bands: contrast.OctaveBands | None = None
        if settings.contrast_lowest_rate_hz <= rate_hz <= settings.contrast_highest_rate_hz:
            self._bands = contrast.OctaveBands(rate_hz)
        self._crossings = ZeroCrossings()
        self._flux = SpectralFlux()
        self._windows = FrameWindows(settings.window_frames)
        self._inner_before = False
        self._passed = 0
        self._pending = PendingSeries()
        self._of_sound = Columns(len(_UNITS))
        self._contrasts = Columns(len(_CONTRASTS))
        self._fluxes = Series()
        self._rms = Series()

    @property
    def series_units(self) -> Mapping[str, str]:
        """The unit of each series."""
        return _SERIES_UNITS

    def add(self, block: SharedBlock) -> None:
        """Take the frames that the block completes."""
        self._take(self._windows.push(*self._frames(block)))

    def series(self) -> SeriesBlock | None:
        """Return the frames of the windows since the last call that lie inside the recording; silent ones have RMS."""
        return self._pending.take()

    def result(self) -> Payload:
        """Return the aggregates."""
        self._take(self._windows.finish())
        otherwise = Reason.SILENT if self._rms.count else Reason.TOO_SHORT
        found = self._of_sound.aggregates()
        summaries = [found.column(index) if found else None for index in range(len(_UNITS))]
        return {
            **{
                name: summarized(summary, unit=unit, otherwise=otherwise)
                for summary, (name, unit) in zip(summaries, _UNITS.items(), strict=True)
            },
            "flux": aggregated(self._fluxes, unit="magnitude", otherwise=otherwise),
            "contrast": self._contrast(otherwise),
            "rms": aggregated(self._rms, unit="full_scale", otherwise=otherwise),
        }

    def frame_values(self, block: SharedBlock) -> dict[str, Floats]:
        """Return the spectral measures of every frame of the block, (k,) float32 each."""
        centroid_hz, bandwidth_hz = centres_and_widths_hz(block.magnitude, self._frequencies_hz)
        # The last block brings no samples.
        crossing_rates = self._crossings.add(block.samples) if len(block.samples) else self._crossings.finish()
        return {
            "centroid": centroid_hz,
            "bandwidth": bandwidth_hz,
            "rolloff": rolloffs_hz(block.magnitude, self._frequencies_hz, self._settings.rolloff_share),
            "flatness": flatnesses(block.power),
            "zero_crossing_rate": crossing_rates,
        }

    def _frames(self, block: SharedBlock) -> Arrays:
        values = np.column_stack([*self.frame_values(block).values()])
        flux = np.where(self._follows_inner(block), self._flux.add(block.magnitude), np.float32(np.nan))
        rms = np.hypot(block.frame_deviation, block.frame_mean)
        nothing = np.empty((len(values), 0), dtype=np.float32)
        peaks, valleys = self._bands.extremes(block.magnitude) if self._bands else (nothing, nothing)
        return values, flux, rms, peaks, valleys, block.inner, block.sounding

    def _follows_inner(self, block: SharedBlock) -> Flags:
        inner = np.concatenate([[self._inner_before], block.inner])
        self._inner_before = bool(inner[-1])
        return inner[:-1]

    def _take(self, windows: Iterator[Arrays]) -> None:
        for values, flux, rms, peaks, valleys, inner, sounding in windows:
            contrasts_db = np.full((len(values), len(_CONTRASTS)), np.nan, dtype=np.float32)
            if self._bands is not None:
                contrasts_db = contrast.spectral_contrasts_db(peaks, valleys)
                self._contrasts.add(contrasts_db[sounding])
            self._of_sound.add(values[sounding])
            self._fluxes.add(flux[sounding & np.isfinite(flux)])
            self._rms.add(rms[inner])
            columns = np.column_stack([values, flux, contrasts_db, rms])
            columns[~sounding, :-1] = np.nan
            self._offer(columns, inner)

    def _offer(self, columns: Floats, inner: Flags) -> None:
        times_s = np.multiply(self._passed + np.flatnonzero(inner), HOP / self._rate_hz, dtype=np.float64)
        self._passed += len(inner)
        if len(times_s):
            self._pending.add(SeriesBlock(times_s, dict(zip(_SERIES_UNITS, columns[inner].T, strict=True))))

    def _contrast(self, otherwise: Reason) -> Measure:
        if self._bands is not None:
            return aggregated_each(self._contrasts, unit="dB", otherwise=otherwise)
        too_low = self._rate_hz < self._settings.contrast_lowest_rate_hz
        return unaggregated(Reason.RATE_TOO_LOW if too_low else Reason.EMPTY_BAND, unit="dB")
