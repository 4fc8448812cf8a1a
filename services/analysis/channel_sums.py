"""Sums over the samples of channels, in float64: a large DC offset must not drown a quiet sound."""

import math

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


class ChannelSums:
    """Sums of samples and of their products."""

    def __init__(self, channels: int) -> None:
        """Start with nothing."""
        self.frames = 0
        self._sums = np.zeros(channels)
        self._products = np.zeros((channels, channels))

    def add(self, samples: Floats) -> None:
        """Take (n, channels) samples."""
        self.frames += len(samples)
        _add_sums(np.ascontiguousarray(samples), self._sums, self._products)

    def merge(self, other: "ChannelSums") -> None:
        """Take what another one summed."""
        self.frames += other.frames
        self._sums += other._sums  # noqa: SLF001 - another object of this class
        self._products += other._products  # noqa: SLF001 - another object of this class

    def means(self) -> Doubles:
        """Return each channel's mean, (channels,)."""
        return self._sums / self.frames

    def deviations(self) -> Doubles:
        """Return the root mean square of each channel around its own mean, (channels,)."""
        deviations = np.empty(len(self._sums))
        _find_deviations(self._sums, self._products, self.frames, deviations)
        return deviations

    def deviation(self) -> float:
        """Return the root mean square over all channels, each around its own mean."""
        deviations = self.deviations()
        return math.sqrt(float(deviations @ deviations) / len(deviations))

    def correlations(self, sounding: NDArray[np.bool_]) -> Doubles:
        """Return Pearson's correlation of every two of the channels that are `sounding`, (pairs,)."""
        means, deviations = self.means(), self.deviations()
        covariances = self._products / self.frames - np.outer(means, means)
        first, second = np.triu_indices(len(means), k=1)
        both = sounding[first] & sounding[second]
        first, second = first[both], second[both]
        return np.asarray(covariances[first, second] / (deviations[first] * deviations[second]))


@compiled("void(float32[:,::1], float64[::1], float64[:,::1])")
def _add_sums(samples: Floats, sums: Doubles, products: Doubles) -> None:
    for channel in range(samples.shape[1]):
        total = 0.0
        for index in range(len(samples)):
            total += np.float64(samples[index, channel])
        sums[channel] += total
        for other in range(channel + 1):
            product = 0.0
            for index in range(len(samples)):
                product += np.float64(samples[index, channel]) * np.float64(samples[index, other])
            products[channel, other] += product
            if other < channel:
                products[other, channel] += product


@compiled("void(float64[::1], float64[:,::1], int64, float64[::1])")
def _find_deviations(sums: Doubles, products: Doubles, frames: int, deviations: Doubles) -> None:
    for channel in range(len(sums)):
        variance = products[channel, channel] / frames - (sums[channel] / frames) ** 2
        deviations[channel] = np.sqrt(max(variance, 0.0))
