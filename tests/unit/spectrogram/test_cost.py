import io
import time
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

from audio.decode import AudioLimits, Container
from contracts.rendering import RenderParameters
from services.spectrogram.render import render
from tests.audio import Signal, write

from .drawing import drawn


@pytest.mark.parametrize(("duration_s", "hop"), [(2, 55), (60, 256), (200, 256)])
def test_a_recording_costs_one_transform_per_hop(tmp_path: Path, duration_s: int, hop: int) -> None:
    length = duration_s * 44_100

    rendering = drawn(write(tmp_path / "noise.wav", _noise(length)))

    assert rendering.transforms == 1 + length // hop


def test_three_images_take_one_pass_over_the_bytes(tmp_path: Path) -> None:
    source = _Counting(write(tmp_path / "noise.flac", _noise(2_000_000)).read_bytes())

    render(source, Container.FLAC, AudioLimits(), RenderParameters(), lambda _: None)

    assert source.given < 1.1 * len(source.getvalue())


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    short = write(tmp_path / "short.wav", _noise(100 * 8000), 8000)
    long = write(tmp_path / "long.wav", _noise(1000 * 8000), 8000)

    assert _peak_bytes(long) < 1.1 * _peak_bytes(short)
    assert _peak_bytes(long) < 100e6


def test_a_large_transform_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    recording = write(tmp_path / "noise.wav", _noise(100 * 8000), 8000)

    large = _peak_bytes(recording, RenderParameters(window_size=8192))

    assert large < 1.2 * _peak_bytes(recording)


def test_a_long_recording_costs_some_times_its_transforms_and_not_many(tmp_path: Path) -> None:
    recording = write(tmp_path / "noise.wav", _noise(300 * 44_100))
    drawn(recording)

    cpu_s = time.process_time()
    rendering = drawn(recording)
    cpu_s = time.process_time() - cpu_s

    # About 4 where nothing else runs; a copy of the spectrogram, or a loop per frame, is 15 and more.
    assert cpu_s < 12 * _transforms_alone_s(rendering.transforms)


def _peak_bytes(recording: Path, parameters: RenderParameters | None = None) -> int:
    tracemalloc.start()
    try:
        drawn(recording, parameters)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _transforms_alone_s(count: int) -> float:
    frames = _noise(64 * 2048).reshape(64, 2048)
    spectra = np.empty_like(frames)
    cpu_s = time.process_time()
    for _ in range(count // 64):
        cv2.dft(frames, dst=spectra, flags=cv2.DFT_ROWS)
    return time.process_time() - cpu_s


def _noise(length: int) -> Signal:
    return np.random.default_rng(4).normal(0, 0.1, (length, 1)).astype(np.float32)


class _Counting(io.BytesIO):
    given = 0

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        self.given += len(content)
        return content
