from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.rendering import RenderParameters, WindowName
from services.spectrogram.pooling import Power, power_of
from services.spectrogram.stft import SpectrumStream
from services.spectrogram.windows import analysis_window, full_scale_power

from .slow import engine_power, librosa_power

DEFAULT = RenderParameters()
WINDOW = DEFAULT.window_size
BINS = WINDOW // 2 + 1
_EDGES = [1, 2, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW, 64 * 256 - 1, 64 * 256, 64 * 256 + 1]
_REAL = [
    *("1min.wav", "audiomoth_gps.wav", "birds_10s.wav", "metadata.wav", "music_fast.ogg", "music_slow.ogg"),
    *("rugr_drum.wav", "silence_10s.mp3", "snare_accelerate.ogg", "spinetail.wav", "stereo.wav", "veryshort.wav"),
    *("voice.flac", "voice.ogg"),
]


@pytest.mark.recordings
@pytest.mark.parametrize("window", ["hann", "hamming", "blackman"])
@pytest.mark.parametrize("name", _REAL)
def test_power_equals_librosas_on_real_recordings(recordings: Path, name: str, window: WindowName) -> None:
    samples, _ = soundfile.read(recordings / name, dtype="float32", always_2d=True, frames=200_000)
    mix = samples.mean(axis=1)
    parameters = RenderParameters(window=window)

    assert_close(engine_power(mix, parameters, 256), librosa_power(mix, parameters, 256))


@pytest.mark.parametrize("size", [256, 512, 1024, 4096, 8192])
def test_windows_of_every_size_are_librosas(size: int) -> None:
    samples = np.random.default_rng(size).uniform(-1, 1, 20_000).astype(np.float32)
    parameters = RenderParameters.model_validate({"window_size": size})

    assert_close(engine_power(samples, parameters, 100), librosa_power(samples, parameters, 100))


@given(
    length=st.sampled_from(_EDGES) | st.integers(1, 10_000),
    hop=st.sampled_from([1, 3, 100, 255, 256]),
    cuts=st.lists(st.integers(0, 10_000), max_size=4),
)
@settings(max_examples=40)
def test_however_the_samples_arrive_the_frames_are_librosas(length: int, hop: int, cuts: list[int]) -> None:
    hop = max(hop, length // 2000)
    samples = np.random.default_rng(length).uniform(-1, 1, length).astype(np.float32)
    places = sorted({0, length, *(cut for cut in cuts if cut < length)})

    power = _power([samples[start:end] for start, end in pairwise(places)], hop)

    assert power.shape == (1 + length // hop, BINS)
    assert_close(power, librosa_power(samples, DEFAULT, hop))


@pytest.mark.parametrize(("first", "bins"), [(0, 1), (0, 1024), (1, 1023), (1, 1024), (7, 1), (1024, 1), (500, 525)])
def test_a_part_of_the_bins_is_that_part_of_all(first: int, bins: int) -> None:
    samples = np.random.default_rng(3).uniform(-1, 1, 9000).astype(np.float32)

    part = _power([samples], 256, first=first, bins=bins)

    np.testing.assert_array_equal(part, _power([samples], 256)[:, first : first + bins])


def test_int16_samples_give_the_power_of_their_float_values() -> None:
    samples = np.random.default_rng(3).integers(-32768, 32767, 20_000, dtype=np.int16)

    power = _power([samples], hop=256, scale=1 / 32768)

    assert_close(power, librosa_power((samples / 32768).astype(np.float32), DEFAULT, 256))


@pytest.mark.parametrize("window", ["hann", "hamming", "blackman"])
def test_a_full_scale_sine_has_full_scale_power(window: WindowName) -> None:
    cycles = np.arange(8 * WINDOW) * 100 / WINDOW
    sine = np.sin(2 * np.pi * cycles).astype(np.float32)

    power = engine_power(sine, RenderParameters(window=window), 256)

    assert power[10:-10].max() == pytest.approx(full_scale_power(window, WINDOW), rel=1e-5)
    assert analysis_window(window, WINDOW).max() == pytest.approx(1)


def assert_close(power: Power, expected: Power) -> None:
    """Equal to float32 rounding: of a transform's largest bin, that is, and not of each bin alone."""
    assert power.shape == expected.shape
    scale = np.sqrt(expected.max(axis=1, keepdims=True)) + 1e-30
    np.testing.assert_allclose(np.sqrt(power) / scale, np.sqrt(expected) / scale, atol=2e-6)


def _power(pieces: list[np.ndarray], hop: int, scale: float = 1.0, first: int = 0, bins: int = BINS) -> Power:
    stream = SpectrumStream("hann", WINDOW, hop=hop, scale=scale)
    power = [power_of(spectra, first, bins) for piece in pieces for spectra in stream.push(piece)]
    power += [power_of(spectra, first, bins) for spectra in stream.finish()]
    return np.concatenate(power)
