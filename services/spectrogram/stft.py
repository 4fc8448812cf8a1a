"""Spectra of a stream of samples, some windows at a time."""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from chassis.compiled import compiled
from contracts.rendering import WindowName

from .pooling import Power
from .windows import analysis_window

Samples = npt.NDArray[np.int16] | npt.NDArray[np.float32]
Spectra = npt.NDArray[np.float32]

# 64 windows of 2048 samples: with fewer, calls cost too much; with more, the second cache overflows.
_BATCH_SAMPLES = 64 * 2048
# Workers are processes; threads inside one of them only take the other's core.
cv2.setNumThreads(1)


class SpectrumStream:
    """Windows and transforms samples as they come.

    Frames are centred as in `librosa.stft(center=True, pad_mode="constant")`: frame t is about sample t * hop,
    zeros lie before the first and after the last sample, and n samples give 1 + n // hop frames.

    transformed  how many frames were transformed so far
    """

    def __init__(self, name: WindowName, size: int, *, hop: int, scale: float) -> None:
        self.transformed = 0
        self._hop = hop
        self._window = (analysis_window(name, size) * scale).astype(np.float32)
        self._tail: Samples | None = None
        self._frames = np.empty((max(1, _BATCH_SAMPLES // size), size), dtype=np.float32)

    def push(self, samples: Samples) -> Iterator[Spectra]:
        """Yield the spectra, (frames, size), of the frames that `samples` complete; each is valid until the next.

        A row is re0, re1, im1, re2, im2 ... and the last bin's re. Samples are of one type, int16 or float32.
        """
        size = len(self._window)
        tail = np.zeros(size // 2, dtype=samples.dtype) if self._tail is None else self._tail
        stretch = np.concatenate([tail, samples])
        count = max(0, (len(stretch) - size) // self._hop + 1)
        self._tail = stretch[count * self._hop :]
        for start in range(0, count, len(self._frames)):
            yield self._transformed(stretch[start * self._hop :], min(len(self._frames), count - start))

    def finish(self) -> Iterator[Spectra]:
        """Yield the spectra of the last frames, which reach into the zeros after the end."""
        dtype = np.float32 if self._tail is None else self._tail.dtype
        yield from self.push(np.zeros(len(self._window) // 2, dtype=dtype))

    def _transformed(self, samples: Samples, count: int) -> Spectra:
        frames = self._frames[:count]
        _cut_windows(samples, self._hop, self._window, frames)
        # In place, so that windows, spectra and what they are pooled into stay in the second cache.
        cv2.dft(frames, dst=frames, flags=cv2.DFT_ROWS)
        self.transformed += count
        return frames


@compiled(
    "void(int16[::1], int64, float32[::1], float32[:, ::1])",
    "void(float32[::1], int64, float32[::1], float32[:, ::1])",
)
def _cut_windows(samples: Samples, hop: int, window: Power, frames: Power) -> None:
    """Multiply the window by the samples from each hop on, straight into the transform's rows."""
    for place in range(len(frames)):
        here, frame = samples[place * hop : place * hop + len(window)], frames[place]
        for i in range(len(window)):
            frame[i] = np.float32(here[i]) * window[i]
