"""A part of a recording, in its own resolution, decoded from there."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from audio.decode import BLOCK_FRAMES, AudioLimits, AudioStream, Block, Container, mono, open_audio
from contracts.drawing import Region
from contracts.rendering import RenderParameters

from .columns import Columns
from .errors import BandAboveNyquistError, NoSuchChannelError
from .geometry import max_hop
from .image import Image
from .panel import panel
from .pooling import pool_spectra
from .region_errors import (
    EmptyRegionError,
    OutsideRecordingError,
    RegionParametersError,
    RegionSizeError,
)
from .rows import Bands
from .scales import FrequencyAxis, frequency_axis
from .stft import Samples, Spectra, SpectrumStream

MAX_WIDTH, MAX_HEIGHT = 6400, 1200
# Times come as floats; what is this near to a frame, in frames, is at it.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class WindowSpan:
    """Windows from `first` up to `end` of a whole rendering: window t is about sample t * hop.

    reach  how many samples a window takes on either side
    """

    first: int
    end: int
    hop: int
    reach: int

    @property
    def run_up(self) -> int:
        """How many windows before the first one it reaches back into."""
        return min(self.first, ceil(self.reach / self.hop))

    @property
    def start_sample(self) -> int:
        return (self.first - self.run_up) * self.hop

    @property
    def end_sample(self) -> int:
        return self.end * self.hop + self.reach


@dataclass(frozen=True, slots=True)
class _Grid:
    """Which windows a region needs, and which column shows each.

    start, span  in samples, not whole
    """

    start: float
    span: float
    width: int
    hop: int

    def windows(self, reach: int) -> WindowSpan:
        first = max(0, ceil((self.start - _ROUNDING) / self.hop))
        end = max(first + 1, ceil((self.start + self.span - _ROUNDING) / self.hop))
        return WindowSpan(first, end, self.hop, reach)

    def columns_of(self, frames: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        shares = (frames * self.hop - self.start) / self.span * self.width
        columns: npt.NDArray[np.int64] = np.clip(np.floor(shares + _ROUNDING), 0, self.width - 1).astype(np.int64)
        return columns


def render_region(
    source: Path | BinaryIO,
    container: Container,
    limits: AudioLimits,
    parameters: RenderParameters,
    region: Region,
    *,
    reference_power: float | None = None,
) -> Image:
    """Seek to a region, decode it, and render it with a hop that suits its width.

    Where its pixels are those of a whole rendering, so are its levels, given that rendering's `reference_power`;
    without one, the region's own loudest cell is 0 dB. Rows narrower than a bin of the FFT repeat the nearest.
    Stacked channels are refused, and so is PCEN, which depends on all that came before.

    A band that only the parameters name ends where the recording's frequencies do, as in a whole rendering.

    Raises any `RegionError`, any `DrawingError`, and any `AudioError` of decoding.
    """
    _check(region)
    _check_way(parameters)
    f_max_hz = region.f_max_hz if region.f_max_hz is not None else parameters.f_max_hz
    band = parameters.model_copy(update={"f_min_hz": region.f_min_hz, "f_max_hz": f_max_hz})
    with open_audio(source, container, limits) as stream:
        rate_hz = stream.format.rate_hz
        _check_band(region, rate_hz)
        axis = frequency_axis(band, rate_hz)
        columns = _columns(stream, axis, region, band)
        _check_end(stream, region, max_hop(band))
    facts = {"start_s": region.start_s}
    return panel(
        columns,
        axis,
        height=region.height,
        parameters=band,
        hop=_grid(region, rate_hz, band).hop,
        reference_power=reference_power,
        facts=facts,
    )


def check_within(region: Region, duration_s: float) -> None:
    """Raise `OutsideRecordingError` where a region is clearly none of a recording that lasts so long.

    Only decoding tells the exact end: what is within a second of it is left to `render_region`.
    """
    if region.end_s > duration_s + 1:
        raise OutsideRecordingError(region.start_s, region.end_s, duration_s)


def _check(region: Region) -> None:
    if not 0 <= region.start_s < region.end_s:
        raise EmptyRegionError("times", region.start_s, region.end_s)
    if region.f_max_hz is not None and not 0 <= region.f_min_hz < region.f_max_hz:
        raise EmptyRegionError("frequencies", region.f_min_hz, region.f_max_hz)
    if not (1 <= region.width <= MAX_WIDTH and 1 <= region.height <= MAX_HEIGHT):
        raise RegionSizeError(region.width, region.height, MAX_WIDTH, MAX_HEIGHT)


def _check_way(parameters: RenderParameters) -> None:
    if parameters.pcen:
        raise RegionParametersError("pcen=true")
    if parameters.channel == "stacked":
        raise RegionParametersError("channel=stacked")


def _check_band(region: Region, rate_hz: int) -> None:
    if region.f_max_hz is not None and region.f_max_hz > rate_hz / 2:
        raise BandAboveNyquistError(region.f_min_hz, region.f_max_hz, rate_hz / 2)


def _check_end(stream: AudioStream, region: Region, longest_hop: int) -> None:
    """Raise where the recording ended before the region; the last frame's column may reach a little further."""
    end_s = (stream.first_frame + stream.decoded_frames) / stream.format.rate_hz
    if region.start_s >= end_s or region.end_s > end_s + longest_hop / stream.format.rate_hz:
        raise OutsideRecordingError(region.start_s, region.end_s, end_s)


def _grid(region: Region, rate_hz: int, parameters: RenderParameters) -> _Grid:
    span = (region.end_s - region.start_s) * rate_hz
    width = max(1, min(region.width, floor(span)))
    hop = min(max_hop(parameters), max(1, floor(span / width + _ROUNDING)))
    return _Grid(region.start_s * rate_hz, span, width, hop)


def _columns(stream: AudioStream, axis: FrequencyAxis, region: Region, parameters: RenderParameters) -> Columns:
    grid = _grid(region, stream.format.rate_hz, parameters)
    bands = Bands.of(axis, (region.height,))
    cells = np.zeros((grid.width, bands.count), dtype=np.float32)
    counts = np.zeros(grid.width, dtype=np.int64)
    for window, spectra in span_spectra(stream, grid.windows(parameters.window_size // 2), parameters):
        columns = grid.columns_of(np.arange(window, window + len(spectra)))
        pool_spectra(spectra, axis.first, columns, bands.edges, cells, parameters.pool)
        counts += np.bincount(columns, minlength=grid.width)
    return Columns(cells, counts, (region.end_s - region.start_s) / grid.width)


def span_spectra(stream: AudioStream, span: WindowSpan, parameters: RenderParameters) -> Iterator[tuple[int, Spectra]]:
    """Seek, and yield the spectra of the windows, batch by batch, with the number of the first; then stop reading.

    They are fewer where the recording ends before. Each batch, (windows, size), is valid until the next.
    """
    window = span.first - span.run_up
    for batch in _spectra(stream, span, parameters):
        first, end = max(0, span.first - window), min(len(batch), span.end - window)
        if first < end:
            yield window + first, batch[first:end]
        window += len(batch)
        if window >= span.end:
            return


def _spectra(stream: AudioStream, span: WindowSpan, parameters: RenderParameters) -> Iterator[Spectra]:
    start = span.start_sample
    spectra = SpectrumStream(parameters.window, parameters.window_size, hop=span.hop, scale=stream.scale)
    if stream.seek(start) == start:
        for block in stream.blocks(min(BLOCK_FRAMES, span.end_sample - start)):
            yield from spectra.push(one_channel(block, parameters))
        yield from spectra.finish()


def one_channel(block: Block, parameters: RenderParameters) -> Samples:
    """Return the asked channel, or the mix of all. Raises `NoSuchChannelError`."""
    if not isinstance(parameters.channel, int):
        return mono(block)
    if parameters.channel >= block.shape[1]:
        raise NoSuchChannelError(parameters.channel, block.shape[1])
    return block[:, parameters.channel]
