"""What a child process does for one recording."""

import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, cast

import numpy as np
import soundfile

from audio.decode import AudioLimits, Container
from chassis.jobs import ProgressFile
from chassis.ranged import RangedObject, RemoteObject, opened_source
from contracts.drawing import RegionRequest
from contracts.rendering import RenderParameters
from contracts.tiles import TILE_PX

from .region import Region, render_region
from .render import Rendering, render
from .windows import full_scale_power


def render_recording(
    source: Path | RemoteObject,
    container: str,
    limits: AudioLimits,
    parameters: RenderParameters,
    pyramid_columns: int,
    progress: ProgressFile,
) -> Rendering:
    """Render the images of the recording that is `source`, and its tiles unless `pyramid_columns` is 0."""
    with opened_source(source) as recording:
        return render(
            recording, Container(container), limits, parameters, progress.write, pyramid_columns=pyramid_columns
        )


def draw_region(url: str, request: RegionRequest, limits: AudioLimits) -> bytes:
    """Draw a part of the recording behind `url`, reading little more than that part."""
    parameters = request.parameters
    region = Region(request.start_s, request.end_s, request.f_min_hz, request.f_max_hz, request.width, request.height)
    reference = None
    if request.reference_dbfs is not None:
        full_scale = full_scale_power(parameters.window, parameters.window_size)
        reference = full_scale * 10 ** (request.reference_dbfs / 10)
    with io.BufferedReader(RangedObject(url, request.size_bytes)) as remote:
        source = cast("BinaryIO", remote)
        drawn = render_region(
            source, Container(request.container), limits, parameters, region, reference_power=reference
        )
    return drawn.png


def warm_up() -> None:
    """Render a second of nothing, so that the first recording finds everything imported and allocated."""
    with TemporaryDirectory(prefix="dawnchorus-") as scratch:
        path = Path(scratch) / "warm-up.wav"
        soundfile.write(path, np.zeros(8000, np.int16), 8000)
        render(path, Container.WAV, AudioLimits(), RenderParameters(), lambda _: None, pyramid_columns=TILE_PX)
