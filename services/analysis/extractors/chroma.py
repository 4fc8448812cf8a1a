"""How much each pitch class sounds in the recording."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import ClassVar

from services.analysis.chroma import PITCH_CLASSES
from services.analysis.chroma_stream import TUNING_FROM_S
from services.analysis.measures import Payload, absent, measured
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

from .frame_columns import FrameColumns, numbered
from .protocol import Device, SeriesBlock


@dataclass(frozen=True)
class Chroma:
    """Settings of the chroma extractor.

    Frame values are those of `librosa.feature.chroma_stft` at 22,050 Hz with its defaults, from C (0) to B (11). Its
    filters are tuned: as `librosa.estimate_tuning` hears the first `tuning_from_s`, so that recordings up to that
    length are librosa's, and longer ones librosa's with that tuning. `tuning` says which it was, in semitones; noise
    has one, too. The aggregates leave out frames that reach over an end of the recording, and frames below
    `silence_dbfs`.
    """

    tuning_from_s: float = field(default=TUNING_FROM_S, init=False)
    rate_hz: int = field(default=MUSIC_RATE_HZ, init=False)
    frame_length: int = field(default=FRAME_LENGTH, init=False)
    hop: int = field(default=HOP, init=False)
    lowest_rate_hz: int = field(default=LOWEST_RATE_HZ, init=False)
    silence_dbfs: float = field(default=SILENCE_DBFS, init=False)

    name: ClassVar[str] = "chroma"
    version: ClassVar[str] = "3"
    description: ClassVar[str] = "How much each of the twelve pitch classes sounds, in the recording's own tuning."
    needs: ClassVar[Input] = Input.MUSIC_CHROMA
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.00005

    @property
    def parameters(self) -> dict[str, object]:
        """Everything that the values depend on."""
        return asdict(self)

    def accumulator(self, *, rate_hz: int, channels: int) -> "ChromaAccumulator":
        """Start on a recording."""
        return ChromaAccumulator(music_rate_hz(rate_hz))


class ChromaAccumulator:
    """Keeps 1 MiB of chroma for the quantiles."""

    def __init__(self, rate_hz: int) -> None:
        """Start before the first frame."""
        self._rate_hz = rate_hz
        self._heard = MusicHeard(rate_hz)
        self._chroma = FrameColumns(numbered("chroma", PITCH_CLASSES), "ratio", rate_hz)
        self._tuning = 0.0

    @property
    def series_units(self) -> Mapping[str, str]:
        """The unit of each series."""
        return self._chroma.units

    def add(self, block: SharedBlock) -> None:
        """Take the frames whose chroma is known with this block."""
        self._heard.add(block)
        if self._heard.usable:
            found = block.music_chroma
            self._chroma.add(found.chroma, found.sounding)
            self._tuning = found.tuning

    def series(self) -> SeriesBlock | None:
        """Return the chroma of the frames since the last call."""
        return self._chroma.series()

    def result(self) -> Payload:
        """Return the aggregates, pitch class by pitch class, and the tuning."""
        reason = self._heard.reason_for_nothing()
        return {
            "chroma": self._chroma.aggregated(reason),
            "tuning": absent(reason, unit="semitone") if reason else measured(self._tuning, unit="semitone"),
            "rate": measured(self._rate_hz, unit="Hz"),
        }
