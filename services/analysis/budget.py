"""How long one extractor may take, and the alarm that ends what takes longer."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

# An extractor that swallows the alarm hears it again.
_AGAIN_S = 1.0


@dataclass(frozen=True)
class Budget:
    """Seconds that an extractor may take: some at once, and more for each second of audio that it was given."""

    base_s: float = 30.0
    per_audio_s: float = 0.05

    def allowed_s(self, audio_s: float) -> float:
        """Return how long it may have taken once it was given `audio_s` seconds."""
        return self.base_s + self.per_audio_s * audio_s


class OutOfTime(BaseException):
    """The alarm rang: raised wherever the extractor is."""


@contextmanager
def alarm(after_s: float) -> Iterator[None]:
    """Raise `OutOfTime` inside the block when it lasts longer than `after_s`.

    Works in the main thread, where jobs run, and reaches Python code only: a call into C that does not return is
    ended by the job's own timeout. A timer that was set before goes on afterwards.
    """
    before_s, interval_s = signal.getitimer(signal.ITIMER_REAL)
    handler = signal.signal(signal.SIGALRM, _ring)
    started_s = time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, max(after_s, 1e-6), _AGAIN_S)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if before_s:
            signal.setitimer(signal.ITIMER_REAL, max(before_s - (time.monotonic() - started_s), 1e-6), interval_s)


def _ring(number: int, frame: FrameType | None) -> None:
    raise OutOfTime
