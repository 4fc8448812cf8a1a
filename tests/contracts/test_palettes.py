from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.palettes import palette, stretched
from contracts.recolour import recoloured
from contracts.rendering import PaletteName
from contracts.tiles import BOTTOM_DBFS, TOP_DBFS
from services.spectrogram.levels import LevelScale, level_scale, upright_levels
from services.spectrogram.png import palette_png


def test_a_reversed_palette_runs_from_the_last_colour_to_the_first() -> None:
    for name in get_args(PaletteName):
        colours = palette(name)

        assert len(colours) == 768
        if name.endswith("_r"):
            straight = palette(name.removesuffix("_r"))
            assert (colours[:3], colours[-3:]) == (straight[-3:], straight[:3])


@pytest.mark.parametrize(("floor_db", "ceiling_db"), [(-80.0, 0.0), (-60.0, 0.0), (-70.0, -12.0)])
def test_absolute_levels_get_the_colours_of_an_image_with_that_reference(floor_db: float, ceiling_db: float) -> None:
    full_scale, reference = 262_144.0, 817.0
    power = (reference * 10 ** (np.linspace(-90, 0, 3000) / 10)).astype(np.float32)[None, :]
    reference_dbfs = 10 * np.log10(reference / full_scale)

    colours = stretched(
        palette("gray"),
        bottom_db=BOTTOM_DBFS - reference_dbfs,
        top_db=TOP_DBFS - reference_dbfs,
        floor_db=floor_db,
        ceiling_db=ceiling_db,
    )

    absolute = _levels(power, level_scale(full_scale, BOTTOM_DBFS, TOP_DBFS))
    shown = np.frombuffer(colours, dtype=np.uint8).reshape(256, 3)[absolute, 0].astype(int)
    drawn = _levels(power, level_scale(reference, floor_db, ceiling_db))
    # A tile's level is rounded to half a decibel, which is so many steps of the image; then both are rounded.
    assert np.abs(shown - drawn).max() <= 0.25 * 255 / (ceiling_db - floor_db) + 1


def test_the_range_that_an_image_has_leaves_its_colours_alone() -> None:
    colours = palette("cividis")

    assert stretched(colours, bottom_db=-80, top_db=0, floor_db=-80, ceiling_db=0) == colours


def test_what_is_outside_of_the_range_gets_the_colours_of_its_ends() -> None:
    shown = stretched(palette("gray"), bottom_db=-80, top_db=0, floor_db=-60, ceiling_db=-20)

    levels_db = -80 + 80 / 255 * np.arange(256)
    gray = np.frombuffer(shown, dtype=np.uint8)[::3]
    assert set(gray[levels_db < -60]) == {0}
    assert set(gray[levels_db > -20]) == {255}
    assert gray[128] == pytest.approx(127.5, abs=1)


def test_a_png_gets_new_colours_and_words_and_keeps_its_pixels() -> None:
    indices = np.random.default_rng(1).integers(0, 256, (9, 5), dtype=np.uint8)
    png = palette_png(indices, palette("gray"), {"other": "kept", "dawnchorus": "{}"})

    coloured = recoloured(png, palette("viridis"))
    reworded = recoloured(png, palette("magma"), {"dawnchorus": '{"palette":"magma"}'})

    assert coloured == palette_png(indices, palette("viridis"), {"other": "kept", "dawnchorus": "{}"})
    words = {"other": "kept", "dawnchorus": '{"palette":"magma"}'}
    assert reworded == palette_png(indices, palette("magma"), words)


@pytest.mark.parametrize("png", [b"", b"\x89PNG\r\n\x1a\n\0\0\0\0IEND\0\0\0\0"])
def test_without_a_palette_there_is_nothing_to_recolour(png: bytes) -> None:
    with pytest.raises(ValueError, match="no palette"):
        recoloured(png, palette("gray"))


def test_a_palette_of_another_size_is_refused() -> None:
    png = palette_png(np.zeros((1, 1), dtype=np.uint8), palette("gray"), {})

    with pytest.raises(ValueError, match="768"):
        recoloured(png, b"\0\0\0")


def _levels(power: NDArray[np.float32], scale: LevelScale) -> NDArray[np.uint8]:
    return upright_levels(power, np.arange(power.shape[1]), scale)[::-1].T
