"""Chroma of a stream of spectra, in the tuning of the recording's first minute."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chroma import PITCH_CLASSES, chroma_filters, chromagram
from .framed import BINS, HOP, Floats, FramedBlock
from .tuning import estimate_tuning

TUNING_FROM_S = 60.0


@dataclass(frozen=True, eq=False)
class ChromaBlock:
    """Consecutive frames of chroma.

    chroma    (k, 12) float32: relative to each frame's strongest pitch class, C first
    sounding  (k,) bool: the frame lies inside the recording and is louder than -70 dBFS, direct current aside
    tuning    semitones that the filters were moved by, in [-0.5, 0.5)
    """

    chroma: Floats
    sounding: NDArray[np.bool_]
    tuning: float


class ChromaStream:
    """Holds spectra until there is a minute of them, estimates the tuning, and then projects as they come: 11 MiB.

    Of a recording up to a minute it is `librosa.feature.chroma_stft`; a longer one has its tuning from the first.
    """

    def __init__(self, rate_hz: int) -> None:
        """Start before the first frame of music at `rate_hz`."""
        self._rate_hz = rate_hz
        self._frames_for_tuning = 1 + int(TUNING_FROM_S * rate_hz) // HOP
        self._waiting: list[_Spectra] = []
        self._waiting_frames = 0
        self._tuning = 0.0
        self._filters: Floats | None = None

    def push(self, music: FramedBlock, *, last: bool) -> ChromaBlock:
        """Return the chroma of the frames, and of those that waited before them; none until the tuning is known."""
        self._waiting.append(_Spectra(music.power, music.sounding))
        self._waiting_frames += len(music.power)
        if self._filters is None and self._waiting_frames < self._frames_for_tuning and not last:
            return ChromaBlock(_NO_CHROMA, _NO_SOUNDS, self._tuning)
        return self._released()

    def _released(self) -> ChromaBlock:
        waiting, self._waiting = self._waiting, []
        if self._filters is None:
            self._tuning = estimate_tuning(self._for_tuning(waiting), self._rate_hz)
            self._filters = chroma_filters(self._rate_hz, bins=BINS, tuning=self._tuning)
        chroma = [chromagram(spectra.power, self._filters) for spectra in waiting]
        sounding = [spectra.sounding for spectra in waiting]
        return ChromaBlock(np.concatenate([_NO_CHROMA, *chroma]), np.concatenate([_NO_SOUNDS, *sounding]), self._tuning)

    def _for_tuning(self, waiting: "list[_Spectra]") -> Iterator[Floats]:
        """Yield the first minute to the frame, so that blocks of another size give the same tuning."""
        left = self._frames_for_tuning
        for spectra in waiting:
            yield spectra.power[:left]
            left -= len(spectra.power[:left])


@dataclass(frozen=True, eq=False)
class _Spectra:
    """What waits of a block, whose frames would be twice as much again."""

    power: Floats
    sounding: NDArray[np.bool_]


_NO_CHROMA = np.empty((0, PITCH_CLASSES), dtype=np.float32)
_NO_SOUNDS = np.empty(0, dtype=np.bool_)
