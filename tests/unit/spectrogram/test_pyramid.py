import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PillowImage

from contracts.rendering import Pool, RenderParameters
from services.spectrogram.absolute import absolute_indices, absolute_palette
from services.spectrogram.levels import level_scale, upright_levels
from services.spectrogram.palettes import palette
from services.spectrogram.png import palette_png
from services.spectrogram.pooling import Power
from services.spectrogram.pyramid import HEIGHT, TILE_WIDTH, PyramidPool, tile_rows
from services.spectrogram.recolour import recoloured
from services.spectrogram.scales import frequency_axis
from services.spectrogram.tile_index import TileIndex, header_bytes
from services.spectrogram.windows import full_scale_power

Indices = npt.NDArray[np.uint8]

FULL_SCALE = full_scale_power("hann", 2048)


@pytest.mark.parametrize("frames", [1, 512, 513, 1024, 1500])
@pytest.mark.parametrize("pool", ["max", "mean"])
def test_tiles_are_the_whole_rendering_cut_up_at_every_level(frames: int, pool: Pool) -> None:
    power = _power(frames)

    content, index = _built(power, pool)

    expected = _plain_rows(power, pool)
    for level in reversed(range(len(index.levels))):
        np.testing.assert_array_equal(_level(content, index, level), _image(expected))
        expected = _plain_halved(expected, pool)
    assert len(index.levels[0].sizes_bytes) == 1
    assert index.levels[-1].columns == frames


def test_a_recording_with_more_frames_than_columns_begins_with_longer_ones() -> None:
    power = _power(3000)

    content, index = _built(power, "max", max_columns=1024)

    expected = np.maximum.reduceat(_plain_rows(power, "max"), range(0, 3000, 4))
    assert [level.columns for level in index.levels] == [375, 750]
    assert index.levels[-1].seconds_per_px == pytest.approx(4 * 0.01)
    np.testing.assert_array_equal(_level(content, index, 1), _image(expected))


def test_folded_columns_may_be_means() -> None:
    power = _power(1200)

    content, index = _built(power, "mean", max_columns=600)

    expected = (_plain_rows(power, "mean").reshape(600, 2, HEIGHT)).mean(axis=1)
    difference = _level(content, index, 1).astype(int) - _image(expected)
    # Bins and frames are joined in another order: a cell at the edge of a level may go either way.
    assert np.abs(difference).max() <= 1
    assert np.count_nonzero(difference) < 20


def test_a_header_that_promised_too_little_costs_the_finest_level_only() -> None:
    power = _power(4000)

    content, index = _built(power, "max", max_columns=1024, expected_frames=100)

    twice = np.maximum.reduceat(_plain_rows(power, "max"), range(0, 4000, 2))
    expected = np.maximum.reduceat(twice, range(0, 2000, 2))
    assert [level.columns for level in index.levels] == [500, 1000]
    np.testing.assert_array_equal(_level(content, index, 1), _image(expected))


def test_one_ranged_read_gets_a_tile_after_the_header_is_known() -> None:
    content, index = _built(_power(2000), "max")

    known = TileIndex.parse(content[: header_bytes(content[:16])])

    assert known == index
    ends = [known.byte_range(level, x)[1] for level in range(3) for x in range(len(known.levels[level].sizes_bytes))]
    assert ends[-1] == len(content)
    for level, tiles in [(0, 1), (1, 2), (2, 4)]:
        for x in range(tiles):
            start, end = known.byte_range(level, x)
            assert content[start : start + 8] == b"\x89PNG\r\n\x1a\n"
            assert content[end - 8 : end - 4] == b"IEND"


@pytest.mark.parametrize(("level", "x"), [(-1, 0), (3, 0), (0, 1), (2, -1), (2, 4)])
def test_a_tile_that_is_not_there_is_an_index_error(level: int, x: int) -> None:
    _, index = _built(_power(2000), "max")

    with pytest.raises(IndexError):
        index.byte_range(level, x)


def test_another_object_is_no_pyramid() -> None:
    with pytest.raises(ValueError, match="no pyramid"):
        header_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\0\0\0\0\0")


def test_absolute_indices_are_half_decibels_of_full_scale() -> None:
    decibels = np.random.default_rng(4).uniform(-140, 10, (100, 512))
    power = (FULL_SCALE * 10 ** (decibels / 10)).astype(np.float32)

    indices = absolute_indices(power, FULL_SCALE)

    exact = np.clip((decibels + 124.5) * 2, 0, 255)
    assert np.abs(indices - exact).max() <= 0.5001


def test_the_palette_shows_the_same_colours_as_an_image_with_that_reference() -> None:
    power = (FULL_SCALE * 10 ** (np.linspace(-120, -20, 3000) / 10)).astype(np.float32)[None, :]
    reference = float(power.max())
    relative = upright_levels(power, np.arange(power.shape[1]), level_scale(reference, -80.0))[::-1].T

    colours = absolute_palette(palette("gray"), reference_dbfs=10 * np.log10(reference / FULL_SCALE))

    shown = np.frombuffer(colours, dtype=np.uint8).reshape(256, 3)[absolute_indices(power, FULL_SCALE), 0]
    # Half a step of the tiles, in steps of the image: 0.25 dB of 80/255 dB each.
    assert np.abs(shown.astype(int) - relative).max() <= 2


def test_silence_is_all_floor() -> None:
    colours = absolute_palette(palette("magma"), reference_dbfs=None)

    assert colours == palette("magma")[:3] * 256


def test_a_png_gets_new_colours_and_keeps_its_pixels() -> None:
    indices = np.random.default_rng(1).integers(0, 256, (9, 5), dtype=np.uint8)
    png = palette_png(indices, palette("gray"), {"dawnchorus": "{}"})

    other = recoloured(png, palette("viridis"))

    assert other == palette_png(indices, palette("viridis"), {"dawnchorus": "{}"})


@pytest.mark.parametrize("png", [b"", b"\x89PNG\r\n\x1a\n\0\0\0\0IEND\0\0\0\0"])
def test_without_a_palette_there_is_nothing_to_recolour(png: bytes) -> None:
    with pytest.raises(ValueError, match="no palette"):
        recoloured(png, palette("gray"))


def test_a_palette_of_another_size_is_refused() -> None:
    png = palette_png(np.zeros((1, 1), dtype=np.uint8), palette("gray"), {})

    with pytest.raises(ValueError, match="768"):
        recoloured(png, b"\0\0\0")


def _built(
    power: Power, pool: Pool, *, max_columns: int = 1 << 20, expected_frames: int | None = None
) -> tuple[bytes, TileIndex]:
    expected = len(power) if expected_frames is None else expected_frames
    axis = frequency_axis(RenderParameters(), 44_100)
    tiles = PyramidPool(
        io.BytesIO(),
        pool,
        tile_rows(axis, pool),
        full_scale=FULL_SCALE,
        expected_frames=expected,
        max_columns=max_columns,
    )
    for start in range(0, len(power), 64):
        tiles.add(power[start : start + 64])
    pyramid = tiles.finish(seconds_per_frame=0.01, hz_per_px=43.0)
    target = io.BytesIO()
    pyramid.write(target, palette("gray"))
    return target.getvalue(), pyramid.index


def _level(content: bytes, index: TileIndex, level: int) -> Indices:
    tiles = []
    for x in range(len(index.levels[level].sizes_bytes)):
        start, end = index.byte_range(level, x)
        with PillowImage.open(io.BytesIO(content[start:end])) as opened:
            tiles.append(np.asarray(opened))
    assert all(tile.shape == (HEIGHT, TILE_WIDTH) for tile in tiles[:-1])
    return np.concatenate(tiles, axis=1)


def _plain_rows(power: Power, pool: Pool) -> Power:
    join = np.max if pool == "max" else np.mean
    parts = [power[:, 2 * row : 2 * row + (3 if row == HEIGHT - 1 else 2)] for row in range(HEIGHT)]
    return np.stack([join(part, axis=1) for part in parts], axis=1)


def _plain_halved(rows: Power, pool: Pool) -> Power:
    join = np.max if pool == "max" else np.mean
    return np.stack([join(rows[start : start + 2], axis=0) for start in range(0, len(rows), 2)])


def _image(rows: Power) -> Indices:
    return absolute_indices(np.ascontiguousarray(rows), FULL_SCALE).T[::-1]


def _power(frames: int) -> Power:
    nepers = np.random.default_rng(frames).uniform(-30, 1, (frames, 1025)).astype(np.float32)
    return np.float32(FULL_SCALE) * np.exp(nepers)
