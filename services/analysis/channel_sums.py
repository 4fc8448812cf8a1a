"""Sums over the samples of channels, in float64: a large DC offset must not drown a quiet sound."""

import numpy as np
from numpy.typing import NDArray

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
        exact = samples.astype(np.float64)
        self.frames += len(exact)
        self._sums += exact.sum(axis=0)
        # Not `@`: for so narrow an array the threads of a BLAS cost more than the sums.
        self._products += np.einsum("ij,ik->jk", exact, exact)

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
        variances = np.diagonal(self._products) / self.frames - np.square(self.means())
        return np.asarray(np.sqrt(np.maximum(variances, 0)))

    def deviation(self) -> float:
        """Return the root mean square over all channels, each around its own mean."""
        return float(np.sqrt(np.square(self.deviations()).mean()))

    def correlations(self, sounding: NDArray[np.bool_]) -> Doubles:
        """Return Pearson's correlation of every two of the channels that are `sounding`, (pairs,)."""
        means, deviations = self.means(), self.deviations()
        covariances = self._products / self.frames - np.outer(means, means)
        first, second = np.triu_indices(len(means), k=1)
        both = sounding[first] & sounding[second]
        first, second = first[both], second[both]
        return np.asarray(covariances[first, second] / (deviations[first] * deviations[second]))
