"""Whether a recording holds anything that can be analysed as music."""

from .measures import Reason
from .mel_windows import LOWEST_RATE_HZ
from .shared import SharedBlock


class MusicHeard:
    """Listens to the blocks of a recording."""

    def __init__(self, rate_hz: int) -> None:
        """Start before the first frame of music at `rate_hz`."""
        self.usable = rate_hz >= LOWEST_RATE_HZ
        self._inner = False
        self._sounding = False
        self._music_sounding = False

    def add(self, block: SharedBlock) -> None:
        """Take the next block."""
        # At the recording's own rate: what soxr makes of the ends of a constant is no sound.
        self._sounding |= bool(block.sounding.any())
        self._inner |= bool(block.music.inner.any())
        self._music_sounding |= bool(block.music.sounding.any())

    def reason_for_nothing(self) -> Reason | None:
        """Return why there is nothing, if so; what sounds above the band of music alone leaves it empty."""
        if not self.usable:
            return Reason.RATE_TOO_LOW
        if not self._inner:
            return Reason.TOO_SHORT
        if not self._sounding:
            return Reason.SILENT
        return None if self._music_sounding else Reason.EMPTY_BAND
