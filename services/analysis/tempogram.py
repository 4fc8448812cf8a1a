"""Tempo from onset strength: the lag at which it best repeats itself."""

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .dft import autocorrelations, fast_length, packed_spectra
from .framed import HOP

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

WINDOW_S = 8
START_BPM = 120.0
SPREAD_OCTAVES = 1.0
MAX_BPM = 320.0
ALTERNATIVES = 2

_FRAMES_AT_ONCE = 64


@dataclass(frozen=True)
class TempoEstimate:
    """A tempo, and how strongly the onsets repeat themselves at its period: 0 not at all, 1 exactly.

    `lag` is the period in frames. `alternatives` are the next likely tempos, the likeliest first.
    """

    bpm: float
    confidence: float
    lag: int
    alternatives: tuple["TempoEstimate", ...] = ()


def estimate_tempo(strength: Floats, rate_hz: int) -> TempoEstimate:
    """Return the most likely tempo of an onset strength, (frames,) float32.

    `librosa.feature.tempo`: the mean of the autocorrelations of all 8 s windows, weighted by a log-normal prior
    around 120 BPM. That always answers, also for noise; whether the answer means something says the confidence.
    """
    lags = WINDOW_S * rate_hz // HOP
    bpm = 60.0 * rate_hz / (HOP * np.arange(1, lags))
    log_prior = -0.5 * (np.log2(bpm / START_BPM) / SPREAD_OCTAVES) ** 2
    log_prior[bpm >= MAX_BPM] = -np.inf
    likelihood = np.log1p(1e6 * _mean_autocorrelation(strength, lags)[1:]) + log_prior
    repetition = _Repetition(strength, window=lags)
    best, *others = (
        TempoEstimate(float(bpm[index]), repetition.coefficient(int(index) + 1), int(index) + 1)
        for index in [np.argmax(likelihood), *_peaks(likelihood)]
    )
    apart = (other for other in others if abs(other.lag - best.lag) > 1)
    return replace(best, alternatives=tuple(islice(apart, ALTERNATIVES)))


def _peaks(likelihood: Doubles) -> NDArray[np.intp]:
    """Return where the likelihood has its highest peaks, the highest first."""
    inner = (likelihood[1:-1] > likelihood[:-2]) & (likelihood[1:-1] >= likelihood[2:]) & np.isfinite(likelihood[1:-1])
    peaks = 1 + np.flatnonzero(inner)
    return np.asarray(peaks[np.argsort(-likelihood[peaks], kind="stable")][: ALTERNATIVES + 1])


def _mean_autocorrelation(strength: Floats, window: int) -> Doubles:
    """Return the mean over all frames of the autocorrelation of the window around each, normalized to lag 0.

    returns  (window,) float64

    The mean is taken of power spectra, because the transform is linear: one inverse transform for all frames.
    """
    padded = np.pad(strength, window // 2, mode="linear_ramp")
    windows = sliding_window_view(padded, window)[: len(strength)]
    taper = _hann(window)
    length = fast_length(2 * window - 1)
    total = np.zeros(length)
    for start in range(0, len(strength), _FRAMES_AT_ONCE):
        total += _normalized_squares(windows[start : start + _FRAMES_AT_ONCE] * taper, length)
    power = np.concatenate([total[:1], total[1:-1:2] + total[2:-1:2], total[-1:]])
    return np.asarray(np.fft.irfft(power, n=length)[:window] / len(strength))


def _normalized_squares(windows: Floats, length: int) -> Floats:
    """Return the sum over windows of their packed squared spectra, each divided by the window's energy."""
    energy = np.einsum("ij,ij->i", windows, windows)
    share = np.divide(1, energy, out=np.zeros_like(energy), where=energy > 0)
    padded = np.zeros((len(windows), length), dtype=np.float32)
    padded[:, : windows.shape[1]] = windows
    return np.asarray(share @ np.square(packed_spectra(padded)))


class _Repetition:
    """The autocorrelation coefficients of onset strength.

    Without its mean, unlike the tempogram: onset strength is never negative, so that even noise correlates with
    itself by more than a half at any lag. Means of windows of 8 s, half overlapping, each divided by the taper's own
    autocorrelation.
    """

    def __init__(self, strength: Floats, *, window: int) -> None:
        self._window = min(window, len(strength))
        taper = _hann(self._window)
        segments = sliding_window_view(strength, self._window)[:: max(1, self._window // 2)]
        centred = (segments - segments.mean(axis=1, keepdims=True)) * taper
        self._pooled = autocorrelations(centred, lags=self._window).sum(axis=0)
        self._own = autocorrelations(taper[np.newaxis], lags=self._window)[0]

    def coefficient(self, lag: int) -> float:
        """Return the coefficient near `lag`, in [0, 1]."""
        nearest = slice(max(lag - 1, 1), lag + 2)
        # Less than two periods inside the window say nothing of a repetition.
        if nearest.stop > self._window // 2 or self._pooled[0] <= 0:
            return 0.0
        coefficient = (self._pooled[nearest] / self._pooled[0]) / (self._own[nearest] / self._own[0])
        return float(np.clip(coefficient.max(), 0, 1))


def _hann(length: int) -> Floats:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)
