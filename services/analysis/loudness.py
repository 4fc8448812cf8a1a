"""Loudness after ITU-R BS.1770-4 and EBU R 128: integrated, momentary, short-term, and its range."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

from .kweighting import Floats, WeightedEnergy
from .put_aside import PutAside

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
    """Takes samples; keeps three seconds of energies, and puts two numbers per 100 ms aside."""

    def __init__(self, *, rate_hz: int, channels: int) -> None:
        """Start at sample zero."""
        self._energy = WeightedEnergy(rate_hz=rate_hz, channels=channels, steps_per_s=STEPS_PER_S)
        self._recent = np.empty(0)
        self._steps = 0
        self._momentary_max = 0.0
        self._short_term_max = 0.0
        self._gating_blocks = PutAside(np.float64)
        self._short_terms = PutAside(np.float64)

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
        self._gating_blocks.add(self._on_hops(momentary))
        self._short_terms.add(self._on_hops(short_term))
        self._recent = self._recent[-_SHORT_TERM_STEPS + 1 :]

    def loudness(self) -> Loudness:
        """Return what was measured."""
        return Loudness(
            integrated_lufs=_integrated(self._gating_blocks),
            momentary_max_lufs=_audible(self._momentary_max),
            short_term_max_lufs=_audible(self._short_term_max),
            range_lu=_range(self._short_terms),
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


def _integrated(blocks: PutAside[np.float64]) -> float | None:
    gate = _gate(blocks, RELATIVE_GATE_LU)
    foreground = None if gate is None else _mean_above(blocks, gate)
    return None if foreground is None else loudness_lufs(foreground)


def _range(short_terms: PutAside[np.float64]) -> float | None:
    gate = _gate(short_terms, RANGE_GATE_LU)
    if gate is None:
        return None
    levels_db = np.concatenate([10 * np.log10(piece[piece > gate]) for piece in short_terms.pieces()])
    low, high = np.percentile(levels_db, RANGE_PERCENTILES, overwrite_input=True)
    return float(high - low)


def _gate(blocks: PutAside[np.float64], relative_lu: float) -> float | None:
    """Return the mean square that counts as foreground; None where nothing is audible."""
    absolute = _mean_square(ABSOLUTE_GATE_LUFS)
    audible = _mean_above(blocks, absolute)
    return None if audible is None else max(absolute, audible * 10 ** (relative_lu / 10))


def _mean_above(blocks: PutAside[np.float64], gate: float) -> float | None:
    total, count = 0.0, 0
    for piece in blocks.pieces():
        above = piece[piece > gate]
        total, count = total + float(above.sum()), count + len(above)
    return total / count if count else None


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
