import io
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import pytest

from audio.decode import AudioLimits, Container
from contracts.rendering import RenderParameters
from services.spectrogram.columns import Columns
from services.spectrogram.levels import level_scale
from services.spectrogram.pixels import drawn_levels
from services.spectrogram.render import render
from services.spectrogram.rows import ImageRows
from services.spectrogram.stft import SpectrumStream
from tests.audio import Signal, write

from .drawing import drawn

T = TypeVar("T")


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
    count = drawn(recording).transforms

    ratios = [_cpu_s(lambda: drawn(recording)) / _cpu_s(lambda: _transform(count)) for _ in range(3)]

    # About 3; it was 5 and more with a power spectrum in memory, in NumPy.
    assert min(ratios) < 5


def test_integers_are_windowed_as_they_are_stored() -> None:
    samples = np.random.default_rng(4).integers(-32_768, 32_767, 65_536, dtype=np.int16)
    stream = SpectrumStream("hann", 2048, hop=256, scale=1 / 32_768)

    transformed, peak_bytes = _traced(lambda: sum(len(spectra) for spectra in stream.push(samples)))

    assert transformed == stream.transformed == (len(samples) + 1024 - 2048) // 256 + 1
    # Beside what was left from before; as floats they would take twice as much more.
    assert peak_bytes < 1.2 * samples.nbytes


def test_an_image_is_drawn_without_the_power_of_all_its_pixels() -> None:
    cells = np.ones((6400, 600), dtype=np.float32)
    columns = Columns(cells, np.ones(6400, dtype=np.int64), 0.01)
    rows = ImageRows(np.arange(601), np.ones(600, dtype=np.int64), np.arange(600), heard=0)

    image, peak_bytes = _traced(lambda: drawn_levels(columns, rows, 6400, "max", level_scale(1.0, -80.0)))

    assert peak_bytes < image.nbytes + 0.1 * cells.nbytes


def _peak_bytes(recording: Path, parameters: RenderParameters | None = None) -> int:
    return _traced(lambda: drawn(recording, parameters))[1]


def _traced(compute: Callable[[], T]) -> tuple[T, int]:
    """Return what `compute` returns, and the peak of memory that it took."""
    tracemalloc.start()
    try:
        return compute(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _cpu_s(work: Callable[[], object]) -> float:
    start_s = time.process_time()
    work()
    return time.process_time() - start_s


def _transform(count: int) -> None:
    frames = _noise(64 * 2048).reshape(64, 2048)
    spectra = np.empty_like(frames)
    for _ in range(count // 64):
        cv2.dft(frames, dst=spectra, flags=cv2.DFT_ROWS)


def _noise(length: int) -> Signal:
    return np.random.default_rng(4).normal(0, 0.1, (length, 1)).astype(np.float32)


class _Counting(io.BytesIO):
    given = 0

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        self.given += len(content)
        return content
