from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from services.spectrogram.geometry import BINS, FFT_SIZE
from services.spectrogram.stft import Power, PowerStream, full_scale_power, unpacked

from .slow import power_spectrogram

_EDGES = [1, 2, FFT_SIZE - 1, FFT_SIZE, FFT_SIZE + 1, 2 * FFT_SIZE, 64 * 256 - 1, 64 * 256, 64 * 256 + 1]


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["spinetail.wav", "voice.flac", "music_fast.ogg", "veryshort.wav", "rugr_drum.wav"])
def test_power_equals_librosas_on_real_recordings(recordings: Path, name: str) -> None:
    samples, _ = soundfile.read(recordings / name, dtype="float32", always_2d=True, frames=300_000)
    mix = samples.mean(axis=1)

    assert_close(_power([mix], hop=256), power_spectrogram(mix, 256))


@given(
    length=st.sampled_from(_EDGES) | st.integers(1, 10_000),
    hop=st.sampled_from([1, 3, 100, 255, 256]),
    cuts=st.lists(st.integers(0, 10_000), max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_however_the_samples_arrive_the_frames_are_librosas(length: int, hop: int, cuts: list[int]) -> None:
    hop = max(hop, length // 2000)
    samples = np.random.default_rng(length).uniform(-1, 1, length).astype(np.float32)
    places = sorted({0, length, *(cut for cut in cuts if cut < length)})

    power = _power([samples[start:end] for start, end in pairwise(places)], hop)

    assert power.shape == (1 + length // hop, BINS)
    assert_close(power, power_spectrogram(samples, hop))


def test_int16_samples_give_the_power_of_their_float_values() -> None:
    samples = np.random.default_rng(3).integers(-32768, 32767, 20_000, dtype=np.int16)

    power = _power([samples], hop=256, scale=1 / 32768)

    assert_close(power, power_spectrogram((samples / 32768).astype(np.float32), 256))


def test_a_full_scale_sine_has_full_scale_power() -> None:
    cycles = np.arange(8 * FFT_SIZE) * 100 / FFT_SIZE

    power = _power([np.sin(2 * np.pi * cycles).astype(np.float32)], hop=256)

    assert power.max() == pytest.approx(full_scale_power(), rel=1e-5)


def assert_close(power: Power, expected: Power) -> None:
    """Equal to float32 rounding: of a transform's largest bin, that is, and not of each bin alone."""
    assert power.shape == expected.shape
    scale = np.sqrt(expected.max(axis=1, keepdims=True)) + 1e-30
    np.testing.assert_allclose(np.sqrt(power) / scale, np.sqrt(expected) / scale, atol=2e-6)


def _power(pieces: list[np.ndarray], hop: int, scale: float = 1.0) -> Power:
    stream = PowerStream(hop, scale)
    batches = [unpacked(batch) for piece in pieces for batch in stream.push(piece)]
    batches += [unpacked(batch) for batch in stream.finish()]
    return np.concatenate(batches)
