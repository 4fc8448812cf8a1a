"""What a child process does for one recording."""

import importlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, cast

import numpy as np
import soundfile

from audio.decode import AudioLimits, AudioStream, Container, open_audio
from chassis.compiled import let_go_of_compiler
from chassis.progress import ProgressFile
from chassis.ranged import RangedObject, RemoteObject, opened_source
from contracts.drawing import ClipRequest, RegionRequest, TileRequest
from contracts.rendering import RenderParameters
from contracts.tiles import TILE_PX

from .axes import with_axes
from .clip import cut_clip
from .first_look import FirstLook, first_look
from .region import check_within, render_region
from .region_errors import OutsideRecordingError
from .render import Rendering, render
from .tile import render_tile
from .windows import full_scale_power

# Each range is 20 ms away on a usual network: 16 at a time bring 240 of them in half a second.
READERS = 16
_WARM_UP_HZ = 8000


def render_recording(
    source: Path | RemoteObject,
    container: str,
    limits: AudioLimits,
    parameters: RenderParameters,
    pyramid_columns: int,
    with_outline: bool,
    progress: ProgressFile,
) -> Rendering:
    """Render the images of the recording that is `source`, its tiles unless `pyramid_columns` is 0, and its outline."""
    with opened_source(source) as recording:
        return render(
            recording,
            Container(container),
            limits,
            parameters,
            progress.write,
            pyramid_columns=pyramid_columns,
            with_outline=with_outline,
        )


def look_at(path: Path, container: str, limits: AudioLimits, parameters: RenderParameters) -> FirstLook | None:
    """Take a first look at the recording at `path`."""
    return first_look(lambda: open_audio(path, Container(container), limits), parameters)


def look_from_afar(
    url: str, size_bytes: int, container: str, limits: AudioLimits, parameters: RenderParameters
) -> FirstLook | None:
    """Take a first look at the recording behind `url`, reading a tenth of it or less, mostly waiting for it."""
    opened = partial(_opened_from_afar, url, size_bytes, Container(container), limits)
    return first_look(opened, parameters, readers=READERS)


def draw_region(url: str, request: RegionRequest, limits: AudioLimits) -> bytes:
    """Draw a part of the recording behind `url`, reading little more than that part."""
    parameters = request.parameters
    if request.duration_s is not None:
        check_within(request.region, request.duration_s)
    reference = None
    if request.reference_dbfs is not None:
        full_scale = full_scale_power(parameters.window, parameters.window_size)
        reference = full_scale * 10 ** (request.reference_dbfs / 10)
    with _remote(url, request.size_bytes) as source:
        drawn = render_region(
            source, Container(request.container), limits, parameters, request.region, reference_power=reference
        )
    return drawn.png


def make_clip(url: str, request: ClipRequest, limits: AudioLimits, max_s: float) -> bytes:
    """Cut a part out of the recording behind `url`, reading little more than that part."""
    clip = request.clip
    if request.duration_s is not None and clip.start_s > request.duration_s + 1:
        raise OutsideRecordingError(clip.start_s, clip.end_s, request.duration_s)
    with _remote(url, request.size_bytes) as source:
        return cut_clip(source, Container(request.container), limits, clip, max_s)


def draw_tile(url: str, request: TileRequest, limits: AudioLimits) -> bytes:
    """Draw a tile of the recording behind `url`, reading little more than what it shows."""
    with _remote(url, request.size_bytes) as source:
        return render_tile(
            source,
            Container(request.container),
            limits,
            request.parameters,
            request.grid,
            level=request.level,
            x=request.x,
        )


@contextmanager
def _opened_from_afar(url: str, size_bytes: int, container: Container, limits: AudioLimits) -> Iterator[AudioStream]:
    with (
        _remote(url, size_bytes) as remote,
        open_audio(remote, container, limits) as stream,
    ):
        yield stream


def warm_up() -> None:
    """Render noise enough to fill an image, and axes, so that the first job finds everything imported and allocated."""
    let_go_of_compiler()
    # The decoder of films and MP3, which the noise has no use for.
    importlib.import_module("audio.libav")
    with TemporaryDirectory(prefix="dawnchorus-") as scratch:
        path = Path(scratch) / "warm-up.wav"
        noise = np.random.default_rng(0).integers(-999, 999, 20 * _WARM_UP_HZ, dtype=np.int16)
        soundfile.write(path, noise, _WARM_UP_HZ)
        made = render(path, Container.WAV, AudioLimits(), RenderParameters(), lambda _: None, pyramid_columns=TILE_PX)
    thumbnail = made.images["thumbnail"]
    with_axes(thumbnail.png, thumbnail.geometry)


def _remote(url: str, size_bytes: int) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(RangedObject(url, size_bytes)))
