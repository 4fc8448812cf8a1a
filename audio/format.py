"""What is known of a recording before it is decoded, and what is accepted."""

from dataclasses import dataclass
from enum import StrEnum

from .errors import TooLongError, TooManyChannelsError, UnsupportedRateError


class Container(StrEnum):
    """The containers we read; the value is what events and documents say."""

    WAV = "wav"
    W64 = "w64"
    FLAC = "flac"
    OGG = "ogg"
    MP3 = "mp3"
    MP4 = "mp4"
    ADTS = "adts"
    AIFF = "aiff"
    CAF = "caf"
    MATROSKA = "matroska"


# What libsndfile decodes from the first byte to the last. It searches OGG from the end, and reads MP3 without a Xing
# tag twice; in MP4 and Matroska a header says in which order.
_READ_IN_ORDER = {Container.WAV, Container.W64, Container.AIFF, Container.CAF, Container.FLAC}


def reads_in_order(container: Container) -> bool:
    """Say whether a decoder goes through this container once, so that it need not lie on a disk."""
    return container in _READ_IN_ORDER


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """A recording's own account of itself; `claimed_frames` is what its header says, true or not."""

    container: Container
    codec: str
    rate_hz: int
    channels: int
    bit_depth: int | None
    claimed_frames: int | None

    @property
    def claimed_duration_s(self) -> float | None:
        return None if self.claimed_frames is None else self.claimed_frames / self.rate_hz


@dataclass(frozen=True, slots=True)
class AudioLimits:
    """What the services accept; the default duration is 25 hours, a day and its change of clocks.

    max_samples  of all channels: what silence is packed into could be decoded for hours, and is small
    probe_cpu_s  what finding the first samples may cost: a header can hold millions of empty parts
    """

    max_duration_s: float = 90_000
    max_samples: int = 20_000_000_000
    max_channels: int = 32
    min_rate_hz: int = 1000
    max_rate_hz: int = 768_000
    probe_cpu_s: float = 2

    def longest_s(self, audio: AudioFormat) -> float:
        """Return how long `audio` may be: the less, the more channels it has and the higher its rate."""
        return min(self.max_duration_s, self.max_samples / (audio.rate_hz * audio.channels))

    def check_shape(self, audio: AudioFormat) -> None:
        """Raise `TooManyChannelsError` or `UnsupportedRateError` where `audio` is outside the limits."""
        if audio.channels > self.max_channels:
            raise TooManyChannelsError(audio.channels, self.max_channels)
        if not self.min_rate_hz <= audio.rate_hz <= self.max_rate_hz:
            raise UnsupportedRateError(audio.rate_hz, self.min_rate_hz, self.max_rate_hz)

    def check_claim(self, audio: AudioFormat) -> None:
        """Raise `TooLongError` where the header claims more than the limit."""
        claimed_s, longest_s = audio.claimed_duration_s, self.longest_s(audio)
        if claimed_s is not None and claimed_s > longest_s:
            raise TooLongError(claimed_s, longest_s)
