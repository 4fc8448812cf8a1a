"""How much each pitch class sounds in the recording."""

from dataclasses import dataclass, field
from typing import ClassVar

from services.analysis.chroma import PITCH_CLASSES
from services.analysis.chroma_stream import TUNING_FROM_S
from services.analysis.measures import Payload, absent, measured
from services.analysis.shared import Input, SharedBlock, music_rate_hz

from .frame_columns import numbered
from .music_columns import MusicColumns
from .protocol import Device
from .settings import MusicSettings


@dataclass(frozen=True)
class Chroma(MusicSettings):
    """Settings of the chroma extractor.

    Frame values are those of `librosa.feature.chroma_stft` at 22,050 Hz with its defaults, from C (0) to B (11). Its
    filters are tuned: as `librosa.estimate_tuning` hears the first `tuning_from_s`, so that recordings up to that
    length are librosa's, and longer ones librosa's with that tuning. `tuning` says which it was, in semitones; noise
    has one, too. The aggregates leave out frames that reach over an end of the recording, and frames below
    `silence_dbfs`.
    """

    tuning_from_s: float = field(default=TUNING_FROM_S, init=False)

    name: ClassVar[str] = "chroma"
    version: ClassVar[str] = "3"
    description: ClassVar[str] = "How much each of the twelve pitch classes sounds, in the recording's own tuning."
    needs: ClassVar[Input] = Input.MUSIC_CHROMA
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.00005

    def accumulator(self, *, rate_hz: int, channels: int) -> "ChromaAccumulator":
        """Start on a recording."""
        return ChromaAccumulator(music_rate_hz(rate_hz))


class ChromaAccumulator(MusicColumns):
    """Keeps 1 MiB of chroma for the quantiles."""

    def __init__(self, rate_hz: int) -> None:
        """Start before the first frame."""
        super().__init__(numbered("chroma", PITCH_CLASSES), "ratio", rate_hz)
        self._tuning = 0.0

    def take(self, block: SharedBlock) -> None:
        """Take the frames whose chroma is known with this block."""
        found = block.music_chroma
        self.columns.add(found.chroma, found.sounding)
        self._tuning = found.tuning

    def result(self) -> Payload:
        """Return the aggregates, pitch class by pitch class, and the tuning."""
        reason = self.heard.reason_for_nothing()
        return {
            "chroma": self.columns.aggregated(reason),
            "tuning": absent(reason, unit="semitone") if reason else measured(self._tuning, unit="semitone"),
            "rate": self.rate(),
        }
