"""What the settings of extractors have in common."""

from dataclasses import asdict, dataclass, field

from services.analysis import mel_windows, speech_heard
from services.analysis.shared import FRAME_LENGTH, HOP, MUSIC_RATE_HZ, SILENCE_DBFS, SPEECH_RATE_HZ


@dataclass(frozen=True)
class ExtractorSettings:
    """The settings of an extractor, which are its parameters."""

    @property
    def parameters(self) -> dict[str, object]:
        """Everything that the values depend on."""
        return asdict(self)


@dataclass(frozen=True)
class MusicSettings(ExtractorSettings):
    """The settings of an extractor of music: how `SharedBlock.music` is made, and what it may leave out."""

    rate_hz: int = field(default=MUSIC_RATE_HZ, init=False)
    frame_length: int = field(default=FRAME_LENGTH, init=False)
    hop: int = field(default=HOP, init=False)
    lowest_rate_hz: int = field(default=mel_windows.LOWEST_RATE_HZ, init=False)
    silence_dbfs: float = field(default=SILENCE_DBFS, init=False)


@dataclass(frozen=True)
class SpeechSettings(ExtractorSettings):
    """The settings of an extractor of speech: how `SharedBlock.speech` is made, and what it may leave out."""

    rate_hz: int = field(default=SPEECH_RATE_HZ, init=False)
    lowest_rate_hz: int = field(default=speech_heard.LOWEST_RATE_HZ, init=False)
    silence_dbfs: float = field(default=SILENCE_DBFS, init=False)
