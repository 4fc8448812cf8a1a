"""The recording at another rate: the one that music analysis is defined at, or what a model was trained at."""

import math

import numpy as np
import soxr

from .framed import HOP, Floats, FramedBlock, FramedStream, joined

MUSIC_RATE_HZ = 22_050
SPEECH_RATE_HZ = 16_000

# As many as a block of the recording has at its own rate: an FFT call for fewer frames costs more than its FFTs.
_BLOCK_SAMPLES = 64 * HOP


def music_rate_hz(rate_hz: int) -> int:
    """Return the rate at which a recording is analysed as music: 22,050 Hz, or its own where that is lower."""
    return min(rate_hz, MUSIC_RATE_HZ)


class Resampler:
    """Resamples a stream by soxr's HQ, the same to the last bit as `librosa.load` does with the whole."""

    def __init__(self, rate_hz: int, to_rate_hz: int) -> None:
        """Start before the first sample."""
        self._ratio = to_rate_hz / rate_hz
        self._stream = soxr.ResampleStream(rate_hz, to_rate_hz, 1, dtype="float32", quality="HQ")
        self._taken = 0
        self._made = 0

    def push(self, samples: Floats) -> Floats:
        """Return what can be said so far at the other rate, (m,) float32; takes (n,) float32."""
        self._taken += len(samples)
        return self._counted(self._stream.resample_chunk(np.ascontiguousarray(samples)))

    def finish(self) -> Floats:
        """Return what is left."""
        rest = self._counted(self._stream.resample_chunk(np.empty(0, dtype=np.float32), last=True))
        # librosa's length: soxr rounds to the nearest sample, librosa up.
        missing = max(0, math.ceil(self._taken * self._ratio) - self._made)
        return np.concatenate([rest, np.zeros(missing, dtype=np.float32)])

    def _counted(self, samples: Floats) -> Floats:
        self._made += len(samples)
        return samples


class ResampledStream:
    """The recording at 22,050 Hz, in frames."""

    def __init__(self, rate_hz: int) -> None:
        """Start before the first sample of a recording above 22,050 Hz."""
        self._resampler = Resampler(rate_hz, MUSIC_RATE_HZ)
        self._framed = FramedStream()
        self._pending: list[Floats] = []
        self._pending_count = 0

    def push(self, samples: Floats) -> FramedBlock:
        """Return the next 64 frames or more when there are as many, and none otherwise; takes (n,) float32."""
        self._keep(self._resampler.push(samples))
        if self._pending_count < _BLOCK_SAMPLES:
            return self._framed.push(np.empty(0, dtype=np.float32))
        return self._framed.push(self._released())

    def finish(self) -> FramedBlock:
        """Return what is left, and the frames that reach over the end."""
        self._keep(self._resampler.finish())
        return joined([self._framed.push(self._released()), self._framed.finish()])

    def _keep(self, samples: Floats) -> None:
        self._pending.append(samples)
        self._pending_count += len(samples)

    def _released(self) -> Floats:
        samples = np.concatenate(self._pending)
        self._pending = []
        self._pending_count = 0
        return samples
