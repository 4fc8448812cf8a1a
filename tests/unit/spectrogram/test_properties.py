"""Images of any length, rate, number of channels, window and scale: whole, finite, and what the slow way draws."""

import hashlib
import subprocess
import sys
import tempfile
from dataclasses import astuple
from math import isfinite
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.decode import mono
from contracts.rendering import RenderParameters
from services.spectrogram.geometry import max_hop
from tests.audio import REPOSITORY, Signal, encode, write

from .drawing import NAMES, drawn
from .slow import engine_power, librosa_power, outline_of, pairs, pixels
from .test_stft import assert_close

RATES_HZ = [8000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000, 256_000, 384_000]
SIZES = [256, 512, 1024, 2048, 4096, 8192]
_AROUND = (-1, 0, 1)

rates_hz = st.sampled_from(RATES_HZ)
sizes = st.sampled_from(SIZES)
scales = st.sampled_from(["linear", "mel", "log"])
# Around the window and its hops, where frames begin and end.
lengths = st.builds(
    lambda size, times, more: max(1, times * size // 8 + more),
    sizes,
    st.integers(0, 20),
    st.sampled_from(_AROUND),
)


@given(length=lengths, rate_hz=rates_hz, channels=st.integers(1, 8), size=sizes, scale=scales)
@settings(max_examples=40, deadline=None)
def test_images_of_anything_are_what_the_slow_way_draws(
    length: int, rate_hz: int, channels: int, size: int, scale: str
) -> None:
    parameters = RenderParameters.model_validate({"window_size": size, "scale": scale})
    samples = _noise(length, channels)

    with tempfile.TemporaryDirectory() as folder:
        rendering = drawn(write(Path(folder) / "noise.wav", samples, rate_hz, subtype="FLOAT"), parameters)

    mix = np.asarray(mono(samples), dtype=np.float32)
    for found, expected in pairs(rendering, mix, rate_hz, parameters, names=("thumbnail",)):
        np.testing.assert_array_equal(found, expected)
    for name in NAMES:
        geometry = rendering.images[name].geometry
        assert pixels(rendering.images[name]).shape == (geometry.height, geometry.width)
        assert min(geometry.width, geometry.height) >= 1
        assert all(isfinite(each) for each in astuple(geometry) if isinstance(each, float))
        assert geometry.seconds_per_px > 0
    assert rendering.duration_s == pytest.approx(length / rate_hz)


@given(length=lengths, rate_hz=rates_hz, channels=st.integers(2, 8))
@settings(max_examples=20, deadline=None)
def test_stacked_channels_and_single_ones_are_as_good(length: int, rate_hz: int, channels: int) -> None:
    samples = _noise(length, channels)

    with tempfile.TemporaryDirectory() as folder:
        recording = write(Path(folder) / "noise.wav", samples, rate_hz, subtype="FLOAT")
        stacked = drawn(recording, RenderParameters(channel="stacked"))
        last = drawn(recording, RenderParameters(channel=channels - 1))
        alone = drawn(
            write(Path(folder) / "alone.wav", samples[:, -1:], rate_hz, subtype="FLOAT"), RenderParameters(channel=0)
        )

    assert all((pixels(last.images[name]) == pixels(alone.images[name])).all() for name in NAMES)
    for name in NAMES:
        geometry = stacked.images[name].geometry
        assert geometry.panels == channels
        assert pixels(stacked.images[name]).shape == (geometry.height, geometry.width)


@given(length=lengths, rate_hz=rates_hz, size=sizes)
@settings(max_examples=30, deadline=None)
def test_the_power_of_any_plan_is_librosas(length: int, rate_hz: int, size: int) -> None:
    parameters = RenderParameters.model_validate({"window_size": size})
    samples = _noise(length, 1)[:, 0]
    hop = outline_of(samples, rate_hz, parameters).hop

    assert 1 <= hop <= max_hop(parameters)
    assert_close(engine_power(samples, parameters, hop), librosa_power(samples, parameters, hop))


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "m4a", "opus"])
def test_two_processes_give_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    make = write if suffix in {"wav", "flac"} else encode
    recording = make(tmp_path / f"noise.{suffix}", _noise(150_000, 2), 48_000)

    digests = {_digest_of_another_process(recording, seed) for seed in ("1", "2")}

    assert digests == {_digest(recording)}


def _digest_of_another_process(recording: Path, seed: str) -> str:
    program = "import sys, pathlib\nfrom tests.unit.spectrogram.test_properties import _digest\n"
    program += "sys.stdout.write(_digest(pathlib.Path(sys.argv[1])))"
    return subprocess.run(
        [sys.executable, "-c", program, str(recording)],
        cwd=REPOSITORY,
        env={"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": seed, "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def _digest(recording: Path) -> str:
    rendering = drawn(recording)
    digest = hashlib.sha256(b"".join(rendering.images[name].png for name in NAMES))
    if rendering.outline is not None:
        digest.update(rendering.outline.waveform.png + b"".join(zoom.dat for zoom in rendering.outline.zooms))
    return digest.hexdigest()


def _noise(length: int, channels: int) -> Signal:
    return np.random.default_rng(length).uniform(-0.9, 0.9, (length, channels)).astype(np.float32)
