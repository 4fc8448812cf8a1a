"""A first look at a long recording: an approximate thumbnail from a few hundred places, before the pass has ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from audio.decode import AudioLimits, AudioStream, Container, open_audio
from contracts.rendering import RenderParameters

from .columns import Columns
from .geometry import THUMBNAIL, Geometry
from .panel import panel
from .pooling import Power, pool_spectra
from .region import one_channel
from .rows import Bands
from .scales import FrequencyAxis, frequency_axis
from .stft import Samples, SpectrumStream

COLUMNS = 240
# Two windows a column: one more costs a tenth of what a seek does.
_WINDOWS = 2
# Below that a whole pass is as fast.
SHORTEST_S = 60.0


@dataclass(frozen=True, slots=True)
class FirstLook:
    """One PNG whose every column is a moment out of the time that it stands for; 0 dB is the loudest seen."""

    png: bytes
    geometry: Geometry
    approximate: bool = True


def first_look(
    source: Path | BinaryIO, container: Container, limits: AudioLimits, parameters: RenderParameters
) -> FirstLook | None:
    """Return a thumbnail of what lies in the middle of each column, without decoding the rest.

    None where the length is unknown, or where the recording is so short that the true images are as fast.
    Stacked channels are mixed, and PCEN, which depends on all that came before, is left out.

    Raises any `AudioError` of opening and decoding, and any `DrawingError`.
    """
    # Not `avoid_scan`: libsndfile seeks so much faster in MP3 that even its scan of an hour is paid for.
    with open_audio(source, container, limits) as stream:
        rate_hz, expected = stream.format.rate_hz, stream.expected_frames
        if not expected or expected < SHORTEST_S * rate_hz:
            return None
        axis = frequency_axis(parameters, rate_hz)
        cells = _cells(_moments(stream, expected, parameters), stream.scale, axis, parameters)
    columns = Columns(cells, np.full(COLUMNS, _WINDOWS), expected / rate_hz / COLUMNS)
    facts = {"approximate": True}
    image = panel(columns, axis, height=THUMBNAIL.height, parameters=parameters, reference_power=None, facts=facts)
    return FirstLook(image.png, image.geometry)


def _moments(stream: AudioStream, expected: int, parameters: RenderParameters) -> Iterator[Samples]:
    """Yield mono samples from the middle of each column; zeros where the recording ends before its claim."""
    span = _WINDOWS * parameters.window_size
    for column in range(COLUMNS):
        middle = (2 * column + 1) * expected // (2 * COLUMNS)
        stream.seek(max(0, middle - span // 2))
        moment = np.zeros(span, dtype=np.float32)
        for block in stream.blocks(span):
            moment[: len(block)] = one_channel(block, parameters)
            break
        yield moment


def _cells(moments: Iterator[Samples], scale: float, axis: FrequencyAxis, parameters: RenderParameters) -> Power:
    """Return each moment's power, (COLUMNS, bands): the maximum, or the sum, of its windows."""
    size, bands = parameters.window_size, Bands.of(axis, (THUMBNAIL.height,))
    cells = np.zeros((COLUMNS, bands.count), dtype=np.float32)
    stream = SpectrumStream(parameters.window, size, hop=size, scale=scale)
    # The stream's first frame is about its first sample; after half a frame of zeros, frames begin where moments do.
    for _ in stream.push(np.zeros(size // 2, dtype=np.float32)):
        pass
    for column, moment in enumerate(moments):
        for spectra in stream.push(moment):
            places = np.full(len(spectra), column)
            pool_spectra(spectra, axis.first, places, bands.edges, cells, parameters.pool)
    return cells
