"""Loudness after ITU-R BS.1770-4 and EBU R 128: integrated, momentary, short-term, and its range."""

from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

from .kweighting import Floats, WeightedEnergy

Doubles = NDArray[np.float64]

ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
RANGE_GATE_LU = -20.0
RANGE_PERCENTILES = (10, 95)
STEPS_PER_S = 100
MOMENTARY_S = 0.4
SHORT_TERM_S = 3.0

_MOMENTARY_STEPS = round(MOMENTARY_S * STEPS_PER_S)
_SHORT_TERM_STEPS = round(SHORT_TERM_S * STEPS_PER_S)
# Gating blocks and the short-term values of the range begin every 100 ms (BS.1770-4: 75 % overlap).
_HOP_STEPS = STEPS_PER_S // 10


@dataclass(frozen=True)
class Loudness:
    """What is known at the end; None where there is too little sound, or none above the gate.

    `range_lu` is the loudness range of EBU Tech 3342.
    """

    integrated_lufs: float | None
    momentary_max_lufs: float | None
    short_term_max_lufs: float | None
    range_lu: float | None


class LoudnessMeter:
    """Takes samples; keeps three seconds of energies, and two numbers per 100 ms."""

    def __init__(self, *, rate_hz: int, channels: int) -> None:
        """Start at sample zero."""
        self._energy = WeightedEnergy(rate_hz=rate_hz, channels=channels, steps_per_s=STEPS_PER_S)
        self._recent = np.empty(0)
        self._steps = 0
        self._momentary_max = 0.0
        self._short_term_max = 0.0
        self._gating_blocks = array("d")
        self._short_terms = array("d")

    def add(self, samples: Floats) -> None:
        """Take the next samples, (n, channels) float32 in [-1, 1]."""
        mean_squares = self._energy.add(samples)
        if not len(mean_squares):
            return
        self._recent = np.concatenate([self._recent, mean_squares])
        momentary = self._means(_MOMENTARY_STEPS, len(mean_squares))
        short_term = self._means(_SHORT_TERM_STEPS, len(mean_squares))
        self._steps += len(mean_squares)
        self._momentary_max = max(self._momentary_max, momentary.max(initial=0.0))
        self._short_term_max = max(self._short_term_max, short_term.max(initial=0.0))
        self._gating_blocks.extend(self._on_hops(momentary))
        self._short_terms.extend(self._on_hops(short_term))
        self._recent = self._recent[-_SHORT_TERM_STEPS + 1 :]

    def loudness(self) -> Loudness:
        """Return what was measured."""
        return Loudness(
            integrated_lufs=_integrated(np.array(self._gating_blocks)),
            momentary_max_lufs=_audible(self._momentary_max),
            short_term_max_lufs=_audible(self._short_term_max),
            range_lu=_range(np.array(self._short_terms)),
        )

    def _means(self, steps: int, fresh: int) -> Doubles:
        """Return the means over `steps` that end within the last `fresh` steps."""
        reach = self._recent[-(fresh + steps - 1) :]
        if len(reach) < steps:
            return np.empty(0)
        means = np.empty(len(reach) - steps + 1)
        _find_means(reach, steps, means)
        return means

    def _on_hops(self, means: Doubles) -> Doubles:
        ends = self._steps - len(means) + 1 + np.arange(len(means))
        return np.asarray(means[ends % _HOP_STEPS == 0])


def loudness_lufs(mean_square: float) -> float:
    """Return the loudness of a weighted mean square (BS.1770-4, equation 2)."""
    return float(-0.691 + 10 * np.log10(mean_square))


def _integrated(blocks: Doubles) -> float | None:
    audible = blocks[blocks > _mean_square(ABSOLUTE_GATE_LUFS)]
    if not len(audible):
        return None
    foreground = audible[audible > audible.mean() * 10 ** (RELATIVE_GATE_LU / 10)]
    return loudness_lufs(foreground.mean())


def _range(short_terms: Doubles) -> float | None:
    audible = short_terms[short_terms > _mean_square(ABSOLUTE_GATE_LUFS)]
    if not len(audible):
        return None
    foreground = audible[audible > audible.mean() * 10 ** (RANGE_GATE_LU / 10)]
    low, high = np.percentile(10 * np.log10(foreground), RANGE_PERCENTILES)
    return float(high - low)


def _audible(mean_square: float) -> float | None:
    return loudness_lufs(mean_square) if mean_square > _mean_square(ABSOLUTE_GATE_LUFS) else None


def _mean_square(level_lufs: float) -> float:
    return float(10 ** ((level_lufs + 0.691) / 10))


@compiled("void(float64[::1], int64, float64[::1])")
def _find_means(energies: Doubles, steps: int, means: Doubles) -> None:
    # Each is added up anew: a running sum would remember the loudest second for ever.
    for first in range(len(means)):
        total = 0.0
        for step in range(first, first + steps):
            total += energies[step]
        means[first] = total / steps
