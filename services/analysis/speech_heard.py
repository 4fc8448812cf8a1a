"""Whether a recording holds anything that a model of speech or pitch can hear at 16 kHz."""

from .measures import Reason
from .shared import SharedBlock

LOWEST_RATE_HZ = 8000
# What the models look at least at: 32 ms.
_SHORTEST_SAMPLES = 512


class SpeechHeard:
    """Listens to the blocks of a recording; `samples` counts those at 16 kHz."""

    def __init__(self, rate_hz: int) -> None:
        """Start before the first sample of a recording at `rate_hz`."""
        self.usable = rate_hz >= LOWEST_RATE_HZ
        self.samples = 0
        self._inner = False
        self._sounding = False

    def add(self, block: SharedBlock) -> None:
        """Take the next block."""
        self.samples += len(block.speech)
        # At the recording's own rate: what soxr makes of the ends of a constant is no sound.
        self._inner |= bool(block.inner.any())
        self._sounding |= bool(block.sounding.any())

    def reason_for_nothing(self) -> Reason | None:
        """Return why there is nothing, if so."""
        if not self.usable:
            return Reason.RATE_TOO_LOW
        if not self._inner or self.samples < _SHORTEST_SAMPLES:
            return Reason.TOO_SHORT
        return None if self._sounding else Reason.SILENT
