"""How much each pitch class sounds, and where that lies in the space of tones."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

PITCH_CLASSES = 12
TONNETZ_AXES = ("fifth_x", "fifth_y", "minor_x", "minor_y", "major_x", "major_y")

_A0_HZ = 27.5
_CENTRE_OCTAVE = 5.0
_OCTAVES_WIDE = 2.0
_SEMITONES_A_TO_C = 3
_TINY = np.finfo(np.float32).tiny


def chroma_filters(rate_hz: int, *, bins: int, tuning: float) -> Floats:
    """Return how much each bin of a power spectrum counts for each pitch class, (12, bins) float32, C first.

    Gaussian bumps of a semitone around each pitch, weighted by a Gaussian of two octaves around the fifth A above A0,
    which `tuning`, in semitones, moves away from 27.5 Hz: `librosa.filters.chroma` (Ellis, 2007).
    """
    frequencies_hz = np.arange(1, bins + 1) * (rate_hz / (2 * (bins - 1)))
    octaves = np.log2(frequencies_hz / (_A0_HZ * 2 ** (tuning / PITCH_CLASSES)))
    semitones = PITCH_CLASSES * np.concatenate([[octaves[0] - 1.5], octaves])
    width = np.maximum(np.diff(semitones), 1.0)
    distance = semitones[:-1] - np.arange(PITCH_CLASSES)[:, np.newaxis]
    half = PITCH_CLASSES / 2
    distance = np.remainder(distance + half, PITCH_CLASSES) - half
    bumps = np.exp(-0.5 * np.square(2 * distance / width))
    weights = bumps / np.linalg.norm(bumps, axis=0)
    weights *= np.exp(-0.5 * np.square((semitones[:-1] / PITCH_CLASSES - _CENTRE_OCTAVE) / _OCTAVES_WIDE))
    return np.asarray(np.roll(weights, -_SEMITONES_A_TO_C, axis=0), dtype=np.float32)


def chromagram(power: Floats, filters: Floats) -> Floats:
    """Return the chroma of each frame, relative to its strongest pitch class; zeros where nothing sounds.

    power    (k, bins) float32
    filters  (12, bins) float32
    returns  (k, 12) float32, in [0, 1]

    `librosa.feature.chroma_stft` with the same tuning.
    """
    raw = power @ filters.T
    loudest = raw.max(axis=1, keepdims=True)
    loudest[loudest < _TINY] = 1
    return np.asarray(raw / loudest, dtype=np.float32)


def tonal_centroids(chroma: Floats) -> Floats:
    """Return where the chroma of each frame lies on the circles of fifths, of minor and of major thirds.

    chroma   (k, 12) float32
    returns  (k, 6) float32, in [-1, 1], in the order of `TONNETZ_AXES`

    `librosa.feature.tonnetz` of that chroma (Harte, Sandler and Gasser, 2006).
    """
    total = chroma.sum(axis=1, keepdims=True)
    total[total < _TINY] = 1
    return np.asarray((chroma / total) @ _TONNETZ.T, dtype=np.float32)


def _tonnetz() -> Floats:
    # The x axes are sines.
    quarter = np.array([0.5, 0, 0.5, 0, 0.5, 0])[:, np.newaxis]
    turns = np.repeat([7 / 6, 3 / 2, 2 / 3], 2)[:, np.newaxis] * np.arange(PITCH_CLASSES) - quarter
    radius = np.array([1, 1, 1, 1, 0.5, 0.5])[:, np.newaxis]
    return np.asarray(radius * np.cos(np.pi * turns), dtype=np.float32)


_TONNETZ = _tonnetz()
