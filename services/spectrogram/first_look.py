"""A first look at a long recording: an approximate thumbnail from a few hundred places, before the pass has ended."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from audio.decode import AudioLimits, AudioStream, Container, mono, open_audio

from .columns import Columns, image_power
from .geometry import FFT_SIZE, THUMBNAIL, Geometry, RenderSettings
from .levels import SILENCE, level_scale, levels
from .palettes import palette
from .png import palette_png
from .render import ENGINE_VERSION, TEXT_KEY
from .stft import Power, PowerStream, Samples, unpacked

COLUMNS = 240
# Two windows a column: one more costs a tenth of what a seek does.
_WINDOWS = 2
_SPAN = _WINDOWS * FFT_SIZE
# Below that a whole pass is as fast.
SHORTEST_S = 60.0


@dataclass(frozen=True, slots=True)
class FirstLook:
    """One PNG whose every column is a moment out of the time that it stands for; 0 dB is the loudest seen."""

    png: bytes
    geometry: Geometry
    approximate: bool = True


def first_look(
    source: Path | BinaryIO, container: Container, limits: AudioLimits, settings: RenderSettings
) -> FirstLook | None:
    """Return a thumbnail of what lies in the middle of each column, without decoding the rest.

    None where the length is unknown, or where the recording is so short that the true images are as fast.

    Raises any `AudioError` of opening and decoding.
    """
    # Not `avoid_scan`: libsndfile seeks so much faster in MP3 that even its scan of an hour is paid for.
    with open_audio(source, container, limits) as stream:
        rate_hz, expected = stream.format.rate_hz, stream.expected_frames
        if not expected or expected < SHORTEST_S * rate_hz:
            return None
        cells = _cells(_moments(stream, expected), stream.scale, settings)
    columns = Columns(cells, np.full(COLUMNS, _WINDOWS), expected / rate_hz / COLUMNS)
    power = image_power(columns, width=COLUMNS, height=THUMBNAIL.height, pool=settings.pool)
    return _drawn(power, columns.seconds, rate_hz, settings)


def _moments(stream: AudioStream, expected: int) -> Iterator[Samples]:
    """Yield (_SPAN,) mono samples from the middle of each column; zeros where the recording ends before its claim."""
    for column in range(COLUMNS):
        middle = (2 * column + 1) * expected // (2 * COLUMNS)
        stream.seek(middle - _SPAN // 2)
        moment = np.zeros(_SPAN, dtype=np.float32)
        for block in stream.blocks(_SPAN):
            moment[: len(block)] = mono(block)
            break
        yield moment


def _cells(moments: Iterator[Samples], scale: float, settings: RenderSettings) -> Power:
    """Return each moment's power, (COLUMNS, BINS): the maximum, or the sum, of its windows."""
    spectra = PowerStream(FFT_SIZE, scale)
    # The stream's first frame is about its first sample; after half a frame of zeros, frames begin where moments do.
    for _ in spectra.push(np.zeros(FFT_SIZE // 2, dtype=np.float32)):
        pass
    join = np.maximum if settings.pool == "max" else np.add
    packed = [join.reduce(windows, axis=0) for moment in moments for windows in spectra.push(moment)]
    return unpacked(np.stack(packed))


def _drawn(power: Power, seconds_per_px: float, rate_hz: int, settings: RenderSettings) -> FirstLook:
    loudest = float(power.max())
    scale = level_scale(loudest, settings.floor_db) if loudest > 0 else SILENCE
    height, width = power.shape
    geometry = Geometry(
        width=width,
        height=height,
        seconds_per_px=seconds_per_px,
        hz_per_px=rate_hz / 2 / height,
        f_min_hz=0.0,
        f_max_hz=rate_hz / 2,
        floor_db=settings.floor_db,
        ceiling_db=0.0,
        palette=settings.palette,
    )
    facts = asdict(geometry) | {"approximate": True, "engine": ENGINE_VERSION}
    notes = json.dumps(facts, separators=(",", ":"))
    return FirstLook(palette_png(levels(power, scale)[::-1], palette(settings.palette), {TEXT_KEY: notes}), geometry)
