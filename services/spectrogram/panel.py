"""One spectrogram out of pooled columns, where there is no whole pass: a region, a first look."""

from collections.abc import Mapping

import numpy as np

from contracts.rendering import RenderParameters

from .columns import Columns
from .image import Image, coloured_image, geometry_of
from .levels import SILENCE, level_scale
from .pixels import drawn_levels, loudest_power
from .rows import Bands, ImageRows
from .scales import FrequencyAxis
from .windows import full_scale_power


def panel(
    columns: Columns,
    axis: FrequencyAxis,
    *,
    height: int,
    parameters: RenderParameters,
    hop: int,
    reference_power: float | None,
    facts: Mapping[str, float | bool],
) -> Image:
    """Draw columns of bands, in decibels, of one channel; `facts` go into the PNG's text beside its geometry.

    hop              how many samples lie between transforms
    reference_power  what is 0 dB where the parameters say "recording"; None takes the loudest that is drawn
    """
    rows = ImageRows.of(axis, Bands.of(axis, (height,)), height)
    width = len(columns.cells)
    full_scale = full_scale_power(parameters.window, parameters.window_size)
    reference = loudest_power(columns, rows, width, parameters.pool) if reference_power is None else reference_power
    if parameters.reference == "full_scale":
        reference = full_scale
    scale = level_scale(reference, parameters.floor_db, parameters.ceiling_db) if reference > 0 else SILENCE
    indices = drawn_levels(columns, rows, width, parameters.pool, scale)
    reference_dbfs = float(10 * np.log10(reference / full_scale)) if reference > 0 else None
    channel = "mix" if parameters.channel == "stacked" else parameters.channel
    drawn = parameters.model_copy(update={"pcen": False, "channel": channel})
    geometry = geometry_of(indices, axis, drawn, seconds_per_px=columns.seconds, reference_dbfs=reference_dbfs)
    return coloured_image(indices, geometry, drawn, hop=hop, facts=facts)
