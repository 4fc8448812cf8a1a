import io
import json
from dataclasses import replace
from math import log

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PillowImage
from PIL.PngImagePlugin import PngImageFile

from contracts.palettes import palette
from contracts.rendering import ScaleName
from services.spectrogram.axes import AXES_TEXT_KEY, frequency_unit, with_axes
from services.spectrogram.geometry import Geometry
from services.spectrogram.png import palette_png
from services.spectrogram.ticks import Axis, number_ticks, time_ticks, warped_ticks

Pixels = npt.NDArray[np.uint8]


def test_the_image_lies_in_the_figure_pixel_for_pixel() -> None:
    png, geometry = _image(width=333, height=217)

    figure, frame = _opened(with_axes(png, geometry))

    with PillowImage.open(io.BytesIO(png)) as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(_inside(figure, frame), expected)


def test_a_ruler_finds_the_ticks_where_the_geometry_puts_them() -> None:
    png, geometry = _image(width=800, height=400)

    figure, frame = _opened(with_axes(png, geometry))

    # 16 kHz over 400 rows, labels every 2 kHz: 50 rows. 10 s over 800 columns, labels every second: 80 columns.
    rows_from_bottom = frame["top"] + frame["height"] - 1 - _marks(figure[: frame["top"] + 400, frame["left"] - 3])
    assert sorted(rows_from_bottom.tolist()) == [2000 * step / geometry.hz_per_px for step in range(9)]
    columns = _marks(figure[frame["top"] + 400 + 2, frame["left"] : frame["left"] + 801])
    assert columns.tolist() == [step / geometry.seconds_per_px for step in range(11)]


def test_the_bar_runs_from_floor_to_ceiling_and_its_ticks_are_at_the_colours_they_name() -> None:
    png, geometry = _image(width=300, height=400)

    figure, frame = _opened(with_axes(png, geometry))

    bar_left = frame["left"] + frame["width"] + 2 * _font_px(frame)
    bar = figure[frame["top"] : frame["top"] + frame["height"], bar_left + 3]
    colours = np.frombuffer(palette("viridis"), dtype=np.uint8).reshape(256, 3)
    assert (bar[0] == colours[255]).all()
    assert (bar[-1] == colours[0]).all()
    marks = _marks(figure[:, bar_left + _font_px(frame) + 2])
    rows_from_bottom = sorted((frame["top"] + frame["height"] - 1 - marks).tolist())
    assert rows_from_bottom == [50 * step for step in range(9)]
    assert (bar[-1 - 200] == colours[128]).all()


def test_a_recoloured_image_has_its_own_colours_in_the_bar() -> None:
    png, geometry = _image(width=50, height=100, colours=palette("gray"))

    figure, frame = _opened(with_axes(png, geometry))

    bar = figure[frame["top"] : frame["top"] + 100, frame["left"] + 50 + 2 * _font_px(frame) + 3]
    assert (bar[:, 0] == bar[:, 1]).all()
    assert (np.diff(bar[:, 0].astype(int)) <= 0).all()


def test_an_rgb_image_is_framed_as_well() -> None:
    png, geometry = _image(width=50, height=100)
    rgb = io.BytesIO()
    PillowImage.open(io.BytesIO(png)).convert("RGB").save(rgb, "PNG")

    figure, frame = _opened(with_axes(rgb.getvalue(), geometry))

    np.testing.assert_array_equal(figure, _opened(with_axes(png, geometry))[0])
    assert frame["width"] == 50


def test_the_notes_of_the_image_stay_in_the_figure() -> None:
    png, geometry = _image(width=50, height=100)

    with PillowImage.open(io.BytesIO(with_axes(png, geometry))) as opened:
        assert isinstance(opened, PngImageFile)
        assert opened.text["dawnchorus"] == "{}"


@pytest.mark.parametrize("width", [1, 7, 60])
def test_a_narrow_image_has_axes_too(width: int) -> None:
    png, geometry = _image(width=width, height=200)

    figure, frame = _opened(with_axes(png, geometry))

    assert frame["width"] == width
    assert len(_marks(figure[frame["top"] + 200 + 2])) >= 1


def test_a_logarithmic_axis_has_its_decades_where_they_belong() -> None:
    png, geometry = _image(width=300, height=400, f_min_hz=20.0, f_max_hz=20_000.0, scale="log")

    figure, frame = _opened(with_axes(png, geometry))

    rows = (frame["top"] + frame["height"] - 1 - _marks(figure[:, frame["left"] - 3])).tolist()
    for frequency_hz in (100, 1000, 10_000):
        assert int(400 * log(frequency_hz / 20) / log(1000)) in rows


def test_each_stacked_channel_has_its_own_frequencies() -> None:
    png, geometry = _image(width=300, height=400, panels=2)

    figure, frame = _opened(with_axes(png, geometry))

    rows = frame["top"] + frame["height"] - 1 - _marks(figure[: frame["top"] + 400, frame["left"] - 3])
    panel = [row for row in rows.tolist() if row < 200]
    assert panel == [125, 62, 0]
    # Where the upper panel begins its 0 stands, not the lower one's 15 beneath it.
    assert rows.tolist() == [387, 325, 262, 200, *panel]


@pytest.mark.parametrize(("f_max_hz", "unit"), [(40.0, "Hz"), (1000.0, "Hz"), (1000.5, "kHz"), (130_000.0, "kHz")])
def test_frequencies_are_in_the_unit_that_suits_the_band(f_max_hz: float, unit: str) -> None:
    _, geometry = _image(width=1, height=1, f_max_hz=f_max_hz)

    assert frequency_unit(geometry) == unit


def test_a_level_below_zero_has_a_minus_as_wide_as_its_digits() -> None:
    png, geometry = _image(width=300, height=400)

    figure, frame = _opened(with_axes(png, geometry))

    em = _font_px(frame)
    after_tick = frame["left"] + 300 + 3 * em + em // 2 + 1
    lowest = figure[frame["top"] + 399, after_tick : after_tick + 2 * em]
    assert em // 2 <= len(_marks(lowest)) <= em


def test_pcen_has_a_bar_without_decibels() -> None:
    png, geometry = _image(width=300, height=400)
    pcen = replace(geometry, quantity="PCEN", floor_db=None, ceiling_db=None)

    figure, frame = _opened(with_axes(png, pcen))

    assert frame["width"] == 300
    assert len(_marks(figure[:, frame["left"] + 300 + 3 * _font_px(frame) + 2])) > 3


@pytest.mark.parametrize(
    ("start_s", "end_s", "labels", "unit"),
    [
        (0, 10, ["0", "2", "4", "6", "8", "10"], "s"),
        (0, 0.14, ["0.00", "0.05", "0.10"], "s"),
        (12.1, 12.9, ["12.2", "12.4", "12.6", "12.8"], "s"),
        (0, 600, ["0:00", "2:00", "4:00", "6:00", "8:00", "10:00"], "min:s"),
        (0, 3600, ["0:00:00", "0:15:00", "0:30:00", "0:45:00", "1:00:00"], "h:min:s"),
        (0, 86_400, ["0:00:00", "6:00:00", "12:00:00", "18:00:00", "24:00:00"], "h:min:s"),
        (1800, 1801, ["30:00.0", "30:00.2", "30:00.4", "30:00.6", "30:00.8", "30:01.0"], "min:s"),
    ],
)
def test_times_are_round_in_the_unit_that_suits_them(
    start_s: float, end_s: float, labels: list[str], unit: str
) -> None:
    axis = Axis(600, lambda time_s: (time_s - start_s) / (end_s - start_s), lambda _: 110)

    ticks, found_unit = time_ticks(axis, start_s, end_s)

    assert [tick.label for tick in ticks] == labels
    assert found_unit == unit


def test_numbers_below_zero_have_a_minus_and_zero_has_none() -> None:
    axis = Axis(400, lambda level_db: (level_db + 80) / 80, lambda _: 100)

    assert [tick.label for tick in number_ticks(axis, -80, 0)] == ["-80", "-60", "-40", "-20", "0"]


def test_warped_ticks_never_touch_and_round_ones_come_first() -> None:
    axis = Axis(400, lambda khz: log(khz / 0.02) / log(1000), lambda _: 30)

    ticks = warped_ticks(axis, 0.02, 20)

    assert {"0.1", "1", "10", "0.2", "0.5"} <= {tick.label for tick in ticks}
    assert np.diff([tick.at for tick in ticks]).min() >= 30


def _image(
    *,
    width: int,
    height: int,
    f_min_hz: float = 0.0,
    f_max_hz: float = 16_000.0,
    scale: ScaleName = "linear",
    panels: int = 1,
    colours: bytes | None = None,
) -> tuple[bytes, Geometry]:
    indices = np.random.default_rng(1).integers(0, 256, (height, width), dtype=np.uint8)
    geometry = Geometry(
        width=width,
        height=height,
        seconds_per_px=10 / width,
        hz_per_px=(f_max_hz - f_min_hz) / height,
        f_min_hz=f_min_hz,
        f_max_hz=f_max_hz,
        scale=scale,
        panels=panels,
        quantity="dB",
        floor_db=-80.0,
        ceiling_db=0.0,
        reference="recording",
        reference_dbfs=-20.0,
        palette="viridis",
    )
    return palette_png(indices, colours or palette("viridis"), {"dawnchorus": "{}"}), geometry


def _opened(png: bytes) -> tuple[Pixels, dict[str, int]]:
    with PillowImage.open(io.BytesIO(png)) as opened:
        assert isinstance(opened, PngImageFile)
        assert opened.mode == "RGB"
        return np.asarray(opened), json.loads(opened.text[AXES_TEXT_KEY])


def _inside(figure: Pixels, frame: dict[str, int]) -> Pixels:
    return figure[frame["top"] : frame["top"] + frame["height"], frame["left"] : frame["left"] + frame["width"]]


def _marks(line: Pixels) -> npt.NDArray[np.intp]:
    """Return where a line of pixels is black."""
    return np.flatnonzero((line == 0).all(axis=1))


def _font_px(frame: dict[str, int]) -> int:
    # The figure's upper margin is one letter's height.
    return frame["top"]
