import io
import json

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from contracts.palettes import palette
from services.spectrogram.png import palette_png


def test_pillow_reads_the_same_indices_colours_and_text() -> None:
    indices = np.random.default_rng(2).integers(0, 256, (13, 7), dtype=np.uint8)
    note = json.dumps({"width": 7})

    png = palette_png(indices, palette("magma"), {"dawnchorus": note})

    with Image.open(io.BytesIO(png)) as opened:
        assert isinstance(opened, PngImageFile)
        assert opened.mode == "P"
        assert bytes(opened.getpalette() or ()) == palette("magma")
        assert opened.text == {"dawnchorus": note}
        np.testing.assert_array_equal(np.asarray(opened), indices)


def test_one_pixel_is_enough() -> None:
    png = palette_png(np.zeros((1, 1), dtype=np.uint8), palette("gray"), {})

    with Image.open(io.BytesIO(png)) as opened:
        assert opened.size == (1, 1)


def test_palettes_run_from_dark_to_light() -> None:
    for name in ("viridis", "magma", "inferno", "cividis", "gray"):
        colours = np.frombuffer(palette(name), dtype=np.uint8).reshape(256, 3) @ [0.2126, 0.7152, 0.0722]

        assert (np.diff(np.convolve(colours, np.ones(9) / 9, "valid")) > 0).all(), name
    assert palette("viridis")[:3] == bytes([68, 1, 84])
