"""Where the recording lies in the space of tones."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import ClassVar

from services.analysis.chroma import TONNETZ_AXES, tonal_centroids
from services.analysis.chroma_stream import TUNING_FROM_S
from services.analysis.measures import Payload, measured
from services.analysis.mel_windows import LOWEST_RATE_HZ
from services.analysis.music_heard import MusicHeard
from services.analysis.shared import (
    FRAME_LENGTH,
    HOP,
    MUSIC_RATE_HZ,
    SILENCE_DBFS,
    Input,
    SharedBlock,
    music_rate_hz,
)

from .frame_columns import FrameColumns
from .protocol import Device, SeriesBlock


@dataclass(frozen=True)
class Tonnetz:
    """Settings of the tonnetz extractor.

    Frame values are those of `librosa.feature.tonnetz(chroma=…)` of what the extractor `chroma` has: the tonal
    centroid on the circles of fifths, of minor and of major thirds, sine and cosine each. The aggregates leave out
    the same frames.
    """

    tuning_from_s: float = field(default=TUNING_FROM_S, init=False)
    rate_hz: int = field(default=MUSIC_RATE_HZ, init=False)
    frame_length: int = field(default=FRAME_LENGTH, init=False)
    hop: int = field(default=HOP, init=False)
    lowest_rate_hz: int = field(default=LOWEST_RATE_HZ, init=False)
    silence_dbfs: float = field(default=SILENCE_DBFS, init=False)

    name: ClassVar[str] = "tonnetz"
    version: ClassVar[str] = "3"
    description: ClassVar[str] = "Tonal centroid on the circles of fifths, minor and major thirds."
    needs: ClassVar[Input] = Input.MUSIC_CHROMA
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.00005

    @property
    def parameters(self) -> dict[str, object]:
        """Everything that the values depend on."""
        return asdict(self)

    def accumulator(self, *, rate_hz: int, channels: int) -> "TonnetzAccumulator":
        """Start on a recording."""
        return TonnetzAccumulator(music_rate_hz(rate_hz))


class TonnetzAccumulator:
    """Keeps 1 MiB of centroids for the quantiles."""

    def __init__(self, rate_hz: int) -> None:
        """Start before the first frame."""
        self._rate_hz = rate_hz
        self._heard = MusicHeard(rate_hz)
        self._centroids = FrameColumns(TONNETZ_AXES, "ratio", rate_hz)

    @property
    def series_units(self) -> Mapping[str, str]:
        """The unit of each series."""
        return self._centroids.units

    def add(self, block: SharedBlock) -> None:
        """Take the frames whose chroma is known with this block."""
        self._heard.add(block)
        if self._heard.usable:
            found = block.music_chroma
            self._centroids.add(tonal_centroids(found.chroma), found.sounding)

    def series(self) -> SeriesBlock | None:
        """Return the centroids of the frames since the last call."""
        return self._centroids.series()

    def result(self) -> Payload:
        """Return the aggregates, axis by axis."""
        return {
            "tonnetz": self._centroids.aggregated(self._heard.reason_for_nothing()),
            "rate": measured(self._rate_hz, unit="Hz"),
        }
