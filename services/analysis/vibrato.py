"""Vibrato: how fast and how far a sung or bowed pitch swings."""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .series import Series

Doubles = NDArray[np.float64]

# Three swings of the slowest vibrato.
WINDOW_S = 0.75
SLOWEST_HZ = 4.0
FASTEST_HZ = 8.5
SMALLEST_CENTS = 15.0
LARGEST_CENTS = 300.0
SHARE_MIN = 0.7

_TRIED_HZ = np.arange(SLOWEST_HZ - 1.5, FASTEST_HZ + 1.75, 0.25)


@dataclass(frozen=True, eq=False)
class _Swings:
    """The sinusoid that fits a window best.

    rate_hz, share  (k,) float64: share is that of the variance which it explains
    extent_cents    (k,) float64: from the middle to the top
    """

    rate_hz: Doubles
    extent_cents: Doubles
    share: Doubles


class VibratoMeter:
    """Fits a sinusoid to windows of 0.75 s of uninterrupted pitch, half overlapping, freed from their linear trend.

    A window swings when the best of all rates lies between 4 and 8.5 Hz, explains 70 % of the variance, and is 15 to
    300 cents wide. A frame's pitch is a mean over the frame: the extent is divided by what such a mean leaves of a
    sinusoid, sinc(rate · frame).
    """

    def __init__(self, *, frames_per_s: float, frame_s: float) -> None:
        """Start before the first frame."""
        self._frame_s = frame_s
        self._length = round(WINDOW_S * frames_per_s)
        self._fit = _Fit(self._length, frames_per_s)
        self._run = np.empty(0)
        self.rate_hz = Series()
        self.extent_cents = Series()

    def add(self, f0_hz: Doubles) -> None:
        """Take the next frames, (k,) float64, NaN where there is no pitch."""
        self._run = np.concatenate([self._run, 1200 * np.log2(f0_hz)])
        hop = self._length // 2
        count = (len(self._run) - self._length) // hop + 1
        if count <= 0:
            return
        windows = sliding_window_view(self._run, self._length)[::hop][:count]
        self._run = self._run[count * hop :]
        whole = windows[np.isfinite(windows).all(axis=1)]
        if len(whole):
            self._judge(self._fit.swings(whole))

    def _judge(self, swings: _Swings) -> None:
        extent_cents = swings.extent_cents / np.sinc(swings.rate_hz * self._frame_s)
        wide = (extent_cents >= SMALLEST_CENTS) & (extent_cents <= LARGEST_CENTS)
        at_rate = (swings.rate_hz >= SLOWEST_HZ) & (swings.rate_hz <= FASTEST_HZ)
        swinging = wide & at_rate & (swings.share >= SHARE_MIN)
        self.rate_hz.add(swings.rate_hz[swinging].astype(np.float32))
        self.extent_cents.add(extent_cents[swinging].astype(np.float32))


class _Fit:
    """Least squares of a line and a sinusoid of each rate that is tried."""

    def __init__(self, length: int, frames_per_s: float) -> None:
        time_s = np.arange(length) / frames_per_s
        line = np.stack([np.ones(length), time_s - time_s.mean()], axis=1)
        self._line, _ = np.linalg.qr(line)
        phase = 2 * np.pi * _TRIED_HZ[:, np.newaxis] * time_s
        waves = np.stack([np.cos(phase), np.sin(phase)], axis=2)
        waves -= self._line @ (self._line.T @ waves)
        self._waves = waves
        self._inverses = np.linalg.pinv(waves)

    def swings(self, cents: Doubles) -> _Swings:
        """Return the best fit of each window, (k, length) float64 in."""
        flat = cents - (cents @ self._line) @ self._line.T
        weights = np.einsum("rcl,kl->krc", self._inverses, flat)
        left = flat[:, np.newaxis] - np.einsum("rlc,krc->krl", self._waves, weights)
        energy = np.square(flat).sum(axis=1)
        share = 1 - np.square(left).sum(axis=2) / np.maximum(energy, np.finfo(float).tiny)[:, np.newaxis]
        best = share.argmax(axis=1)
        row = np.arange(len(cents))
        return _Swings(_TRIED_HZ[best], np.hypot(*weights[row, best].T), share[row, best])
