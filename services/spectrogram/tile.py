"""One tile of a zoom level that was not stored, drawn from the part of the recording that it shows."""

from pathlib import Path
from typing import BinaryIO

from audio.decode import AudioLimits, Container, open_audio
from contracts.rendering import RenderParameters
from contracts.tiles import TILE_PX, TileGrid

from .pyramid import grouped_columns, tile_levels, tile_png
from .region import WindowSpan, span_spectra
from .region_errors import UnreadableTileError
from .scales import frequency_axis


def render_tile(
    source: Path | BinaryIO,
    container: Container,
    limits: AudioLimits,
    parameters: RenderParameters,
    grid: TileGrid,
    *,
    level: int,
    x: int,
) -> bytes:
    """Seek to where the tile begins, decode what it shows, and return its PNG, in gray.

    Where the codec seeks to the sample it is the whole rendering cut up, index for index.

    Raises `IndexError` where there is no such tile, `UnreadableTileError` where not all of its windows come again,
    `NoSuchChannelError`, and any `AudioError` of decoding.
    """
    first, end = grid.window_span(level, x)
    span = WindowSpan(first, end, grid.hop, reach=parameters.window_size // 2)
    with open_audio(source, container, limits) as stream:
        axis = frequency_axis(parameters, stream.format.rate_hz)
        pool = grouped_columns(grid.frames_per_column(level), grid.hop, axis, capacity=TILE_PX)
        for _, spectra in span_spectra(stream, span, parameters):
            pool.add_spectra(spectra)
    columns = pool.columns(grid.rate_hz)
    drawn = int(columns.frames.sum())
    if drawn != end - first:
        raise UnreadableTileError(level, x, drawn, end - first)
    return tile_png(tile_levels(columns, axis, parameters), grid, parameters, level=level, x=x)
