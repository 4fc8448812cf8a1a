"""Per-channel energy normalization: what is steady fades, what begins stands out, in every band alike."""

import cv2
import numpy as np

from .pooling import Power

# Lostanlen et al., IEEE Signal Processing Letters 26 (2019), as librosa.pcen has it.
_GAIN, _BIAS, _EPSILON, _TIME_CONSTANT_S = 0.98, 2.0, 1e-6, 0.4
# Magnitudes are taken on the scale of 32-bit integers, where these constants fit.
_SCALE = 2.0**31


class EnergyNormalizer:
    """Normalizes frames as they come; equals `librosa.pcen(magnitude * 2**31, sr=rate, hop_length=hop)`."""

    def __init__(self, rate_hz: int, hop: int, bins: int) -> None:
        frames = _TIME_CONSTANT_S * rate_hz / hop
        self._share = np.float32((np.sqrt(1 + 4 * frames**2) - 1) / (2 * frames**2))
        self._level = np.ones(bins, dtype=np.float32)

    def normalized(self, power: Power) -> Power:
        """Return PCEN, (frames, bins) float32 >= 0, of the next frames' power."""
        magnitude = np.sqrt(power) * np.float32(_SCALE)
        levels = np.empty_like(magnitude)
        for place, steps in zip(levels, self._share * magnitude, strict=True):
            self._level *= 1 - self._share
            self._level += steps
            place[:] = self._level
        levels += np.float32(_EPSILON)
        gained = magnitude * np.asarray(cv2.pow(levels, -_GAIN))
        # A power of one half: √(gained + bias) - √bias.
        return np.asarray(np.sqrt(gained + np.float32(_BIAS)) - np.float32(np.sqrt(_BIAS)), dtype=np.float32)
