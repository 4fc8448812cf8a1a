"""Window functions, periodic, as `scipy.signal.get_window` gives them."""

import numpy as np
import numpy.typing as npt

from contracts.rendering import WindowName

# Amplitudes of the cosines of 0, 1 and 2 turns per window (Harris, Proc. IEEE 66, 1978).
_COSINES: dict[WindowName, tuple[float, ...]] = {
    "hann": (0.5, -0.5),
    "hamming": (0.54, -0.46),
    "blackman": (0.42, -0.5, 0.08),
}


def analysis_window(name: WindowName, size: int) -> npt.NDArray[np.float64]:
    """Return the window, (size,) float64, its peak 1 at size / 2."""
    turns = 2 * np.pi * np.arange(size) / size
    window = np.zeros(size)
    for order, amplitude in enumerate(_COSINES[name]):
        window += amplitude * np.cos(order * turns)
    return window


def full_scale_power(name: WindowName, size: int) -> float:
    """Return the power that a sine of amplitude 1 has in its bin: 0 dBFS."""
    return float((analysis_window(name, size).sum() / 2) ** 2)
