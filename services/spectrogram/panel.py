"""One spectrogram out of pooled columns, where there is no whole pass: a region, a first look."""

import json
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from contracts.palettes import palette
from contracts.recolour import TEXT_KEY
from contracts.rendering import ENGINE_VERSION, RenderParameters

from .columns import Columns
from .geometry import Geometry
from .levels import SILENCE, level_scale
from .pixels import drawn_levels, loudest_power
from .png import palette_png
from .render import Image
from .rows import Bands, ImageRows
from .scales import FrequencyAxis
from .windows import full_scale_power


def panel(
    columns: Columns,
    axis: FrequencyAxis,
    *,
    height: int,
    parameters: RenderParameters,
    reference_power: float | None,
    facts: Mapping[str, float | bool],
) -> Image:
    """Draw columns of bands, in decibels; `facts` go into the PNG's text beside its geometry.

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
    geometry = _geometry(columns, axis, height, parameters, reference_dbfs)
    notes = json.dumps(asdict(geometry) | dict(facts) | {"engine": ENGINE_VERSION}, separators=(",", ":"))
    return Image(palette_png(indices, palette(parameters.palette), {TEXT_KEY: notes}), geometry)


def _geometry(
    columns: Columns, axis: FrequencyAxis, height: int, parameters: RenderParameters, reference_dbfs: float | None
) -> Geometry:
    return Geometry(
        width=len(columns.cells),
        height=height,
        seconds_per_px=columns.seconds,
        hz_per_px=(axis.f_max_hz - axis.f_min_hz) / height,
        f_min_hz=axis.f_min_hz,
        f_max_hz=axis.f_max_hz,
        scale=axis.scale,
        panels=1,
        quantity="dB",
        floor_db=parameters.floor_db,
        ceiling_db=parameters.ceiling_db,
        reference=parameters.reference,
        reference_dbfs=reference_dbfs,
        palette=parameters.palette,
    )
