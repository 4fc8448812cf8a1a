"""What the sound's spectrum looks like."""

from dataclasses import asdict, dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from services.analysis.measures import Payload, Reason, aggregated
from services.analysis.series import Series
from services.analysis.shared import FRAME_LENGTH, HOP, SILENCE_DBFS, Floats, Input, SharedBlock, frequencies_hz
from services.analysis.spectral import ZeroCrossings, bandwidths_hz, centroids_hz, flatnesses, rolloffs_hz

from .protocol import Device, SeriesBlock

_UNITS = {
    "centroid": "Hz",
    "bandwidth": "Hz",
    "rolloff": "Hz",
    "flatness": "ratio",
    "zero_crossing_rate": "ratio",
    "rms": "full_scale",
}


@dataclass(frozen=True)
class Spectral:
    """Settings of the spectral extractor.

    Frame values are librosa's at the recording's own rate. The aggregates leave out frames that reach over an end of
    the recording, because they describe the padding, and frames below `silence_dbfs`, because a silent frame has no
    spectrum; `rms` counts silent frames too.
    """

    frame_length: int = field(default=FRAME_LENGTH, init=False)
    hop: int = field(default=HOP, init=False)
    rolloff_share: Annotated[float, Field(gt=0, lt=1)] = 0.85
    silence_dbfs: float = field(default=SILENCE_DBFS, init=False)

    name: ClassVar[str] = "spectral"
    version: ClassVar[str] = "1"
    description: ClassVar[str] = "Centroid, bandwidth, roll-off, flatness, zero crossings and RMS of frames."
    needs: ClassVar[Input] = Input.SPECTRUM
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0007

    @property
    def parameters(self) -> dict[str, object]:
        """Everything that the values depend on."""
        return asdict(self)

    def accumulator(self, *, rate_hz: int, channels: int) -> "SpectralAccumulator":
        """Start on a recording."""
        return SpectralAccumulator(self, rate_hz)


class SpectralAccumulator:
    """Six series of at most 4 MiB each: 24 MiB for a recording of any length. Every frame is offered as it comes."""

    series_units: ClassVar[dict[str, str]] = _UNITS

    def __init__(self, settings: Spectral, rate_hz: int) -> None:
        """Start before the first frame."""
        self._settings = settings
        self._rate_hz = rate_hz
        self._frames = 0
        self._new: SeriesBlock | None = None
        self._frequencies_hz = frequencies_hz(rate_hz)
        self._crossings = ZeroCrossings()
        self._series = {measure: Series() for measure in _UNITS}

    def add(self, block: SharedBlock) -> None:
        """Take the frames that the block completes."""
        # The last block brings no samples; its frames all reach over the end, and none is measured.
        crossing_rate = self._crossings.add(block.samples)
        first, self._frames = self._frames, self._frames + len(block.inner)
        if not block.inner.any():
            return
        values = {**self.frame_values(block), "zero_crossing_rate": crossing_rate}
        for measure, of_frames in values.items():
            self._series[measure].add(of_frames[block.sounding])
        rms = np.hypot(block.frame_deviation, block.frame_mean)
        self._series["rms"].add(rms[block.inner])
        heard = {measure: np.where(block.sounding, of_frames, np.nan) for measure, of_frames in values.items()}
        self._new = self._of_inner(block, first, {**heard, "rms": rms})

    def series(self) -> SeriesBlock | None:
        """Return the frames of the last block that lie inside the recording; silent ones have an RMS alone."""
        new, self._new = self._new, None
        return new

    def frame_values(self, block: SharedBlock) -> dict[str, Floats]:
        """Return the spectral measures of every frame of the block, (k,) float32 each."""
        centroid_hz = centroids_hz(block.magnitude, self._frequencies_hz)
        return {
            "centroid": centroid_hz,
            "bandwidth": bandwidths_hz(block.magnitude, self._frequencies_hz, centroid_hz),
            "rolloff": rolloffs_hz(block.magnitude, self._frequencies_hz, self._settings.rolloff_share),
            "flatness": flatnesses(block.power),
        }

    def _of_inner(self, block: SharedBlock, first: int, values: dict[str, Floats]) -> SeriesBlock:
        times_s = np.multiply(first + np.flatnonzero(block.inner), HOP / self._rate_hz, dtype=np.float64)
        return SeriesBlock(times_s, {measure: of_frames[block.inner] for measure, of_frames in values.items()})

    def result(self) -> Payload:
        """Return the aggregates."""
        otherwise = Reason.SILENT if self._series["rms"].count else Reason.TOO_SHORT
        return {
            measure: aggregated(self._series[measure], unit=unit, otherwise=otherwise)
            for measure, unit in _UNITS.items()
        }
