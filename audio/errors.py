"""What can be wrong with a recording; no retry helps against any of it.

UnprocessableError
└── AudioError
    ├── EmptyRecordingError       empty              no bytes, or not one sample
    ├── TooLargeError             too_large          more bytes than allowed
    ├── UnsupportedError          unsupported        the content is no audio container we read
    ├── NotDecodableError         not_decodable      the container is known, its content is broken
    ├── NoAudioTrackError         no_audio_track     a video or image without sound
    ├── TooLongError              too_long           more seconds than allowed
    ├── TooManyChannelsError      too_many_channels
    ├── UnsupportedRateError      unsupported_rate
    └── InvalidSamplesError       invalid_samples    NaN, infinity, or beyond any scale
"""

from typing import ClassVar

from chassis.errors import UnprocessableError

MEGABYTE = 1_000_000


class AudioError(UnprocessableError):
    """Base of everything that a recording itself makes impossible."""

    code: ClassVar[str] = "audio"


class EmptyRecordingError(AudioError):
    """There is nothing to hear: no bytes, or not one sample."""

    code: ClassVar[str] = "empty"
    next_step: ClassVar[str] = "Check that the recorder or the export finished, then send the recording again."

    def __str__(self) -> str:
        return "The recording holds no audio."


class TooLargeError(AudioError):
    """The recording has more bytes than the service accepts."""

    code: ClassVar[str] = "too_large"
    next_step: ClassVar[str] = "Send it as FLAC, or cut it into parts; operators can raise the limit."

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(limit_bytes)
        self.limit_bytes = limit_bytes

    def __str__(self) -> str:
        return f"The recording is larger than the limit of {self.limit_bytes / MEGABYTE:g} MB."


class UnsupportedError(AudioError):
    """The content, whatever its name says, is no audio container we read."""

    code: ClassVar[str] = "unsupported"
    next_step: ClassVar[str] = (
        "Send WAV, W64, FLAC, AIFF, CAF, MP3, OGG (Vorbis, Opus), M4A/AAC, or a film: MP4, MOV, MKV, WebM."
    )

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found

    def __str__(self) -> str:
        return f"This is no audio we can read: it looks like {self.found}."


class NotDecodableError(AudioError):
    """The container is known, but its content gives not one sample."""

    code: ClassVar[str] = "not_decodable"
    next_step: ClassVar[str] = "Play the recording locally; if it plays, convert it to WAV or FLAC and send that."

    def __init__(self, container: str, reason: str) -> None:
        super().__init__(container, reason)
        self.container = container
        self.reason = reason

    def __str__(self) -> str:
        return f"The {self.container} content cannot be decoded: {self.reason}"


class NoAudioTrackError(AudioError):
    """The container is sound, and silent: there is no audio track in it."""

    code: ClassVar[str] = "no_audio_track"
    next_step: ClassVar[str] = "Send a recording that has an audio track."

    def __init__(self, container: str) -> None:
        super().__init__(container)
        self.container = container

    def __str__(self) -> str:
        return f"The {self.container} container has no audio track."


class TooLongError(AudioError):
    """The recording lasts longer than the service accepts."""

    code: ClassVar[str] = "too_long"
    next_step: ClassVar[str] = "Cut the recording into parts and send each one."

    def __init__(self, duration_s: float, limit_s: float) -> None:
        super().__init__(duration_s, limit_s)
        self.duration_s = duration_s
        self.limit_s = limit_s

    def __str__(self) -> str:
        return f"The recording lasts at least {self.duration_s:.0f} s; the limit is {self.limit_s:.0f} s."


class TooManyChannelsError(AudioError):
    """The recording has more channels than the service accepts."""

    code: ClassVar[str] = "too_many_channels"
    next_step: ClassVar[str] = "Split the channels into several recordings."

    def __init__(self, channels: int, limit: int) -> None:
        super().__init__(channels, limit)
        self.channels = channels
        self.limit = limit

    def __str__(self) -> str:
        return f"The recording has {self.channels} channels; the limit is {self.limit}."


class UnsupportedRateError(AudioError):
    """The sample rate lies outside what the service accepts."""

    code: ClassVar[str] = "unsupported_rate"
    next_step: ClassVar[str] = "Resample the recording, or correct the rate in its header."

    def __init__(self, rate_hz: int, min_rate_hz: int, max_rate_hz: int) -> None:
        super().__init__(rate_hz, min_rate_hz, max_rate_hz)
        self.rate_hz = rate_hz
        self.min_rate_hz = min_rate_hz
        self.max_rate_hz = max_rate_hz

    def __str__(self) -> str:
        return f"A sample rate of {self.rate_hz} Hz is outside {self.min_rate_hz} to {self.max_rate_hz} Hz."


class InvalidSamplesError(AudioError):
    """A sample is no number, infinite, or beyond the scale of any recorder."""

    code: ClassVar[str] = "invalid_samples"
    next_step: ClassVar[str] = "Export the recording again as 16- or 24-bit PCM."

    def __init__(self, at_s: float) -> None:
        super().__init__(at_s)
        self.at_s = at_s

    def __str__(self) -> str:
        return f"The recording holds samples that are not numbers, or infinite, near {self.at_s:.1f} s."
