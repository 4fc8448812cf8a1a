"""How loud the recording is in each mel band."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from services.analysis.measures import Payload
from services.analysis.mel import MelProjection
from services.analysis.power_levels import power_levels_db
from services.analysis.shared import BINS, Input, SharedBlock, music_rate_hz

from .frame_columns import numbered
from .music_columns import MusicColumns
from .protocol import Device
from .settings import MusicSettings


@dataclass(frozen=True)
class Mel(MusicSettings):
    """Settings of the mel extractor.

    Frame values are those of `librosa.feature.melspectrogram` at 22,050 Hz with as many bands from 0 Hz to half the
    rate, in decibels with neither a reference nor a range: `power_to_db(…, top_db=None)`, so that recordings can be
    compared, and -100 dB is the least. The aggregates leave out frames that reach over an end of the recording, and
    frames below `silence_dbfs`.
    """

    bands: Annotated[int, Field(ge=8, le=128)] = 64

    name: ClassVar[str] = "mel"
    version: ClassVar[str] = "2"
    description: ClassVar[str] = "Level of each of 64 mel bands."
    needs: ClassVar[Input] = Input.MUSIC_SPECTRUM
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0002

    def accumulator(self, *, rate_hz: int, channels: int) -> "MelAccumulator":
        """Start on a recording."""
        return MelAccumulator(self, music_rate_hz(rate_hz))


class MelAccumulator(MusicColumns):
    """Projects each block; 4 MiB of levels for the quantiles."""

    def __init__(self, settings: Mel, rate_hz: int) -> None:
        """Start before the first frame."""
        super().__init__(numbered("mel", settings.bands), "dB", rate_hz)
        self._projection = MelProjection(rate_hz, bins=BINS, bands=settings.bands)

    def take(self, block: SharedBlock) -> None:
        """Take the frames that the block completes."""
        if len(block.music.frames):
            self.columns.add(power_levels_db(self._projection.project(block.music.power)), block.music.sounding)

    def result(self) -> Payload:
        """Return the aggregates, band by band."""
        return {"mel": self.columns.aggregated(self.heard.reason_for_nothing()), "rate": self.rate()}
