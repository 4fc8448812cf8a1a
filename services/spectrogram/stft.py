"""Power spectra of a stream of samples, 64 windows at a time."""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from .geometry import BINS, FFT_SIZE

Samples = npt.NDArray[np.int16] | npt.NDArray[np.float32]
Power = npt.NDArray[np.float32]

_BATCH = 64
# Workers are processes; threads inside one of them only take the other's core.
cv2.setNumThreads(1)


def hann() -> npt.NDArray[np.float64]:
    """Return the periodic Hann window, as `scipy.signal.get_window("hann", FFT_SIZE)` does."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT_SIZE) / FFT_SIZE)


def full_scale_power() -> float:
    """Return the power that a sine of amplitude 1 has in its bin: 0 dBFS."""
    return float((hann().sum() / 2) ** 2)


class PowerStream:
    """Windows, transforms and squares samples as they come.

    Frames are centred as in `librosa.stft(center=True, pad_mode="constant")`: frame t is about sample t * hop,
    zeros lie before the first and after the last sample, and n samples give 1 + n // hop frames.

    Power is `packed`, (frames, FFT_SIZE) float32: bin 0, bin 1024, then bins 1 to 1023 at every second place;
    what lies between is meaningless. `unpacked` sorts it. Maxima and sums over frames may be taken before that.
    """

    def __init__(self, hop: int, scale: float) -> None:
        self._hop = hop
        self._window = (hann() * scale).astype(np.float32)
        self._tail = np.zeros(FFT_SIZE // 2, dtype=np.float32)
        self._frames = np.empty((_BATCH, FFT_SIZE), dtype=np.float32)
        self._spectra = np.empty_like(self._frames)
        self._power = np.empty_like(self._frames)

    def push(self, samples: Samples) -> Iterator[Power]:
        """Yield the packed power of all frames that `samples`, (n,), complete; each array is valid until the next."""
        # As float32 from here: at these hops each sample is windowed eight times or more, and converted once.
        stretch = np.concatenate([self._tail, samples], dtype=np.float32)
        count = max(0, (len(stretch) - FFT_SIZE) // self._hop + 1)
        self._tail = stretch[count * self._hop :]
        if count:
            windows = np.lib.stride_tricks.sliding_window_view(stretch, FFT_SIZE)[:: self._hop]
            for start in range(0, count, _BATCH):
                yield self._packed_power(windows[start : min(count, start + _BATCH)])

    def finish(self) -> Iterator[Power]:
        """Yield the packed power of the last frames, which reach into the zeros after the end."""
        yield from self.push(np.zeros(FFT_SIZE // 2, dtype=np.float32))

    def _packed_power(self, windows: Power) -> Power:
        size = len(windows)
        frames, spectra, power = self._frames[:size], self._spectra[:size], self._power[:size]
        np.multiply(windows, self._window, out=frames)
        # Rows come as re0, re1, im1, re2, im2 ... re1024.
        cv2.dft(frames, dst=spectra, flags=cv2.DFT_ROWS)
        np.square(spectra, out=spectra)
        # Neighbours are added along one flat line: half the time of doing it row by row, every second sum is of use.
        flat = spectra.reshape(-1)
        np.add(flat[:-1], flat[1:], out=power.reshape(-1)[1:])
        power[:, 0] = spectra[:, 0]
        power[:, 1] = spectra[:, -1]
        return power


def unpacked(packed: Power) -> Power:
    """Return packed power, (rows, FFT_SIZE), as (rows, BINS) float32 in the order of frequency."""
    power = np.empty((len(packed), BINS), dtype=np.float32)
    power[:, :-1] = packed[:, ::2]
    power[:, -1] = packed[:, 1]
    return power
