import io
import json

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PillowImage
from PIL.PngImagePlugin import PngImageFile

from services.spectrogram.peaks import PeakPool, Peaks
from services.spectrogram.waveform import Waveform, waveform

RATE_HZ = 8000


def test_a_burst_stands_in_its_columns_as_high_as_it_is_loud() -> None:
    samples = np.zeros(80_000, dtype=np.float32)
    samples[20_000:40_000] = 0.5 * np.sin(np.arange(20_000) / 3)
    samples[60_000] = -0.25

    drawn = waveform(_peaks(samples), 10)

    pixels = _pixels(drawn)
    assert pixels.shape == (120, 800)
    assert (pixels[:, :199] > 0).sum(axis=0).max() == 1
    assert (pixels[:, 202:398] > 0).sum(axis=0).min() >= 118
    rows = np.flatnonzero(pixels[:, 599])
    assert (rows.min(), rows.max()) == (60, 89)


def test_the_rms_lies_within_the_outline() -> None:
    samples = 0.5 * np.sin(np.arange(80_000) / 3).astype(np.float32)

    drawn = waveform(_peaks(samples), 10)

    body = (_pixels(drawn) == 2).sum(axis=0)
    assert body.mean() == pytest.approx(120 / np.sqrt(2), abs=2)


def test_a_quiet_recording_fills_the_height_and_the_geometry_tells() -> None:
    samples = np.full(8000, 0.001, dtype=np.float32)
    samples[::2] *= -1

    drawn = waveform(_peaks(samples), 1)

    assert (_pixels(drawn) > 0).all()
    assert drawn.geometry.amplitude_per_px * 60 == pytest.approx(0.001, rel=0.02)


def test_silence_is_a_line() -> None:
    pixels = _pixels(waveform(_peaks(np.zeros(80_000, dtype=np.float32)), 10))

    assert np.flatnonzero(pixels.any(axis=1)).tolist() == [60]


@pytest.mark.parametrize("length", [1, 63, 64, 65, 5000])
def test_a_short_recording_gets_its_natural_width(length: int) -> None:
    drawn = waveform(_peaks(np.ones(length, dtype=np.float32)), length / RATE_HZ)

    assert drawn.geometry.width == -(-length // 64)
    assert drawn.geometry.width * drawn.geometry.seconds_per_px == pytest.approx(length / RATE_HZ)


def test_the_geometry_travels_inside_the_png() -> None:
    drawn = waveform(_peaks(np.ones(5000, dtype=np.float32)), 5000 / RATE_HZ)

    with PillowImage.open(io.BytesIO(drawn.png)) as opened:
        assert isinstance(opened, PngImageFile)
        notes = json.loads(opened.text["dawnchorus"])

    assert notes["amplitude_per_px"] == drawn.geometry.amplitude_per_px


def _peaks(samples: npt.NDArray[np.float32]) -> Peaks:
    pool = PeakPool(1.0)
    pool.add(samples)
    pool.finish()
    return pool.finest(RATE_HZ)


def _pixels(drawn: Waveform) -> npt.NDArray[np.uint8]:
    with PillowImage.open(io.BytesIO(drawn.png)) as opened:
        return np.asarray(opened)
