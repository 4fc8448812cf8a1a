from pathlib import Path

import librosa
import numpy as np
import pytest

from contracts.palettes import palette
from contracts.rendering import PRESETS, RenderParameters
from services.spectrogram.errors import BandAboveNyquistError, BandBelowBinsError, NoSuchChannelError
from services.spectrogram.pcen import EnergyNormalizer
from tests.audio import tone, write

from .drawing import NAMES, drawn
from .slow import engine_power, pixels

STEREO = np.concatenate([tone(2000, duration_s=2), tone(8000, duration_s=2)], axis=1)


def test_one_channel_is_drawn_as_if_it_were_alone(tmp_path: Path) -> None:
    both = write(tmp_path / "both.wav", STEREO)
    alone = write(tmp_path / "alone.wav", STEREO[:, 1:])

    picked = drawn(both, RenderParameters(channel=1)).images

    for name, image in drawn(alone).images.items():
        np.testing.assert_array_equal(pixels(picked[name]), pixels(image))


def test_stacked_channels_stand_one_above_the_other(tmp_path: Path) -> None:
    rendering = drawn(write(tmp_path / "both.wav", STEREO), RenderParameters(channel="stacked"))

    for name in NAMES:
        image = rendering.images[name]
        half, column = image.geometry.height // 2, pixels(image)[:, image.geometry.width // 2]
        assert image.geometry.panels == 2
        assert abs(int(column[half:].argmax()) - 2000 / image.geometry.hz_per_px) <= 2
        assert abs(int(column[:half].argmax()) - 8000 / image.geometry.hz_per_px) <= 2


@pytest.mark.parametrize("channels", [1, 3, 8, 32])
def test_as_many_channels_as_there_are_can_be_stacked(tmp_path: Path, channels: int) -> None:
    recording = write(tmp_path / "many.wav", tone(channels=channels, duration_s=0.3))

    image = drawn(recording, RenderParameters(channel="stacked")).images["full"]

    assert image.geometry.height == 600 // channels * channels
    panels = pixels(image).reshape(channels, -1, image.geometry.width)
    assert all(np.array_equal(panel, panels[0]) for panel in panels)


def test_a_channel_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoSuchChannelError, match="no channel 2: the recording has 2"):
        drawn(write(tmp_path / "both.wav", STEREO), RenderParameters(channel=2))


def test_a_band_above_the_recording_is_refused_and_one_that_reaches_over_it_is_cut(tmp_path: Path) -> None:
    slow = write(tmp_path / "slow.wav", tone(rate_hz=16_000), 16_000)
    fast = write(tmp_path / "fast.wav", tone())

    with pytest.raises(
        BandAboveNyquistError, match="starts at 8000 Hz and ends at 130000 Hz; the recording ends at 8000 Hz"
    ):
        drawn(slow, PRESETS["bat"])
    assert drawn(fast, PRESETS["bat"]).images["full"].geometry.f_max_hz == 22_050


def test_a_logarithmic_band_below_the_first_bin_is_refused_by_its_own_name(tmp_path: Path) -> None:
    with pytest.raises(BandBelowBinsError, match="ends at 10 Hz; a logarithmic axis starts at 21"):
        drawn(write(tmp_path / "tone.wav", tone()), RenderParameters(scale="log", f_max_hz=10))


def test_a_band_between_two_bins_shows_the_nearer_one(tmp_path: Path) -> None:
    recording = write(tmp_path / "tone.wav", tone(1001, duration_s=1))

    image = drawn(recording, RenderParameters(f_min_hz=1000, f_max_hz=1002)).images["standard"]

    assert (pixels(image) == pixels(image)[0]).all()
    assert pixels(image).max() == 255


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("rate_hz", [22_050, 384_000])
def test_every_preset_draws(tmp_path: Path, preset: str, rate_hz: int) -> None:
    recording = write(tmp_path / "tone.wav", tone(9000, duration_s=0.5, rate_hz=rate_hz), rate_hz)

    rendering = drawn(recording, PRESETS[preset])  # type: ignore[index]  # the parametrization is the keys

    assert pixels(rendering.images["full"]).max() == 255


def test_a_reversed_palette_runs_backwards() -> None:
    forward = np.frombuffer(palette("magma"), dtype=np.uint8).reshape(256, 3)

    np.testing.assert_array_equal(np.frombuffer(palette("magma_r"), dtype=np.uint8).reshape(256, 3), forward[::-1])


def test_absolute_levels_do_not_follow_the_recording(tmp_path: Path) -> None:
    parameters = RenderParameters(reference="full_scale", floor_db=-102, ceiling_db=0)

    rendering = drawn(write(tmp_path / "tone.wav", tone(4306.640625, duration_s=1, level=0.1)), parameters)

    assert pixels(rendering.images["full"]).max() == round((102 - 20) / 102 * 255)
    assert rendering.images["full"].geometry.reference_dbfs == 0


def test_pcen_equals_librosas(tmp_path: Path) -> None:
    samples = np.random.default_rng(9).normal(0, 0.1, 60_000).astype(np.float32)
    power = engine_power(samples, RenderParameters(), 256)

    normalizer = EnergyNormalizer(22_050, 256, power.shape[1])
    found = np.concatenate([normalizer.normalized(power[start : start + 50]) for start in range(0, len(power), 50)])

    expected = librosa.pcen(np.sqrt(power.T) * 2.0**31, sr=22_050, hop_length=256).T
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3)


def test_pcen_makes_a_faint_call_stand_out_of_a_steady_hum(tmp_path: Path) -> None:
    samples = tone(3000, duration_s=4, level=0.5) + np.random.default_rng(1).normal(0, 1e-3, (4 * 44_100, 1))
    samples[88_200:92_610] += tone(6000, duration_s=0.1, level=0.02)
    recording = write(tmp_path / "hum.wav", samples.astype(np.float32))

    image = drawn(recording, RenderParameters(pcen=True)).images["standard"]

    rows = [int(frequency_hz / image.geometry.hz_per_px) for frequency_hz in (3000, 6000)]
    hum, call = (pixels(image)[row - 1 : row + 2, 405:420].max() for row in rows)
    assert call > 1.5 * hum
    assert (image.geometry.quantity, image.geometry.floor_db) == ("PCEN", None)
