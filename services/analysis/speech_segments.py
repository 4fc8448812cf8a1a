"""When somebody speaks: segments from the probability of speech in each window."""

from dataclasses import dataclass

from .shared import SPEECH_RATE_HZ, Floats
from .speech_probability import WINDOW_SAMPLES

# Silero's: no threshold to leave speech at is below.
_LEAVE_MIN = 0.01


@dataclass(frozen=True)
class SegmentRules:
    """When a segment of speech begins and ends; `threshold` and `hysteresis` are probabilities."""

    threshold: float
    hysteresis: float
    speech_min_s: float
    silence_min_s: float
    padding_s: float


@dataclass(frozen=True)
class SpeechSegment:
    """From the sample `start` to before the sample `end`, at 16 kHz."""

    start: int
    end: int


class SpeechSegmenter:
    """The segments of Silero's `get_speech_timestamps`, sample for sample, while the windows come.

    Speech begins with a window at or above the threshold. It ends where windows below the threshold less the
    hysteresis go on for `silence_min_s`, none at or above the threshold between them. What lasts no longer than
    `speech_min_s` is left out, the others are padded, and two whose paddings would meet share the silence between them.
    """

    def __init__(self, rules: SegmentRules) -> None:
        """Start before the first window."""
        self._enter = rules.threshold
        self._leave = max(rules.threshold - rules.hysteresis, _LEAVE_MIN)
        self._speech_min = rules.speech_min_s * SPEECH_RATE_HZ
        self._silence_min = rules.silence_min_s * SPEECH_RATE_HZ
        self._padding = rules.padding_s * SPEECH_RATE_HZ
        self._window = 0
        self._start: int | None = None
        self._quiet_from: int | None = None
        self._previous: SpeechSegment | None = None

    def push(self, probabilities: Floats) -> list[SpeechSegment]:
        """Return the segments whose end is certain now; takes (k,) float32."""
        found = [self._step(probability) for probability in probabilities.tolist()]
        return [segment for segment in found if segment is not None]

    def finish(self, length: int) -> list[SpeechSegment]:
        """Return the segments that are left, of a recording of `length` samples."""
        before = self._close(length) if self._start is not None else None
        last = [] if self._previous is None else [self._padded_to(self._previous, length)]
        return last if before is None else [before, *last]

    def _step(self, probability: float) -> SpeechSegment | None:
        now = self._window * WINDOW_SAMPLES
        self._window += 1
        if probability >= self._enter:
            self._quiet_from = None
            self._start = now if self._start is None else self._start
            return None
        if self._start is None or probability >= self._leave:
            return None
        self._quiet_from = now if self._quiet_from is None else self._quiet_from
        if now - self._quiet_from < self._silence_min:
            return None
        return self._close(self._quiet_from)

    def _close(self, end: int) -> SpeechSegment | None:
        """End the speech that began; return the segment before, whose end depended on where this one begins."""
        start, self._start, self._quiet_from = self._start, None, None
        if start is None or end - start <= self._speech_min:
            return None
        before, self._previous = self._previous, SpeechSegment(self._padded_from(start), end)
        if before is None:
            return None
        silence = start - before.end
        if silence >= 2 * self._padding:
            return self._padded_to(before, start)
        self._previous = SpeechSegment(int(start - silence // 2), end)
        return SpeechSegment(before.start, before.end + int(silence // 2))

    def _padded_from(self, start: int) -> int:
        return int(max(0, start - self._padding))

    def _padded_to(self, segment: SpeechSegment, limit: int) -> SpeechSegment:
        return SpeechSegment(segment.start, int(min(limit, segment.end + self._padding)))
