"""Which key a recording is in, from how much each pitch class sounds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .notes import NOTES

Doubles = NDArray[np.float64]

# How well each pitch class fits into C major and C minor, as listeners rate it: Krumhansl and Kessler (1982).
_PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
_SEMITONES_TO_RELATIVE_MAJOR = 3


@dataclass(frozen=True)
class Key:
    """A key, and how well it fits: the correlation of the chroma with the key's profile, in [-1, 1]."""

    tonic: int
    mode: str
    strength: float

    @property
    def note(self) -> str:
        """The tonic's name."""
        return NOTES[self.tonic]

    @property
    def camelot(self) -> str:
        """The place on the Camelot wheel: numbers are fifths apart, B is major, A its relative minor."""
        major = self.tonic if self.mode == "major" else self.tonic + _SEMITONES_TO_RELATIVE_MAJOR
        # C major is 8B, and seven semitones are a fifth.
        number = 1 + (7 + 7 * major) % 12
        return f"{number}{'B' if self.mode == 'major' else 'A'}"


def ranked_keys(chroma: Doubles) -> list[Key]:
    """Return all 24 keys, the best first, of a mean chroma, (12,) float64, C first; none if it is flat.

    The key-finding algorithm of Krumhansl and Schmuckler (Krumhansl: Cognitive Foundations of Musical Pitch, 1990,
    chapter 4): Pearson's correlation with the profile of each key.
    """
    around = chroma - chroma.mean()
    length = np.linalg.norm(around)
    if not length:
        return []
    keys = [
        Key(tonic, mode, float(_centred(np.roll(profile, tonic)) @ around / length))
        for mode, profile in _PROFILES.items()
        for tonic in range(len(NOTES))
    ]
    return sorted(keys, key=lambda key: -key.strength)


def _centred(profile: Doubles) -> Doubles:
    around = profile - profile.mean()
    return np.asarray(around / np.linalg.norm(around))
