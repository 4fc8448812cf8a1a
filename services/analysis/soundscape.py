"""What acoustic indices are computed from: sums over the frames of a spectrogram and of an envelope."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Counts = NDArray[np.int64]

# A power's histogram bucket is the top of its float32: exponent and eight bits, 0.017 dB. Powers are counted between
# 2^-40 and 2^48; farther out lies nothing that an audible recording has, and the outermost buckets take it.
_SHIFT = 15
_LOWEST_BUCKET = (127 - 40) << (23 - _SHIFT)
BUCKETS = (48 + 40) << (23 - _SHIFT)


@dataclass(eq=False)
class SpectrumSums:
    """Sums over frames, per bin; and per band how many of its cells are how loud.

    amplitude, power, change  (bins,) float64: of |X|, of |X|², and of the difference to the frame before
    levels                    (bands, BUCKETS) int64: a histogram of the power of the band's cells
    """

    amplitude: Doubles
    power: Doubles
    change: Doubles
    levels: Counts
    loudest: float = 0.0
    frames: int = 0

    @classmethod
    def empty(cls, bins: int, bands: int) -> "SpectrumSums":
        """Return sums over no frames."""
        return cls(np.zeros(bins), np.zeros(bins), np.zeros(bins), np.zeros((bands, BUCKETS), dtype=np.int64))

    def add(self, spectra: Floats, before: Floats, bands: Counts) -> None:
        """Take frames, packed as by `dft.packed_spectra`, (k, 2·bins) float32.

        before  (bins,) float32: |X| of the frame before, then of the last one; -1 first in it says that there is none
        bands   (bands, 2) int64: the first bin of each, and the one after its last
        """
        if not len(spectra):
            return
        loudest = _add_frames(spectra, before, bands, self.amplitude, self.power, self.change, self.levels)
        self.loudest = max(self.loudest, loudest)
        self.frames += len(spectra)

    def merge(self, other: "SpectrumSums") -> None:
        """Take what another one summed."""
        self.amplitude += other.amplitude
        self.power += other.power
        self.change += other.change
        self.levels += other.levels
        self.loudest = max(self.loudest, other.loudest)
        self.frames += other.frames

    def counts_from(self, power: float) -> Doubles:
        """Return how many cells of each band have at least `power`, (bands,).

        Exact where `power` is a power of two; else the cells of its bucket count by their even spread, which is wrong
        by less than the 0.017 dB of a bucket.
        """
        bits = np.float32(power).view(np.uint32)
        bucket = min(max(int(bits >> _SHIFT) - _LOWEST_BUCKET, 0), BUCKETS - 1)
        inside = int(bits & ((1 << _SHIFT) - 1)) / (1 << _SHIFT)
        return np.asarray(self.levels[:, bucket + 1 :].sum(axis=1) + (1 - inside) * self.levels[:, bucket])


class Envelope:
    """The largest and the smallest sample of each stretch of the waveform, and the mean of all samples."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._highest: list[Floats] = []
        self._lowest: list[Floats] = []
        self._total = 0.0
        self._samples = 0

    def add(self, samples: Floats) -> None:
        """Count samples for the mean, (n,) float32."""
        self._total += float(samples.sum(dtype=np.float64))
        self._samples += len(samples)

    def add_stretches(self, stretches: Floats) -> None:
        """Take stretches, (k, length) float32."""
        self._highest.append(stretches.max(axis=1))
        self._lowest.append(stretches.min(axis=1))

    def energies(self) -> Doubles:
        """Return the square of each stretch's largest distance from the mean sample, (stretches,) float64."""
        if not self._highest:
            return np.empty(0)
        mean = self._total / self._samples
        highest, lowest = (np.concatenate(each).astype(np.float64) for each in (self._highest, self._lowest))
        return np.square(np.maximum(highest - mean, mean - lowest))


@dataclass
class EntropySums:
    """Shannon's entropy of a stream of weights: two sums and a count."""

    total: float = 0.0
    weighted: float = 0.0
    count: int = 0

    def add(self, weights: Doubles) -> None:
        """Take weights, (k,) float64 of 0 or more."""
        positive = weights[weights > 0]
        self.total += float(positive.sum())
        self.weighted += float((positive * np.log(positive)).sum())
        self.count += len(weights)

    def entropy(self) -> float:
        """Return the entropy of the weights' shares, in nat."""
        return float(np.log(self.total)) - self.weighted / self.total


@compiled("float64(float32[:,::1], float32[::1], int64[:,::1], float64[::1], float64[::1], float64[::1], int64[:,::1])")
def _add_frames(
    spectra: Floats,
    before: Floats,
    bands: Counts,
    amplitude_sums: Doubles,
    power_sums: Doubles,
    change_sums: Doubles,
    levels: Counts,
) -> float:
    """Add frames, and return the largest power of them."""
    bins = len(before)
    power = np.empty(bins, dtype=np.float32)
    buckets = power.view(np.int32)
    loudest = np.float32(0.0)
    for frame in range(len(spectra)):
        power[0] = spectra[frame, 0] * spectra[frame, 0]
        for index in range(1, bins):
            real, imaginary = spectra[frame, 2 * index - 1], spectra[frame, 2 * index]
            power[index] = real * real + imaginary * imaginary
        loudest = max(loudest, power.max())
        first = before[0] < 0
        for index in range(bins):
            amplitude = np.sqrt(power[index])
            amplitude_sums[index] += amplitude
            power_sums[index] += power[index]
            change_sums[index] += np.float32(0.0) if first else abs(amplitude - before[index])
            before[index] = amplitude
        for band in range(len(bands)):
            for index in range(bands[band, 0], bands[band, 1]):
                bucket = (buckets[index] >> _SHIFT) - _LOWEST_BUCKET
                levels[band, min(max(bucket, 0), BUCKETS - 1)] += 1
    return float(loudest)
