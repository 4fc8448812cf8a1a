"""How loud the recording is, and whether the recorder was at its limits."""

from dataclasses import asdict, dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from services.analysis.loudness import LOWEST_RATE_HZ, STEPS_PER_GATING_BLOCK, LoudnessMeter
from services.analysis.measures import Measure, Payload, Reason, absent, decibels, listed, measured
from services.analysis.shared import SILENCE_DBFS, Floats, Input, SharedBlock
from services.analysis.steps import STEPS_PER_S, StepGrid

from .protocol import Device


@dataclass(frozen=True)
class Levels:
    """Settings of the levels extractor.

    0 dBFS is the largest sample value: a full-scale sine has a peak of 0 dBFS and an RMS of -3.01 dBFS. RMS, crest
    factor and silence leave the DC offset out, because a recorder's offset is no sound.
    """

    clipped_from: Annotated[float, Field(gt=0, le=1)] = 32767 / 32768
    silence_dbfs: Annotated[float, Field(ge=-200, le=0)] = SILENCE_DBFS
    silence_step_s: float = field(default=1 / STEPS_PER_S, init=False)

    name: ClassVar[str] = "levels"
    version: ClassVar[str] = "1"
    description: ClassVar[str] = "RMS, peak, crest factor, DC offset, clipping, silence and loudness (BS.1770-4)."
    needs: ClassVar[Input] = Input.SAMPLES
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0005

    @property
    def parameters(self) -> dict[str, object]:
        """Everything that the values depend on."""
        return asdict(self)

    def accumulator(self, *, rate_hz: int, channels: int) -> "LevelsAccumulator":
        """Start on a recording."""
        return LevelsAccumulator(self, rate_hz=rate_hz, channels=channels)


class LevelsAccumulator:
    """Sums per channel, and one energy per 100 ms for the loudness gate."""

    def __init__(self, settings: Levels, *, rate_hz: int, channels: int) -> None:
        """Start at sample zero."""
        self._settings = settings
        self._rate_hz = rate_hz
        self._peak = np.zeros(channels)
        self._clipped = 0
        self._silent_frames = 0
        self._grid = StepGrid(rate_hz)
        self._step = ChannelSums(channels)
        self._whole = ChannelSums(channels)
        self._meter = LoudnessMeter(rate_hz=rate_hz, channels=channels) if rate_hz >= LOWEST_RATE_HZ else None

    def add(self, block: SharedBlock) -> None:
        """Take the next samples of all channels."""
        samples = block.channels
        if not len(samples):
            return
        magnitude = np.abs(samples)
        self._peak = np.maximum(self._peak, magnitude.max(axis=0))
        self._clipped += int(np.count_nonzero(magnitude >= self._settings.clipped_from))
        self._add_steps(samples)
        if self._meter is not None:
            self._meter.add(samples)

    def result(self) -> Payload:
        """Return the levels."""
        self._close_step()
        rms, peak = self._whole.deviation(), float(self._peak.max())
        offsets = self._whole.means()
        frames = self._whole.frames
        return {
            "rms": decibels(rms, unit="dBFS"),
            "peak": decibels(peak, unit="dBFS"),
            "peak_per_channel": listed(self._peak.tolist(), unit="full_scale"),
            "crest_factor": decibels(peak / rms if rms else 0, unit="dB"),
            "dc_offset": measured(float(offsets[np.abs(offsets).argmax()]), unit="full_scale"),
            "clipped_share": measured(self._clipped / (frames * len(self._peak)), unit="ratio"),
            "silence_ratio": measured(self._silent_frames / frames, unit="ratio"),
            "integrated_loudness": self._loudness(),
        }

    def _add_steps(self, samples: Floats) -> None:
        for piece, ends in self._grid.cut(len(samples)):
            self._step.add(samples[piece])
            if ends:
                self._close_step()

    def _close_step(self) -> None:
        if self._step.frames and self._step.deviation() <= 10 ** (self._settings.silence_dbfs / 20):
            self._silent_frames += self._step.frames
        self._whole.merge(self._step)
        self._step = ChannelSums(len(self._peak))

    def _loudness(self) -> Measure:
        if self._meter is None:
            return absent(Reason.RATE_TOO_LOW, unit="LUFS")
        if self._whole.frames * STEPS_PER_S < STEPS_PER_GATING_BLOCK * self._rate_hz:
            return absent(Reason.TOO_SHORT, unit="LUFS")
        loudness_lufs = self._meter.integrated_lufs()
        if loudness_lufs is None:
            return absent(Reason.BELOW_LOUDNESS_GATE, unit="LUFS")
        return measured(loudness_lufs, unit="LUFS")


class ChannelSums:
    """Sums of samples and of their squares, in float64: a large DC offset must not drown a quiet sound."""

    def __init__(self, channels: int) -> None:
        """Start with nothing."""
        self.frames = 0
        self._sums = np.zeros(channels)
        self._squares = np.zeros(channels)

    def add(self, samples: Floats) -> None:
        """Take (n, channels) samples."""
        exact = samples.astype(np.float64)
        self.frames += len(exact)
        self._sums += exact.sum(axis=0)
        self._squares += np.einsum("ij,ij->j", exact, exact)

    def merge(self, other: "ChannelSums") -> None:
        """Take what another one summed."""
        self.frames += other.frames
        self._sums += other._sums  # noqa: SLF001 - another object of this class
        self._squares += other._squares  # noqa: SLF001 - another object of this class

    def means(self) -> NDArray[np.float64]:
        """Return each channel's mean."""
        return self._sums / self.frames

    def deviation(self) -> float:
        """Return the root mean square over all channels, each around its own mean."""
        variances = self._squares / self.frames - np.square(self.means())
        return float(np.sqrt(np.maximum(variances, 0).mean()))
