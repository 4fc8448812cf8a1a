"""The two filters of ITU-R BS.1770, at any rate, and the energy of what they let through."""

import numpy as np
from numpy.typing import NDArray

from chassis.compiled import compiled

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

LOWEST_RATE_HZ = 4000
_SILENT_MEMORY = 1e-30

# Left, right, centre; then the surrounds of 5.0, and of 5.1 with its low-frequency channel left out.
_SURROUND_WEIGHTS = {5: (1.0, 1.0, 1.0, 1.41, 1.41), 6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)}


class WeightedEnergy:
    """The mean square of K-weighted samples over steps of equal length, the channels weighted and added."""

    def __init__(self, *, rate_hz: int, channels: int, steps_per_s: int) -> None:
        """Start at sample zero."""
        self._rate_hz = rate_hz
        self._steps_per_s = steps_per_s
        self._weights = channel_weights(channels)
        self._filters = k_weighting(rate_hz)
        self._memory: Doubles | None = None
        self._position = 0
        self._step = 0
        self._open_energy = np.zeros(1)

    def add(self, samples: Floats) -> Doubles:
        """Return the mean squares of the steps that end with `samples`: (n, channels) float32 in, (k,) out."""
        if not len(samples):
            return np.empty(0)
        if self._memory is None:
            # As if the first sample had always been there: a recording with an offset must not begin with a click.
            self._memory = settled(self._filters, samples[0])
        mean_squares = np.empty(2 + len(samples) * self._steps_per_s // self._rate_hz)
        ended = _mean_squares(
            np.ascontiguousarray(samples),
            self._filters,
            self._memory,
            self._weights,
            self._position,
            self._step,
            self._rate_hz,
            self._steps_per_s,
            self._open_energy,
            mean_squares,
        )
        self._position += len(samples)
        self._step += ended
        return mean_squares[:ended]


def channel_weights(channels: int) -> Doubles:
    """Return the weights of BS.1770-4, table 3, by the number of channels; 1 for each where it names none."""
    return np.array(_SURROUND_WEIGHTS.get(channels, (1.0,) * channels))


def k_weighting(rate_hz: int) -> Doubles:
    """Return b0, b1, b2, a1, a2 of the shelf (stage 1) and of the high-pass (stage 2), (2, 5) float64.

    BS.1770 gives coefficients for 48 kHz only. These are the analogue filters behind them, brought to `rate_hz` by
    the bilinear transform (Brecht De Man, Evaluation of Implementations of the EBU R128 Loudness Measurement, 2018;
    the constants as in libebur128).
    """
    k = np.tan(np.pi * 1681.974450955533 / rate_hz)
    q, gain = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = gain**0.4996667741545416
    zeros = (gain + band * k / q + k * k, 2 * (k * k - gain), gain - band * k / q + k * k)
    shelf = np.array([*zeros, 2 * (k * k - 1), 1 - k / q + k * k]) / (1 + k / q + k * k)
    k, q = np.tan(np.pi * 38.13547087602444 / rate_hz), 0.5003270373238773
    scale = 1 + k / q + k * k
    return np.array([shelf, [1.0, -2.0, 1.0, 2 * (k * k - 1) / scale, (1 - k / q + k * k) / scale]])


def settled(filters: Doubles, levels: Floats) -> Doubles:
    """Return the memory of each channel's filters after the constant `levels` for ever, (channels, 2, 2) float64."""
    memory = np.empty((len(levels), len(filters), 2))
    for channel, level in enumerate(levels):
        value = float(level)
        for stage, (b0, b1, b2, a1, a2) in enumerate(filters):
            passed = value * (b0 + b1 + b2) / (1 + a1 + a2)
            memory[channel, stage] = (passed - b0 * value, b2 * value - a2 * passed)
            value = passed
    return memory


@compiled("float64(float32[:,::1], int64, int64, int64, float64[:,::1], float64[:,::1])")
def _energy(samples: Floats, start: int, stop: int, channel: int, filters: Doubles, memory: Doubles) -> float:
    """Return the energy of one channel's samples after both filters, each in transposed direct form II."""
    b0, b1, b2, a1, a2 = filters[0]
    c0, c1, c2, d1, d2 = filters[1]
    (s1, s2), (t1, t2) = memory[0], memory[1]
    energy = 0.0
    for index in range(start, stop):
        value = float(samples[index, channel])
        shelved = b0 * value + s1
        # What waits for the value before comes last: it is this chain that takes the time.
        s1 = (b1 * value + s2) - a1 * shelved
        s2 = b2 * value - a2 * shelved
        passed = c0 * shelved + t1
        t1 = (c1 * shelved + t2) - d1 * passed
        t2 = c2 * shelved - d2 * passed
        energy += passed * passed
    memory[0, 0], memory[0, 1], memory[1, 0], memory[1, 1] = s1, s2, t1, t2
    # In silence the memory decays to denormal numbers, with which processors compute very slowly.
    if max(abs(s1), abs(s2), abs(t1), abs(t2)) < _SILENT_MEMORY:
        memory[:] = 0.0
    return energy


@compiled(
    "int64(float32[:,::1], float64[:,::1], float64[:,:,::1], float64[::1], int64, int64, int64, int64,"
    " float64[::1], float64[::1])"
)
def _mean_squares(
    samples: Floats,
    filters: Doubles,
    memory: Doubles,
    weights: Doubles,
    position: int,
    step: int,
    rate_hz: int,
    steps_per_s: int,
    open_energy: Doubles,
    mean_squares: Doubles,
) -> int:
    """Fill `mean_squares` with the steps that end within the samples, and return how many they are."""
    start = 0
    ended = 0
    while start < len(samples):
        # Counted from zero each time: at 11,025 Hz a step is no whole number of samples, and rounding must not add up.
        step_end = (step + 1) * rate_hz // steps_per_s
        stop = min(step_end - position, len(samples))
        for channel in range(samples.shape[1]):
            if weights[channel] > 0:
                energy = _energy(samples, start, stop, channel, filters, memory[channel])
                open_energy[0] += weights[channel] * energy
        if stop == step_end - position:
            mean_squares[ended] = open_energy[0] / (step_end - step * rate_hz // steps_per_s)
            open_energy[0] = 0.0
            ended += 1
            step += 1
        start = stop
    return ended
