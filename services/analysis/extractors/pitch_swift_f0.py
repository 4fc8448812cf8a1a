"""Which pitch the recording's voiced frames have, as a trained network hears it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from services.analysis.measures import Payload, measured
from services.analysis.neural_pitch import F_MAX_HZ, F_MIN_HZ, HOP_SAMPLES, NeuralPitch
from services.analysis.shared import SPEECH_RATE_HZ, Input, SharedBlock
from services.analysis.speech_heard import SpeechHeard

from .pending import PendingSeries
from .pitch_measures import PitchMeasures
from .protocol import Device, SeriesBlock
from .settings import SpeechSettings

if TYPE_CHECKING:
    from swift_f0 import PitchResult

_SERIES_UNITS = {"f0": "Hz", "f0_swift_f0": "Hz", "confidence": "ratio"}


@dataclass(frozen=True)
class PitchSwiftF0(SpeechSettings):
    """Settings of the pitch extractor by SwiftF0.

    The series `f0_swift_f0` and `confidence` are those of `swift_f0.SwiftF0.detect` at 16 kHz, frame by frame: a
    pitch for every frame, also where nothing has one. `f0` counts a frame with a confidence of `confidence_min` or
    more, and so do the aggregates.
    """

    f_min_hz: Annotated[float, Field(ge=F_MIN_HZ, le=500)] = F_MIN_HZ
    f_max_hz: Annotated[float, Field(ge=1000, le=F_MAX_HZ)] = F_MAX_HZ
    hop: int = field(default=HOP_SAMPLES, init=False)
    confidence_min: Annotated[float, Field(gt=0, le=1)] = 0.5

    name: ClassVar[str] = "pitch_swift_f0"
    version: ClassVar[str] = "1"
    description: ClassVar[str] = "Fundamental frequency by the network SwiftF0 up to C7, voicing, range and vibrato."
    licence: ClassVar[str] = "MIT: SwiftF0 and its network, and onnxruntime"
    packages: ClassVar[tuple[str, ...]] = ("swift-f0", "onnxruntime")
    needs: ClassVar[Input] = Input.SPEECH
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.005

    def prepare(self) -> None:
        """Load the network."""
        NeuralPitch(f_min_hz=self.f_min_hz, f_max_hz=self.f_max_hz)

    def accumulator(self, *, rate_hz: int, channels: int) -> "PitchSwiftF0Accumulator":
        """Start on a recording."""
        return PitchSwiftF0Accumulator(self, rate_hz)


class PitchSwiftF0Accumulator:
    """Three series of at most 4 MiB; four seconds wait for the network."""

    def __init__(self, settings: PitchSwiftF0, rate_hz: int) -> None:
        """Start before the first sample."""
        self._settings = settings
        self._heard = SpeechHeard(rate_hz)
        self._pitch = NeuralPitch(f_min_hz=settings.f_min_hz, f_max_hz=settings.f_max_hz)
        # The network follows a vibrato without smoothing it: its frames are instants.
        self._measures = PitchMeasures(frames_per_s=SPEECH_RATE_HZ / HOP_SAMPLES, frame_s=0)
        self._frames = 0
        self._pending = PendingSeries()

    @property
    def series_units(self) -> Mapping[str, str]:
        """The unit of each series."""
        return _SERIES_UNITS

    def add(self, block: SharedBlock) -> None:
        """Take the next samples."""
        self._heard.add(block)
        if self._heard.usable:
            self._take(self._pitch.push(block.speech))

    def series(self) -> SeriesBlock | None:
        """Return f0 of the frames that count, that of every frame, and how sure the network is."""
        return self._pending.take()

    def result(self) -> Payload:
        """Return the aggregates."""
        if self._heard.usable:
            for found in self._pitch.finish():
                self._take(found)
        return {
            **self._measures.stated(frames=self._frames, reason=self._heard.reason_for_nothing()),
            "searched_from": measured(self._settings.f_min_hz, unit="Hz"),
            "searched_to": measured(self._settings.f_max_hz, unit="Hz"),
        }

    def _take(self, found: "PitchResult | None") -> None:
        if found is None or not len(found.timestamps):
            return
        counted_hz = np.where(found.confidence >= self._settings.confidence_min, found.pitch_hz, np.nan)
        self._frames += len(counted_hz)
        self._measures.add(counted_hz)
        values = (each.astype(np.float32) for each in (counted_hz, found.pitch_hz, found.confidence))
        self._pending.add(SeriesBlock(found.timestamps, dict(zip(_SERIES_UNITS, values, strict=True))))
