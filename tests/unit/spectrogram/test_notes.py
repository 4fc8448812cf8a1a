import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL.PngImagePlugin import PngImageFile

from audio.decode import AudioLimits, Container, open_audio
from contracts.palettes import palette
from contracts.recolour import COMPUTATION_TEXT_KEY, TEXT_KEY, recoloured
from contracts.rendering import RenderParameters
from contracts.tiles import BOTTOM_DBFS, STEP_DB, TOP_DBFS
from services.spectrogram.first_look import first_look
from services.spectrogram.region import Region, render_region
from services.spectrogram.render import render
from services.spectrogram.tile import render_tile
from tests.audio import write

RATE_HZ = 8000
ASKED = RenderParameters(window="hamming", window_size=512, pool="mean", channel=1, floor_db=-102)


def test_an_image_says_how_it_was_computed_with_the_hop_that_was_taken(tmp_path: Path) -> None:
    images = render(_noise(tmp_path, 2.0), Container.WAV, AudioLimits(), ASKED, _ignore).images

    for image in images.values():
        assert _texts(image.png)[COMPUTATION_TEXT_KEY] == {
            "window": "hamming",
            "window_size": 512,
            "hop": 16_000 // 1600,
            "pool": "mean",
            "channel": 1,
            "pcen": False,
            "db_per_index": 102 / 255,
        }


def test_an_index_has_no_decibels_in_pcen(tmp_path: Path) -> None:
    images = render(_noise(tmp_path, 1.0), Container.WAV, AudioLimits(), RenderParameters(pcen=True), _ignore).images

    said = _texts(images["full"].png)[COMPUTATION_TEXT_KEY]

    assert (said["pcen"], said["db_per_index"]) == (True, None)


def test_a_region_and_a_first_look_say_what_they_are_and_not_what_was_asked(tmp_path: Path) -> None:
    recording = _noise(tmp_path, 61.0)
    asked = RenderParameters(window_size=512, channel="stacked", pcen=True)
    region = Region(start_s=1.0, end_s=3.0, f_min_hz=0.0, f_max_hz=4000.0, width=800, height=100)

    part = render_region(recording, Container.WAV, AudioLimits(), ASKED, region)
    look = first_look(lambda: open_audio(recording, Container.WAV, AudioLimits()), asked)

    assert look is not None
    assert _texts(part.png)[COMPUTATION_TEXT_KEY]["hop"] == 2 * RATE_HZ // 800
    assert _texts(part.png)[TEXT_KEY]["start_s"] == 1.0
    said = _texts(look.png)[COMPUTATION_TEXT_KEY]
    assert (said["hop"], said["channel"], said["pcen"], said["db_per_index"]) == (512, "mix", False, 80 / 255)
    assert _texts(look.png)[TEXT_KEY]["approximate"] is True


def test_a_tile_says_which_levels_it_holds_stored_or_drawn_whatever_colours_it_gets(tmp_path: Path) -> None:
    recording = _noise(tmp_path, 60.0)
    made = render(recording, Container.WAV, AudioLimits(), ASKED, _ignore, pyramid_columns=1024).pyramid
    assert made is not None
    grid, finest = made.grid, made.grid.levels - 1

    drawn = render_tile(recording, Container.WAV, AudioLimits(), ASKED, grid, level=finest, x=2)

    for png, level, x in [(made.tiles[0], 0, 0), (recoloured(drawn, palette("magma")), finest, 2)]:
        reading, computed = _texts(png)[TEXT_KEY], _texts(png)[COMPUTATION_TEXT_KEY]
        assert (reading["floor_db"], reading["ceiling_db"]) == (BOTTOM_DBFS, TOP_DBFS)
        assert (reading["reference"], reading["reference_dbfs"]) == ("full_scale", 0.0)
        assert reading["seconds_per_px"] == grid.seconds_per_px(level)
        assert reading["start_s"] == pytest.approx(x * 512 * grid.seconds_per_px(level))
        assert "palette" not in reading
        assert (computed["hop"], computed["pool"], computed["window"]) == (grid.hop, "max", "hamming")
        assert computed["db_per_index"] == STEP_DB


def test_new_colours_leave_the_computation_as_it_was(tmp_path: Path) -> None:
    png = render(_noise(tmp_path, 1.0), Container.WAV, AudioLimits(), ASKED, _ignore).images["full"].png

    coloured = recoloured(png, palette("magma"), {TEXT_KEY: "{}"})

    assert _texts(coloured) == {**_texts(png), TEXT_KEY: {}}


def _texts(png: bytes) -> dict[str, Any]:
    with PillowImage.open(io.BytesIO(png)) as opened:
        assert isinstance(opened, PngImageFile)
        return {key: json.loads(text) for key, text in opened.text.items()}


def _noise(folder: Path, duration_s: float) -> Path:
    samples = np.random.default_rng(5).normal(0, 0.1, (round(duration_s * RATE_HZ), 2)).astype(np.float32)
    return write(folder / "noise.wav", samples, RATE_HZ)


def _ignore(share: float) -> None:
    assert 0 <= share <= 1
