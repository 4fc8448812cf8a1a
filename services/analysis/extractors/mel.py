"""How loud the recording is in each mel band."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, ClassVar

from pydantic import Field

from services.analysis.measures import Payload, measured
from services.analysis.mel import MelProjection
from services.analysis.mel_windows import LOWEST_RATE_HZ
from services.analysis.music_heard import MusicHeard
from services.analysis.power_levels import power_levels_db
from services.analysis.shared import (
    BINS,
    FRAME_LENGTH,
    HOP,
    MUSIC_RATE_HZ,
    SILENCE_DBFS,
    Input,
    SharedBlock,
    music_rate_hz,
)

from .frame_columns import FrameColumns, numbered
from .protocol import Device, SeriesBlock


@dataclass(frozen=True)
class Mel:
    """Settings of the mel extractor.

    Frame values are those of `librosa.feature.melspectrogram` at 22,050 Hz with as many bands from 0 Hz to half the
    rate, in decibels with neither a reference nor a range: `power_to_db(…, top_db=None)`, so that recordings can be
    compared, and -100 dB is the least. The aggregates leave out frames that reach over an end of the recording, and
    frames below `silence_dbfs`.
    """

    bands: Annotated[int, Field(ge=8, le=128)] = 64
    rate_hz: int = field(default=MUSIC_RATE_HZ, init=False)
    frame_length: int = field(default=FRAME_LENGTH, init=False)
    hop: int = field(default=HOP, init=False)
    lowest_rate_hz: int = field(default=LOWEST_RATE_HZ, init=False)
    silence_dbfs: float = field(default=SILENCE_DBFS, init=False)

    name: ClassVar[str] = "mel"
    version: ClassVar[str] = "2"
    description: ClassVar[str] = "Level of each of 64 mel bands."
    needs: ClassVar[Input] = Input.MUSIC_SPECTRUM
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0002

    @property
    def parameters(self) -> dict[str, object]:
        """Everything that the values depend on."""
        return asdict(self)

    def accumulator(self, *, rate_hz: int, channels: int) -> "MelAccumulator":
        """Start on a recording."""
        return MelAccumulator(self, music_rate_hz(rate_hz))


class MelAccumulator:
    """Projects each block; 4 MiB of levels for the quantiles."""

    def __init__(self, settings: Mel, rate_hz: int) -> None:
        """Start before the first frame."""
        self._rate_hz = rate_hz
        self._heard = MusicHeard(rate_hz)
        self._projection = MelProjection(rate_hz, bins=BINS, bands=settings.bands)
        self._levels = FrameColumns(numbered("mel", settings.bands), "dB", rate_hz)

    @property
    def series_units(self) -> Mapping[str, str]:
        """The unit of each series."""
        return self._levels.units

    def add(self, block: SharedBlock) -> None:
        """Take the frames that the block completes."""
        self._heard.add(block)
        if self._heard.usable and len(block.music.frames):
            self._levels.add(power_levels_db(self._projection.project(block.music.power)), block.music.sounding)

    def series(self) -> SeriesBlock | None:
        """Return the level of each band in the frames since the last call."""
        return self._levels.series()

    def result(self) -> Payload:
        """Return the aggregates, band by band."""
        return {
            "mel": self._levels.aggregated(self._heard.reason_for_nothing()),
            "rate": measured(self._rate_hz, unit="Hz"),
        }
