"""Acoustic indices of a soundscape, as scikit-maad 1.5.2 defines them (Ulloa et al., 2021), from sums over frames.

A frequency stands for the bin nearest to it, and both ends of a band belong to it: neighbouring bands share a bin.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from .soundscape import EntropySums, SpectrumSums

Doubles = NDArray[np.float64]
Counts = NDArray[np.int64]
Band = tuple[float, float]

_SEEWAVE_STEP_HZ = 1000.0


class Convention(StrEnum):
    """Whose definition ADI, AEI, BI and NDSI follow, where the field has two.

    soundecology  that of the R package, scikit-maad's default: levels relative to the loudest cell
    maad          scikit-maad's own (`R_compatible=None`), that of the values it published: levels relative to full
                  scale, NDSI without the lowest kilohertz, BI from power
    """

    SOUNDECOLOGY = "soundecology"
    MAAD = "maad"


def nearest_bin(frequencies_hz: Doubles, frequency_hz: float) -> int:
    """Return the index of the nearest frequency; of two, the lower."""
    return int(np.argmin(np.abs(frequencies_hz - frequency_hz)))


def bins_within(frequencies_hz: Doubles, band_hz: Band) -> slice:
    """Return the bins from the nearest to the band's lower end to the nearest to its upper end, both included."""
    low, high = (nearest_bin(frequencies_hz, edge_hz) for edge_hz in band_hz)
    return slice(low, high + 1)


def acoustic_complexity(sums: SpectrumSums) -> float:
    """ACI: change over time relative to amplitude, added over bins (Pieretti, Farina and Morri, 2011).

    One step of time spans everything, as in seewave. A bin without any energy adds nothing.
    """
    sounding = sums.amplitude > 0
    return float((sums.change[sounding] / sums.amplitude[sounding]).sum())


def spectral_entropy(sums: SpectrumSums) -> float:
    """Hf: Shannon's entropy of the mean power spectrum, 1 for white noise (Sueur et al., 2008; power as in QUT's)."""
    return _entropy(sums.power) / float(np.log(len(sums.power)))


def temporal_entropy(squared_envelope: EntropySums) -> float:
    """Ht: Shannon's entropy of the squared envelope, 1 where it is constant (Sueur et al., 2008; as in QUT's)."""
    return squared_envelope.entropy() / float(np.log(squared_envelope.count))


def acoustic_diversity(scores: Doubles) -> float:
    """ADI: Shannon's entropy of the bands' scores (Villanueva-Rivera et al., 2011)."""
    return _entropy(scores)


def acoustic_evenness(scores: Doubles) -> float:
    """AEI: Gini's coefficient of the bands' scores, 0 where all are equal (Villanueva-Rivera et al., 2011)."""
    ordered, count = np.sort(scores), len(scores)
    weighted = float((ordered * np.arange(1, count + 1)).sum())
    return (2 * weighted / float(ordered.sum()) - (count + 1)) / count


def bioacoustic(sums: SpectrumSums, frequencies_hz: Doubles, biophony_hz: Band, convention: Convention) -> float:
    """BI: the area under the mean spectrum (Boelman et al., 2007).

    soundecology  decibels above the quietest bin of the biophony's band, added and divided by a bin's width
    maad          square root of the power relative to the loudest cell, added over all bins, times a bin's width
    """
    width_hz = float(frequencies_hz[1])
    if convention is Convention.MAAD:
        return float(np.sqrt((sums.power / sums.frames / sums.loudest).sum()) * width_hz)
    level_db = 20 * np.log10(sums.amplitude[bins_within(frequencies_hz, biophony_hz)])
    return float((level_db - level_db.min()).sum() / width_hz)


def difference_of_soundscapes(
    sums: SpectrumSums, frequencies_hz: Doubles, anthrophony_hz: Band, biophony_hz: Band, convention: Convention
) -> float:
    """NDSI: biophony minus anthrophony over their sum (Kasten et al., 2012), from mean powers of wide bands.

    soundecology  bands as wide as the anthrophony's
    maad          bands of 1 kHz, without the lowest, as in seewave
    """
    seewave = convention is Convention.MAAD
    step_hz = _SEEWAVE_STEP_HZ if seewave else anthrophony_hz[1] - anthrophony_hz[0]
    edges_hz = np.arange(0, frequencies_hz[-1] + step_hz, step_hz)
    bands = np.searchsorted(frequencies_hz, edges_hz)
    powers = np.add.reduceat(sums.power, bands[:-1]) / np.diff(bands)
    starts_hz = edges_hz[:-1]
    if seewave:
        powers, starts_hz = powers[1:], starts_hz[1:]
    biophony = powers[bins_within(starts_hz, biophony_hz)].sum()
    anthrophony = powers[bins_within(starts_hz, anthrophony_hz)].sum()
    return float((biophony - anthrophony) / (biophony + anthrophony))


def _entropy(weights: Doubles) -> float:
    shares = weights[weights > 0] / weights.sum()
    # Zero is added because one share makes it -0.0.
    return float(-(shares * np.log(shares)).sum() + 0.0)
