import io
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PillowImage

from audio.decode import AudioLimits, Container
from contracts.rendering import RenderParameters
from contracts.tiles import TILE_PX, StoredTiles
from services.spectrogram.pyramid import Pyramid
from services.spectrogram.render import render
from tests.audio import Signal, encode, tone, write

from .slow import tile_level, tile_rows

Indices = npt.NDArray[np.uint8]

RATE_HZ = 8000
HOP = 32


@pytest.mark.parametrize("length", [1, 2, 510, 511, 512, 2046, 2047 * HOP, 2048 * HOP, 4095 * HOP + 1])
@pytest.mark.parametrize("capacity", [512, 1024, 8192])
def test_tiles_are_the_whole_rendering_cut_up_at_every_level(tmp_path: Path, length: int, capacity: int) -> None:
    samples = _noise(length)

    made = _pyramid(write(tmp_path / "noise.wav", samples, RATE_HZ), capacity)

    grid = made.grid
    assert (grid.frames, grid.rate_hz) == (1 + length // grid.hop, RATE_HZ)
    assert grid.columns(0) <= TILE_PX < 2 * grid.columns(0) or grid.levels == 1
    assert grid.columns(grid.levels - 1) == grid.frames
    stored = _levels(made)
    finest = grid.frames_per_column(len(stored) - 1)
    assert finest >= 4 or (finest, len(stored)) == (grid.frames_per_column(0), 1)
    assert max(image.shape[1] for image in stored) <= capacity
    whole = tile_rows(samples[:, 0], grid.hop)
    for level, image in enumerate(stored):
        np.testing.assert_array_equal(image, tile_level(whole, grid.frames_per_column(level)))


def test_a_header_that_promises_nothing_costs_no_level(tmp_path: Path) -> None:
    recording = encode(tmp_path / "noise.aac", _noise(7500 * HOP))

    fine, coarse = (_pyramid(recording, capacity) for capacity in (8192, 512))

    assert fine.grid == coarse.grid
    assert (fine.grid.levels, len(fine.tiles), len(coarse.tiles)) == (5, 1 + 2 + 4, 1)
    assert fine.tiles[0] == coarse.tiles[0]


def test_a_tile_is_where_the_index_says(tmp_path: Path) -> None:
    made = _pyramid(write(tmp_path / "noise.wav", _noise(8000 * HOP), RATE_HZ), 8192)
    stored = _stored(made)
    content = b"".join(made.tiles)
    assert stored.stored_levels == 3

    spans = [stored.byte_range(level, x) for level in range(5) for x in range(made.grid.tiles(level))]

    assert [made.grid.tiles(level) for level in range(made.grid.levels)] == [1, 2, 4, 8, 16]
    assert [content[span[0] : span[1]] for span in spans[:7] if span] == list(made.tiles)
    assert set(spans[7:]) == {None}


@pytest.mark.parametrize(("level", "x"), [(-1, 0), (3, 0), (0, 1), (2, -1), (2, 4)])
def test_a_tile_that_is_not_there_is_an_index_error(tmp_path: Path, level: int, x: int) -> None:
    made = _pyramid(write(tmp_path / "noise.wav", _noise(1000 * HOP), RATE_HZ), 8192)

    with pytest.raises(IndexError):
        _stored(made).byte_range(level, x)


def test_stacked_channels_have_no_tiles_and_unwanted_ones_are_not_made(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(duration_s=0.1, channels=2))

    stacked = render(
        recording, Container.WAV, AudioLimits(), RenderParameters(channel="stacked"), _ignore, pyramid_columns=512
    )
    unwanted = render(recording, Container.WAV, AudioLimits(), RenderParameters(), _ignore)

    assert (stacked.pyramid, unwanted.pyramid) == (None, None)


def test_tiles_are_in_decibels_though_the_images_are_in_pcen(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(duration_s=0.2), RATE_HZ)

    plain, normalized = (_pyramid(recording, 512, RenderParameters(pcen=pcen)) for pcen in (False, True))

    assert plain == normalized


def _pyramid(recording: Path, capacity: int, parameters: RenderParameters | None = None) -> Pyramid:
    asked = parameters or RenderParameters(hop=HOP)
    container = Container.ADTS if recording.suffix == ".aac" else Container.WAV
    rendering = render(recording, container, AudioLimits(), asked, _ignore, pyramid_columns=capacity)
    assert rendering.pyramid is not None
    return rendering.pyramid


def _stored(made: Pyramid) -> StoredTiles:
    sizes_bytes = tuple(len(tile) for tile in made.tiles)
    return StoredTiles(key="", grid=made.grid, sizes_bytes=sizes_bytes, reference_dbfs=made.loudest_dbfs)


def _levels(made: Pyramid) -> list[Indices]:
    """Return each stored level as one image, highest frequency first."""
    edges = [0, *accumulate(made.grid.tiles(level) for level in range(made.grid.levels))]
    rows = [made.tiles[start:end] for start, end in pairwise(edges) if end <= len(made.tiles)]
    assert sum(len(row) for row in rows) == len(made.tiles)
    return [np.concatenate([_pixels(tile) for tile in row], axis=1) for row in rows]


def _pixels(tile: bytes) -> Indices:
    with PillowImage.open(io.BytesIO(tile)) as opened:
        return np.asarray(opened)


def _noise(length: int) -> Signal:
    """Return noise that 16 bits hold exactly."""
    return (np.random.default_rng(length).integers(-9000, 9000, (length, 1)) / 32_768).astype(np.float32)


def _ignore(share: float) -> None:
    assert 0 <= share <= 1
