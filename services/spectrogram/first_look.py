"""A first look at a long recording: an approximate thumbnail from a few hundred places, before the pass has ended."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from audio.decode import AudioStream
from contracts.rendering import RenderParameters

from .columns import Columns
from .geometry import THUMBNAIL
from .image import Image
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
class FirstLook(Image):
    """An image whose every column is a moment out of the time that it stands for; 0 dB is the loudest seen."""

    approximate: bool = True


OpenStream = Callable[[], AbstractContextManager[AudioStream]]


def first_look(open_stream: OpenStream, parameters: RenderParameters, *, readers: int = 1) -> FirstLook | None:
    """Return a thumbnail of what lies in the middle of each column, without decoding the rest.

    open_stream  opens the recording; each of the `readers`, which read at the same time, has a stream of its own

    None where the length is unknown, or where the recording is so short that the true images are as fast.
    Stacked channels are mixed, and PCEN, which depends on all that came before, is left out.

    Raises any `AudioError` of opening and decoding, and any `DrawingError`.
    """
    with open_stream() as stream:
        rate_hz, scale, expected = stream.format.rate_hz, stream.scale, stream.expected_frames
        if not expected or expected < SHORTEST_S * rate_hz:
            return None
        axis = frequency_axis(parameters, rate_hz)
        moments = _moments(stream, open_stream, _places(expected, parameters), parameters, readers)
    columns = Columns(
        _cells(moments, scale, axis, parameters), np.full(COLUMNS, _WINDOWS), expected / rate_hz / COLUMNS
    )
    facts = {"approximate": True}
    image = panel(
        columns,
        axis,
        height=THUMBNAIL.height,
        parameters=parameters,
        hop=parameters.window_size,
        reference_power=None,
        facts=facts,
    )
    return FirstLook(image.png, image.geometry)


def _span(parameters: RenderParameters) -> int:
    return _WINDOWS * parameters.window_size


def _places(expected: int, parameters: RenderParameters) -> list[int]:
    """Return where the moment in the middle of each column begins."""
    middles = [(2 * column + 1) * expected // (2 * COLUMNS) for column in range(COLUMNS)]
    return [max(0, middle - _span(parameters) // 2) for middle in middles]


def _moments(
    stream: AudioStream, open_stream: OpenStream, places: Sequence[int], parameters: RenderParameters, readers: int
) -> list[Samples]:
    """Return the mono samples of each place; the first share comes from `stream`, the others from new ones."""
    ends = [len(places) * reader // readers for reader in range(readers + 1)]
    own, *others = [places[start:end] for start, end in pairwise(ends)]

    def read_share(share: Sequence[int]) -> list[Samples]:
        with open_stream() as opened:
            return [_moment(opened, place, parameters) for place in share]

    with ThreadPoolExecutor(readers) as threads:
        promised = [threads.submit(read_share, share) for share in others]
        found = [_moment(stream, place, parameters) for place in own]
        return [*found, *(moment for share in promised for moment in share.result())]


def _moment(stream: AudioStream, place: int, parameters: RenderParameters) -> Samples:
    """Return the samples from `place` on; zeros where the recording ends before its claim."""
    moment = np.zeros(_span(parameters), dtype=np.float32)
    stream.seek(place)
    for block in stream.blocks(len(moment)):
        moment[: len(block)] = one_channel(block, parameters)
        break
    return moment


def _cells(moments: Sequence[Samples], scale: float, axis: FrequencyAxis, parameters: RenderParameters) -> Power:
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
