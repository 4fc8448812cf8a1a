"""The tempo of a window of onset strength, and how it changes inside the window."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .beats import beat_frames
from .measures import Measure, Payload, Reason, absent, listed, measured, unlisted
from .mel_windows import MelWindow
from .onsets import OnsetStrength, onset_frames, onset_strength
from .shared import HOP, Floats
from .tempogram import TempoEstimate, estimate_tempo

Doubles = NDArray[np.float64]

COURSE_WINDOW_S = 4.0
COURSE_STEP_S = 2.0


@dataclass(frozen=True)
class TempoJudgement:
    """When onsets are regular enough for a tempo."""

    confidence_min: float
    irregular_s: float
    onset_min_db: float
    shortest_s: float

    def confidence_needed(self, duration_s: float) -> float:
        """Return the confidence that irregular onsets seldom reach in so short a time."""
        return max(self.confidence_min, self.irregular_s / duration_s)

    def rises(self, strength: OnsetStrength) -> bool:
        """Tell whether anything begins here."""
        return bool(strength.mean.max() >= self.onset_min_db and strength.median.any())

    def reason(self, estimate: TempoEstimate, duration_s: float) -> Reason | None:
        """Return why the estimate is no tempo, if so."""
        doubtful = estimate.confidence < self.confidence_needed(duration_s)
        return Reason.NO_PERIODICITY if doubtful else None


@dataclass(frozen=True, eq=False)
class TempoCourse:
    """Tempos of 4 s windows every 2 s, (k,) each; NaN where there is none."""

    times_s: Doubles
    bpm: Floats
    confidence: Floats


@dataclass(frozen=True, eq=False)
class TempoWindow:
    """What was found between two moments of the recording; without a tempo, `reason` says why."""

    start_s: float
    end_s: float
    course: TempoCourse
    onsets: int = 0
    beats_s: Doubles = field(default_factory=lambda: np.empty(0))
    estimate: TempoEstimate | None = None
    reason: Reason | None = None

    def measures(self) -> Payload:
        """Return the window in the form of a payload."""
        return {"start_s": self.start_s, "end_s": self.end_s, "bpm": self.bpm(), "confidence": self.confidence()}

    @property
    def why(self) -> Reason:
        """Why there is no tempo, where there is none."""
        return self.reason or Reason.NO_PERIODICITY

    def beat_bpm(self) -> Measure:
        """State how fast the beats follow each other on average; the period of `bpm` is a whole number of frames."""
        if len(self.beats_s) < 2:
            return absent(self.reason or Reason.TOO_SHORT, unit="BPM")
        return measured(float(60 * (len(self.beats_s) - 1) / (self.beats_s[-1] - self.beats_s[0])), unit="BPM")

    def bpm(self) -> Measure:
        """State the tempo."""
        if self.estimate is None or self.reason is not None:
            return absent(self.why, unit="BPM")
        return measured(self.estimate.bpm, unit="BPM")

    def confidence(self) -> Measure:
        """State how regular the onsets are, also where that is too little for a tempo."""
        if self.estimate is None:
            return absent(self.why, unit="ratio")
        return measured(self.estimate.confidence, unit="ratio")

    def alternatives(self) -> dict[str, Measure]:
        """State the next likely tempos and their confidence, the likeliest first."""
        if self.estimate is None or self.reason is not None:
            unknown = unlisted(self.why, unit="BPM"), unlisted(self.why, unit="ratio")
            return dict(zip(("alternative_bpm", "alternative_confidence"), unknown, strict=True))
        others = self.estimate.alternatives
        return {
            "alternative_bpm": listed([other.bpm for other in others], unit="BPM"),
            "alternative_confidence": listed([other.confidence for other in others], unit="ratio"),
        }


def judged(window: MelWindow, judgement: TempoJudgement) -> TempoWindow:
    """Return the tempo, the beats and the course of a window."""
    frames_per_s = window.frames_per_s
    rate_hz = round(frames_per_s * HOP)
    span = (window.start_s, window.end_s)
    reason = window.reason_for_nothing(shortest_s=judgement.shortest_s)
    if reason is not None:
        return TempoWindow(*span, _no_course(), reason=reason)
    strength = onset_strength(window.power)
    if not judgement.rises(strength):
        return TempoWindow(*span, _no_course(), reason=Reason.NO_ONSETS)
    estimate = estimate_tempo(strength.median, rate_hz)
    reason = judgement.reason(estimate, window.end_s - window.start_s)
    beats = beat_frames(strength.median, estimate.lag) if reason is None else np.empty(0, dtype=np.int64)
    return TempoWindow(
        *span,
        course=_course(strength, window, judgement),
        onsets=len(onset_frames(strength.mean, rate_hz)),
        beats_s=np.asarray((window.start_frame + beats) / frames_per_s, dtype=np.float64),
        estimate=estimate,
        reason=reason,
    )


def _course(strength: OnsetStrength, window: MelWindow, judgement: TempoJudgement) -> TempoCourse:
    length, step = (round(seconds * window.frames_per_s) for seconds in (COURSE_WINDOW_S, COURSE_STEP_S))
    starts = np.arange(0, max(1, len(strength.mean) - length + 1), step)
    rate_hz = round(window.frames_per_s * HOP)
    found = [_moment(strength.part(start, start + length), rate_hz, judgement) for start in starts.tolist()]
    bpm, confidence = np.array(found, dtype=np.float32).T
    middles_s = np.asarray((window.start_frame + starts + length / 2) / window.frames_per_s, dtype=np.float64)
    return TempoCourse(middles_s, bpm, confidence)


def _moment(strength: OnsetStrength, rate_hz: int, judgement: TempoJudgement) -> tuple[float, float]:
    if not judgement.rises(strength):
        return np.nan, np.nan
    estimate = estimate_tempo(strength.median, rate_hz)
    regular = judgement.reason(estimate, COURSE_WINDOW_S) is None
    return estimate.bpm if regular else np.nan, estimate.confidence


def _no_course() -> TempoCourse:
    nothing = np.empty(0, dtype=np.float32)
    return TempoCourse(np.empty(0), nothing, nothing)
