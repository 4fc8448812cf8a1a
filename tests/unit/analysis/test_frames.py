"""Frames are the same however the stream is cut into blocks."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analysis.frames import FrameCutter
from services.analysis.shared import FRAME_LENGTH, HOP

from .signals import noise, shared_blocks, sine


@given(lengths=st.lists(st.integers(0, 3000), min_size=1, max_size=6))
@settings(max_examples=40)
def test_n_samples_make_one_frame_more_than_whole_hops_whatever_the_blocks(lengths: list[int]) -> None:
    samples = np.arange(1, sum(lengths) + 1, dtype=np.float32)
    cutter = FrameCutter(length=256, hop=64, padding=128)

    blocks = np.split(samples, np.cumsum(lengths)[:-1])
    frames = np.concatenate([cutter.push(block) for block in blocks] + [cutter.finish()])

    padded = np.pad(samples, 128)
    expected = np.lib.stride_tricks.sliding_window_view(padded, 256)[::64]
    assert len(frames) == 1 + len(samples) // 64
    np.testing.assert_array_equal(frames, expected)


@pytest.mark.parametrize("length", [FRAME_LENGTH, FRAME_LENGTH + 1, 10 * HOP - 1, 10 * HOP, 100_001])
def test_the_shared_spectrum_is_librosas_stft(length: int) -> None:
    samples = noise(duration_s=3)[:length]

    magnitude = np.concatenate([block.magnitude for block in shared_blocks(samples, block_frames=5000)])

    expected = np.abs(librosa.stft(samples, n_fft=FRAME_LENGTH, hop_length=HOP)).T
    np.testing.assert_allclose(magnitude, expected, rtol=0, atol=2e-6 * expected.max())


def test_only_frames_without_padding_count_as_inner() -> None:
    samples = sine(440, duration_s=1)

    inner = np.concatenate([block.inner for block in shared_blocks(samples, block_frames=1000)])

    starts = np.arange(len(inner)) * HOP - FRAME_LENGTH // 2
    np.testing.assert_array_equal(inner, (starts >= 0) & (starts + FRAME_LENGTH <= len(samples)))


def test_a_large_direct_current_does_not_make_a_silent_frame_sound() -> None:
    samples = np.full(44_100, 0.7, dtype=np.float32)

    sounding = np.concatenate([block.sounding for block in shared_blocks(samples)])

    assert not sounding.any()
