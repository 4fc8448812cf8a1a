"""Render a recording's three spectrogram images from one pass over its audio."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import log10
from pathlib import Path
from typing import BinaryIO

import numpy as np

from audio.decode import AudioLimits, AudioStream, Container, open_audio
from contracts.palettes import palette
from contracts.recolour import TEXT_KEY
from contracts.rendering import ENGINE_VERSION, RenderParameters

from .clock import StageClock
from .geometry import FULL, SIZES, Geometry, ImageSize
from .lanes import Pass, pooled_pass
from .levels import SILENCE, LevelScale, level_scale, linear_scale, upright_levels
from .outline import Outline, outline
from .png import palette_png
from .pooling import Power
from .pyramid import Pyramid, pyramid
from .rows import ImageRows
from .scales import FrequencyAxis
from .windows import full_scale_power

# 300 dB below full scale lies nothing that was recorded, and below that float32 runs out of exponents.
_SILENT_POWER = 1e-25


@dataclass(frozen=True, slots=True)
class Image:
    """One PNG, and what a ruler on it reads."""

    png: bytes
    geometry: Geometry


@dataclass(frozen=True, slots=True)
class RenderWarning:
    """Something a person should know about an image that was made all the same."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Rendering:
    """All images of one recording.

    images          by name: thumbnail, standard, full
    outline         waveform and peaks of the mono mix
    pyramid         tiles for zooming; None where none were wanted, or where channels are stacked
    duration_s      what was decoded, not what the header claims
    reference_dbfs  level of the loudest cell drawn; a full-scale sine's is 0. None in silence and in PCEN
    transforms      how many FFTs it took
    warnings        `silent`, `truncated`
    timings_s       by stage: decode, transform, pool, images, tiles
    """

    images: dict[str, Image]
    outline: Outline
    pyramid: Pyramid | None
    decoded_frames: int
    duration_s: float
    rate_hz: int
    reference_dbfs: float | None
    transforms: int
    warnings: tuple[RenderWarning, ...]
    timings_s: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Panels:
    """The cells of one image before they are quantized, one array per stacked channel.

    cells  (columns, rows with bins) float32 each
    rows   which of them each row of a panel shows
    """

    cells: tuple[Power, ...]
    rows: ImageRows
    seconds_per_px: float

    @property
    def loudest(self) -> float:
        return max(float(cells.max()) for cells in self.cells)


def render(
    source: Path | BinaryIO,
    container: Container,
    limits: AudioLimits,
    parameters: RenderParameters,
    on_progress: Callable[[float], None],
    *,
    pyramid_columns: int = 0,
) -> Rendering:
    """Decode the recording once, block by block, and return its images; memory does not grow with its length.

    on_progress      gets the share done, 0 to 1, after each block whose total is known
    pyramid_columns  how wide the widest level of tiles may be, an even number; 0: no tiles

    Raises any `audio.errors.AudioError` that `open_audio` and `AudioStream.blocks` raise, and any `DrawingError`.
    """
    clock = StageClock()
    with open_audio(source, container, limits) as stream:
        found = pooled_pass(stream, parameters, on_progress, clock, pyramid_columns=pyramid_columns)
    panels = {size: _panels(found, size, stream.decoded_duration_s, parameters) for size in SIZES}
    loudest = panels[FULL].loudest
    clock.charge("pool")
    is_silent = loudest < _SILENT_POWER
    reference_dbfs = None if is_silent or parameters.pcen else 10 * log10(loudest / _full_scale(parameters))
    scale = SILENCE if is_silent else _scale(loudest, parameters)
    images = {
        size.name: _image(drawn, scale, _geometry(drawn, found.axis, reference_dbfs, parameters))
        for size, drawn in panels.items()
    }
    drawn_outline = outline(found.peaks, stream.format.rate_hz, stream.decoded_duration_s)
    clock.charge("images")
    drawn_pyramid = _pyramid(found, stream.format.rate_hz, parameters)
    clock.charge("tiles")
    on_progress(1.0)
    return Rendering(
        images=images,
        outline=drawn_outline,
        pyramid=drawn_pyramid,
        decoded_frames=stream.decoded_frames,
        duration_s=stream.decoded_duration_s,
        rate_hz=stream.format.rate_hz,
        reference_dbfs=reference_dbfs,
        transforms=found.transforms,
        warnings=_warnings(stream, is_silent=is_silent),
        timings_s=clock.spent_s,
    )


def _pyramid(found: Pass, rate_hz: int, parameters: RenderParameters) -> Pyramid | None:
    if found.tiles is None:
        return None
    return pyramid(found.tiles, found.outline, found.axis, rate_hz, parameters)


def _panels(found: Pass, size: ImageSize, duration_s: float, parameters: RenderParameters) -> _Panels:
    available = len(found.lanes[0].cells)
    # The full image has the columns as they are: their number was planned for it.
    width = available if size is FULL else min(size.width(duration_s), available)
    rows = ImageRows.of(found.axis, found.bands, size.panel_height(len(found.lanes)))
    cells = tuple(rows.pooled(lane.cells, lane.frames, width, parameters.pool) for lane in found.lanes)
    return _Panels(cells, rows, found.lanes[0].seconds * available / width)


def _full_scale(parameters: RenderParameters) -> float:
    return full_scale_power(parameters.window, parameters.window_size)


def _scale(loudest: float, parameters: RenderParameters) -> LevelScale:
    if parameters.pcen:
        return linear_scale(loudest)
    reference = loudest if parameters.reference == "recording" else _full_scale(parameters)
    return level_scale(reference, parameters.floor_db, parameters.ceiling_db)


def _geometry(
    drawn: _Panels, axis: FrequencyAxis, reference_dbfs: float | None, parameters: RenderParameters
) -> Geometry:
    panels, panel_height = len(drawn.cells), len(drawn.rows.source)
    return Geometry(
        width=len(drawn.cells[0]),
        height=panels * panel_height,
        seconds_per_px=drawn.seconds_per_px,
        hz_per_px=(axis.f_max_hz - axis.f_min_hz) / panel_height,
        f_min_hz=axis.f_min_hz,
        f_max_hz=axis.f_max_hz,
        scale=axis.scale,
        panels=panels,
        quantity="PCEN" if parameters.pcen else "dB",
        floor_db=None if parameters.pcen else parameters.floor_db,
        ceiling_db=None if parameters.pcen else parameters.ceiling_db,
        reference=parameters.reference,
        reference_dbfs=reference_dbfs if parameters.reference == "recording" else 0.0,
        palette=parameters.palette,
    )


def _image(drawn: _Panels, scale: LevelScale, geometry: Geometry) -> Image:
    indices = np.concatenate([upright_levels(cells, drawn.rows.source, scale) for cells in drawn.cells])
    notes = json.dumps(asdict(geometry) | {"engine": ENGINE_VERSION}, separators=(",", ":"))
    return Image(palette_png(indices, palette(geometry.palette), {TEXT_KEY: notes}), geometry)


def _warnings(stream: AudioStream, *, is_silent: bool) -> tuple[RenderWarning, ...]:
    warnings = []
    if stream.truncation is not None:
        warnings.append(RenderWarning("truncated", f"The recording ends early: {stream.truncation}."))
    if is_silent:
        warnings.append(RenderWarning("silent", "Every sample is zero, or as good as zero."))
    return tuple(warnings)
