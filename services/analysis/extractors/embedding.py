"""One vector for the sound of a recording, to find others that sound alike."""

from dataclasses import dataclass, field
from typing import ClassVar

from services.analysis.log_mel import BANDS, DIMENSIONS, LogMelStatistics
from services.analysis.measures import Measure, Payload, Reason, listed, unlisted
from services.analysis.music_heard import MusicHeard
from services.analysis.shared import Input, SharedBlock, music_rate_hz

from .protocol import Device
from .settings import MusicSettings

_UNIT = "1"
# Six digits after the point: what is beyond says nothing, and would triple the vector's text.
_DIGITS = 6


@dataclass(frozen=True)
class Embedding(MusicSettings):
    """Settings of the embedding extractor.

    Six statistics of each of 64 mel bands of the music at 22,050 Hz, in decibels: mean, 10th and 90th percentile, all
    three relative to the mean of all bands, deviation, mean and deviation of the changes between frames. Each kind is
    shifted and scaled by constants of this version, and the vector has length 1. Frames below `silence_dbfs` and
    those that reach over an end of the recording are left out. Vectors are compared by their cosine, and only with
    vectors of the same version.
    """

    mel_bands: int = field(default=BANDS, init=False)
    dimensions: int = field(default=DIMENSIONS, init=False)
    frames_min: int = field(default=20, init=False)

    name: ClassVar[str] = "embedding"
    version: ClassVar[str] = "1"
    description: ClassVar[str] = "A vector of 384 log-mel statistics, by which similar recordings are found."
    needs: ClassVar[Input] = Input.MUSIC_SPECTRUM
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0002

    def accumulator(self, *, rate_hz: int, channels: int) -> "EmbeddingAccumulator":
        """Start on a recording."""
        return EmbeddingAccumulator(self, music_rate_hz(rate_hz))


class EmbeddingAccumulator:
    """Sums and a histogram per band."""

    def __init__(self, settings: Embedding, rate_hz: int) -> None:
        """Start before the first frame of music at `rate_hz`."""
        self._frames_min = settings.frames_min
        self._heard = MusicHeard(rate_hz)
        self._statistics = LogMelStatistics(rate_hz)

    def add(self, block: SharedBlock) -> None:
        """Take the frames that the block completes."""
        self._heard.add(block)
        self._statistics.add(block.music.power, block.music.sounding)

    def result(self) -> Payload:
        """Return the vector."""
        return {"vector": self._vector()}

    def _vector(self) -> Measure:
        reason = self._heard.reason_for_nothing()
        if reason is None and self._statistics.frames < self._frames_min:
            reason = Reason.TOO_SHORT
        if reason is not None:
            return unlisted(reason, unit=_UNIT)
        return listed([round(float(value), _DIGITS) for value in self._statistics.vector()], unit=_UNIT)
