"""An image with axes around it, ready for a paper: kHz, time and a dB bar; its own pixels stay as they are."""

import io
import json
from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image

from contracts.palettes import palette

from .figure import Box, Figure, Letters
from .geometry import Geometry
from .scales import FrequencyAxis
from .ticks import Axis, Tick, number_ticks, time_ticks, warped_ticks

AXES_TEXT_KEY = "dawnchorus-axes"
_UNITS_HZ = {"Hz": 1, "kHz": 1000}
_HIGHEST_IN_HZ = 1000


@dataclass(frozen=True, slots=True)
class _Ticks:
    frequencies: list[Tick]
    frequency_unit: str
    times: list[Tick]
    time_unit: str
    levels: list[Tick]


@dataclass(frozen=True, slots=True)
class _Layout:
    image: Box
    bar: Box
    size: tuple[int, int]


def with_axes(png: bytes, geometry: Geometry) -> bytes:
    """Return the PNG of an image (palette or RGB) with axes, on white, in RGB; its pixels are not resampled.

    A tick at time t stands at the column that `geometry` gives for t, a tick at frequency f at the row of f;
    the text chunk `dawnchorus-axes` says where in the whole the image's own pixels lie.
    """
    letters = Letters(geometry.width, geometry.height)
    times, time_unit = _time_ticks(geometry, letters)
    ticks = _Ticks(
        _frequency_ticks(geometry, letters),
        frequency_unit(geometry),
        times,
        time_unit,
        _level_ticks(geometry, letters),
    )
    layout = _layout(geometry, ticks, letters)
    with Image.open(io.BytesIO(png)) as image:
        figure = Figure(layout.size, letters)
        figure.image(image.convert("RGB"), layout.image)
        figure.image(_colour_bar(image, geometry, layout.bar), layout.bar)
        _label(figure, layout, ticks, geometry)
        notes = {str(key): note for key, note in image.info.items() if isinstance(note, str)}
    return figure.png(notes | {AXES_TEXT_KEY: json.dumps(asdict(layout.image))})


def frequency_unit(geometry: Geometry) -> str:
    """Return the unit of the frequency axis: kHz, or Hz where all of the band is below one of them."""
    return "Hz" if geometry.f_max_hz <= _HIGHEST_IN_HZ else "kHz"


def _frequency_ticks(geometry: Geometry, letters: Letters) -> list[Tick]:
    """Return the ticks of every panel, the lowest panel's first."""
    scale = FrequencyAxis(geometry.scale, geometry.f_min_hz, geometry.f_max_hz, bin_hz=1.0, first=0, bins=1)
    height = geometry.height // geometry.panels
    unit_hz = _UNITS_HZ[frequency_unit(geometry)]
    axis = Axis(height, lambda value: float(scale.position(np.array(value * unit_hz))), letters.height)
    choose = number_ticks if geometry.scale == "linear" else warped_ticks
    ticks = choose(axis, geometry.f_min_hz / unit_hz, geometry.f_max_hz / unit_hz)
    # The panel above begins where this one ends: of two labels at that place the lower panel's goes.
    inner = [tick for tick in ticks if height + ticks[0].at - tick.at >= letters.size_px]
    parts = [inner] * (geometry.panels - 1) + [ticks]
    return [Tick(panel * height + tick.at, tick.label) for panel, part in enumerate(parts) for tick in part]


def _time_ticks(geometry: Geometry, letters: Letters) -> tuple[list[Tick], str]:
    duration_s = geometry.width * geometry.seconds_per_px
    axis = Axis(geometry.width, lambda time_s: time_s / duration_s, letters.width)
    return time_ticks(axis, 0.0, duration_s)


def _level_ticks(geometry: Geometry, letters: Letters) -> list[Tick]:
    """Return the ticks of the bar; PCEN has no unit, only a largest value."""
    low, high = geometry.floor_db, geometry.ceiling_db
    if low is None or high is None:
        low, high = 0.0, 1.0
    axis = Axis(geometry.height, lambda level: (level - low) / (high - low), letters.height)
    return number_ticks(axis, low, high)


def _level_title(geometry: Geometry) -> str:
    if geometry.quantity == "PCEN":
        return "PCEN (of the largest)"
    return "Level (dB re loudest)" if geometry.reference == "recording" else "Level (dBFS)"


def _layout(geometry: Geometry, ticks: _Ticks, letters: Letters) -> _Layout:
    em = letters.size_px
    title, tick, gap = 2 * em, em + letters.line_px, em
    left = title + letters.widest(ticks.frequencies) + tick
    image = Box(left, gap, geometry.width, geometry.height)
    bar = Box(image.right + 2 * gap, gap, em, geometry.height)
    width = bar.right + tick + em // 2 + letters.widest(ticks.levels) + title
    return _Layout(image, bar, (width, image.bottom + tick + 3 * em))


def _colour_bar(image: Image.Image, geometry: Geometry, box: Box) -> Image.Image:
    """Draw the image's own palette, which somebody may have changed; RGB images have the geometry's."""
    colours = bytes(image.getpalette("RGB") or ()) if image.mode == "P" else palette(geometry.palette)
    shares = (np.arange(box.height)[::-1] + 0.5) / box.height
    indices = np.rint(shares * 255).astype(np.intp)
    column = np.frombuffer(colours, dtype=np.uint8).reshape(-1, 3)[indices]
    return Image.fromarray(np.repeat(column[:, None, :], box.width, axis=1))


def _label(figure: Figure, layout: _Layout, ticks: _Ticks, geometry: Geometry) -> None:
    figure.ticks_left(layout.image, ticks.frequencies)
    figure.ticks_below(layout.image, ticks.times)
    figure.ticks_right(layout.bar, ticks.levels)
    figure.title_upright(layout.image, f"Frequency ({ticks.frequency_unit})", column=0)
    figure.title_below(layout.image, f"Time ({ticks.time_unit})")
    figure.title_upright(layout.bar, _level_title(geometry), column=layout.size[0] - 2 * layout.bar.width)
