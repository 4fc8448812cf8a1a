"""Render a recording's three spectrogram images from one pass over its audio."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log10
from pathlib import Path
from typing import BinaryIO

import numpy as np

from audio.decode import AudioLimits, AudioStream, Container, open_audio
from contracts.rendering import Pool, RenderParameters

from .clock import StageClock
from .columns import Columns
from .geometry import FULL, SIZES, ImageSize
from .image import Image, coloured_image, geometry_of
from .lanes import Pass, pooled_pass
from .levels import SILENCE, Levels, LevelScale, level_scale, linear_scale
from .outline import Outline, outline
from .pixels import drawn_levels, loudest_power
from .pyramid import Pyramid, pyramid
from .rows import ImageRows
from .windows import full_scale_power

# 300 dB below full scale lies nothing that was recorded, and below that float32 runs out of exponents.
_SILENT_POWER = 1e-25


@dataclass(frozen=True, slots=True)
class RenderWarning:
    """Something a person should know about an image that was made all the same."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Rendering:
    """All images of one recording.

    images          by name: thumbnail, standard, full
    outline         waveform and peaks of the mono mix; None where they were not wanted
    pyramid         tiles for zooming; None where none were wanted, or where channels are stacked
    duration_s      what was decoded, not what the header claims
    reference_dbfs  level of the loudest cell above an offset; a full-scale sine's is 0. None in silence and in PCEN
    hop             how many samples lie between transforms
    transforms      how many of them it took
    warnings        `silent`, `truncated`
    timings_s       by stage: decode, transform, pool, images, tiles
    """

    images: dict[str, Image]
    outline: Outline | None
    pyramid: Pyramid | None
    decoded_frames: int
    duration_s: float
    rate_hz: int
    reference_dbfs: float | None
    hop: int
    transforms: int
    warnings: tuple[RenderWarning, ...]
    timings_s: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Panels:
    """What one image is drawn from: a panel of `width` pixels per lane."""

    lanes: tuple[Columns, ...]
    rows: ImageRows
    width: int

    @property
    def seconds_per_px(self) -> float:
        return self.lanes[0].seconds * len(self.lanes[0].cells) / self.width

    def loudest(self, pool: Pool) -> float:
        return max(loudest_power(lane, self.rows, self.width, pool) for lane in self.lanes)

    def levels(self, pool: Pool, scale: LevelScale) -> Levels:
        """Return (height, width) uint8, the first lane at the top."""
        panels = [drawn_levels(lane, self.rows, self.width, pool, scale) for lane in self.lanes]
        return panels[0] if len(panels) == 1 else np.concatenate(panels)


def render(
    source: Path | BinaryIO,
    container: Container,
    limits: AudioLimits,
    parameters: RenderParameters,
    on_progress: Callable[[float], None],
    *,
    pyramid_columns: int = 0,
    with_outline: bool = True,
) -> Rendering:
    """Decode the recording once, block by block, and return its images; memory does not grow with its length.

    on_progress      gets the share done, 0 to 1, in steps, where the total is known
    pyramid_columns  how wide the widest level of tiles may be, an even number; 0: no tiles

    Raises any `audio.errors.AudioError` that `open_audio` and `AudioStream.blocks` raise, and any `DrawingError`.
    """
    clock = StageClock()
    with open_audio(source, container, limits) as stream:
        found = pooled_pass(
            stream, parameters, on_progress, clock, pyramid_columns=pyramid_columns, with_peaks=with_outline
        )
    panels = {size: _panels(found, size, stream.decoded_duration_s, parameters) for size in SIZES}
    loudest = panels[FULL].loudest(parameters.pool)
    clock.charge("pool")
    is_silent = loudest < _SILENT_POWER
    reference_dbfs = None if is_silent or parameters.pcen else 10 * log10(loudest / _full_scale(parameters))
    scale = SILENCE if is_silent else _scale(loudest, parameters)
    images = {size.name: _image(drawn, found, parameters, scale, reference_dbfs) for size, drawn in panels.items()}
    drawn_outline = _outline(found, stream)
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
        hop=found.outline.hop,
        transforms=found.transforms,
        warnings=_warnings(stream, is_silent=is_silent),
        timings_s=clock.spent_s,
    )


def _outline(found: Pass, stream: AudioStream) -> Outline | None:
    if found.peaks is None:
        return None
    return outline(found.peaks, stream.format.rate_hz, stream.decoded_duration_s)


def _pyramid(found: Pass, rate_hz: int, parameters: RenderParameters) -> Pyramid | None:
    if found.tiles is None:
        return None
    return pyramid(found.tiles, found.outline, found.axis, rate_hz, parameters)


def _panels(found: Pass, size: ImageSize, duration_s: float, parameters: RenderParameters) -> _Panels:
    available = len(found.lanes[0].cells)
    # The full image has the columns as they are where their number was planned for it.
    is_planned = size is FULL and not found.outline.is_open
    width = min(size.max_width if is_planned else size.width(duration_s), available)
    rows = ImageRows.of(found.axis, found.bands, size.panel_height(len(found.lanes)))
    return _Panels(found.lanes, rows, width)


def _full_scale(parameters: RenderParameters) -> float:
    return full_scale_power(parameters.window, parameters.window_size)


def _scale(loudest: float, parameters: RenderParameters) -> LevelScale:
    if parameters.pcen:
        return linear_scale(loudest)
    reference = loudest if parameters.reference == "recording" else _full_scale(parameters)
    return level_scale(reference, parameters.floor_db, parameters.ceiling_db)


def _image(
    drawn: _Panels, found: Pass, parameters: RenderParameters, scale: LevelScale, reference_dbfs: float | None
) -> Image:
    levels = drawn.levels(parameters.pool, scale)
    geometry = geometry_of(
        levels,
        found.axis,
        parameters,
        seconds_per_px=drawn.seconds_per_px,
        reference_dbfs=reference_dbfs,
        panels=len(drawn.lanes),
    )
    return coloured_image(levels, geometry, parameters, hop=found.outline.hop)


def _warnings(stream: AudioStream, *, is_silent: bool) -> tuple[RenderWarning, ...]:
    warnings = []
    if stream.truncation is not None:
        warnings.append(RenderWarning("truncated", f"The recording ends early: {stream.truncation}."))
    if is_silent:
        warnings.append(RenderWarning("silent", "Every sample is zero, or as good as zero."))
    return tuple(warnings)
