"""The recording at the rate that music analysis is defined at."""

import math

import numpy as np
import soxr

from .framed import HOP, Floats, FramedBlock, FramedStream, joined

MUSIC_RATE_HZ = 22_050

# As many as a block of the recording has at its own rate: an FFT call for fewer frames costs more than its FFTs.
_BLOCK_SAMPLES = 64 * HOP


def music_rate_hz(rate_hz: int) -> int:
    """Return the rate at which a recording is analysed as music: 22,050 Hz, or its own where that is lower."""
    return min(rate_hz, MUSIC_RATE_HZ)


class ResampledStream:
    """Resamples to 22,050 Hz by soxr's HQ, the same to the last bit as `librosa.load` does with the whole."""

    def __init__(self, rate_hz: int) -> None:
        """Start before the first sample of a recording above 22,050 Hz."""
        self._rate_hz = rate_hz
        self._resampler = soxr.ResampleStream(rate_hz, MUSIC_RATE_HZ, 1, dtype="float32", quality="HQ")
        self._framed = FramedStream()
        self._pending: list[Floats] = []
        self._pending_count = 0
        self._taken = 0
        self._made = 0

    def push(self, samples: Floats) -> FramedBlock:
        """Return the next 64 frames or more when there are as many, and none otherwise; takes (n,) float32."""
        self._taken += len(samples)
        self._keep(self._resampler.resample_chunk(np.ascontiguousarray(samples)))
        if self._pending_count < _BLOCK_SAMPLES:
            return self._framed.push(np.empty(0, dtype=np.float32))
        return self._framed.push(self._released())

    def finish(self) -> FramedBlock:
        """Return what is left, and the frames that reach over the end."""
        self._keep(self._resampler.resample_chunk(np.empty(0, dtype=np.float32), last=True))
        # librosa's length: soxr rounds to the nearest sample, librosa up.
        length = math.ceil(self._taken * (MUSIC_RATE_HZ / self._rate_hz))
        self._keep(np.zeros(max(0, length - self._made), dtype=np.float32))
        return joined([self._framed.push(self._released()), self._framed.finish()])

    def _keep(self, samples: Floats) -> None:
        self._pending.append(samples)
        self._pending_count += len(samples)
        self._made += len(samples)

    def _released(self) -> Floats:
        samples = np.concatenate(self._pending)
        self._pending = []
        self._pending_count = 0
        return samples
