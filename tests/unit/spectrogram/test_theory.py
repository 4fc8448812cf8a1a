import math
from pathlib import Path

import numpy as np
import pytest

from contracts.rendering import RenderParameters
from services.spectrogram.image import Image
from services.spectrogram.scales import frequency_axis
from tests.audio import Signal, tone, write

from .drawing import NAMES, drawn
from .slow import pixels

VARIANTS = {
    "default": RenderParameters(),
    "mel": RenderParameters(scale="mel"),
    "log": RenderParameters(scale="log", f_min_hz=100),
    "band": RenderParameters(f_min_hz=500, f_max_hz=9000),
    "short windows": RenderParameters(window_size=512, window="hamming"),
    "long windows": RenderParameters(window_size=8192, window="blackman"),
}
VARIANTS |= {
    f"{scale}, {size}": RenderParameters.model_validate({"scale": scale, "window_size": size, "f_min_hz": 100})
    for scale in ("linear", "mel", "log")
    for size in (256, 512, 1024, 2048, 4096, 8192)
}
RATE_HZ = 44_100


@pytest.mark.parametrize("variant", sorted(VARIANTS))
@pytest.mark.parametrize("frequency_hz", [700.0, 3000.0, 8800.0])
def test_a_tone_stands_in_the_row_of_its_frequency(tmp_path: Path, variant: str, frequency_hz: float) -> None:
    rendering = drawn(write(tmp_path / "tone.wav", tone(frequency_hz, duration_s=3)), VARIANTS[variant])

    for name in NAMES:
        image = rendering.images[name]
        column = pixels(image)[:, image.geometry.width // 2]
        rows = np.flatnonzero(column == column.max())
        wanted = _row(frequency_hz, image, VARIANTS[variant])
        assert rows.min() - 1 - _bin_rows(frequency_hz, image, VARIANTS[variant]) <= wanted
        assert wanted <= rows.max() + 1 + _bin_rows(frequency_hz, image, VARIANTS[variant])


@pytest.mark.parametrize("variant", sorted(VARIANTS))
@pytest.mark.parametrize("at_s", [0.5, 3.123, 5.9])
def test_a_click_stands_in_the_column_of_its_time(tmp_path: Path, variant: str, at_s: float) -> None:
    samples = np.zeros((6 * RATE_HZ, 1), dtype=np.float32)
    samples[round(at_s * RATE_HZ)] = 1.0

    rendering = drawn(write(tmp_path / "click.wav", samples), VARIANTS[variant])

    for name in NAMES:
        image = rendering.images[name]
        loudness = pixels(image).astype(int).sum(axis=0)
        column = np.flatnonzero(loudness == loudness.max()).mean()
        assert abs((column + 0.5) * image.geometry.seconds_per_px - at_s) <= 1.5 * image.geometry.seconds_per_px + 0.004


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_a_chirp_climbs_as_it_should(tmp_path: Path, variant: str) -> None:
    rendering = drawn(write(tmp_path / "chirp.wav", _chirp(1000, 8000, duration_s=5)), VARIANTS[variant])

    for name in NAMES:
        image = rendering.images[name]
        indices = pixels(image)
        for share in (0.2, 0.5, 0.8):
            at_s = (int(share * image.geometry.width) + 0.5) * image.geometry.seconds_per_px
            frequency_hz = 1000 + 7000 * at_s / 5
            column = indices[:, int(share * image.geometry.width)]
            row = float(np.flatnonzero(column == column.max()).mean())
            slack = 2 + 2 * _bin_rows(frequency_hz, image, VARIANTS[variant])
            assert abs(row - _row(frequency_hz, image, VARIANTS[variant])) <= slack


def _row(frequency_hz: float, image: Image, parameters: RenderParameters) -> float:
    axis = frequency_axis(parameters, RATE_HZ)
    return float(axis.position(np.array([frequency_hz]))[0]) * image.geometry.height


def _bin_rows(frequency_hz: float, image: Image, parameters: RenderParameters) -> float:
    """How many rows one bin is high there."""
    bin_hz = RATE_HZ / parameters.window_size
    return math.ceil(_row(frequency_hz + bin_hz, image, parameters) - _row(frequency_hz, image, parameters))


def _chirp(low_hz: float, high_hz: float, duration_s: float) -> Signal:
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * (low_hz * time_s + (high_hz - low_hz) / duration_s * time_s**2 / 2)
    return (0.5 * np.sin(phase)).astype(np.float32)[:, None]
