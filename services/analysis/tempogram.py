"""Tempo from onset strength: the lag at which it best repeats itself."""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .dft import autocorrelations, fast_length, packed_spectra
from .shared import HOP

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

WINDOW_S = 8
START_BPM = 120.0
SPREAD_OCTAVES = 1.0
MAX_BPM = 320.0

_FRAMES_AT_ONCE = 64


@dataclass(frozen=True)
class TempoEstimate:
    """A tempo, and how strongly the onsets repeat themselves at its period: 0 not at all, 1 exactly."""

    bpm: float
    confidence: float


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
    best = int(np.argmax(likelihood))
    return TempoEstimate(bpm=float(bpm[best]), confidence=_confidence(strength, lag=best + 1, window=lags))


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


def _confidence(strength: Floats, *, lag: int, window: int) -> float:
    """Return the autocorrelation coefficient of onset strength near `lag`, in [0, 1].

    Without its mean, unlike the tempogram: onset strength is never negative, so that even noise correlates with
    itself by more than a half at any lag. Means of windows of 8 s, half overlapping, each divided by the taper's own
    autocorrelation.
    """
    window = min(window, len(strength))
    taper = _hann(window)
    segments = sliding_window_view(strength, window)[:: max(1, window // 2)]
    centred = (segments - segments.mean(axis=1, keepdims=True)) * taper
    nearest = slice(max(lag - 1, 1), lag + 2)
    # Less than two periods inside the window say nothing of a repetition.
    if nearest.stop > window // 2:
        return 0.0
    pooled = autocorrelations(centred, lags=window).sum(axis=0)
    own = autocorrelations(taper[np.newaxis], lags=window)[0]
    if pooled[0] <= 0:
        return 0.0
    coefficient = (pooled[nearest] / pooled[0]) / (own[nearest] / own[0])
    return float(np.clip(coefficient.max(), 0, 1))


def _hann(length: int) -> Floats:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)
