"""A part of a recording, in its own resolution, decoded from there."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import ceil, floor
from pathlib import Path
from typing import BinaryIO, cast

import cv2
import numpy as np
import numpy.typing as npt

from audio.decode import BLOCK_FRAMES, AudioLimits, AudioStream, Container, mono, open_audio

from .geometry import BINS, FFT_SIZE, MAX_HOP, Geometry, Pool, RenderSettings
from .levels import SILENCE, level_scale, levels
from .palettes import palette
from .png import palette_png
from .region_errors import (
    AboveNyquistError,
    EmptyRegionError,
    OutsideRecordingError,
    RegionSizeError,
)
from .render import ENGINE_VERSION, TEXT_KEY
from .stft import Power, PowerStream, unpacked

MAX_WIDTH, MAX_HEIGHT = 6400, 1200
# Times come as floats; what is this near to a frame, in frames, is at it.
_ROUNDING = 1e-6
_JOIN = {"max": np.maximum, "mean": np.add}


@dataclass(frozen=True, slots=True)
class Region:
    """What is asked for; `width` is less where the time has fewer samples than pixels."""

    start_s: float
    end_s: float
    f_min_hz: float
    f_max_hz: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class RegionImage:
    """One PNG, and what a ruler on it reads; its first column begins at `start_s`."""

    png: bytes
    geometry: Geometry
    start_s: float


@dataclass(frozen=True, slots=True)
class _Grid:
    """Which frames a region needs, on the grid of a whole rendering: frame t is about sample t * hop.

    start, span  in samples, not whole
    """

    start: float
    span: float
    width: int
    hop: int

    @property
    def first_frame(self) -> int:
        return max(0, ceil((self.start - _ROUNDING) / self.hop))

    @property
    def end_frame(self) -> int:
        return max(self.first_frame + 1, ceil((self.start + self.span - _ROUNDING) / self.hop))

    @property
    def run_up(self) -> int:
        """How many frames before the first one its window reaches back into."""
        return min(self.first_frame, ceil(FFT_SIZE / 2 / self.hop))

    @property
    def end_sample(self) -> int:
        return self.end_frame * self.hop + FFT_SIZE // 2

    def columns_of(self, frames: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        shares = (frames * self.hop - self.start) / self.span * self.width
        columns: npt.NDArray[np.int64] = np.clip(np.floor(shares + _ROUNDING), 0, self.width - 1).astype(np.int64)
        return columns


def render_region(
    source: Path | BinaryIO,
    container: Container,
    limits: AudioLimits,
    settings: RenderSettings,
    region: Region,
    *,
    reference_power: float | None = None,
) -> RegionImage:
    """Seek to a region, decode it, and render it with a hop that suits its width.

    Where its pixels are those of a whole rendering, so are its levels, given that rendering's `reference_power`;
    without one, the region's own loudest cell is 0 dB. Rows that are narrower than a bin of the FFT repeat the nearest.

    Raises any `RegionError`, and any `AudioError` of decoding.
    """
    _check(region)
    with open_audio(source, container, limits) as stream:
        rate_hz = stream.format.rate_hz
        if region.f_max_hz > rate_hz / 2:
            raise AboveNyquistError(region.f_max_hz, rate_hz / 2)
        grid = _grid(region, rate_hz)
        cells, frames = _columns(stream, grid, settings.pool)
        _check_end(stream, region)
    power = _rows(cells, frames, _row_of_bins(region, rate_hz), region.height, settings.pool)
    reference = float(power.max()) if reference_power is None else reference_power
    scale = level_scale(reference, settings.floor_db) if reference > 0 else SILENCE
    return _image(levels(power, scale)[::-1], region, settings)


def _check(region: Region) -> None:
    if not 0 <= region.start_s < region.end_s:
        raise EmptyRegionError("times", region.start_s, region.end_s)
    if not 0 <= region.f_min_hz < region.f_max_hz:
        raise EmptyRegionError("frequencies", region.f_min_hz, region.f_max_hz)
    if not (1 <= region.width <= MAX_WIDTH and 1 <= region.height <= MAX_HEIGHT):
        raise RegionSizeError(region.width, region.height, MAX_WIDTH, MAX_HEIGHT)


def _grid(region: Region, rate_hz: int) -> _Grid:
    span = (region.end_s - region.start_s) * rate_hz
    width = max(1, min(region.width, floor(span)))
    hop = min(MAX_HOP, max(1, floor(span / width + _ROUNDING)))
    return _Grid(region.start_s * rate_hz, span, width, hop)


def _columns(stream: AudioStream, grid: _Grid, pool: Pool) -> tuple[Power, npt.NDArray[np.int64]]:
    """Return the pooled power of each column, (width, BINS), and how many frames each one holds."""
    cells = np.zeros((grid.width, FFT_SIZE), dtype=np.float32)
    counts = np.zeros(grid.width, dtype=np.int64)
    frame = grid.first_frame - grid.run_up
    for batch in _power(stream, grid, frame):
        first, end = max(0, grid.first_frame - frame), min(len(batch), grid.end_frame - frame)
        wanted = batch[first:end]
        columns = grid.columns_of(np.arange(frame + first, frame + first + len(wanted)))
        for column in np.unique(columns):
            part = wanted[columns == column]
            _JOIN[pool](cells[column], _JOIN[pool].reduce(part, axis=0), out=cells[column])
            counts[column] += len(part)
        frame += len(batch)
        if frame >= grid.end_frame:
            break
    return unpacked(cells), counts


def _power(stream: AudioStream, grid: _Grid, first_frame: int) -> Iterator[Power]:
    start = first_frame * grid.hop
    spectra = PowerStream(grid.hop, stream.scale)
    if stream.seek(start) == start:
        for block in stream.blocks(min(BLOCK_FRAMES, grid.end_sample - start)):
            yield from spectra.push(mono(block))
        yield from spectra.finish()


def _check_end(stream: AudioStream, region: Region) -> None:
    """Raise where the recording ended before the region; the last frame's column may reach a little further."""
    end_s = (stream.first_frame + stream.decoded_frames) / stream.format.rate_hz
    if region.start_s >= end_s or region.end_s > end_s + MAX_HOP / stream.format.rate_hz:
        raise OutsideRecordingError(region.start_s, region.end_s, end_s)


def _row_of_bins(region: Region, rate_hz: int) -> npt.NDArray[np.float64]:
    """Return where each bin lies among the rows, not whole: from 0 at `f_min_hz` to `height` at `f_max_hz`."""
    frequencies_hz = np.arange(BINS, dtype=np.float64) * (rate_hz / FFT_SIZE)
    return (frequencies_hz - region.f_min_hz) / (region.f_max_hz - region.f_min_hz) * region.height


def _rows(
    cells: Power, frames: npt.NDArray[np.int64], row_of_bin: npt.NDArray[np.float64], height: int, pool: Pool
) -> Power:
    """Pool bins into rows, (height, width), lowest frequency first; Nyquist joins the top row."""
    bins = cast("Power", cv2.transpose(cells))
    edges = np.searchsorted(row_of_bin, np.arange(height + 1) - _ROUNDING)
    if row_of_bin[-1] <= height + _ROUNDING:
        edges[-1] = BINS
    nearest = np.rint(np.interp(np.arange(height) + 0.5, row_of_bin, np.arange(BINS))).astype(np.intp)
    power = np.empty((height, bins.shape[1]), dtype=np.float32)
    for row, (start, end) in enumerate(pairwise(edges.tolist())):
        first, last = (start, end) if end > start else (nearest[row], nearest[row] + 1)
        _JOIN[pool].reduce(bins[first:last], axis=0, out=power[row])
        if pool == "mean":
            power[row] /= (last - first) * np.maximum(1, frames)
    return power


def _image(indices: npt.NDArray[np.uint8], region: Region, settings: RenderSettings) -> RegionImage:
    height, width = indices.shape
    geometry = Geometry(
        width=width,
        height=height,
        seconds_per_px=(region.end_s - region.start_s) / width,
        hz_per_px=(region.f_max_hz - region.f_min_hz) / height,
        f_min_hz=region.f_min_hz,
        f_max_hz=region.f_max_hz,
        floor_db=settings.floor_db,
        ceiling_db=0.0,
        palette=settings.palette,
    )
    facts = asdict(geometry) | {"start_s": region.start_s, "engine": ENGINE_VERSION}
    notes = json.dumps(facts, separators=(",", ":"))
    return RegionImage(palette_png(indices, palette(settings.palette), {TEXT_KEY: notes}), geometry, region.start_s)
