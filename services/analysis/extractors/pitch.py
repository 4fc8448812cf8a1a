"""Which pitch the recording's voiced frames have."""

from dataclasses import asdict, dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from services.analysis.frames import FrameCutter
from services.analysis.measures import Measure, Payload, Reason, absent, aggregated, measured
from services.analysis.series import Series
from services.analysis.shared import SILENCE_DBFS, SILENCE_RMS, Floats, Input, SharedBlock, deviations
from services.analysis.yin import YinSearch, yin

from .protocol import Device

_NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_A4_HZ = 440.0
_A4_MIDI = 69


@dataclass(frozen=True)
class Pitch:
    """Settings of the pitch extractor.

    A frame is voiced when it is louder than `silence_dbfs`, repeats itself after the period found with an
    aperiodicity below `voiced_below`, and does not repeat itself earlier: a bird that sings above the range would
    otherwise count at half its pitch or less. Each frame's direct current is taken out first.

    Frames are the power of two nearest to `frame_s` (2048 samples at 44.1 kHz), a quarter of it apart, none padded.
    """

    f_min_hz: Annotated[float, Field(ge=20, le=20_000)] = 65.40639132514966
    f_max_hz: Annotated[float, Field(ge=20, le=20_000)] = 2093.004522404789
    frame_s: Annotated[float, Field(ge=0.005, le=0.2)] = 0.0464
    trough_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.1
    voiced_below: Annotated[float, Field(gt=0, lt=1)] = 0.1
    silence_dbfs: float = field(default=SILENCE_DBFS, init=False)

    name: ClassVar[str] = "pitch"
    version: ClassVar[str] = "1"
    description: ClassVar[str] = (
        "Fundamental frequency of voiced frames by YIN, from C2 to C7, and how many are voiced."
    )
    needs: ClassVar[Input] = Input.SAMPLES
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0015

    @property
    def parameters(self) -> dict[str, object]:
        """Everything that the values depend on."""
        return asdict(self)

    def accumulator(self, *, rate_hz: int, channels: int) -> "PitchAccumulator":
        """Start on a recording."""
        return PitchAccumulator(self, rate_hz)

    def search(self, rate_hz: int) -> YinSearch:
        """Return where to look at a rate: the range ends at a quarter of it, at low rates."""
        return YinSearch(
            rate_hz=rate_hz,
            f_min_hz=self.f_min_hz,
            f_max_hz=min(self.f_max_hz, rate_hz / 4),
            frame_length=1 << round(np.log2(self.frame_s * rate_hz)),
            trough_threshold=self.trough_threshold,
        )


class PitchAccumulator:
    """One series of at most 4 MiB: the pitch of voiced frames."""

    def __init__(self, settings: Pitch, rate_hz: int) -> None:
        """Start before the first frame."""
        self._settings = settings
        self._search = settings.search(rate_hz)
        length = self._search.frame_length
        self._cutter = FrameCutter(length=length, hop=length // 4, padding=0)
        self._frames = 0
        self._sounding = 0
        self._f0 = Series()

    def add(self, block: SharedBlock) -> None:
        """Take the next samples."""
        frames = self._cutter.push(block.samples)
        centred = frames - frames.mean(axis=1, keepdims=True)
        sounding = centred[deviations(centred) > SILENCE_RMS]
        self._frames += len(frames)
        self._sounding += len(sounding)
        if len(sounding):
            self._f0.add(self.voiced_f0_hz(sounding))

    def voiced_f0_hz(self, frames: Floats) -> Floats:
        """Return the pitch of the voiced ones among frames that are not silent, (k, length) float32 in."""
        found = yin(frames, self._search, voiced_below=self._settings.voiced_below)
        return found.f0_hz[found.in_range & (found.aperiodicity < self._settings.voiced_below)]

    def result(self) -> Payload:
        """Return the aggregates."""
        reason = self._reason()
        return {
            "f0": aggregated(self._f0, unit="Hz", otherwise=reason or Reason.NO_VOICED_FRAMES),
            "note": self._note(reason or Reason.NO_VOICED_FRAMES),
            "voiced_ratio": absent(reason, unit="ratio") if reason else self._voiced_ratio(),
            "searched_from": measured(self._search.f_min_hz, unit="Hz"),
            "searched_to": measured(self._search.f_max_hz, unit="Hz"),
            "frame_length": measured(self._search.frame_length, unit="samples"),
        }

    def _reason(self) -> Reason | None:
        if not self._frames:
            return Reason.TOO_SHORT
        return None if self._sounding else Reason.SILENT

    def _voiced_ratio(self) -> Measure:
        return measured(self._f0.count / self._frames, unit="ratio")

    def _note(self, otherwise: Reason) -> Measure:
        summary = self._f0.aggregate()
        if summary is None:
            return absent(otherwise, unit="note")
        return measured(note_name(summary.p50), unit="note")


def note_name(frequency_hz: float) -> str:
    """Return the nearest note of the equal temperament on A4 = 440 Hz, for example C#5."""
    midi = round(_A4_MIDI + 12 * np.log2(frequency_hz / _A4_HZ))
    return f"{_NOTES[midi % 12]}{midi // 12 - 1}"
