"""Where the recording lies in the space of tones."""

from dataclasses import dataclass, field
from typing import ClassVar

from services.analysis.chroma import TONNETZ_AXES, tonal_centroids
from services.analysis.chroma_stream import TUNING_FROM_S
from services.analysis.measures import Payload
from services.analysis.shared import Input, SharedBlock, music_rate_hz

from .music_columns import MusicColumns
from .protocol import Device
from .settings import MusicSettings


@dataclass(frozen=True)
class Tonnetz(MusicSettings):
    """Settings of the tonnetz extractor.

    Frame values are those of `librosa.feature.tonnetz(chroma=…)` of what the extractor `chroma` has: the tonal
    centroid on the circles of fifths, of minor and of major thirds, sine and cosine each. The aggregates leave out
    the same frames.
    """

    tuning_from_s: float = field(default=TUNING_FROM_S, init=False)

    name: ClassVar[str] = "tonnetz"
    version: ClassVar[str] = "3"
    description: ClassVar[str] = "Tonal centroid on the circles of fifths, minor and major thirds."
    needs: ClassVar[Input] = Input.MUSIC_CHROMA
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.00005

    def accumulator(self, *, rate_hz: int, channels: int) -> "TonnetzAccumulator":
        """Start on a recording."""
        return TonnetzAccumulator(music_rate_hz(rate_hz))


class TonnetzAccumulator(MusicColumns):
    """Keeps 1 MiB of centroids for the quantiles."""

    def __init__(self, rate_hz: int) -> None:
        """Start before the first frame."""
        super().__init__(TONNETZ_AXES, "ratio", rate_hz)

    def take(self, block: SharedBlock) -> None:
        """Take the frames whose chroma is known with this block."""
        found = block.music_chroma
        self.columns.add(tonal_centroids(found.chroma), found.sounding)

    def result(self) -> Payload:
        """Return the aggregates, axis by axis."""
        return {"tonnetz": self.columns.aggregated(self.heard.reason_for_nothing()), "rate": self.rate()}
