import io
import json
import pickle
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PillowImage
from PIL.PngImagePlugin import PngImageFile

from audio.decode import AudioLimits
from audio.sniff import sniff_source
from chassis.errors import UnprocessableError
from contracts.drawing import Region, RegionRequest
from contracts.rendering import PRESETS, Pool, RenderParameters
from services.spectrogram.errors import BandAboveNyquistError, NoSuchChannelError
from services.spectrogram.image import Image
from services.spectrogram.job import draw_region
from services.spectrogram.region import render_region
from services.spectrogram.region_errors import (
    EmptyRegionError,
    OutsideRecordingError,
    RegionParametersError,
    RegionSizeError,
)
from services.spectrogram.render import Rendering, render
from services.spectrogram.windows import full_scale_power
from tests.audio import encode, tone, write

RATE_HZ = 44_100


@pytest.mark.parametrize("pool", ["max", "mean"])
@pytest.mark.parametrize(("first", "end"), [(0, 200), (1, 2), (333, 1033), (1500, 1600)])
@pytest.mark.parametrize("duration_s", [2.0, 12.0])
def test_a_region_is_the_same_part_of_the_whole(
    tmp_path: Path, first: int, end: int, duration_s: float, pool: Pool
) -> None:
    recording = write(tmp_path / "noise.wav", _noise(duration_s))
    whole = _render(recording, RenderParameters(pool=pool))
    full = whole.images["full"].geometry
    region = Region(first * full.seconds_per_px, end * full.seconds_per_px, 0, RATE_HZ / 2, end - first, full.height)

    part = _region(recording, region, RenderParameters(pool=pool), reference_power=_reference(whole))

    difference = _pixels(part.png).astype(int) - _pixels(whole.images["full"].png)[:, first:end]
    # The reference went through decibels: a cell at the edge of a level may go either way.
    assert np.abs(difference).max() <= 1
    assert np.count_nonzero(difference) <= difference.size / 10_000


@pytest.mark.parametrize(("suffix", "tolerance"), [("flac", 0), ("ogg", 0), ("mp3", 1)])
def test_a_region_of_a_compressed_recording_is_the_same_part_of_the_whole(
    tmp_path: Path, suffix: str, tolerance: int
) -> None:
    make = encode if suffix == "mp3" else write
    recording = make(tmp_path / f"noise.{suffix}", _noise(12.0))
    whole = _render(recording)
    full = whole.images["full"].geometry
    region = Region(700 * full.seconds_per_px, 900 * full.seconds_per_px, 0, RATE_HZ / 2, 200, full.height)

    part = _region(recording, region, reference_power=_reference(whole))

    difference = np.abs(_pixels(part.png).astype(int) - _pixels(whole.images["full"].png)[:, 700:900])
    assert np.count_nonzero(difference > tolerance) <= difference.size / 1000


@pytest.mark.parametrize(
    "parameters",
    [
        RenderParameters(scale="mel", window_size=512, window="hamming"),
        RenderParameters(scale="log", window_size=4096, f_min_hz=50, palette="magma_r"),
        RenderParameters(channel=1, reference="full_scale", floor_db=-100, ceiling_db=-20),
    ],
)
def test_a_region_follows_the_parameters_of_the_whole(tmp_path: Path, parameters: RenderParameters) -> None:
    noise = _noise(3.0)
    recording = write(tmp_path / "noise.wav", np.concatenate([0.1 * noise, noise], axis=1))
    whole = _render(recording, parameters)
    full = whole.images["full"].geometry
    span = (200 * full.seconds_per_px, 600 * full.seconds_per_px)
    region = Region(*span, full.f_min_hz, full.f_max_hz, 400, full.height)

    part = _region(recording, region, parameters, reference_power=_reference(whole, parameters))

    difference = _pixels(part.png).astype(int) - _pixels(whole.images["full"].png)[:, 200:600]
    assert np.abs(difference).max() <= 1
    assert np.count_nonzero(difference) <= difference.size / 10_000
    assert part.geometry.scale == full.scale


def test_a_channel_that_is_not_there_is_refused(tmp_path: Path) -> None:
    recording = write(tmp_path / "noise.wav", _noise(1.0))

    with pytest.raises(NoSuchChannelError):
        _region(recording, Region(0, 1, 0, 1000, 10, 10), RenderParameters(channel=1))


def test_a_band_of_the_parameters_ends_where_the_recording_does_as_in_the_whole(tmp_path: Path) -> None:
    recording = write(tmp_path / "noise.wav", _noise(1.0))

    part = _region(recording, Region(0, 1, 8000, None, 100, 50), PRESETS["bat"])

    whole = _render(recording, PRESETS["bat"]).images["full"].geometry
    assert (part.geometry.f_min_hz, part.geometry.f_max_hz) == (whole.f_min_hz, whole.f_max_hz) == (8000, RATE_HZ / 2)


@pytest.mark.parametrize("parameters", [RenderParameters(pcen=True), RenderParameters(channel="stacked")])
def test_a_region_that_needs_the_whole_recording_is_refused(tmp_path: Path, parameters: RenderParameters) -> None:
    with pytest.raises(RegionParametersError):
        _region(write(tmp_path / "noise.wav", _noise(1.0)), Region(0, 1, 0, None, 100, 50), parameters)


def test_a_band_shows_its_tone_in_the_row_of_its_frequency(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(5200, duration_s=3))

    part = _region(recording, Region(1.0, 1.5, 5000, 6000, 300, 200))

    spectrum = _pixels(part.png).astype(int).sum(axis=1)[::-1]
    middle = np.flatnonzero(spectrum == spectrum.max()).mean() + 0.5
    bin_hz = RATE_HZ / 2048
    assert abs(middle * part.geometry.hz_per_px + 5000 - 5200) <= bin_hz / 2 + part.geometry.hz_per_px


def test_a_click_stands_in_the_column_of_its_time(tmp_path: Path) -> None:
    samples = np.zeros((10 * RATE_HZ, 1), dtype=np.float32)
    samples[round(7.3 * RATE_HZ)] = 0.9

    part = _region(write(tmp_path / "click.wav", samples), Region(7.25, 7.35, 0, RATE_HZ / 2, 500, 100))

    loudness = _pixels(part.png).astype(int).sum(axis=0)
    middle = np.flatnonzero(loudness == loudness.max()).mean()
    assert (middle + 0.5) * part.geometry.seconds_per_px + 7.25 == pytest.approx(7.3, abs=0.001)


def test_fewer_samples_than_pixels_give_a_narrower_image(tmp_path: Path) -> None:
    recording = write(tmp_path / "noise.wav", _noise(1.0))

    part = _region(recording, Region(0.5, 0.5 + 100 / RATE_HZ, 0, 10_000, 800, 100))

    assert part.geometry.width == 100
    assert part.geometry.seconds_per_px == pytest.approx(1 / RATE_HZ)


def test_the_end_of_a_recording_may_be_asked_for(tmp_path: Path) -> None:
    recording = write(tmp_path / "noise.wav", _noise(1.0))

    part = _region(recording, Region(0.9, 1.0, 0, RATE_HZ / 2, 100, 100))

    assert _pixels(part.png)[:, -1].max() > 100


def test_silence_is_at_the_floor(tmp_path: Path) -> None:
    recording = write(tmp_path / "silence.wav", np.zeros((RATE_HZ, 1), dtype=np.float32))

    assert not _pixels(_region(recording, Region(0, 1, 0, 1000, 50, 50)).png).any()


def test_the_geometry_and_the_start_travel_inside_the_png(tmp_path: Path) -> None:
    part = _region(write(tmp_path / "noise.wav", _noise(1.0)), Region(0.25, 0.75, 2000, 8000, 100, 50))

    with PillowImage.open(io.BytesIO(part.png)) as opened:
        assert isinstance(opened, PngImageFile)
        notes = json.loads(opened.text["dawnchorus"])

    assert (notes["start_s"], notes["f_min_hz"], notes["hz_per_px"]) == (0.25, 2000, 120)


@pytest.mark.parametrize(
    ("region", "error", "code"),
    [
        (Region(-1, 1, 0, 1000, 10, 10), EmptyRegionError, "region_empty"),
        (Region(1, 1, 0, 1000, 10, 10), EmptyRegionError, "region_empty"),
        (Region(float("nan"), 1, 0, 1000, 10, 10), EmptyRegionError, "region_empty"),
        (Region(0, 1, 1000, 1000, 10, 10), EmptyRegionError, "region_empty"),
        (Region(0, 1, 0, 1000, 0, 10), RegionSizeError, "region_size"),
        (Region(0, 1, 0, 1000, 10, 100_000), RegionSizeError, "region_size"),
        (Region(0, 1, 0, 23_000, 10, 10), BandAboveNyquistError, "band_above_nyquist"),
        (Region(5, 6, 0, 1000, 10, 10), OutsideRecordingError, "region_outside_recording"),
        (Region(1.5, 2.5, 0, 1000, 10, 10), OutsideRecordingError, "region_outside_recording"),
    ],
)
def test_an_impossible_region_is_refused_with_a_code(
    tmp_path: Path, region: Region, error: type[UnprocessableError], code: str
) -> None:
    recording = write(tmp_path / "noise.wav", _noise(2.0))

    with pytest.raises(error) as raised:
        _region(recording, region)

    assert raised.value.code == code
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)  # noqa: S301 - our own bytes


def _region(
    recording: Path, region: Region, settings: RenderParameters | None = None, *, reference_power: float | None = None
) -> Image:
    with recording.open("rb") as opened:
        container = sniff_source(opened)
    settings = settings or RenderParameters()
    return render_region(recording, container, AudioLimits(), settings, region, reference_power=reference_power)


def _render(recording: Path, settings: RenderParameters | None = None) -> Rendering:
    with recording.open("rb") as opened:
        container = sniff_source(opened)
    return render(recording, container, AudioLimits(), settings or RenderParameters(), lambda _: None)


def _reference(whole: Rendering, parameters: RenderParameters | None = None) -> float:
    assert whole.reference_dbfs is not None
    parameters = parameters or RenderParameters()
    return float(full_scale_power(parameters.window, parameters.window_size) * 10 ** (whole.reference_dbfs / 10))


def _pixels(png: bytes) -> npt.NDArray[np.uint8]:
    with PillowImage.open(io.BytesIO(png)) as opened:
        return np.asarray(opened)


def _noise(duration_s: float) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(6)
    envelope = np.abs(np.sin(np.arange(round(duration_s * RATE_HZ)) / 9000))
    return (rng.uniform(-0.5, 0.5, len(envelope)) * envelope).astype(np.float32)[:, None]


def test_a_region_that_is_clearly_outside_is_refused_without_reading_anything() -> None:
    request = RegionRequest(
        recording_id="0192f0c1-5b7e-4a51-9a52-3f9f4c1f6a10",
        container="wav",
        size_bytes=1000,
        parameters=RenderParameters(),
        region=Region(0, 1e9, 0, 1000, 10, 10),
        reference_dbfs=None,
        duration_s=600.0,
    )

    with pytest.raises(OutsideRecordingError):
        draw_region("http://nowhere.invalid/", request, AudioLimits())
