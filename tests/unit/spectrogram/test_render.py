import io
import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL.PngImagePlugin import PngImageFile

from audio.decode import AudioLimits, AudioStream, Container, open_audio
from audio.errors import InvalidSamplesError
from contracts.rendering import RenderParameters
from services.spectrogram.image import Image
from services.spectrogram.render import render
from tests.audio import encode, tone, write

from .drawing import NAMES, drawn
from .slow import pixels

FFT_SIZE = 2048
_LENGTHS = [1, 2, 255, 256, 257, FFT_SIZE - 1, FFT_SIZE, FFT_SIZE + 1, 5 * FFT_SIZE, 40_000]


@given(
    length=st.sampled_from(_LENGTHS) | st.integers(1, 20_000),
    rate_hz=st.sampled_from([8000, 22_050, 44_100, 96_000, 384_000]),
    channels=st.integers(1, 8),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_length_rate_and_width_gives_three_true_images(
    tmp_path: Path, length: int, rate_hz: int, channels: int
) -> None:
    samples = np.random.default_rng(length).uniform(-0.5, 0.5, (length, channels)).astype(np.float32)

    rendering = drawn(write(tmp_path / "noise.wav", samples, rate_hz))

    assert (rendering.decoded_frames, rendering.rate_hz) == (length, rate_hz)
    for name in NAMES:
        image = rendering.images[name]
        geometry = image.geometry
        assert pixels(image).shape == (geometry.height, geometry.width)
        assert 1 <= geometry.width <= 1 + length
        assert geometry.width * geometry.seconds_per_px == pytest.approx(length / rate_hz, abs=256 / rate_hz)
        assert geometry.height * geometry.hz_per_px == geometry.f_max_hz == rate_hz / 2
    assert pixels(rendering.images["full"]).max() == 255


def test_low_frequencies_are_at_the_bottom_of_the_png(tmp_path: Path) -> None:
    rendering = drawn(write(tmp_path / "low.wav", tone(300, duration_s=2)))

    with PillowImage.open(io.BytesIO(rendering.images["standard"].png)) as opened:
        row = int(np.asarray(opened)[:, 400].argmax())

    assert row > 390


def test_the_reference_is_the_level_of_the_loudest_sine(tmp_path: Path) -> None:
    rendering = drawn(write(tmp_path / "tone.wav", tone(4_306.640625, duration_s=1, level=0.1)))

    assert rendering.reference_dbfs == pytest.approx(-20, abs=0.01)


def test_a_short_call_survives_in_a_long_recording(tmp_path: Path) -> None:
    samples = np.random.default_rng(4).normal(0, 1e-4, (180 * 8000, 1)).astype(np.float32)
    samples[800_000:800_160] += tone(2000, duration_s=0.02, rate_hz=8000, level=0.5)

    thumbnail = drawn(write(tmp_path / "call.wav", samples, 8000)).images["thumbnail"]

    column = int(100 / thumbnail.geometry.seconds_per_px)
    assert pixels(thumbnail)[100, column - 1 : column + 2].max() > 240


def test_silence_is_drawn_at_the_floor_and_said(tmp_path: Path) -> None:
    rendering = drawn(write(tmp_path / "silence.wav", np.zeros((44_100, 1), dtype=np.float32)))

    assert rendering.reference_dbfs is None
    assert [warning.code for warning in rendering.warnings] == ["silent"]
    assert not any(pixels(rendering.images[name]).any() for name in NAMES)


def test_a_recording_that_is_no_numbers_has_no_image(tmp_path: Path) -> None:
    samples = tone(duration_s=1)
    samples[40_000] = np.nan

    with pytest.raises(InvalidSamplesError):
        drawn(write(tmp_path / "nan.wav", samples, subtype="FLOAT"))


def test_a_truncated_recording_keeps_its_scale_and_loses_width(tmp_path: Path) -> None:
    noise = _noise(10 * 44_100)
    whole = write(tmp_path / "noise.flac", noise)
    cut = tmp_path / "cut.flac"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    complete, shortened = drawn(whole), drawn(cut)

    assert [warning.code for warning in shortened.warnings] == ["truncated"]
    full = shortened.images["full"].geometry
    assert full.seconds_per_px == complete.images["full"].geometry.seconds_per_px
    assert full.width * full.seconds_per_px == pytest.approx(shortened.duration_s, abs=0.01)


def test_a_header_that_claims_nothing_draws_the_same_times(tmp_path: Path) -> None:
    times_s = [5, 20, 35]
    recording = _without_length(write(tmp_path / "clicks.flac", _clicks(times_s, duration_s=40)))

    rendering = drawn(recording)

    for name in NAMES:
        image = rendering.images[name]
        loudness = pixels(image).astype(int).sum(axis=0)
        columns = np.arange(len(loudness)) * image.geometry.seconds_per_px
        assert all(np.abs(columns[loudness > loudness.max() / 2] - at_s).min() < 0.1 for at_s in times_s)
    assert rendering.images["full"].geometry.width == 6400


@pytest.mark.parametrize("pool", ["max", "mean"])
@pytest.mark.parametrize("duration_s", [0.01, 1, 3.9, 4.1, 10, 16.1, 20, 33])
def test_a_header_that_claims_nothing_draws_the_same_sizes(tmp_path: Path, duration_s: float, pool: str) -> None:
    samples = _noise(round(duration_s * 22_050))
    claimed = write(tmp_path / "noise.flac", samples, 22_050)

    known, unknown = (
        drawn(recording, RenderParameters.model_validate({"pool": pool}))
        for recording in (claimed, _without_length(claimed))
    )

    for name in NAMES:
        assert _size(unknown.images[name]) == _size(known.images[name])
    if duration_s < 4:
        assert unknown.images == known.images


def test_a_decoder_that_gives_more_than_was_claimed_makes_no_image_too_wide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_modest(source: Path, container: Container, limits: AudioLimits) -> AudioStream:
        stream = open_audio(source, container, limits)
        stream.expected_frames = 20 * 22_050 - 6000
        return stream

    monkeypatch.setattr("services.spectrogram.render.open_audio", open_modest)

    rendering = drawn(write(tmp_path / "noise.wav", _noise(20 * 22_050), 22_050))

    assert rendering.decoded_frames == 20 * 22_050
    assert rendering.images["full"].geometry.width == 6400


def test_frames_of_aac_have_the_widths_of_the_table(tmp_path: Path) -> None:
    recordings = [encode(tmp_path / f"{seconds}.aac", _noise(seconds * 44_100)) for seconds in (1, 20)]

    widths = [[drawn(recording).images[name].geometry.width for name in NAMES] for recording in recordings]

    assert widths[0][1:] == [800, 1600]
    assert widths[1] == [800, 1600, 6400]


def test_a_wav_header_may_lie(tmp_path: Path) -> None:
    content = bytearray(write(tmp_path / "click.wav", _clicks([2], duration_s=4)).read_bytes())
    struct.pack_into("<I", content, content.index(b"data") + 4, 1_000_000_000)
    recording = tmp_path / "lie.wav"
    recording.write_bytes(content)

    rendering = drawn(recording)

    assert rendering.duration_s == 4
    assert [warning.code for warning in rendering.warnings] == ["truncated"]
    assert rendering.images["full"].geometry.width == 1600


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "opus", "ogg"])
def test_compressed_recordings_draw_their_tone(tmp_path: Path, suffix: str) -> None:
    make = write if suffix == "ogg" else encode
    rendering = drawn(make(tmp_path / f"tone.{suffix}", tone(3000, duration_s=3, rate_hz=48_000), 48_000))

    standard = rendering.images["standard"]
    row = int(pixels(standard)[:, standard.geometry.width // 2].argmax())
    assert row == int(3000 / standard.geometry.hz_per_px)
    assert rendering.duration_s == pytest.approx(3, abs=0.05)


def test_the_same_recording_gives_the_same_bytes_and_survives_pickling(tmp_path: Path) -> None:
    recording = write(tmp_path / "noise.wav", _noise(100_000))

    first, second = drawn(recording), drawn(recording)

    assert first.images == second.images
    assert pickle.loads(pickle.dumps(first)) == first  # noqa: S301 - our own bytes


def test_the_geometry_travels_inside_the_png(tmp_path: Path) -> None:
    image = drawn(write(tmp_path / "tone.wav", tone())).images["standard"]

    with PillowImage.open(io.BytesIO(image.png)) as opened:
        assert isinstance(opened, PngImageFile)
        note = json.loads(opened.text["dawnchorus"])

    assert note["seconds_per_px"] == image.geometry.seconds_per_px
    assert note["palette"] == "viridis"


def test_progress_rises_to_one(tmp_path: Path) -> None:
    shares: list[float] = []
    recording = write(tmp_path / "noise.wav", _noise(300_000))

    render(recording, Container.WAV, AudioLimits(), RenderParameters(), shares.append)

    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 3


def _without_length(recording: Path) -> Path:
    content = bytearray(recording.read_bytes())
    content[21:26] = (int.from_bytes(content[21:26], "big") >> 36 << 36).to_bytes(5, "big")
    piped = recording.with_name("pipe.flac")
    piped.write_bytes(content)
    return piped


def _size(image: Image) -> tuple[int, int]:
    return image.geometry.width, image.geometry.height


def _noise(length: int) -> np.ndarray:
    return np.random.default_rng(6).uniform(-0.5, 0.5, (length, 1)).astype(np.float32)


def _clicks(times_s: list[int], duration_s: int) -> np.ndarray:
    samples = np.zeros((duration_s * 44_100, 1), dtype=np.float32)
    samples[np.array(times_s) * 44_100] = 0.9
    return samples
