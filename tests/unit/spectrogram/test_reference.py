from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.decode import mono
from contracts.rendering import PRESETS, Pool, RenderParameters
from tests.audio import Signal, write

from .drawing import drawn
from .slow import pairs, pixels

RATE_HZ = 16_000
VARIANTS = {
    "default": RenderParameters(),
    "absolute": RenderParameters(reference="full_scale", floor_db=-110, ceiling_db=-10),
    "a narrow range": RenderParameters(floor_db=-12, ceiling_db=-9),
    "a narrow band": RenderParameters(f_min_hz=990, f_max_hz=1600),
    "mel": RenderParameters(scale="mel"),
    "log": RenderParameters(scale="log"),
    "log from 50 Hz": RenderParameters(scale="log", f_min_hz=50, f_max_hz=6000),
    "hamming 512": RenderParameters(window="hamming", window_size=512),
    "blackman 8192": RenderParameters(window="blackman", window_size=8192, scale="mel"),
    "256, hop 40": RenderParameters(window_size=256, hop=40),
    "speech": PRESETS["speech"],
    "music": PRESETS["music"],
    "nothing but the lowest bins": RenderParameters(f_max_hz=20),
}


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_every_pixel_of_a_maximum_equals_the_slow_reference(tmp_path: Path, name: str) -> None:
    samples = _noisy_chirp(30_000)
    recording = write(tmp_path / "chirp.wav", samples[:, None], RATE_HZ, subtype="FLOAT")

    rendering = drawn(recording, VARIANTS[name])

    for found, expected in pairs(rendering, samples, RATE_HZ, VARIANTS[name]):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("scale", ["linear", "mel", "log"])
def test_means_equal_the_slow_reference_up_to_the_order_of_sums(tmp_path: Path, scale: str) -> None:
    samples = _noisy_chirp(30_000)
    parameters = RenderParameters.model_validate({"pool": "mean", "scale": scale})
    recording = write(tmp_path / "chirp.wav", samples[:, None], RATE_HZ, subtype="FLOAT")

    rendering = drawn(recording, parameters)

    for found, expected in pairs(rendering, samples, RATE_HZ, parameters):
        difference = np.abs(found.astype(int) - expected)
        assert difference.max() <= 1
        assert np.count_nonzero(difference) <= difference.size / 10_000


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["spinetail.wav", "voice.flac", "music_fast.ogg", "veryshort.wav", "stereo.wav"])
def test_every_pixel_of_a_real_recording_equals_the_slow_reference(recordings: Path, name: str) -> None:
    stored, rate_hz = soundfile.read(recordings / name, dtype="float32", always_2d=True)
    samples = np.asarray(mono(stored), dtype=np.float32)

    rendering = drawn(recordings / name)

    for found, expected in pairs(rendering, samples, rate_hz, RenderParameters(), names=("thumbnail", "standard")):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("pool", ["max", "mean"])
def test_a_recorders_offset_takes_nothing_from_the_range(tmp_path: Path, pool: Pool) -> None:
    samples = _noisy_chirp(30_000) * 0.1
    plain = write(tmp_path / "plain.wav", samples[:, None], RATE_HZ, subtype="FLOAT")
    lifted = write(tmp_path / "lifted.wav", (samples + 0.05)[:, None], RATE_HZ, subtype="FLOAT")

    references = [drawn(path, RenderParameters(pool=pool)).reference_dbfs for path in (plain, lifted)]

    # The step at either end has all frequencies and stays; here it is lower than the chirp, and the offset higher.
    assert references[1] == pytest.approx(references[0], abs=0.5)


def test_what_is_nothing_but_an_offset_is_drawn_relative_to_it(tmp_path: Path) -> None:
    constant = write(tmp_path / "constant.wav", np.full((30_000, 1), 0.25, dtype=np.float32), RATE_HZ, subtype="FLOAT")

    rendering = drawn(constant, RenderParameters(f_max_hz=20))

    assert rendering.reference_dbfs == pytest.approx(20 * np.log10(0.25) + 6.02, abs=0.1)
    assert pixels(rendering.images["full"]).max() == 255


def _noisy_chirp(length: int) -> Signal:
    time_s = np.arange(length) / RATE_HZ
    chirp = 0.5 * np.sin(2 * np.pi * (500 * time_s + 1000 * time_s**2))
    return (chirp + np.random.default_rng(8).normal(0, 0.01, length)).astype(np.float32)
