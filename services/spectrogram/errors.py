"""What cannot be drawn of a recording that decodes.

UnprocessableError
└── DrawingError
    ├── BandAboveNyquistError  band_above_nyquist  the asked frequencies are above half of the sample rate
    └── NoSuchChannelError     no_such_channel     the asked channel is not there
"""

from typing import ClassVar

from chassis.errors import UnprocessableError


class DrawingError(UnprocessableError):
    """Base of requests that do not fit their recording."""


class BandAboveNyquistError(DrawingError):
    """All of the asked band lies above the frequencies that the recording can hold."""

    code: ClassVar[str] = "band_above_nyquist"
    next_step: ClassVar[str] = "Ask for a lower f_min_hz, or for another preset."

    def __init__(self, f_min_hz: float, nyquist_hz: float) -> None:
        super().__init__(f_min_hz, nyquist_hz)
        self.f_min_hz = f_min_hz
        self.nyquist_hz = nyquist_hz

    def __str__(self) -> str:
        return f"The band starts at {self.f_min_hz:g} Hz; the recording ends at {self.nyquist_hz:g} Hz."


class NoSuchChannelError(DrawingError):
    """The recording has fewer channels than asked for."""

    code: ClassVar[str] = "no_such_channel"
    next_step: ClassVar[str] = "Channels are counted from 0; ask for one that is there, or for the mix."

    def __init__(self, channel: int, channels: int) -> None:
        super().__init__(channel, channels)
        self.channel = channel
        self.channels = channels

    def __str__(self) -> str:
        return f"There is no channel {self.channel}: the recording has {self.channels}."
