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
    quietest: float = np.inf
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
        power = np.empty((len(spectra), len(before)), dtype=np.float32)
        _take_powers(spectra, power)
        _add_frames(power, before, self.amplitude, self.power, self.change)
        _count_levels(power.view(np.int32), bands, self.levels)
        self.loudest = max(self.loudest, float(power.max()))
        self.quietest = min(self.quietest, float(power.min()))
        self.frames += len(spectra)

    def merge(self, other: "SpectrumSums") -> None:
        """Take what another one summed."""
        self.amplitude += other.amplitude
        self.power += other.power
        self.change += other.change
        # Most of a histogram is memory that was never touched, and stays so.
        counted = slice(_bucket(other.quietest), _bucket(other.loudest) + 1)
        self.levels[:, counted] += other.levels[:, counted]
        self.loudest = max(self.loudest, other.loudest)
        self.quietest = min(self.quietest, other.quietest)
        self.frames += other.frames

    def counts_from(self, power: float) -> Doubles:
        """Return how many cells of each band have at least `power`, (bands,).

        Exact where `power` is a power of two; else the cells of its bucket count by their even spread, which is wrong
        by less than the 0.017 dB of a bucket.
        """
        bucket, last = _bucket(power), _bucket(self.loudest)
        inside = (_bits(power) & ((1 << _SHIFT) - 1)) / (1 << _SHIFT)
        louder = self.levels[:, bucket + 1 : last + 1].sum(axis=1)
        return np.asarray(louder + (1 - inside) * self.levels[:, bucket])


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


def _bucket(power: float) -> int:
    return min(max((_bits(power) >> _SHIFT) - _LOWEST_BUCKET, 0), BUCKETS - 1)


def _bits(power: float) -> int:
    return int(np.float32(power).view(np.uint32))


def windowed(hops: Floats, window: Floats) -> Floats:
    """Return frames of two hops, one every hop, each without its mean and times `window`.

    hops     (k + 1, n) float32
    window   (2·n,) float32
    returns  (k, 2·n) float32
    """
    sums = hops.sum(axis=1)
    frames = np.empty((len(hops) - 1, 2 * hops.shape[1]), dtype=np.float32)
    _window(hops, (sums[:-1] + sums[1:]) / np.float32(len(window)), window, frames)
    return frames


@compiled("void(float32[:,::1], float32[::1], float32[::1], float32[:,::1])")
def _window(hops: Floats, means: Floats, window: Floats, frames: Floats) -> None:
    half = hops.shape[1]
    for frame in range(len(frames)):
        mean = means[frame]
        for place in range(2):
            hop, weights = hops[frame + place], window[place * half : (place + 1) * half]
            row = frames[frame, place * half : (place + 1) * half]
            for index in range(half):
                row[index] = (hop[index] - mean) * weights[index]


@compiled("void(float32[:,::1], float32[:,::1])")
def _take_powers(spectra: Floats, power: Floats) -> None:
    """Write |X|² of packed spectra, but for the last bin."""
    for frame in range(len(spectra)):
        packed, row = spectra[frame], power[frame]
        row[0] = packed[0] * packed[0]
        for index in range(1, len(row)):
            real, imaginary = packed[2 * index - 1], packed[2 * index]
            row[index] = real * real + imaginary * imaginary


@compiled("void(float32[:,::1], float32[::1], float64[::1], float64[::1], float64[::1])")
def _add_frames(
    power: Floats, before: Floats, amplitude_sums: Doubles, power_sums: Doubles, change_sums: Doubles
) -> None:
    """Add each frame to the sums; `before` is the frame before, then the last one."""
    if before[0] < 0:
        before[:] = np.sqrt(power[0])
    for frame in range(len(power)):
        row = power[frame]
        for index in range(len(before)):
            amplitude = np.sqrt(row[index])
            amplitude_sums[index] += amplitude
            power_sums[index] += row[index]
            change_sums[index] += abs(amplitude - before[index])
            before[index] = amplitude


@compiled("void(int32[:,::1], int64[:,::1], int64[:,::1])")
def _count_levels(bits: NDArray[np.int32], bands: Counts, levels: Counts) -> None:
    """Count the cells of each band by the bits of their power; one band at a time, whose counts stay in the cache."""
    buckets = np.empty(bits.shape, dtype=np.uint32)
    for frame in range(len(bits)):
        row, found = bits[frame], buckets[frame]
        for index in range(len(row)):
            found[index] = min(max((row[index] >> _SHIFT) - _LOWEST_BUCKET, 0), BUCKETS - 1)
    for band in range(len(bands)):
        counts = levels[band]
        for frame in range(len(bits)):
            within = buckets[frame, bands[band, 0] : bands[band, 1]]
            for index in range(len(within)):
                # Unsigned, an index is not looked at for being counted from the end.
                counts[np.uint64(within[index])] += 1
