"""How fast the recording's onsets follow each other, where they do so regularly."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from services.analysis.measures import Measure, Payload, Reason, absent, measured
from services.analysis.mel import MelProjection
from services.analysis.onsets import onset_frames, onset_strength
from services.analysis.shared import BINS, FRAME_LENGTH, HOP, SILENCE_DBFS, Floats, Input, SharedBlock
from services.analysis.tempogram import MAX_BPM, SPREAD_OCTAVES, START_BPM, WINDOW_S, TempoEstimate, estimate_tempo

from .protocol import Device

_WINDOW_FRAMES_MAX = 1 << 17


@dataclass(frozen=True)
class Tempo:
    """Settings of the tempo extractor.

    Up to `window_s` the tempo is librosa's; longer recordings are cut into windows of that length, and the tempo is
    the median of theirs. The mel spectrogram of one window is all that is held: 26 MiB at 44.1 kHz. Above 111 kHz
    windows get shorter, so that it never passes 64 MiB.

    `confidence` is the autocorrelation coefficient of onset strength at the tempo's period. There is no tempo where it
    is below `confidence_min`, or below `irregular_s` over the duration: of onsets at random times, about 95 % stay
    below that (simulated: 0.40 for 5 s, 0.35 for 6 s, 0.33 for 7 s, 0.29 for 8 s). Nor is there where nothing ever
    rises by `onset_min_db`, as in a steady tone, whose tiny ripple is perfectly regular.
    """

    frame_length: int = field(default=FRAME_LENGTH, init=False)
    hop: int = field(default=HOP, init=False)
    mel_bands: Annotated[int, Field(ge=16, le=256)] = 128
    window_s: Annotated[float, Field(gt=0, le=600)] = 600.0
    autocorrelation_s: float = field(default=WINDOW_S, init=False)
    start_bpm: float = field(default=START_BPM, init=False)
    spread_octaves: float = field(default=SPREAD_OCTAVES, init=False)
    max_bpm: float = field(default=MAX_BPM, init=False)
    confidence_min: Annotated[float, Field(ge=0, le=1)] = 0.3
    irregular_s: Annotated[float, Field(ge=0)] = 2.1
    onset_min_db: Annotated[float, Field(ge=0)] = 1.0
    shortest_s: Annotated[float, Field(ge=0)] = 4.0
    lowest_rate_hz: int = field(default=8000, init=False)
    silence_dbfs: float = field(default=SILENCE_DBFS, init=False)

    name: ClassVar[str] = "tempo"
    version: ClassVar[str] = "1"
    description: ClassVar[str] = "Beats per minute with a confidence, for windows of ten minutes, and onsets."
    needs: ClassVar[Input] = Input.SPECTRUM
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.00035

    @property
    def parameters(self) -> dict[str, object]:
        """Everything that the values depend on."""
        return asdict(self)

    def accumulator(self, *, rate_hz: int, channels: int) -> "TempoAccumulator":
        """Start on a recording."""
        return TempoAccumulator(self, rate_hz)


@dataclass(frozen=True)
class TempoWindow:
    """What was found between two moments of the recording; without a tempo, `reason` says why."""

    start_s: float
    end_s: float
    onsets: int
    estimate: TempoEstimate | None
    reason: Reason | None

    def measures(self) -> Payload:
        """Return the window in the form of a payload."""
        return {"start_s": self.start_s, "end_s": self.end_s, "bpm": self.bpm(), "confidence": self.confidence()}

    def bpm(self) -> Measure:
        """State the tempo."""
        if self.estimate is None or self.reason is not None:
            return absent(self.reason or Reason.NO_PERIODICITY, unit="BPM")
        return measured(self.estimate.bpm, unit="BPM")

    def confidence(self) -> Measure:
        """State how regular the onsets are, also where that is too little for a tempo."""
        if self.estimate is None:
            return absent(self.reason or Reason.NO_PERIODICITY, unit="ratio")
        return measured(self.estimate.confidence, unit="ratio")


class TempoAccumulator:
    """Collects the mel spectrogram of a window, and judges it when it is full."""

    def __init__(self, settings: Tempo, rate_hz: int) -> None:
        """Start before the first frame."""
        self._settings = settings
        self._rate_hz = rate_hz
        self._projection = MelProjection(rate_hz, bins=BINS, bands=settings.mel_bands)
        length = min(1 + int(settings.window_s * rate_hz) // HOP, _WINDOW_FRAMES_MAX)
        self._mel_power: Floats = np.empty((length, settings.mel_bands), dtype=np.float32)
        self._filled = 0
        self._sounding = 0
        self._passed = 0
        self._windows: list[TempoWindow] = []

    def add(self, block: SharedBlock) -> None:
        """Take the frames that the block completes."""
        banded = self._projection.project(block.power)
        while len(banded):
            room = len(self._mel_power) - self._filled
            self._take(banded[:room], block.sounding[len(block.sounding) - len(banded) :][:room])
            banded = banded[room:]

    def result(self) -> Payload:
        """Return the tempo of the whole, and of each window."""
        if self._filled or not self._windows:
            self._close_window()
        return {
            "bpm": _median([window.bpm() for window in self._windows]),
            "confidence": _median([window.confidence() for window in self._windows]),
            "onset_rate": self._onset_rate(),
            "windows": [window.measures() for window in self._windows],
        }

    def _take(self, banded: Floats, sounding: NDArray[np.bool_]) -> None:
        self._mel_power[self._filled : self._filled + len(banded)] = banded
        self._filled += len(banded)
        self._sounding += int(np.count_nonzero(sounding))
        if self._filled == len(self._mel_power):
            self._close_window()

    def _close_window(self) -> None:
        self._windows.append(self._judged())
        self._passed += self._filled
        self._filled = self._sounding = 0

    def _judged(self) -> TempoWindow:
        start_s = self._passed * HOP / self._rate_hz
        end_s = (self._passed + self._filled) * HOP / self._rate_hz
        reason = self._reason_without_looking(end_s - start_s)
        if reason is not None:
            return TempoWindow(start_s, end_s, onsets=0, estimate=None, reason=reason)
        strength = onset_strength(self._mel_power[: self._filled])
        if strength.max() < self._settings.onset_min_db:
            return TempoWindow(start_s, end_s, onsets=0, estimate=None, reason=Reason.NO_ONSETS)
        estimate = estimate_tempo(strength, self._rate_hz)
        doubtful = estimate.confidence < self._confidence_needed(end_s - start_s)
        reason = Reason.NO_PERIODICITY if doubtful else None
        return TempoWindow(start_s, end_s, len(onset_frames(strength, self._rate_hz)), estimate, reason)

    def _confidence_needed(self, duration_s: float) -> float:
        return max(self._settings.confidence_min, self._settings.irregular_s / duration_s)

    def _reason_without_looking(self, duration_s: float) -> Reason | None:
        if self._rate_hz < self._settings.lowest_rate_hz:
            return Reason.RATE_TOO_LOW
        if duration_s < self._settings.shortest_s:
            return Reason.TOO_SHORT
        return None if self._sounding else Reason.SILENT

    def _onset_rate(self) -> Measure:
        listened = [window for window in self._windows if window.estimate is not None]
        if not listened:
            return absent(self._windows[0].reason or Reason.SILENT, unit="1/s")
        listened_s = sum(window.end_s - window.start_s for window in listened)
        return measured(sum(window.onsets for window in listened) / listened_s, unit="1/s")


def _median(measures: Sequence[Measure]) -> Measure:
    values = [value for measure in measures if isinstance(value := measure["value"], float)]
    if not values:
        return measures[0]
    return measured(median(values), unit=str(measures[0]["unit"]))
