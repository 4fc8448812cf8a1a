"""One spectrogram as a PNG with its geometry and notes, whatever its levels were drawn from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from contracts.palettes import palette
from contracts.rendering import RenderParameters
from contracts.tiles import TileGrid

from .geometry import Geometry
from .levels import Levels
from .notes import notes
from .png import palette_png
from .scales import FrequencyAxis


@dataclass(frozen=True, slots=True)
class Image:
    """One PNG, and what a ruler on it reads."""

    png: bytes
    geometry: Geometry


def geometry_of(
    levels: Levels,
    axis: FrequencyAxis | TileGrid,
    parameters: RenderParameters,
    *,
    seconds_per_px: float,
    reference_dbfs: float | None,
    panels: int = 1,
) -> Geometry:
    """Return what a ruler reads on an image of `levels`, (height, width), drawn with `parameters`.

    reference_dbfs  how loud the loudest cell is; None in silence and in PCEN
    """
    height, width = levels.shape
    return Geometry(
        width=width,
        height=height,
        seconds_per_px=seconds_per_px,
        hz_per_px=(axis.f_max_hz - axis.f_min_hz) / (height // panels),
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


def coloured_image(
    levels: Levels,
    geometry: Geometry,
    parameters: RenderParameters,
    *,
    hop: int,
    facts: Mapping[str, float | bool] | None = None,
) -> Image:
    """Return the image of `levels` in the parameters' palette; `facts` go into its text beside the geometry."""
    texts = notes(asdict(geometry) | dict(facts or {}), parameters, hop=hop)
    return Image(palette_png(levels, palette(parameters.palette), texts), geometry)
