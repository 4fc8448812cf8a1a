"""Spectra of many frames at once, where a device computes them: neighbouring blocks share one call."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np

from .framed import HOP, Floats, FramedBlock, Spectra

# Half a minute of a recording, 40 MB of blocks and spectra; a device is not worth asking for fewer.
FRAMES_AHEAD = 2048

B = TypeVar("B", bound=FramedBlock)


class SpectraDevice(Protocol):
    """What computes spectra in place of OpenCV."""

    @property
    def name(self) -> str:
        """What the manifest calls it."""

    def spectra(self, signal: Floats, filters: Floats | None) -> Spectra:
        """Return the spectra of all frames of a signal, and what `filters` make of their power.

        signal   (512·(k - 1) + 2048,) float32: k consecutive frames
        filters  (bands, 1025) float32

        Raises `DeviceFailedError`.
        """


def with_spectra(blocks: Sequence[B], device: SpectraDevice, filters: Floats | None = None) -> list[B]:
    """Return neighbouring blocks with the spectra of their frames. Raises `DeviceFailedError`."""
    counts = [len(block.frames) for block in blocks]
    if not any(counts):
        return list(blocks)
    spectra = device.spectra(_signal([block.frames for block in blocks if len(block.frames)]), filters)
    stops = np.cumsum(counts)
    return [
        replace(block, spectra=spectra[stop - count : stop])
        for block, count, stop in zip(blocks, counts, stops, strict=True)
    ]


def _signal(frames: Sequence[Floats]) -> Floats:
    """Return the samples that overlapping frames were cut from: a quarter of what the frames hold."""
    return np.concatenate([*(each[:, :HOP].ravel() for each in frames), frames[-1][-1, HOP:]])
