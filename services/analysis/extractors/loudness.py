"""How loud the recording is: peaks, RMS, and loudness as people hear it."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from services.analysis.channel_sums import ChannelSums
from services.analysis.kweighting import LOWEST_RATE_HZ
from services.analysis.loudness import MOMENTARY_S, SHORT_TERM_S, Loudness, LoudnessMeter
from services.analysis.measures import Measure, Payload, Reason, absent, decibels, listed, measured
from services.analysis.shared import SILENCE_DBFS, Floats, Input, SharedBlock
from services.analysis.steps import STEPS_PER_S, StepGrid
from services.analysis.true_peak import TruePeakMeter

from .protocol import Device
from .settings import ExtractorSettings


@dataclass(frozen=True)
class LoudnessFamily(ExtractorSettings):
    """Settings of the loudness extractor.

    0 dBFS is the largest sample value: a full-scale sine has a peak of 0 dBFS and an RMS of -3.01 dBFS. RMS, crest
    factor and silence leave the DC offset out, because a recorder's offset is no sound.
    """

    silence_dbfs: Annotated[float, Field(ge=-200, le=0)] = SILENCE_DBFS
    silence_step_s: float = field(default=1 / STEPS_PER_S, init=False)

    name: ClassVar[str] = "loudness"
    version: ClassVar[str] = "2"
    description: ClassVar[str] = (
        "RMS, peak, true peak, crest factor, silence; integrated, momentary and short-term loudness and its range."
    )
    needs: ClassVar[Input] = Input.SAMPLES
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0003

    def accumulator(self, *, rate_hz: int, channels: int) -> "LoudnessAccumulator":
        """Start on a recording."""
        return LoudnessAccumulator(self, rate_hz=rate_hz, channels=channels)


class LoudnessAccumulator:
    """Sums per channel, and the loudness meter."""

    def __init__(self, settings: LoudnessFamily, *, rate_hz: int, channels: int) -> None:
        """Start at sample zero."""
        self._settings = settings
        self._rate_hz = rate_hz
        self._peak = np.zeros(channels)
        self._true_peak = TruePeakMeter(channels)
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
        self._peak = np.maximum(self._peak, np.abs(samples).max(axis=0))
        self._true_peak.add(samples)
        self._add_steps(samples)
        if self._meter is not None:
            self._meter.add(samples)

    def result(self) -> Payload:
        """Return the levels and the loudness."""
        self._close_step()
        rms, peak = self._whole.deviation(), float(self._peak.max())
        true_peak = float(self._true_peak.peaks().max())
        loudness = self._meter.loudness() if self._meter is not None else None
        return {
            "rms": decibels(rms, unit="dBFS"),
            "peak": decibels(peak, unit="dBFS"),
            "peak_per_channel": listed(self._peak.tolist(), unit="full_scale"),
            "true_peak": decibels(true_peak, unit="dBTP"),
            "crest_factor": decibels(peak / rms if rms else 0, unit="dB"),
            "silence_ratio": measured(self._silent_frames / self._whole.frames, unit="ratio"),
            **self._loudness(loudness or Loudness(None, None, None, None)),
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

    def _loudness(self, found: Loudness) -> Payload:
        return {
            "integrated_loudness": self._gated(found.integrated_lufs, unit="LUFS", window_s=MOMENTARY_S),
            "momentary_max": self._gated(found.momentary_max_lufs, unit="LUFS", window_s=MOMENTARY_S),
            "short_term_max": self._gated(found.short_term_max_lufs, unit="LUFS", window_s=SHORT_TERM_S),
            "loudness_range": self._gated(found.range_lu, unit="LU", window_s=SHORT_TERM_S),
        }

    def _gated(self, value: float | None, *, unit: str, window_s: float) -> Measure:
        if self._meter is None:
            return absent(Reason.RATE_TOO_LOW, unit=unit)
        if self._whole.frames < window_s * self._rate_hz:
            return absent(Reason.TOO_SHORT, unit=unit)
        if value is None:
            return absent(Reason.BELOW_LOUDNESS_GATE, unit=unit)
        return measured(value, unit=unit)
