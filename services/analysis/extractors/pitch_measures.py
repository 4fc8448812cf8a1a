"""What is said of the pitches of a recording, whichever way they were found."""

import numpy as np
from numpy.typing import NDArray

from services.analysis.measures import Measure, Payload, Reason, absent, aggregated, measured
from services.analysis.notes import NOTES
from services.analysis.series import Series
from services.analysis.vibrato import VibratoMeter

_A4_HZ = 440.0
_A4_MIDI = 69


class PitchMeasures:
    """Statistics of the frames that count: their pitch, its note and range, voicing and vibrato."""

    def __init__(self, *, frames_per_s: float, frame_s: float, sees_vibrato: bool = True) -> None:
        """Start before the first frame; a frame's pitch is a mean over `frame_s`."""
        self._f0 = Series()
        self._vibrato = VibratoMeter(frames_per_s=frames_per_s, frame_s=frame_s)
        self._sees_vibrato = sees_vibrato

    def add(self, f0_hz: NDArray[np.float64]) -> None:
        """Take the next frames, (k,) float64, NaN where a frame does not count."""
        self._f0.add(f0_hz[np.isfinite(f0_hz)].astype(np.float32))
        if self._sees_vibrato:
            self._vibrato.add(f0_hz)

    def stated(self, *, frames: int, reason: Reason | None) -> Payload:
        """Return the measures of a recording of so many frames, or the reason why there are none."""
        otherwise = reason or Reason.NO_VOICED_FRAMES
        return {
            "f0": aggregated(self._f0, unit="Hz", otherwise=otherwise),
            "note": self._note(otherwise),
            "range": self._range(otherwise),
            "voiced_ratio": share(self._f0.count, frames, reason),
            "vibrato_rate": self._swing(self._vibrato.rate_hz, "Hz", otherwise),
            "vibrato_extent": self._swing(self._vibrato.extent_cents, "cent", otherwise),
        }

    def _note(self, otherwise: Reason) -> Measure:
        summary = self._f0.aggregate()
        if summary is None:
            return absent(otherwise, unit="note")
        return measured(note_name(summary.p50), unit="note")

    def _range(self, otherwise: Reason) -> Measure:
        """State how far apart the 5th and the 95th percentile of f0 are: single frames jump by octaves."""
        summary = self._f0.aggregate()
        if summary is None:
            return absent(otherwise, unit="semitone")
        return measured(float(12 * np.log2(summary.p95 / summary.p05)), unit="semitone")

    def _swing(self, found: Series, unit: str, otherwise: Reason) -> Measure:
        summary = found.aggregate()
        if summary is not None:
            return measured(summary.p50, unit=unit)
        if not self._f0.count:
            return absent(otherwise, unit=unit)
        return absent(Reason.NO_VIBRATO if self._sees_vibrato else Reason.RATE_TOO_LOW, unit=unit)


def share(frames: int, of_frames: int, reason: Reason | None) -> Measure:
    """State a share of frames, or why there is none."""
    if reason is not None:
        return absent(reason, unit="ratio")
    return measured(frames / of_frames, unit="ratio")


def note_name(frequency_hz: float) -> str:
    """Return the nearest note of the equal temperament on A4 = 440 Hz, for example C#5."""
    midi = round(_A4_MIDI + 12 * np.log2(frequency_hz / _A4_HZ))
    return f"{NOTES[midi % 12]}{midi // 12 - 1}"
