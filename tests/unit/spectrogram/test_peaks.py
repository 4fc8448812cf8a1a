import json
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from services.spectrogram.peaks import PeakPool, Peaks

RATE_HZ = 44_100


@given(
    blocks=st.lists(st.integers(1, 700), min_size=1, max_size=12),
    capacity=st.sampled_from([2, 8, 64, 4096]),
    seed=st.integers(0, 9),
)
def test_any_blocks_give_the_peaks_of_the_whole(blocks: list[int], capacity: int, seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-32_768, 32_768, sum(blocks)).astype(np.int16)
    pool = PeakPool(1 / 32_768, samples_per_px=4, capacity=capacity)

    for block in np.split(samples, np.cumsum(blocks)[:-1]):
        pool.add(block)
    pool.finish()

    peaks = pool.finest(RATE_HZ)
    assert len(peaks.low) <= capacity
    _assert_plain(peaks, samples / 32_768)


def test_memory_is_that_of_the_capacity_and_pixels_get_longer() -> None:
    pool = _pooled(_noise(100_000), samples_per_px=2, capacity=64)

    peaks = pool.finest(RATE_HZ)

    assert peaks.samples_per_px == 2048
    assert len(peaks.low) == 49


def test_zooms_run_from_256_samples_down_to_a_screen_in_steps_of_four() -> None:
    samples = _noise(1_000_000)

    zooms = list(_pooled(samples).zooms(RATE_HZ))

    assert [(each.samples_per_px, len(each.low)) for each in zooms] == [(256, 3907), (1024, 977), (4096, 245)]
    for each in zooms:
        _assert_plain(each, samples.astype(np.float64))


def test_what_is_beyond_full_scale_is_clipped_and_silence_is_zero() -> None:
    peaks = _pooled(np.array([1.5, -1.5] * 64 + [0.0] * 128, dtype=np.float32)).finest(RATE_HZ)

    assert peaks.low.tolist() == [-32_768, -32_768, 0, 0]
    assert peaks.high.tolist() == [32_767, 32_767, 0, 0]
    assert peaks.rms.tolist() == [32_767, 32_767, 0, 0]


def test_the_binary_form_is_as_audiowaveform_specifies() -> None:
    peaks = _pooled(_noise(1000)).finest(RATE_HZ)

    content = peaks.dat()

    # doc/DataFormat.md: version, flags (bit 0 clear: 16 bits), rate, samples per pixel, length, channels.
    assert struct.unpack_from("<iIiiIi", content) == (2, 0, RATE_HZ, 64, 16, 1)
    values = struct.unpack_from("<32h", content, 24)
    assert (values[0::2], values[1::2]) == (tuple(peaks.low), tuple(peaks.high))
    assert len(content) == 24 + 32 * 2


def test_rms_is_an_outline_of_its_own_in_the_same_format() -> None:
    peaks = _pooled(_noise(1000)).finest(RATE_HZ)

    content = peaks.rms_dat()

    assert content[:24] == peaks.dat()[:24]
    values = struct.unpack_from("<32h", content, 24)
    assert values[1::2] == tuple(peaks.rms)
    assert values[0::2] == tuple(-peaks.rms)


def test_the_json_form_is_as_audiowaveform_specifies_with_rms_beside_it() -> None:
    peaks = _pooled(_noise(1000)).finest(RATE_HZ)

    fields = json.loads(peaks.json())

    names = ["version", "channels", "sample_rate", "samples_per_pixel", "bits", "length", "data", "rms"]
    assert list(fields) == names
    assert [fields[name] for name in names[:6]] == [2, 1, RATE_HZ, 64, 16, 16]
    assert fields["data"] == list(struct.unpack_from("<32h", peaks.dat(), 24))
    assert fields["rms"] == peaks.rms.tolist()


@pytest.mark.recordings
@pytest.mark.parametrize("name", ["spinetail.wav", "1min.wav", "veryshort.wav", "stereo.wav"])
def test_real_recordings_have_the_peaks_of_the_plain_reference(recordings: Path, name: str) -> None:
    samples = soundfile.read(recordings / name, dtype="float32", always_2d=True)[0].mean(axis=1, dtype=np.float32)

    for peaks in _pooled(samples, block=65_536).zooms(RATE_HZ):
        _assert_plain(peaks, samples.astype(np.float64))


def _pooled(
    samples: npt.NDArray[np.float32], *, block: int = 1000, samples_per_px: int = 64, capacity: int = 1 << 14
) -> PeakPool:
    pool = PeakPool(1.0, samples_per_px=samples_per_px, capacity=capacity)
    for start in range(0, len(samples), block):
        pool.add(samples[start : start + block])
    pool.finish()
    return pool


def _assert_plain(peaks: Peaks, samples: npt.NDArray[np.float64]) -> None:
    step = peaks.samples_per_px
    pixels = [samples[start : start + step] for start in range(0, len(samples), step)]
    np.testing.assert_array_equal(peaks.low, [_int16(pixel.min()) for pixel in pixels])
    np.testing.assert_array_equal(peaks.high, [_int16(pixel.max()) for pixel in pixels])
    # Squares are summed in float32 within a pixel: half a unit may round either way.
    rms = [_int16(np.sqrt(np.mean(pixel**2))) for pixel in pixels]
    np.testing.assert_allclose(peaks.rms, rms, atol=1)


def _int16(sample: float) -> int:
    return int(np.clip(np.rint(sample * 32_768), -32_768, 32_767))


def _noise(length: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(3).uniform(-0.9, 0.9, length).astype(np.float32)
