"""The inputs that several extractors need, computed once for all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.decode import mono

from .dft import packed_spectra, unpacked_power
from .frames import FrameCutter

FRAME_LENGTH = 2048
HOP = 512
BINS = 1 + FRAME_LENGTH // 2

# The gate that ITU-R BS.1770 uses for loudness: what is quieter than this is silence, for every extractor.
SILENCE_DBFS = -70.0
SILENCE_RMS = 10 ** (SILENCE_DBFS / 20)

# 64 frames of spectrum and magnitude stay in a core's cache.
_BLOCK_SAMPLES = 64 * HOP
_WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME_LENGTH) / FRAME_LENGTH)).astype(np.float32)

Floats = NDArray[np.float32]


class Input(StrEnum):
    """What an extractor needs of a block."""

    SAMPLES = "samples"
    SPECTRUM = "spectrum"


@dataclass(frozen=True, eq=False)
class SharedBlock:
    """A piece of the recording in the forms that extractors read; nobody writes to its arrays.

    channels  (n, channels) float32, in [-1, 1]
    samples   (n,) float32: the mean of the channels
    frames    (k, 2048) float32: the frames of `samples` that this block completes, hop 512, centred, not windowed
    inner     (k,) bool: the frame lies inside the recording, none of it is padding
    """

    channels: Floats
    samples: Floats
    frames: Floats
    inner: NDArray[np.bool_]

    @cached_property
    def power(self) -> Floats:
        """|STFT|² with a periodic Hann window, (k, 1025) float32."""
        return unpacked_power(packed_spectra(self.frames * _WINDOW))

    @cached_property
    def magnitude(self) -> Floats:
        """|STFT|, (k, 1025) float32."""
        return np.sqrt(self.power)

    @cached_property
    def frame_mean(self) -> Floats:
        """Mean of each frame, (k,) float32: its direct current."""
        return np.asarray(self.frames.mean(axis=1))

    @cached_property
    def frame_deviation(self) -> Floats:
        """Root mean square of each frame around its mean, (k,) float32."""
        return deviations(self.frames - self.frame_mean[:, np.newaxis])

    @cached_property
    def sounding(self) -> NDArray[np.bool_]:
        """Whether the frame lies inside the recording and is louder than -70 dBFS, direct current aside, (k,)."""
        return self.inner & (self.frame_deviation > SILENCE_RMS)

    def compute_spectrum(self) -> None:
        """Compute what is shared now, so that no single extractor is charged with its time."""
        _ = self.power, self.magnitude, self.sounding


class SharedInputs:
    """Turns decoded blocks of any size into shared blocks of at most 64 frames."""

    def __init__(self) -> None:
        """Start before the first sample."""
        self._cutter = FrameCutter(length=FRAME_LENGTH, hop=HOP, padding=FRAME_LENGTH // 2)
        self._frame_count = 0

    def push(self, decoded: NDArray[Any], *, scale: float) -> Iterator[SharedBlock]:
        """Yield the shared blocks of a decoded block, (n, channels) int16 or float32, times `scale` in [-1, 1]."""
        for start in range(0, len(decoded), _BLOCK_SAMPLES):
            piece = decoded[start : start + _BLOCK_SAMPLES]
            samples = mono(piece) * np.float32(scale)
            channels = samples[:, np.newaxis] if piece.shape[1] == 1 else piece * np.float32(scale)
            yield self._block(channels, samples)

    def finish(self, *, channels: int) -> SharedBlock:
        """Return the last block: no new samples, but the frames that reach over the recording's end."""
        nothing = np.empty((0, channels), dtype=np.float32)
        frames = self._cutter.finish()
        return SharedBlock(nothing, nothing[:, 0], frames, np.zeros(len(frames), dtype=np.bool_))

    def _block(self, channels: Floats, samples: Floats) -> SharedBlock:
        frames = self._cutter.push(samples)
        index = self._frame_count + np.arange(len(frames))
        self._frame_count += len(frames)
        return SharedBlock(channels, samples, frames, index * HOP >= FRAME_LENGTH // 2)


def deviations(centred: Floats) -> Floats:
    """Return the root mean square of each row, (k, n) float32 in, (k,) float32 out."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", centred, centred) / np.float32(centred.shape[1])))


def frequencies_hz(rate_hz: int) -> Floats:
    """Return the frequency of each bin of the shared spectrum, (1025,) float32."""
    return np.linspace(0, rate_hz / 2, BINS, dtype=np.float64).astype(np.float32)
