"""A tile drawn on demand is the same as if it had been cut out of the whole rendering."""

import io
import pickle
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PillowImage

from audio.decode import AudioLimits, Container, mono, open_audio
from audio.sniff import sniff_source
from contracts.rendering import RenderParameters
from contracts.tiles import TileGrid
from services.spectrogram.pooling import Power
from services.spectrogram.pyramid import Pyramid
from services.spectrogram.region_errors import UnreadableTileError
from services.spectrogram.render import render
from services.spectrogram.tile import render_tile
from tests.audio import Signal, encode, transcode, write

from .slow import tile_level, tile_rows

Indices = npt.NDArray[np.uint8]

# These codecs seek to the sample; MP3 does to a rounding, and AAC and Opus make up some noise anew.
EXACT = ["wav", "w64", "aiff", "flac", "ogg", "alac"]
# Which share of cells may differ, and by how many half decibels.
LOSSY = {"mp3": (1e-4, 1), "opus": (1e-4, 1), "m4a": (0.2, 255)}


@pytest.mark.parametrize("suffix", EXACT)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_tile_drawn_by_seeking_is_the_whole_rendering_cut_up(tmp_path: Path, suffix: str, channels: int) -> None:
    make = encode if suffix == "alac" else write
    recording = make(tmp_path / f"noise.{suffix}", _noise(400_000, channels))

    _check_every_tile(recording)


def test_stored_and_drawn_tiles_are_the_same_bytes(tmp_path: Path) -> None:
    recording = write(tmp_path / "noise.wav", _noise(3_000_000))
    whole = _whole(recording)

    places = [(level, x) for level in range(whole.grid.levels) for x in range(whole.grid.tiles(level))]

    assert len(whole.tiles) > 7
    for (level, x), tile in zip(places, whole.tiles, strict=False):
        assert _png(recording, whole.grid, level, x) == tile


@pytest.mark.parametrize(
    "parameters",
    [
        RenderParameters(scale="mel", window_size=512, f_max_hz=10_000),
        RenderParameters(scale="log", window_size=4096, f_min_hz=50, hop=100),
        RenderParameters(channel=1, pool="mean", pcen=True),
    ],
)
def test_tiles_follow_the_parameters_of_the_images(tmp_path: Path, parameters: RenderParameters) -> None:
    recording = write(tmp_path / "noise.flac", _noise(600_000, 2))
    whole = _whole(recording, parameters)

    for x in range(whole.grid.tiles(0)):
        assert _png(recording, whole.grid, 0, x, parameters) == whole.tiles[x]


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["spinetail.wav", "birds_10s.wav", "voice.flac", "music_slow.ogg", "1min.wav"])
def test_tiles_of_a_real_recording_are_the_whole_rendering_cut_up(recordings: Path, name: str) -> None:
    _check_every_tile(recordings / name)


@pytest.mark.recordings
@pytest.mark.parametrize("suffix", LOSSY)
def test_tiles_of_a_real_recording_in_a_lossy_codec_differ_where_its_decoder_does(
    recordings: Path, tmp_path: Path, suffix: str
) -> None:
    recording = transcode(recordings / "spinetail.wav", tmp_path / f"spinetail.{suffix}")
    grid = _whole(recording).grid

    drawn = _drawn(recording, grid, grid.levels - 1)

    difference = np.abs(drawn.astype(int) - tile_level(_all_rows(recording, grid.hop), 1))
    share, most = LOSSY[suffix]
    assert np.count_nonzero(difference) <= share * difference.size
    assert difference.max() <= most
    assert difference.mean() < 2


@pytest.mark.parametrize(("level", "x"), [(-1, 0), (99, 0), (0, 1), (0, -1)])
def test_a_tile_that_is_not_there_is_not_drawn(tmp_path: Path, level: int, x: int) -> None:
    recording = write(tmp_path / "noise.wav", _noise(10_000))

    with pytest.raises(IndexError):
        _png(recording, _whole(recording).grid, level, x)


def test_a_recording_that_no_longer_gives_all_windows_is_refused(tmp_path: Path) -> None:
    recording = write(tmp_path / "noise.wav", _noise(100_000))
    longer = _whole(recording).grid.model_copy(update={"frames": 5000})

    with pytest.raises(UnreadableTileError, match="windows") as refusal:
        _png(recording, longer, longer.levels - 1, 3)

    assert refusal.value.code == "tile_unreadable"
    assert str(pickle.loads(pickle.dumps(refusal.value))) == str(refusal.value)  # noqa: S301 - our own bytes


def _all_rows(recording: Path, hop: int) -> Power:
    """Return what one decoding from the start to the end gives."""
    with open_audio(recording, _container(recording), AudioLimits()) as stream:
        mixed = [mono(block) * np.float32(stream.scale) for block in stream.blocks()]
    return tile_rows(np.concatenate(mixed), hop)


def _whole(recording: Path, parameters: RenderParameters | None = None) -> Pyramid:
    asked = parameters or RenderParameters()
    rendering = render(recording, _container(recording), AudioLimits(), asked, bool, pyramid_columns=8192)
    assert rendering.pyramid is not None
    return rendering.pyramid


def _drawn(recording: Path, grid: TileGrid, level: int) -> Indices:
    """Return all tiles of a level, each drawn by seeking, side by side."""
    return np.concatenate([_pixels(_png(recording, grid, level, x)) for x in range(grid.tiles(level))], axis=1)


def _check_every_tile(recording: Path) -> None:
    grid = _whole(recording).grid
    rows = _all_rows(recording, grid.hop)
    for level in range(grid.levels):
        np.testing.assert_array_equal(_drawn(recording, grid, level), tile_level(rows, grid.frames_per_column(level)))


def _png(recording: Path, grid: TileGrid, level: int, x: int, parameters: RenderParameters | None = None) -> bytes:
    asked = parameters or RenderParameters()
    return render_tile(recording, _container(recording), AudioLimits(), asked, grid, level=level, x=x)


def _pixels(tile: bytes) -> Indices:
    with PillowImage.open(io.BytesIO(tile)) as opened:
        return np.asarray(opened)


def _container(recording: Path) -> Container:
    with recording.open("rb") as head:
        return sniff_source(head)


def _noise(length: int, channels: int = 1) -> Signal:
    return (np.random.default_rng(length).integers(-9000, 9000, (length, channels)) / 32_768).astype(np.float32)
