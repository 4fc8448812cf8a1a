"""What cannot be drawn of a recording that decodes.

UnprocessableError
└── DrawingError
    ├── BandAboveNyquistError  band_above_nyquist  the recording does not hold the asked frequencies
    ├── BandBelowBinsError     band_below_bins     the asked frequencies end below the first that is drawn
    └── NoSuchChannelError     no_such_channel     the asked channel is not there
"""

from typing import ClassVar

from chassis.errors import UnprocessableError


class DrawingError(UnprocessableError):
    """Base of requests that do not fit their recording."""


class BandAboveNyquistError(DrawingError):
    """The recording holds nothing of the asked band, or not all that a region asks for."""

    code: ClassVar[str] = "band_above_nyquist"
    next_step: ClassVar[str] = "Ask for a band below half of the sample rate, or for another preset."

    def __init__(self, f_min_hz: float, f_max_hz: float | None, nyquist_hz: float) -> None:
        super().__init__(f_min_hz, f_max_hz, nyquist_hz)
        self.f_min_hz = f_min_hz
        self.f_max_hz = f_max_hz
        self.nyquist_hz = nyquist_hz

    def __str__(self) -> str:
        end = f" and ends at {self.f_max_hz:g} Hz" if self.f_max_hz is not None else ""
        return f"The band starts at {self.f_min_hz:g} Hz{end}; the recording ends at {self.nyquist_hz:g} Hz."


class BandBelowBinsError(DrawingError):
    """A logarithmic axis starts at the transform's first bin; the asked band ends below."""

    code: ClassVar[str] = "band_below_bins"
    next_step: ClassVar[str] = "Ask for a higher f_max_hz, a longer window_size, or a linear scale."

    def __init__(self, f_max_hz: float, first_bin_hz: float) -> None:
        super().__init__(f_max_hz, first_bin_hz)
        self.f_max_hz = f_max_hz
        self.first_bin_hz = first_bin_hz

    def __str__(self) -> str:
        return f"The band ends at {self.f_max_hz:g} Hz; a logarithmic axis starts at {self.first_bin_hz:g} Hz."


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
