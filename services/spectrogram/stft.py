"""Power spectra of a stream of samples, some windows at a time."""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from contracts.rendering import WindowName

from .windows import analysis_window

Samples = npt.NDArray[np.int16] | npt.NDArray[np.float32]
Power = npt.NDArray[np.float32]

# 64 windows of 2048 samples: with fewer calls cost too much, with more the second cache overflows.
_BATCH_SAMPLES = 64 * 2048
_PAGE_BYTES = 4096
# Workers are processes; threads inside one of them only take the other's core.
cv2.setNumThreads(1)


class PowerStream:
    """Windows, transforms and squares samples as they come.

    Frames are centred as in `librosa.stft(center=True, pad_mode="constant")`: frame t is about sample t * hop,
    zeros lie before the first and after the last sample, and n samples give 1 + n // hop frames.

    first, bins  which bins are wanted, of size // 2 + 1
    batch        how many frames come at once, at most
    transformed  how many frames were transformed so far
    """

    def __init__(self, name: WindowName, size: int, *, hop: int, scale: float, first: int, bins: int) -> None:
        self.batch = batch = max(1, _BATCH_SAMPLES // size)
        self.transformed = 0
        self._size, self._hop, self._first, self._bins = size, hop, first, bins
        self._window = (analysis_window(name, size) * scale).astype(np.float32)
        self._tail = np.zeros(size // 2, dtype=np.float32)
        self._frames = _page_aligned(batch, size, 0)
        self._spectra = _page_aligned(batch, size, _PAGE_BYTES // 4)
        self._power = np.empty((batch, bins), dtype=np.float32)

    def push(self, samples: Samples) -> Iterator[Power]:
        """Yield the power, (frames, bins), of the frames that `samples` complete; each is valid until the next."""
        # As float32 from here: at these hops each sample is windowed eight times or more, and converted once.
        stretch = np.concatenate([self._tail, samples], dtype=np.float32)
        count = max(0, (len(stretch) - self._size) // self._hop + 1)
        self._tail = stretch[count * self._hop :]
        if count:
            windows = np.lib.stride_tricks.sliding_window_view(stretch, self._size)[:: self._hop]
            for start in range(0, count, len(self._frames)):
                yield self._power_of(windows[start : min(count, start + len(self._frames))])

    def finish(self) -> Iterator[Power]:
        """Yield the power of the last frames, which reach into the zeros after the end."""
        yield from self.push(np.zeros(self._size // 2, dtype=np.float32))

    def _power_of(self, windows: Power) -> Power:
        count = len(windows)
        frames, spectra = self._frames[:count], self._spectra[:count]
        # Copied first: multiplying in place takes half the time of multiplying from one place to another.
        np.copyto(frames, windows)
        np.multiply(frames, self._window, out=frames)
        # Rows come as re0, re1, im1, re2, im2 ... and the last bin's re.
        cv2.dft(frames, dst=spectra, flags=cv2.DFT_ROWS)
        self.transformed += count
        return self._squared(spectra)

    def _squared(self, spectra: Power) -> Power:
        """Return re² + im² of the wanted bins: three vectorized passes over the pairs, and the two ends by hand."""
        count, nyquist = len(spectra), self._size // 2
        power = self._power[:count]
        low, high = max(1, self._first), min(nyquist, self._first + self._bins)
        if low < high:
            pairs = spectra[:, 2 * low - 1 : 2 * high - 1].reshape(count, high - low, 2, copy=False)
            real = power[:, low - self._first : high - self._first]
            # In the place of the windowed samples, which are not needed any more.
            imaginary = self._frames[:count, : high - low]
            cv2.split(pairs, [real, imaginary])
            cv2.multiply(real, real, real)
            cv2.accumulateSquare(imaginary, real)
        if self._first == 0:
            np.square(spectra[:, 0], out=power[:, 0])
        if self._first + self._bins > nyquist:
            np.square(spectra[:, -1], out=power[:, -1])
        return power


def _page_aligned(rows: int, columns: int, offset_bytes: int) -> Power:
    """Return an empty array that begins `offset_bytes` into a page.

    Where two arrays of rows of 8 KB begin at the same place, each load waits for the other's store: their addresses
    differ in whole pages, which the processor takes for the same one.
    """
    room = np.empty(rows * columns + 2 * _PAGE_BYTES // 4, dtype=np.float32)
    start = (offset_bytes - room.ctypes.data) % _PAGE_BYTES // 4
    return room[start : start + rows * columns].reshape(rows, columns)
