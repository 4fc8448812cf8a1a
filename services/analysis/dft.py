"""Fourier transforms of many real rows at once, by OpenCV: the fastest found."""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

Rows = NDArray[np.float32]
Precise = TypeVar("Precise", np.float32, np.float64)

# A job owns one core: OpenCV's threads would only take time from the job next to it.
cv2.setNumThreads(1)

INVERSE = cv2.DFT_INVERSE | cv2.DFT_ROWS | cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT


def fast_length(minimum: int) -> int:
    """Return the smallest even transform length of at least `minimum` that has only the factors 2, 3 and 5."""
    return 2 * int(cv2.getOptimalDFTSize((minimum + 1) // 2))


def packed_spectra(rows: Rows) -> Rows:
    """Return the spectrum of each row, packed as re(0), re(1), im(1), …, re(n/2).

    rows     (k, n) float32, n even
    returns  (k, n) float32
    """
    if not len(rows):
        return rows
    return np.asarray(cv2.dft(rows, flags=cv2.DFT_ROWS), dtype=np.float32)


def unpacked_power(spectra: Rows) -> Rows:
    """Return |X|² of packed spectra.

    spectra  (k, n) float32, as from `packed_spectra`
    returns  (k, 1 + n / 2) float32
    """
    power = np.empty((len(spectra), 1 + spectra.shape[1] // 2), dtype=np.float32)
    _unpack(np.ascontiguousarray(spectra), power)
    return power


@compiled("void(float32[:,::1], float32[:,::1])")
def _unpack(spectra: Rows, power: Rows) -> None:
    last = power.shape[1] - 1
    for row in range(spectra.shape[0]):
        packed, unpacked = spectra[row], power[row]
        unpacked[0] = packed[0] * packed[0]
        unpacked[last] = packed[2 * last - 1] * packed[2 * last - 1]
        for index in range(1, last):
            real, imaginary = packed[2 * index - 1], packed[2 * index]
            unpacked[index] = real * real + imaginary * imaginary


def autocorrelations(rows: NDArray[Precise], *, lags: int) -> NDArray[Precise]:
    """Return sum(x[j] · x[j + lag]) of each row, for lag 0 up to `lags` - 1.

    rows     (k, n) float32 or float64, C-contiguous
    returns  (k, lags), of the same precision
    """
    if not len(rows):
        return np.empty((0, lags), dtype=rows.dtype)
    padded = np.zeros((len(rows), fast_length(rows.shape[1] + lags)), dtype=rows.dtype)
    padded[:, : rows.shape[1]] = rows
    power = np.square(cv2.dft(padded, flags=cv2.DFT_ROWS))
    power[:, 1:-1:2] += power[:, 2:-1:2]
    power[:, 2:-1:2] = 0
    return np.asarray(cv2.dft(power, flags=INVERSE)[:, :lags], dtype=rows.dtype)


def filtered(rows: Rows, response: Rows) -> Rows:
    """Return each row circularly convolved with the filter whose packed spectrum is `response`.

    rows, response, returns  (k, n) float32
    """
    product = cv2.mulSpectrums(packed_spectra(rows), response, cv2.DFT_ROWS)
    return np.asarray(cv2.dft(product, flags=INVERSE), dtype=np.float32)
