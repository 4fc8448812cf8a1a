"""Mel-frequency cepstral coefficients, and how they change."""

from math import factorial

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .power_levels import floor_db, power_levels_db

Floats = NDArray[np.float32]

DELTA_FRAMES = 9

_FRAMES_AT_ONCE = 1024


def mfccs(mel_power: Floats, coefficients: int) -> Floats:
    """Return the first coefficients of the cosine transform of each frame's mel spectrum in decibels.

    mel_power  (frames, bands) float32
    returns    (frames, coefficients) float32

    `librosa.feature.mfcc`: DCT-II, orthonormal, of levels that are cut 80 dB below the loudest cell of `mel_power`
    (Davis and Mermelstein, 1980).
    """
    transform = _cosine_transform(mel_power.shape[1], coefficients)
    found = np.empty((len(mel_power), coefficients), dtype=np.float32)
    lowest_db = np.float32(floor_db(mel_power))
    for start in range(0, len(mel_power), _FRAMES_AT_ONCE):
        piece = slice(start, start + _FRAMES_AT_ONCE)
        np.matmul(np.maximum(power_levels_db(mel_power[piece]), lowest_db), transform, out=found[piece])
    return found


def deltas(values: Floats, *, order: int) -> Floats | None:
    """Return the first or second derivative of each column per frame, or None for less than nine frames.

    values, returns  (frames, columns) float32

    `librosa.feature.delta`: that of the parabola (of the line, for the first) of least squares through the nine frames
    around each (Savitzky and Golay, 1964). The first four frames have the derivative of the fifth, the last four that
    of the fifth from the end.
    """
    if len(values) < DELTA_FRAMES:
        return None
    inner = np.einsum("ijk,k->ij", sliding_window_view(values, DELTA_FRAMES, axis=0), _derivative_weights(order))
    half = DELTA_FRAMES // 2
    return np.pad(inner, ((half, half), (0, 0)), mode="edge")


def _cosine_transform(bands: int, coefficients: int) -> Floats:
    angles = np.pi / bands * np.outer(np.arange(bands) + 0.5, np.arange(coefficients))
    transform = np.sqrt(2 / bands) * np.cos(angles)
    transform[:, 0] = np.sqrt(1 / bands)
    return np.asarray(transform, dtype=np.float32)


def _derivative_weights(order: int) -> Floats:
    """Return what each of nine frames counts for the derivative in their middle."""
    place = np.arange(DELTA_FRAMES) - DELTA_FRAMES // 2
    polynomials = np.linalg.pinv(np.vander(place, order + 1, increasing=True))
    return np.asarray(factorial(order) * polynomials[order], dtype=np.float32)
