"""The outline of a recording: the waveform to look at, and its peaks at several zooms for programs."""

from dataclasses import dataclass

from .peaks import PeakPool
from .waveform import Waveform, waveform


@dataclass(frozen=True, slots=True)
class Zoom:
    """Peaks at one zoom in audiowaveform's data format, version 2; `rms_dat` has the RMS alone."""

    samples_per_px: int
    json: bytes
    dat: bytes
    rms_dat: bytes


@dataclass(frozen=True, slots=True)
class Outline:
    """The waveform, and the zooms from fine to coarse."""

    waveform: Waveform
    zooms: tuple[Zoom, ...]


def outline(pool: PeakPool, rate_hz: int, duration_s: float) -> Outline:
    """Return the outline of all samples that `pool` took."""
    pool.finish()
    zooms = tuple(
        Zoom(peaks.samples_per_px, peaks.json(), peaks.dat(), peaks.rms_dat()) for peaks in pool.zooms(rate_hz)
    )
    return Outline(waveform(pool.finest(rate_hz), duration_s), zooms)
