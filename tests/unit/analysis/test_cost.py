"""What an analysis computes, in numbers that no busy machine changes."""

import ctypes
import subprocess
import sys
from collections import Counter
from typing import Any

import cv2
import numpy as np
import pytest

from services.analysis.extractors import extractors_named
from services.analysis.settings import AnalysisSettings
from services.analysis.shared import SharedInputs

from .signals import RATE_HZ, noise

_DURATION_S = 20


def test_everybody_reads_one_spectrum_per_frame_at_each_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    transforms = transforms_of(monkeypatch, *AnalysisSettings.model_fields["extractors"].default)

    own_frames, music_frames = 1 + _DURATION_S * RATE_HZ // 512, 1 + _DURATION_S * 22_050 // 512
    assert transforms[2048, np.dtype(np.float32)] == own_frames + music_frames


def test_pitch_transforms_each_hop_once_and_each_frame_back(monkeypatch: pytest.MonkeyPatch) -> None:
    transforms = transforms_of(monkeypatch, "pitch")

    frames = 1 + _DURATION_S * 22_050 // 512
    # Blocks of some 30 frames share none of their three hops.
    assert 2 * frames < transforms[1024, np.dtype(np.float64)] < 2.2 * frames
    assert set(transforms) == {(1024, np.dtype(np.float64))}


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="The C library is not glibc")
def test_what_an_array_took_is_kept_for_the_next() -> None:
    assert int(faults("keep_freed_memory()")) < int(faults("")) / 10


def transforms_of(monkeypatch: pytest.MonkeyPatch, *names: str) -> Counter[tuple[int, Any]]:
    """Return how many rows of each length and precision are transformed for 20 s of noise."""
    counted: Counter[tuple[int, Any]] = Counter()
    transform = cv2.dft

    def counting(rows: Any, *arguments: Any, **options: Any) -> Any:
        counted[rows.shape[1], rows.dtype] += len(rows)
        return transform(rows, *arguments, **options)

    monkeypatch.setattr(cv2, "dft", counting)
    extractors = extractors_named(names)
    accumulators = [extractor.accumulator(rate_hz=RATE_HZ, channels=1) for extractor in extractors]
    inputs = SharedInputs(rate_hz=RATE_HZ, needs={extractor.needs for extractor in extractors})
    samples = noise(duration_s=_DURATION_S)[:, np.newaxis]
    for block in (*inputs.push(samples, scale=1.0), *inputs.finish(channels=1)):
        for accumulator in accumulators:
            accumulator.add(block)
    return counted


def faults(before: str) -> str:
    """Return how many page faults a process has that makes and drops an array of 1 MiB a hundred times."""
    program = f"""
import numpy as np, resource
from services.analysis.allocator import keep_freed_memory
{before}
np.ones(1 << 18, np.float32), np.ones(1 << 19, np.float32)
started = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    np.ones(1 << 18, np.float32), np.ones(1 << 19, np.float32)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - started)
"""
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
