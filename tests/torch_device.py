"""A GPU for tests: PyTorch's CPU build, with as much memory as a test gives it."""

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

if not os.environ.get("CI"):
    pytest.importorskip("torch", reason="PyTorch is not installed; `make torch` installs its CPU build")

import torch

from services.analysis import torch_stft
from services.analysis.framed import FRAME_LENGTH, HOP, WINDOW

__all__ = ["FakeGpu", "torch", "torch_stft"]


@dataclass
class FakeGpu:
    """Holds `frames_max` frames at once, says that `free` bytes are free, and notes how many frames it was given."""

    frames_max: int = 2**40
    free: int = 2**40
    fault: Exception | None = None
    given: list[int] = field(default_factory=list)

    name = "cuda"
    model = "Fake 3000"

    def free_bytes(self) -> int:
        return self.free

    def upload(self, values: NDArray[np.float32]) -> Any:
        if values.ndim == 1 and values is not WINDOW:
            self._take(1 + (len(values) - FRAME_LENGTH) // HOP)
        return torch.from_numpy(values)

    def _take(self, frames: int) -> None:
        self.given.append(frames)
        if self.fault is not None:
            raise self.fault
        if frames > self.frames_max:
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to hold {frames} frames.\nA hint.")
