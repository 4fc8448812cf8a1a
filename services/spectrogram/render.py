"""Render a recording's three spectrogram images from one pass over its audio."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from math import log10
from pathlib import Path

from audio.decode import AudioLimits, AudioStream, Container, mono, open_audio

from .clock import StageClock
from .columns import ColumnPool, Columns, image_power
from .geometry import FULL, STANDARD, THUMBNAIL, Geometry, ImageSize, RenderSettings, plan
from .levels import SILENCE, LevelScale, level_scale, levels
from .palettes import palette
from .png import palette_png
from .stft import Power, PowerStream, full_scale_power

ENGINE_VERSION = "1"
TEXT_KEY = "dawnchorus"
# Decoders give a little more than containers claim; that much fits before columns fold.
_CAPACITY = FULL.max_width + 128
# 300 dB below full scale lies nothing that was recorded, and below that float32 runs out of exponents.
_SILENT_POWER = 1e-25


_SIZES = (THUMBNAIL, STANDARD, FULL)


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
    duration_s      what was decoded, not what the header claims
    reference_dbfs  level of the loudest cell, which is 0 dB in the images; a full-scale sine's is 0. None in silence
    warnings        `silent`, `truncated`
    timings_s       by stage: decode, transform, images
    """

    images: dict[str, Image]
    decoded_frames: int
    duration_s: float
    rate_hz: int
    reference_dbfs: float | None
    warnings: tuple[RenderWarning, ...]
    timings_s: dict[str, float]


def render(
    path: Path,
    container: Container,
    limits: AudioLimits,
    settings: RenderSettings,
    on_progress: Callable[[float], None],
) -> Rendering:
    """Decode the recording once, block by block, and return its images; memory does not grow with its length.

    on_progress  gets the share done, 0 to 1, after each block whose total is known

    Raises any `audio.errors.AudioError` that `open_audio` and `AudioStream.blocks` raise.
    """
    clock = StageClock()
    with open_audio(path, container, limits) as stream:
        columns = _pooled_columns(stream, settings, on_progress, clock)
    pictured = {size: _pixel_power(columns, size, stream.decoded_duration_s, settings) for size in _SIZES}
    loudest = float(pictured[FULL].max())
    is_silent = loudest < _SILENT_POWER
    scale = SILENCE if is_silent else level_scale(loudest, settings.floor_db)
    span_s = len(columns.cells) * columns.seconds
    images = {
        size.name: _image(power, scale, _geometry(power, span_s, stream.format.rate_hz, settings))
        for size, power in pictured.items()
    }
    clock.charge("images")
    on_progress(1.0)
    return Rendering(
        images=images,
        decoded_frames=stream.decoded_frames,
        duration_s=stream.decoded_duration_s,
        rate_hz=stream.format.rate_hz,
        reference_dbfs=None if is_silent else 10 * log10(loudest / full_scale_power()),
        warnings=_warnings(stream, is_silent=is_silent),
        timings_s=clock.spent_s,
    )


def _pooled_columns(
    stream: AudioStream, settings: RenderSettings, on_progress: Callable[[float], None], clock: StageClock
) -> Columns:
    outline = plan(stream.expected_frames, stream.format.rate_hz)
    spectra = PowerStream(outline.hop, stream.scale)
    pool = ColumnPool(outline, settings.pool, _CAPACITY)
    for block in stream.blocks():
        clock.charge("decode")
        _pool_all(spectra.push(mono(block)), pool)
        clock.charge("transform")
        if stream.expected_frames:
            on_progress(min(1.0, stream.decoded_frames / stream.expected_frames))
    _pool_all(spectra.finish(), pool)
    columns = pool.columns(stream.format.rate_hz)
    clock.charge("transform")
    return columns


def _pool_all(batches: Iterator[Power], pool: ColumnPool) -> None:
    for packed in batches:
        pool.add(packed)


def _pixel_power(columns: Columns, size: ImageSize, duration_s: float, settings: RenderSettings) -> Power:
    # The full image has the columns as they are: their number was planned for it.
    wanted = FULL.max_width if size is FULL else size.width(duration_s)
    width = min(wanted, len(columns.cells))
    return image_power(columns, width=width, height=size.height, pool=settings.pool)


def _geometry(power: Power, span_s: float, rate_hz: int, settings: RenderSettings) -> Geometry:
    height, width = power.shape
    return Geometry(
        width=width,
        height=height,
        seconds_per_px=span_s / width,
        hz_per_px=rate_hz / 2 / height,
        f_min_hz=0.0,
        f_max_hz=rate_hz / 2,
        floor_db=settings.floor_db,
        ceiling_db=0.0,
        palette=settings.palette,
    )


def _image(power: Power, scale: LevelScale, geometry: Geometry) -> Image:
    indices = levels(power, scale)[::-1]
    notes = json.dumps(asdict(geometry) | {"engine": ENGINE_VERSION}, separators=(",", ":"))
    return Image(palette_png(indices, palette(geometry.palette), {TEXT_KEY: notes}), geometry)


def _warnings(stream: AudioStream, *, is_silent: bool) -> tuple[RenderWarning, ...]:
    warnings = []
    if stream.truncation is not None:
        warnings.append(RenderWarning("truncated", f"The recording ends early: {stream.truncation}."))
    if is_silent:
        warnings.append(RenderWarning("silent", "Every sample is zero, or as good as zero."))
    return tuple(warnings)
