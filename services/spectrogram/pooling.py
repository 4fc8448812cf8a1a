"""Pool power in time and in frequency at once, in machine code, while it is in the cache."""

import numpy as np
import numpy.typing as npt

from chassis.compiled import compiled, multiply_add
from contracts.rendering import Pool

Power = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


def power_of(spectra: Power, first: int, bins: int) -> Power:
    """Return re² + im², (frames, bins) float32, of the bins from `first`.

    spectra  (frames, size) float32, each row re0, re1, im1, re2, im2 ... and the last bin's re
    """
    power = np.zeros((len(spectra), bins), dtype=np.float32)
    _raise_to_spectra(spectra, first, power)
    return power


def pool_spectra(spectra: Power, first: int, places: Indices, edges: Indices, cells: Power, pool: Pool) -> None:
    """Join the power of frames into `cells`: its maximum, or for "mean" its sum, from the lowest bin to the highest.

    spectra  as for `power_of`
    first    the bin with which the first band begins
    places   (frames,) which row of `cells` each frame belongs to
    edges    (bands + 1,) which bin, counted from `first`, each band begins with, and where the last one ends
    cells    (any, bands) float32, zero or what was joined before
    """
    _pool_spectra(spectra, first, places, edges, cells, pool == "mean")


def pool_power(power: Power, places: Indices, edges: Indices, cells: Power, pool: Pool) -> None:
    """Join rows of power, (rows, bins) float32 >= 0, into `cells` as `pool_spectra` does."""
    _pool_power(power, places, edges, cells, pool == "mean")


@compiled("void(float32[::1], int64, float32[::1])")
def _raise_to_spectrum(spectrum: Power, first: int, highest: Power) -> None:
    nyquist = len(spectrum) // 2
    low, end = max(first, 1), min(first + len(highest), nyquist)
    if low < end:
        # Slices, so that no index can be negative: only then is the loop turned into vectors.
        pairs, inner = spectrum[2 * low - 1 : 2 * end - 1], highest[low - first : end - first]
        for k in range(len(inner)):
            power = multiply_add(pairs[2 * k + 1], pairs[2 * k + 1], pairs[2 * k] * pairs[2 * k])
            # Not `max`, which asks for NaN as well and is not turned into vectors.
            if power > inner[k]:
                inner[k] = power
    if first == 0:
        highest[0] = max(highest[0], spectrum[0] * spectrum[0])
    if first + len(highest) > nyquist:
        highest[-1] = max(highest[-1], spectrum[-1] * spectrum[-1])


@compiled("void(float32[:, ::1], int64, float32[:, ::1])")
def _raise_to_spectra(spectra: Power, first: int, highest: Power) -> None:
    for frame in range(len(spectra)):
        _raise_to_spectrum(spectra[frame], first, highest[frame])


@compiled("void(float32[::1], int64, float32[::1])")
def _add_spectrum(spectrum: Power, first: int, total: Power) -> None:
    nyquist = len(spectrum) // 2
    low, end = max(first, 1), min(first + len(total), nyquist)
    if low < end:
        pairs, inner = spectrum[2 * low - 1 : 2 * end - 1], total[low - first : end - first]
        for k in range(len(inner)):
            inner[k] += multiply_add(pairs[2 * k + 1], pairs[2 * k + 1], pairs[2 * k] * pairs[2 * k])
    if first == 0:
        total[0] += spectrum[0] * spectrum[0]
    if first + len(total) > nyquist:
        total[-1] += spectrum[-1] * spectrum[-1]


@compiled("void(float32[::1], float32[::1], boolean)")
def _join(power: Power, joined: Power, is_sum: bool) -> None:
    if is_sum:
        for k in range(len(joined)):
            joined[k] += power[k]
    else:
        for k in range(len(joined)):
            if power[k] > joined[k]:
                joined[k] = power[k]


@compiled("void(float32[::1], int64[::1], float32[::1], boolean)")
def _pool_bands(bins: Power, edges: Indices, cells: Power, is_sum: bool) -> None:
    """Join bins into the cells of one column."""
    for band in range(len(cells)):
        # Unsigned, so that no index is asked whether it counts from the end.
        start, last = np.uint64(edges[band]), np.uint64(edges[band + 1] - 1)
        joined = bins[start]
        if is_sum:
            for k in range(start + 1, last + 1):
                joined += bins[k]
            cells[band] += joined
        else:
            # First the last one: most bands have one bin or two, and where all do, no branch is guessed wrong.
            if bins[last] > joined:
                joined = bins[last]
            for k in range(start + 1, last):
                if bins[k] > joined:
                    joined = bins[k]
            before = cells[band]
            if before > joined:
                joined = before
            cells[band] = joined


@compiled("void(float32[:, ::1], int64, int64[::1], int64[::1], float32[:, ::1], boolean)")
def _pool_spectra(spectra: Power, first: int, places: Indices, edges: Indices, cells: Power, is_sum: bool) -> None:
    # All bins of the column in progress; there are fewer columns than frames, so bands are pooled once per column.
    bins = np.zeros(edges[-1], dtype=np.float32)
    for frame in range(len(places)):
        if is_sum:
            _add_spectrum(spectra[frame], first, bins)
        else:
            _raise_to_spectrum(spectra[frame], first, bins)
        if frame + 1 == len(places) or places[frame + 1] != places[frame]:
            _pool_bands(bins, edges, cells[places[frame]], is_sum)
            bins[:] = 0


@compiled("void(float32[:, ::1], int64[::1], int64[::1], float32[:, ::1], boolean)")
def _pool_power(power: Power, places: Indices, edges: Indices, cells: Power, is_sum: bool) -> None:
    bins, begun = np.zeros(edges[-1], dtype=np.float32), False
    for row in range(len(places)):
        is_last = row + 1 == len(places) or places[row + 1] != places[row]
        if is_last and not begun:
            _pool_bands(power[row], edges, cells[places[row]], is_sum)
            continue
        _join(power[row], bins, is_sum)
        begun = not is_last
        if is_last:
            _pool_bands(bins, edges, cells[places[row]], is_sum)
            bins[:] = 0
