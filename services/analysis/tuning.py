"""How far a recording's tuning is from A4 = 440 Hz."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

from .yin import parabolic_shift

Floats = NDArray[np.float32]

SEMITONES_PER_OCTAVE = 12
A4_HZ = 440.0
F_MIN_HZ = 150.0
F_MAX_HZ = 4000.0

_STEPS_PER_SEMITONE = 100
_LEAST_SHARE = 0.1


def estimate_tuning(powers: Iterable[Floats], rate_hz: int) -> float:
    """Return the tuning in semitones, in [-0.5, 0.5): that which most of the spectra's stronger peaks have.

    powers  one or more of (k, bins) float32: |STFT|², in the order of time

    `librosa.estimate_tuning` of a power spectrogram, as `librosa.feature.chroma_stft` calls it: peaks of a tenth of
    their frame's maximum or more, from 150 to 4000 Hz, interpolated by a parabola; the stronger half of them, in a
    histogram of hundredths of a semitone. It answers for noise, too. Without any peak the answer is 0.
    """
    found = [spectral_peaks(power, rate_hz) for power in powers]
    frequency_hz, height = (np.concatenate(each) for each in zip(*found, strict=True))
    if not len(frequency_hz):
        return 0.0
    strong_hz = frequency_hz[height >= np.median(height)]
    return _commonest_deviation(strong_hz)


def spectral_peaks(power: Floats, rate_hz: int) -> tuple[Floats, Floats]:
    """Return frequency in Hz and height of all peaks of (k, bins) float32 spectra, (peaks,) float32 each."""
    bins = power.shape[1]
    frequencies_hz = np.fft.rfftfreq(2 * (bins - 1), 1 / rate_hz)
    searched = np.flatnonzero((frequencies_hz >= F_MIN_HZ) & (frequencies_hz < min(F_MAX_HZ, rate_hz / 2)))
    if not len(searched):
        return np.empty(0, dtype=np.float32), np.empty(0, dtype=np.float32)
    # Of two neighbours only one is a peak.
    place = np.empty(len(power) * (len(searched) // 2 + 1), dtype=np.float32)
    height = np.empty_like(place)
    first, last = max(int(searched[0]), 1), min(int(searched[-1]), bins - 2)
    count = _find_peaks(np.ascontiguousarray(power), first, last, place, height)
    return place[:count] * np.float32(rate_hz / (2 * (bins - 1))), height[:count]


def _commonest_deviation(frequency_hz: Floats) -> float:
    semitones = SEMITONES_PER_OCTAVE * np.log2(frequency_hz / np.float32(A4_HZ / 16))
    deviation = np.mod(semitones, 1.0)
    deviation[deviation >= 0.5] -= 1.0
    counts, edges = np.histogram(deviation, np.linspace(-0.5, 0.5, _STEPS_PER_SEMITONE + 1))
    return float(edges[np.argmax(counts)])


@compiled("int64(float32[:, ::1], int64, int64, float32[::1], float32[::1])")
def _find_peaks(power: Floats, first: int, last: int, place: Floats, height: Floats) -> int:
    """Write bin and height of the peaks from bin `first` to `last` of each row; return how many there are."""
    count = 0
    for frame in range(power.shape[0]):
        row = power[frame]
        least = np.float32(_LEAST_SHARE) * row.max()
        for index in range(first, last + 1):
            at = row[index]
            if at <= least or at <= row[index - 1] or at < row[index + 1]:
                continue
            shift = parabolic_shift(row[index - 1], at, row[index + 1])
            place[count] = index + shift
            height[count] = at + 0.25 * (row[index + 1] - row[index - 1]) * shift
            count += 1
    return count
